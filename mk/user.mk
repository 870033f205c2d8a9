# SPDX-License-Identifier: MIT
# Processes and programs. Each directory of user/ is one process and goes to the
# initrd; each of user/apps/ is one program and goes to the disk image as /bin/NAME.

user_cc := $(CROSS)gcc
user_flags := $(common_flags) $(optimise) $(warnings) --specs=picolibc.specs -mcmodel=medany -fno-pic \
    -fno-common -fno-omit-frame-pointer -ffunction-sections -fdata-sections
$(eval $(call compile,obj-user,$(user_cc),$(user_flags)))

user_sources := $(filter user/%,$(sources))
processes := $(sort $(foreach s,$(filter-out user/apps/%,$(user_sources)),$(word 2,$(subst /, ,$s))))
apps := $(sort $(foreach s,$(filter user/apps/%,$(user_sources)),$(word 3,$(subst /, ,$s))))
programs := $(addprefix $B/user/,$(processes)) $(addprefix $B/user/apps/,$(apps))
user_objects = $(addprefix $B/obj-user/,$(addsuffix .o,$1))

# Libraries, as the processes see them.
user_libraries :=
define library
library_$1 := $(call user_objects,$(filter lib/$1/%,$(sources)))
$(call remember,lib$1,$(filter lib/$1/%,$(sources)))
$B/user/lib$1.a: $$(library_$1) $B/flags/lib$1 | packages
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)rm -f $$@ && $(CROSS)ar rcsD $$@ $$(library_$1)
user_libraries += $B/user/lib$1.a
-include $$(library_$1:.o=.d)
endef
$(foreach l,rt client driver ext4 disk base,$(eval $(call library,$l)))

# Every program has its own link address, 16 MiB apart, so that a debugger can hold the symbols of them all.
link_flags := --specs=picolibc.specs -mcmodel=medany -nostartfiles -nostdlib -static -Wl,--gc-sections \
    -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,-z,noexecstack -Wl,--fatal-warnings -T lib/rt/user.ld
link_libraries := -Wl,--start-group $(user_libraries) -lc -lgcc -Wl,--end-group
define program
objects_$1 := $(call user_objects,$(filter user/$1/%,$(user_sources)))
$(call remember,link-$(subst /,-,$1),$(user_cc) $(link_flags) $2 $(filter user/$1/%,$(user_sources)))
$B/user/$1.elf: $$(objects_$1) $(user_libraries) lib/rt/user.ld $B/flags/link-$(subst /,-,$1) | packages
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(user_cc) $(link_flags) -Wl,--defsym=PROGRAM_BASE=$2 -o $$@ \
	    $$(objects_$1) $(link_libraries)
-include $$(objects_$1:.o=.d)
endef
# $(call address,N): link address of program number N, counted from 1.
address = $(shell printf '0x%x000000' $1)
program_paths := $(patsubst $B/user/%,%,$(programs))
numbers := $(shell seq $(words $(program_paths)))
$(foreach n,$(numbers),$(eval $(call program,$(word $n,$(program_paths)),$(call address,$n))))

# What is loaded has no symbols; the .elf beside it keeps them for the debugger.
$(programs): %: %.elf | packages
	$(call say,STRIP,$@)$(CROSS)strip -o $@ $<

# Loads the symbols of every program into gdb.
program_symbols := $B/user/symbols.gdb
$(program_symbols): $(programs)
	@printf 'add-symbol-file %s\n' $(addsuffix .elf,$(programs)) > $@
