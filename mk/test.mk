# SPDX-License-Identifier: MIT
# Host tests and the targets that run tests. tests/host/NAME_test.c becomes build/.../host/NAME_test. Lines of
# the comment at its top say what else it is made of (wildcards allowed; !FILE leaves one out):
#   // sources: lib/ext4/*.c !lib/ext4/main.c
#   // libs: -lext2fs
#   // flags: -Ikernel
# lib/base/*.c and Criterion are always there.

host_tests := $(patsubst tests/host/%.c,$B/host/%,$(sort $(wildcard tests/host/*_test.c)))
# The sanitizers' checks make gcc see uninitialised variables where there are none.
test_flags := $(common_flags) -O1 $(warnings) -Wno-maybe-uninitialized -D_GNU_SOURCE -fno-omit-frame-pointer \
    -fsanitize=address,undefined -fno-sanitize-recover=undefined
base_sources := $(wildcard lib/base/*.c)

# Tests with the same flags share objects: variant_FLAGS-AS-A-NAME.
variants :=
define host_test_variant
variants += $1
$(eval $(call compile,obj-host/$1,$(HOST_CC),$(test_flags) $2))
endef
define host_test
test_variant := v$(subst =,_,$(subst $(space),,$(subst /,_,$(strip $(flags_$1)))))
ifeq ($$(filter $$(test_variant),$$(variants)),)
$$(call writing,mkdir -p $B/flags/obj-host)
$$(eval $$(call host_test_variant,$$(test_variant),$$(flags_$1)))
endif
test_left_out := $$(patsubst !%,%,$$(filter !%,$(sources_$1)))
test_sources := $$(wildcard $$(filter-out !%,$(sources_$1))) $(base_sources)
test_sources := $$(sort $$(filter-out $$(test_left_out),$$(test_sources)))
objects_$1 := $$(patsubst %,$B/obj-host/$$(test_variant)/%.o,tests/host/$1.c $$(test_sources))
$$(call remember,host-$1,$$(objects_$1) $(libs_$1))
$B/host/$1: $$(objects_$1) $B/flags/host-$1 | packages
	@mkdir -p $$(@D)
	$$(call say,HOSTLD,$$@)$(HOST_CC) -fsanitize=address,undefined -o $$@ $$(objects_$1) $(libs_$1) -lcriterion
-include $$(objects_$1:.o=.d)
endef

ifneq ($(filter test% mutate,$(building)),)
# The comment lines, as make variables sources_NAME_test and so on; read anew when the test changes.
ifeq ($(dry_run),)
$B/host/%.mk: tests/host/%.c
	@mkdir -p $(@D)
	@sed -n -E 's,^(//|/\*| \*) *(sources|libs|flags): *(.*)$$,\2_$* += \3,p' $< | sed 's, *\*/$$,,' > $@
else
test_lines = $(shell sed -n -E 's,^(//|/\*| \*) *$1: *(.*)$$,\2,p' tests/host/$2.c | sed 's, *\*/$$,,')
$(foreach t,$(notdir $(host_tests)),$(foreach v,sources libs flags,$(eval $v_$t := $$(call test_lines,$v,$t))))
endif
$(if $(dry_run),,$(eval -include $(addsuffix .mk,$(host_tests))))
$(foreach t,$(notdir $(host_tests)),$(eval $(call host_test,$t)))
endif

# Counts instructions in QEMU.
test_plugin := $B/tools/count.so
$(test_plugin): tools/qemu/count.c $B/flags/obj-tools | packages
	@mkdir -p $(@D)
	$(call say,HOSTCC,$<)$(HOST_CC) -std=gnu17 -O2 $(warnings) -shared -fPIC -fvisibility=hidden -o $@ $<

test: all $(host_tests) $(test_plugin) ## Check style, run all host tests and QEMU tests
	@tests/run --build $B
test-host: $(host_tests) ## Run the host tests
	@tests/run --build $B --host
test-qemu: all $(test_plugin) ## Run the QEMU tests
	@tests/run --build $B --qemu
test-boot: all ## Boot 50 times over harts and memory sizes
	@tests/run --build $B --boots 50
# STRESS_SEED chooses other random numbers.
test-stress: all ## Load the system for STRESS_SECONDS in each test
	@STRESS_SECONDS=$${STRESS_SECONDS:-60} tests/run --build $B -j1 -k stress

.PHONY: test test-host test-qemu test-boot test-stress
