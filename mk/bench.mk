# SPDX-License-Identifier: MIT
# The bench: tests/bench is a program that takes init's place in an archive of its own and measures the kernel.

# Plugins of QEMU.
bench_plugin_names := marks irqs_off spans
bench_sources := $(filter-out $(bench_plugin_names:%=tests/bench/%.c),\
    $(sort $(wildcard tests/bench/*.[cS] tests/guest/*.[cS])))
bench_objects := $(call user_objects,$(bench_sources))
bench_program := $B/bench/init
bench_archive := $B/bench.cpio
bench_plugins := $(bench_plugin_names:%=$B/tools/%.so)
bench_base := 0x7f000000

$(call remember,link-bench,$(user_cc) $(link_flags) $(bench_base) $(bench_sources))
$(bench_program).elf: $(bench_objects) $(user_libraries) lib/rt/user.ld $B/flags/link-bench | packages
	@mkdir -p $(@D)
	$(call say,LD,$@)$(user_cc) $(link_flags) -Wl,--defsym=PROGRAM_BASE=$(bench_base) -o $@ \
	    $(bench_objects) $(link_libraries)
-include $(bench_objects:.o=.d)
$(bench_program): %: %.elf | packages
	$(call say,STRIP,$@)$(CROSS)strip -o $@ $<
$(bench_archive): $(bench_program) | packages
	@touch -d $(epoch) $<
	$(call say,CPIO,$@)cd $(<D) && echo init | cpio --quiet -o -H newc -R +0:+0 --reproducible > $(CURDIR)/$@
$(bench_plugins): $B/tools/%.so: tests/bench/%.c tests/bench/plugin.h $B/flags/obj-tools | packages
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)$(HOST_CC) -std=gnu17 -O2 $(warnings) -shared -fPIC -fvisibility=hidden -o $@ $<

bench_needs := $(kernel_image) $(initrd) $(disk_image) $(bench_archive) $(bench_plugins) \
    $(latency_needs) $B/harts.cpio $(system_programs)
bench: $(bench_needs) ## Measure the kernel in QEMU, beside the contract and the anchor
	@python3 tests/bench/report.py --build $B
bench-baseline: $(bench_needs) ## Measure and make that what `make test` compares with
	@python3 tests/bench/report.py --build $B --write-baseline
test test-qemu: $(bench_needs)

irqs-off: $(bench_needs) $(hostile_archives) all $(test_plugin) ## How long interrupts are off, over all QEMU tests (half an hour)
	@python3 tests/bench/irqs_off.py --build $B

.PHONY: bench bench-baseline irqs-off
