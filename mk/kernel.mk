# SPDX-License-Identifier: MIT
# The kernel: build/.../kernel/cardea.elf with symbols, and cardea.bin, the flat image that firmware loads.

kernel_cc := $(CROSS)gcc
# Tools look libgcc up by a plain instruction set string; the extensions named on top have no library variant.
kernel_march := rv64imac
kernel_target := -march=$(kernel_march)_zicsr_zifencei -mabi=lp64 -mcmodel=medany
# Of the C library the kernel uses <string.h>, as built for speed.
kernel_libc := --specs=picolibc.specs --picolibc-buildtype=release
kernel_includes := -iquote kernel -I$B/kernel $(kernel_libc)
# Short loops are faster than calls of memset and memcpy, which they would become.
kernel_flags := $(common_flags) $(optimise) $(warnings) $(kernel_target) $(kernel_includes) -ffreestanding \
    -fno-common -fno-stack-protector -fomit-frame-pointer -fno-pic -fno-strict-aliasing \
    -fno-asynchronous-unwind-tables -fno-tree-loop-distribute-patterns
# The debug build checks for undefined behaviour where the kernel has the handlers for it.
kernel_sanitize := $(if $(and $(filter debug,$(BUILD)),$(wildcard kernel/ubsan.c)),-fsanitize=undefined)

kernel_offsets := tools/offsets/offsets.c
kernel_sources := $(filter-out kernel/arch/host/% %.ld.S,$(filter kernel/% platform/quirks/% lib/base/%,$(sources)))
# The kernel's own tests are in it, apart from its text; `selftest` on the command line runs them.
kernel_sources += $(sort $(wildcard tests/selftest/*.c))
kernel_objects := $(addprefix $B/obj-kernel/,$(addsuffix .o,$(kernel_sources)))
kernel_script := kernel/boot/riscv/kernel.ld.S
kernel := $B/kernel/cardea
kernel_image := $(kernel).bin

$(eval $(call compile,obj-kernel,$(kernel_cc),$(kernel_flags) $(kernel_sanitize)))
$(call remember,kernel-objects,$(kernel_objects))
-include $(kernel_objects:.o=.d) $(kernel)-script.d

# What the assembly needs to know of C's structures.
$B/kernel/offsets.h: $(kernel_offsets) $B/flags/obj-kernel | packages
	@mkdir -p $(@D)
	$(call say,OFFSETS,$<)$(kernel_cc) $(kernel_flags) -MMD -MP -MF $(@:.h=.d) -MT $@ -c -o $(@:.h=.o) $<
	@$(CROSS)nm -t d -S $(@:.h=.o) | awk 'sub("number_", "", $$4) {print "#define", $$4, $$2 - 1}' > $@
$(filter %.S.o,$(kernel_objects)): $B/kernel/offsets.h
-include $B/kernel/offsets.d

$(kernel)-script.ld: $(kernel_script) $B/flags/obj-kernel | packages
	@mkdir -p $(@D)
	$(call say,CPP,$<)$(kernel_cc) -E -P -undef -x assembler-with-cpp -Iinclude -Ilib -Ikernel \
	    -MMD -MP -MF $(@:.ld=.d) -MT $@ -o $@ $<

# The kernel names the functions in its backtraces itself, so it is linked with a table of its own symbols:
# first with an empty one (0), with the one from that link (1), which has the final size, and once more with
# the one from that link (2), which has the final addresses. The last step checks that they are.
link_kernel = $(kernel_cc) $(kernel_libc) -march=$(kernel_march) -mabi=lp64 -nostdlib -static \
    -Wl,--build-id=none -Wl,--no-gc-sections -Wl,-z,max-page-size=4096 -T $(kernel)-script.ld \
    -o $@ $(kernel_objects) $(filter %.ksyms.o,$^) -lc -lgcc
kernel_parts := $(kernel_objects) $(kernel)-script.ld $B/flags/kernel-objects

$(kernel).0.ksyms.S: tools/ksyms
	@mkdir -p $(@D)
	@tools/ksyms < /dev/null > $@
$(kernel).1.ksyms.S: $(kernel).0.elf tools/ksyms
$(kernel).2.ksyms.S: $(kernel).1.elf tools/ksyms
$(kernel).1.ksyms.S $(kernel).2.ksyms.S:
	@$(CROSS)nm -n $< | tools/ksyms > $@
$(kernel).%.ksyms.o: $(kernel).%.ksyms.S | packages
	@$(kernel_cc) $(kernel_target) -c -o $@ $<
$(kernel).%.elf: $(kernel_parts) $(kernel).%.ksyms.o | packages
	$(call say,LD,$@)$(link_kernel)
$(kernel).elf: $(kernel_parts) $(kernel).2.ksyms.o | packages
	$(call say,LD,$@)$(link_kernel)
	@$(CROSS)nm -n $@ | tools/ksyms | cmp -s - $(kernel).2.ksyms.S || \
	    { echo '$@: its symbol table does not match its symbols' >&2; exit 1; }

$(kernel_image): $(kernel).elf | packages
	$(call say,OBJCOPY,$@)$(CROSS)objcopy -O binary $< $@

.SECONDARY: $(foreach n,0 1 2,$(kernel).$n.elf $(kernel).$n.ksyms.S $(kernel).$n.ksyms.o)
