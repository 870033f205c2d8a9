# SPDX-License-Identifier: MIT
# Programs for the system that ships, which measure it from inside: tests/system. `tiny` is made without
# libraries.

system_names := $(basename $(notdir $(sort $(wildcard tests/system/*.c))))
system_programs := $(system_names:%=$B/system/%)
tiny_flags := -nostdlib -static -Wl,-n -Wl,--build-id=none -Wl,-z,noexecstack
# $(eval $(call system_program,NAME,FLAGS OF THE LINKER,LIBRARIES))
define system_program
$(call remember,link-system-$1,$(user_cc) $2)
$B/system/$1.elf: $(call user_objects,tests/system/$1.c) $(user_libraries) lib/rt/user.ld \
    $B/flags/link-system-$1 | packages
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(user_cc) $2 -o $$@ $(call user_objects,tests/system/$1.c) $3
-include $(patsubst %.o,%.d,$(call user_objects,tests/system/$1.c))
endef
system_base = -Wl,--defsym=PROGRAM_BASE=$1
$(eval $(call system_program,costs,$(link_flags) $(call system_base,0x7d000000),$(link_libraries)))
$(eval $(call system_program,lacks,$(link_flags) $(call system_base,0x79000000),$(link_libraries)))
$(eval $(call system_program,sleeper,$(link_flags) $(call system_base,0x7c000000),$(link_libraries)))
$(eval $(call system_program,touch,$(link_flags) $(call system_base,0x7a000000),$(link_libraries)))
$(eval $(call system_program,greedy,$(link_flags) $(call system_base,0x79000000),$(link_libraries)))
$(eval $(call system_program,tiny,$(tiny_flags) -Wl$(comma)-Ttext=0x7b000000))
$(system_programs): %: %.elf | packages
	$(call say,STRIP,$@)$(CROSS)strip -o $@ $<
