# SPDX-License-Identifier: MIT
# Programs that take init's place in archives of their own, to try the kernel under load: tests/latency
# measures how late a thread is woken, tests/harts works on many harts at once. Figures of interrupts:
# tests/bench/irqs_off.c.

guest_common := $(sort $(wildcard tests/guest/*.[cS]))
guest_sources_latency := $(guest_common) $(sort $(wildcard tests/latency/*.[cS]))
guest_sources_harts := $(guest_common) $(sort $(wildcard tests/harts/*.[cS]))
guest_base := 0x7f000000

# $(eval $(call guest,NAME)): the archive $B/NAME.cpio with the program made of guest_sources_NAME as init.
define guest
guest_objects_$1 := $(call user_objects,$(guest_sources_$1))
$(call remember,link-guest-$1,$(user_cc) $(link_flags) $(guest_base) $(guest_sources_$1))
$B/guest/$1/init.elf: $$(guest_objects_$1) $(user_libraries) lib/rt/user.ld $B/flags/link-guest-$1 | packages
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(user_cc) $(link_flags) -Wl,--defsym=PROGRAM_BASE=$(guest_base) -o $$@ \
	    $$(guest_objects_$1) $(link_libraries)
-include $$(guest_objects_$1:.o=.d)
$B/$1.cpio: $B/guest/$1/init.elf | packages
	$$(call say,CPIO,$$@)$(CROSS)strip -o $$(<D)/init $$< && touch -d $(epoch) $$(<D)/init && cd $$(<D) && \
	    echo init | cpio --quiet -o -H newc -R +0:+0 --reproducible > $(CURDIR)/$$@
endef
$(foreach g,latency harts,$(eval $(call guest,$g)))

latency_needs := $(kernel_image) $B/latency.cpio $B/tools/irqs_off.so
latency: $(latency_needs) ## Measure how late a thread is woken, SAMPLES (1,000,000) times
	@python3 tests/latency/wake_ups.py --build $B --samples $(or $(SAMPLES),1000000)

# The kernel that checks itself at each DEBUG_INFO: the one that ships, and tests/harts/kernel/audit.c.
audit_kernel := $B/kernel/audit
$(audit_kernel).elf: $(kernel_parts) $(kernel).0.ksyms.o $B/obj-kernel/tests/harts/kernel/audit.c.o | packages
	$(call say,LD,$@)$(link_kernel) $B/obj-kernel/tests/harts/kernel/audit.c.o -Wl,--wrap=op_DEBUG_INFO
$(audit_kernel).bin: $(audit_kernel).elf | packages
	$(call say,OBJCOPY,$@)$(CROSS)objcopy -O binary $< $@
-include $B/obj-kernel/tests/harts/kernel/audit.c.d

# Kernels with a bug each, that the tests must notice: tests/harts/planted.
planted_kernels := $(patsubst %,$B/planted/%.bin,$(shell awk '/^[^\#]/ { print $$1 }' tests/harts/planted))
$B/planted/%.elf: $(kernel_parts) $(kernel).0.ksyms.o tests/harts/planted tests/harts/plant | packages
	$(call say,PLANT,$*)source=$$(tests/harts/plant $* $(@:.elf=.d)) && \
	    changed=$(@:.elf=.d)/$$(basename $$source) && \
	    $(kernel_cc) $(kernel_flags) -iquote $$(dirname $$source) -c -o $$changed.o $$changed && \
	    $$(echo $(call quote,$(link_kernel)) | sed "s,$B/obj-kernel/$$source.o,$$changed.o,")
$B/planted/%.bin: $B/planted/%.elf | packages
	$(call say,OBJCOPY,$@)$(CROSS)objcopy -O binary $< $@

harts_needs := $(kernel_image) $(audit_kernel).bin $(planted_kernels) $B/harts.cpio $(initrd) \
    $(system_programs)
harts: $(harts_needs) ## Measure what several harts do more than one, by the clock
	@python3 tests/harts/many_harts.py --build $B rate
stress-harts: $(harts_needs) ## Stress 2, 4 and 8 harts, MINUTES (10) each
	@python3 tests/harts/many_harts.py --build $B --minutes $(or $(MINUTES),10) --seed $(or $(SEED),1) stress
test test-qemu: $(latency_needs) $(harts_needs)

.PHONY: latency harts stress-harts
