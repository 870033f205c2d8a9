# SPDX-License-Identifier: MIT
# Hostile programs: each tests/hostile/NAME.c (and NAME.S) takes init's place in an archive of its own, and tries what no
# program may be able to do. tests/qemu/test_hostile.py and test_random_calls.py run them.

# NAME_PART.c is a part of the program NAME.
hostile_files = $(wildcard tests/hostile/$1.[cS] tests/hostile/$1_*.[cS])
hostile_names := $(foreach n,$(basename $(notdir $(wildcard tests/hostile/*.c))),$(if $(findstring _,$n),,$n))
guest_objects := $(call user_objects,$(wildcard tests/guest/*.[cS]))
hostile_base := 0x7e000000
hostile_archives := $(hostile_names:%=$B/hostile/%.cpio)

define hostile
hostile_objects_$1 := $(call user_objects,$(call hostile_files,$1)) $(guest_objects)
$(call remember,link-hostile-$1,$(user_cc) $(link_flags) $(hostile_base) $(wildcard tests/guest/*) $(call hostile_files,$1))
$B/hostile/$1/init.elf: $$(hostile_objects_$1) $(user_libraries) lib/rt/user.ld $B/flags/link-hostile-$1 | packages
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(user_cc) $(link_flags) -Wl,--defsym=PROGRAM_BASE=$(hostile_base) -o $$@ \
	    $$(hostile_objects_$1) $(link_libraries)
-include $$(hostile_objects_$1:.o=.d)
$B/hostile/$1.cpio: $B/hostile/$1/init.elf | packages
	@$(CROSS)strip -o $B/hostile/$1/init $$< && touch -d $(epoch) $B/hostile/$1/init
	$$(call say,CPIO,$$@)cd $B/hostile/$1 && echo init | cpio --quiet -o -H newc -R +0:+0 --reproducible > $(CURDIR)/$$@
endef
$(foreach h,$(hostile_names),$(eval $(call hostile,$h)))

test test-qemu: $(hostile_archives)
hostile: all $(hostile_archives) ## Run the programs that try what none may be able to do
	@tests/run --build $B -k hostile.
# Random calls from inside, SECONDS on 1 and on 4 harts, with the numbers of SEED.
random-calls: all $(hostile_archives) ## Make random system calls for SECONDS=600 SEED=n
	@RANDOM_SECONDS=$${SECONDS:-600} RANDOM_SEED=$${SEED:-1} tests/run --build $B -j1 -k random_calls

.PHONY: hostile random-calls
