# SPDX-License-Identifier: MIT
# The fuzzer of what is read from device trees: tests/trees, with the parts of kernel, dev and init that read.

trees_parts := kernel/boot/tree.c kernel/boot/riscv/probe.c kernel/log.c \
    platform/quirks/*.c $(addprefix user/dev/,devices.c interrupts.c clocks.c pins.c) \
    lib/base/fdt*.c lib/base/cpu.c lib/base/intc.c lib/base/words.c lib/base/range.c lib/base/format.c \
    lib/base/text_ring.c lib/base/granules.c \
    user/init/description.c user/init/uses.c user/init/order.c
trees_objects := $(patsubst %,$B/obj-trees/%.o,$(wildcard tests/trees/*.c $(trees_parts)))
# Without PIE addresses are small, so those that stand for the kernel image are apart from the direct map's.
trees_flags := $(common_flags) -O2 $(warnings) -Wno-maybe-uninitialized -D_GNU_SOURCE \
    -iquote kernel -iquote kernel/arch/riscv -fno-pie -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined
trees_image := _image_start=0x40200000 _boot_start=0x40201000 _boot_end=0x40206000 _rodata_start=0x40210000 \
    _data_start=0x40218000 _boot_data_start=0x40219000 _boot_data_end=0x4021c000 _stacks=0x40240000 _image_end=0x40280000
trees_program := $B/trees/fuzz

$(eval $(call compile,obj-trees,$(HOST_CC),$(trees_flags)))
$(call remember,trees,$(trees_objects) $(trees_image))
$(trees_program): $(trees_objects) $B/flags/trees | packages
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)$(HOST_CC) -no-pie -fsanitize=address,undefined -Wl,--wrap=log_line -o $@ $(trees_objects) \
	    $(trees_image:%=-Wl$(comma)--defsym$(comma)%)
-include $(trees_objects:.o=.d)

trees_needs := $(trees_program) $(system_dtb)
fuzz-trees: $(trees_needs) ## Have COUNT=1000000 device trees read that were changed at random
	@python3 tests/trees/trees.py --build $B --count $(or $(COUNT),1000000) --first $(or $(FIRST),0)
test test-qemu: $(trees_needs)

.PHONY: fuzz-trees
