# SPDX-License-Identifier: MIT
"""What U-Boot may hand over: kernel, archive and device tree, loaded by hand to unusual places."""

import cards
from qemu import Failure, test

LOAD_KERNEL = "load virtio 0:3 ${kernel_addr_r} /boot/Image"
TREE = "${fdtcontroladdr}"


def by_hand(name: str, *commands: str, harts: int = 1) -> None:
    """Stops U-Boot at its prompt, gives it these commands, which boot, and waits for the shell."""

    @test(harts=(harts,), boot=False, timeout=120, id=name)
    def run(system):
        system.boot(kernel=cards.uboot(), initrd=None, disk=cards.card(system))
        system.expect("Hit any key to stop autoboot", 60)
        system.send(" ")
        for command in ("virtio scan", *commands):
            system.expect("=> ")
            system.send(command + "\r")
        system.expect("Starting kernel", 30)
        system.wait_prompt(60)
        if "README.txt" not in system.command("ls /"):
            raise Failure("no root file system")
        system.poweroff()


def archive_at(address: int) -> tuple:
    """Loads the archive there and boots; the size is what U-Boot has loaded last."""
    load = f"load virtio 0:3 {address:#x} /boot/initrd"
    return LOAD_KERNEL, load, f"booti ${{kernel_addr_r}} {address:#x}:${{filesize}} {TREE}"


by_hand("archive_at_an_odd_address", *archive_at(0x8C300001))
by_hand("archive_across_two_mebibytes", *archive_at(0x8C3FFFF3))
by_hand("archive_low_in_memory", *archive_at(0x80401009))
by_hand(
    "garbage_behind_the_kernel",  # which U-Boot moves along, to where .bss will be
    "mw.b ${kernel_addr_r} a5 200000",
    "mw.b 80200000 5a 200000",
    *archive_at(0x8C300000),
    harts=4,
)
by_hand(
    "tree_in_the_middle_of_memory",
    "cp.b ${fdtcontroladdr} 90000ff0 10000",
    LOAD_KERNEL,
    "load virtio 0:3 8c300000 /boot/initrd",
    "booti ${kernel_addr_r} 8c300000:${filesize} 90000ff0",
)
by_hand(
    "tree_and_archive_relocated_by_uboot",  # as on boards where these variables are not set
    "setenv fdt_high",
    "setenv initrd_high",
    *archive_at(0x8C300007),
)
by_hand(
    "tree_with_memory_reserved",
    "fdt addr ${fdtcontroladdr}",
    "fdt resize 1000",
    "fdt rsvmem add 88000000 100000",
    "fdt rsvmem add 98000800 1000",
    *archive_at(0x8C300000),
)
