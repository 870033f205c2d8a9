# SPDX-License-Identifier: MIT
# Coverage: the host programs that contain parts of the kernel, compiled once more with counters in
# build/coverage, and all QEMU tests with a plugin that marks what the guest executes.

coverage := build/coverage
coverage_plugin := $B/tools/cover.so
$(coverage_plugin): tests/coverage/cover.c $B/flags/obj-tools | packages
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)$(HOST_CC) -std=gnu17 -O2 $(warnings) -shared -fPIC -fvisibility=hidden -o $@ $<
test test-qemu: $(coverage_plugin)

# Sanitizers add branches that nobody wrote, so there are none here.
coverage_flags := -std=gnu17 -g -Iinclude -Ilib -O0 -D_GNU_SOURCE -fno-inline
coverage_tests := $(shell grep -ls 'sources:.*kernel/' tests/host/*_test.c)
coverage_programs := $(coverage_tests:tests/host/%.c=$(coverage)/host/%)
coverage_replay := $(coverage)/fuzz/replay
coverage_headers := $(wildcard tests/fuzz/*.h tests/host/kernel_*.h kernel/*.h) kernel/cap.c kernel/irq.c kernel/lock.c

$(coverage_replay): tests/fuzz/replay.c $(fuzz_sources) $(coverage_headers) | packages
	@mkdir -p $(@D)
	$(call say,HOSTCC,$@)$(HOST_CC) --coverage $(coverage_flags) -Wno-unknown-pragmas -Itests/fuzz/shim \
	    -iquote kernel -dumpdir $(@D)/ -o $@ $(filter-out $(coverage_headers),$^)

# COVERAGE_TESTS="-k shell" takes part of the QEMU tests. What the guest was seen to execute earlier counts as
# well, until the kernel is another.
coverage_needs := all $(coverage_plugin) $(coverage_replay) test-coverage $(test_plugin)
# And whatever the QEMU tests need, which the files of mk/ say in lines of this form.
$(eval coverage_needs += $(shell sed -n 's/^test test-qemu: *//p' mk/*.mk | tr '\n' ' '))
coverage: $(coverage_needs) ## Show how much of kernel/ all tests execute
	@python3 tests/coverage/coverage.py --build $(coverage) --guest-build $B \
	    --tests $(call quote,$(COVERAGE_TESTS))
test-coverage:
	+@$(MAKE) --no-print-directory B=$(coverage) HOST_CC='$(HOST_CC) --coverage' \
	    test_flags='$(coverage_flags)' MAKECMDGOALS=test-coverage $(coverage_programs)

.PHONY: coverage test-coverage
