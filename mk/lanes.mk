# SPDX-License-Identifier: MIT
# The comparison of the fast lanes with the general path: tests/lanes is a program that takes init's place.

lanes_objects := $(call user_objects,$(sort $(wildcard tests/lanes/*.[cS] tests/guest/*.[cS])))
lanes_program := $B/lanes/init
lanes_archive := $B/lanes.cpio
lanes_base := 0x7e000000

$(call remember,link-lanes,$(user_cc) $(link_flags) $(lanes_base) $(lanes_objects))
$(lanes_program).elf: $(lanes_objects) $(user_libraries) lib/rt/user.ld $B/flags/link-lanes | packages
	@mkdir -p $(@D)
	$(call say,LD,$@)$(user_cc) $(link_flags) -Wl,--defsym=PROGRAM_BASE=$(lanes_base) -o $@ \
	    $(lanes_objects) $(link_libraries)
-include $(lanes_objects:.o=.d)
$(lanes_program): %: %.elf | packages
	$(call say,STRIP,$@)$(CROSS)strip -o $@ $<
$(lanes_archive): $(lanes_program) | packages
	@touch -d $(epoch) $<
	$(call say,CPIO,$@)cd $(<D) && echo init | cpio --quiet -o -H newc -R +0:+0 --reproducible > $(CURDIR)/$@

test test-qemu: $(lanes_archive)
# LANES_FIRST is the first seed.
lanes: all $(lanes_archive) ## Compare the fast lanes with the general path in SEEDS random worlds
	@LANES_SEEDS=$${SEEDS:-100} tests/run --build $B -j1 -k lanes

.PHONY: lanes
