# SPDX-License-Identifier: MIT
# Programs for the system that ships, which measure it from inside: tests/system. `tiny` is made without
# libraries.

system_names := $(basename $(notdir $(sort $(wildcard tests/system/*.c))))
system_programs := $(system_names:%=$B/system/%) $B/system/fs-without-flush
tiny_flags := -nostdlib -static -Wl,-n -Wl,--build-id=none -Wl,-z,noexecstack
# $(eval $(call system_program,NAME,FLAGS OF THE LINKER,LIBRARIES,KIND)): KIND user or integer, as in user.mk.
define system_program
$(call remember,link-system-$1,$(user_cc) $2)
$B/system/$1.elf: $B/obj-$4/tests/system/$1.c.o $($4_libraries) lib/rt/user.ld \
    $B/flags/link-system-$1 | packages
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)$(user_cc) $2 -o $$@ $B/obj-$4/tests/system/$1.c.o $3
-include $B/obj-$4/tests/system/$1.c.d
endef
system_base = -Wl,--defsym=PROGRAM_BASE=$1
$(eval $(call system_program,costs,$(integer_abi) $(link_flags) $(call system_base,0x7d000000),\
    $(call link_group,$(integer_libraries)),integer))
$(eval $(call system_program,echo,$(integer_abi) $(link_flags) $(call system_base,0x75000000),\
    $(call link_group,$(integer_libraries)),integer))
$(eval $(call system_program,netecho,$(integer_abi) $(link_flags) $(call system_base,0x73000000),\
    $(call link_group,$(integer_libraries)),integer))
$(eval $(call system_program,tasks,$(link_flags) $(call system_base,0x78000000),$(link_libraries),user))
$(eval $(call system_program,threads,$(link_flags) $(call system_base,0x77000000),$(link_libraries),user))
$(eval $(call system_program,sum,$(link_flags) $(call system_base,0x76000000),$(link_libraries),user))
$(eval $(call system_program,beside,$(link_flags) $(call system_base,0x75000000),$(link_libraries),user))
$(eval $(call system_program,lacks,$(link_flags) $(call system_base,0x79000000),$(link_libraries),user))
$(eval $(call system_program,sleeper,$(link_flags) $(call system_base,0x7c000000),$(link_libraries),user))
$(eval $(call system_program,touch,$(link_flags) $(call system_base,0x7a000000),$(link_libraries),user))
$(eval $(call system_program,greedy,$(link_flags) $(call system_base,0x79000000),$(link_libraries),user))
$(eval $(call system_program,writer,$(link_flags) $(call system_base,0x76000000),$(link_libraries),user))
$(eval $(call system_program,stale,$(link_flags) $(call system_base,0x74000000),$(link_libraries),user))
heap_flags := -Wl,--defsym=__heap_start=picolibc_heap -Wl,--defsym=__heap_end=picolibc_heap+0x4000000
$(eval $(call system_program,heap,$(link_flags) $(call system_base,0x70000000) $(heap_flags),\
    $B/system/picolibc_malloc.o $(link_libraries),user))
$(eval $(call system_program,wild,$(link_flags) $(call system_base,0x73000000),$(link_libraries),user))
$(eval $(call system_program,tiny,$(tiny_flags) -Wl$(comma)-Ttext=0x7b000000,,user))
# picolibc's malloc under another name, for `heap bench`; the lock and errno that it comes with are its own.
$B/system/heap.elf: $B/system/picolibc_malloc.o
$B/system/picolibc_malloc.o: $B/flags/link-system-heap | packages
	@mkdir -p $(@D)
	$(call say,LD,$@)$(user_cc) --specs=picolibc.specs -r -T /dev/null -nostdlib -Wl,-u,malloc,-u,free -o $@ -lc && \
	    $(CROSS)objcopy --redefine-sym malloc=picolibc_malloc --redefine-sym free=picolibc_free \
	    -G picolibc_malloc -G picolibc_free $@
$(system_programs): %: %.elf | packages
	$(call say,STRIP,$@)$(CROSS)strip -o $@ $<

# fs with a mistake that the test crashes.power_lost has to find: it never flushes.
planted_disk := $B/planted/disk.c
planted_objects := $(filter-out %/user/fs/disk.c.o,$(objects_fs)) $B/obj-integer/$(planted_disk).o
$(planted_disk): user/fs/disk.c
	@mkdir -p $(@D)
	@sed 's|"disk.h"|"../../../user/fs/disk.h"|; s/error = submit(FLUSH_SLOT, BLK_OP_FLUSH, 0, 0)/return ERR_OK/' \
	    $< > $@ && ! grep -q 'submit(FLUSH_SLOT' $@
$B/system/fs-without-flush.elf: $(planted_objects) $(integer_libraries) lib/rt/user.ld | packages
	$(call say,LD,$@)$(user_cc) $(integer_abi) $(link_flags) $(call system_base,0x75000000) -o $@ \
	    $(planted_objects) $(call link_group,$(integer_libraries))

fuzz-servers: all $(system_programs) $(test_plugin) ## Random and hostile requests to every server: SEED=1, COUNT=2000 programs (half an hour)
	@WILD_SEED=$(or $(SEED),1) WILD_COUNT=$(or $(COUNT),2000) tests/run --build $B --qemu -k wild
.PHONY: fuzz-servers
