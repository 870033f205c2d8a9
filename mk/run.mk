# SPDX-License-Identifier: MIT
# Running in QEMU, alone or with a debugger. The firmware is Debian's build of OpenSBI in the package
# qemu-system-data, which QEMU loads by itself; BIOS=FILE takes another.

# The disk that is booted with keeps what is written to it. It has what was built when it was made; FRESH=1
# makes it anew.
own_disk := $B/qemu.img
own_disk_size := 256M
DISK ?= $(own_disk)
disk := $(filter-out none,$(DISK))
# In a QEMU option a comma is written twice.
disk_option = format=raw,file=$(subst $(comma),$(comma)$(comma),$(disk)),$(disk_place)
# The disk is a virtio device of virt; on other machines it is the card in the slot.
ifeq ($(firstword $(subst $(comma), ,$(MACHINE))),virt)
disk_place := if=none,id=disk0
machine_options = -global virtio-mmio.force-legacy=false $(disk_device) $(network_device)
else
disk_place := if=sd
machine_options :=
endif
disk_device = $(if $(disk),-device virtio-blk-device$(comma)drive=disk0)
# QEMU's own network, in which the machine is 10.0.2.15 and the host 10.0.2.2; port 80 of the machine is
# reached through one of the host's loopback.
NET ?= user
ifneq ($(filter qemu qemu-gdb,$(building)),)
web_port := $(if $(filter user,$(NET)),$(shell tools/qemu/port))
endif
web_forward = $(if $(web_port),$(comma)hostfwd=tcp:127.0.0.1:$(web_port)-:80)
netdev = $(NET)$(comma)id=net0$(web_forward)
network = -netdev $(call quote,$(netdev)) -device virtio-net-device$(comma)netdev=net0
network_device = $(if $(filter none,$(NET)),,$(network))
qemu_disk = $(if $(disk),-drive $(call quote,$(disk_option)))
qemu_command = $(QEMU) -M $(MACHINE) -smp $(SMP) -m $(MEM) -nographic -nic none -bios $(BIOS) \
    -kernel $(kernel_image) -initrd $(initrd) -append $(call quote,$(APPEND)) $(qemu_disk) $(machine_options)
make_own_disk = @if [ -n '$(FRESH)' ] || [ ! -e $(own_disk) ]; then \
    rm -f $(own_disk) && SOURCE_DATE_EPOCH=$(epoch:@%=%) \
        $(mkfs) -L cardea -s $(own_disk_size) -o $(own_disk) $B/rootfs; \
    elif [ $(disk_image) -nt $(own_disk) ]; then \
    echo 'The disk $(own_disk) has older programs than were built; `make qemu FRESH=1` makes it anew.'; fi
prepare_disk = $(if $(filter $(own_disk),$(disk)),$(make_own_disk))
# Whatever ends QEMU, the terminal is as it was before; the status is QEMU's.
run_qemu = @[ -z $(call quote,$(disk)) ] || [ -r $(call quote,$(disk)) ] || \
    { echo DISK=$(call quote,$(disk)): no such file, or not readable >&2; exit 1; }; \
    $(if $(V),echo $(call quote,$(qemu_command) $1);) \
    saved=$$(stty -g 2> /dev/null) || saved=; trap : INT; $(qemu_command) $1; status=$$?; \
    [ -z "$$saved" ] || stty "$$saved"; exit $$status

qemu: all ## Boot in QEMU with the serial line on the terminal
	$(prepare_disk)
	@echo 'Ctrl-A X quits QEMU; Ctrl-A Ctrl-A types one Ctrl-A.'
	@$(if $(web_port),echo 'Port 80 of the machine is http://127.0.0.1:$(web_port)/ here.')
	$(call run_qemu)

qemu-gdb: all ## Boot in QEMU, stopped, waiting for `make gdb`
	$(prepare_disk)
	@echo 'Stopped, waiting for `make gdb` on port $(GDB_PORT). Ctrl-A X quits QEMU.'
	$(call run_qemu,-S -gdb tcp:127.0.0.1:$(GDB_PORT))

gdb: all ## Attach gdb to `make qemu-gdb`, with the symbols of kernel and processes
	@$(GDB) -q -x tools/gdb/cardea.gdb -ex 'target remote 127.0.0.1:$(GDB_PORT)' $(kernel).elf \
	    -ex 'source $(program_symbols)'

.PHONY: qemu qemu-gdb gdb
