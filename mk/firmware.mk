# SPDX-License-Identifier: MIT
# Firmware for tests that offers the least there is: tests/firmware. It runs where QEMU puts it (-bios).

bare_firmware := $B/firmware/bare.bin
$(bare_firmware): tests/firmware/bare.S $B/flags/obj-kernel | packages
	@mkdir -p $(@D)
	$(call say,AS,$<)$(kernel_cc) $(kernel_target) -nostdlib -static -Wl,--build-id=none -Wl,-Ttext=0x80000000 \
	    -Wl,-N -Wl,--no-warn-rwx-segments -o $(@:.bin=.elf) $<
	@$(CROSS)objcopy -O binary $(@:.bin=.elf) $@
test test-qemu: $(bare_firmware)
