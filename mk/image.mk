# SPDX-License-Identifier: MIT
# What the machine is given besides the kernel: the initrd with the processes, the disk with the programs.

initrd := $B/initrd.cpio
disk_image := $B/disk.img
# All files in archives and images carry this time, so that a build gives the same bytes every time.
epoch := @1735689600

system_dtb := $B/initrd/system.dtb
$(call remember,dts,$(CROSS) dtc)
$(system_dtb): dts/system.dts $B/flags/dts | packages
	@mkdir -p $(@D)
	$(call say,DTC,$<)$(CROSS)gcc -E -P -nostdinc -undef -x assembler-with-cpp -Iinclude -Idts \
	    -MMD -MP -MF $@.d -MT $@ -o $@.dts $< && dtc -q -a 8 -I dts -O dtb -o $@ $@.dts && rm $@.dts
-include $(system_dtb).d

# init comes second, behind a file of 8 n bytes: then its bytes are at a multiple of 8, and the kernel copies them in
# half the time.
$(call remember,initrd,$(processes))
$(initrd): $(addprefix $B/user/,$(processes)) $(system_dtb) $B/flags/initrd | packages
	@rm -rf $B/initrd/files && mkdir -p $B/initrd/files
	@cp $(addprefix $B/user/,$(processes)) $(system_dtb) $B/initrd/files
	@touch -d $(epoch) $B/initrd/files/*
	$(call say,CPIO,$@)cd $B/initrd/files && { echo system.dtb; echo init; LC_ALL=C ls -I system.dtb -I init; } | \
	    cpio --quiet -o -H newc -R +0:+0 --reproducible > $(CURDIR)/$@

# mkfs runs on the build machine.
mkfs := $B/tools/mkfs
mkfs_sources := $(filter tools/mkfs/% lib/ext4/% lib/disk/%.c lib/base/%.c,$(sources))
mkfs_objects := $(addprefix $B/obj-tools/,$(addsuffix .o,$(mkfs_sources)))
mkfs_flags := $(common_flags) -O1 $(warnings) -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
$(eval $(call compile,obj-tools,$(HOST_CC),$(mkfs_flags)))
-include $(mkfs_objects:.o=.d)
$(call remember,mkfs,$(mkfs_objects))
$(mkfs): $(mkfs_objects) $B/flags/mkfs | packages
	@mkdir -p $(@D)
	$(call say,HOSTLD,$@)$(HOST_CC) -o $@ $(mkfs_objects) -lext2fs -lcom_err

# The tree of the disk: rootfs/, the programs, and a file of 200 KiB. Watched by name, time and link target.
rootfs_state := $(shell find rootfs -printf '%p %y %m %T@ %l\n' 2> /dev/null | LC_ALL=C sort | cksum)
$(call remember,rootfs,$(apps) $(rootfs_state))
$(disk_image): $(mkfs) $(addprefix $B/user/apps/,$(apps)) $B/flags/rootfs
	@rm -rf $B/rootfs && mkdir -p $B/rootfs/bin
	@[ ! -d rootfs ] || cp -R rootfs/. $B/rootfs
	@$(foreach a,$(apps),cp $B/user/apps/$a $B/rootfs/bin/ &&) true
	@seq -f 'This is line %05g of a file that is too long for one message.' 3400 | \
	    head -c 204800 > $B/rootfs/big.txt
	@find $B/rootfs -exec touch -h -d $(epoch) {} +
	$(call say,MKFS,$@)rm -f $@ && SOURCE_DATE_EPOCH=$(epoch:@%=%) $(mkfs) -L cardea -o $@ $B/rootfs
