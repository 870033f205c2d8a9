# SPDX-License-Identifier: MIT
# Crashes of file systems: tests/crash, with lib/ext4.

crash_objects := $(patsubst %,$B/obj-images/%.o,$(wildcard tests/crash/*.c lib/ext4/*.c) lib/base/crc32c.c \
    lib/base/format.c)
crash_program := $B/crash/crash

$(call remember,crash,$(crash_objects))
$(crash_program): $(crash_objects) $B/flags/crash | packages
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)$(HOST_CC) -fsanitize=address,undefined -o $@ $(crash_objects)
-include $(crash_objects:.o=.d)

crash: $(crash_program) ## Crash file systems in WORKLOADS=2000 workloads, and look at what is left
	@python3 tests/crash/crash.py --build $B --workloads $(or $(WORKLOADS),2000) --first $(or $(FIRST),0)
crash-planted: $(crash_program) ## Plant mistakes in lib/ext4, and have the crashes find them
	@python3 tests/crash/planted.py --build $B
test test-qemu: $(crash_program)

.PHONY: crash crash-planted
