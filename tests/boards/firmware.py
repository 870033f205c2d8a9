# SPDX-License-Identifier: MIT
"""
What firmware boots from in emulation: card images, SPI flash, and a board's firmware with its device tree
changed for what the emulator lacks. mk/boards.mk makes the cards and fetches the packages.
"""

import os
import shutil
import subprocess
from pathlib import Path

from registry import Failure

UBOOT = Path("build/firmware/u-boot-sifive/root/usr/lib/u-boot")
UBOOT_SECTOR = 2082  # of a card
FLASH_SIZE = 32 << 20
FLASH_BLOCK = 4096
# Where the boards' SPI flash has them ("Booting from SPI" in U-Boot's documentation of the HiFive Unmatched).
FLASH_SPL = 0x5000
FLASH_UBOOT = 0x105000
# Where there is room, and where U-Boot looks for a script (script_offset_f of the HiFive Unleashed).
FLASH_KERNEL = 0x600000
FLASH_INITRD = 0x800000
FLASH_SCRIPT = 0x1FFF000
# Interrupt lines of the FU540 that sifive_u emulates, where the tree of the FU740 has others.
LINES = {
    "serial@10010000": [4],
    "serial@10011000": [5],
    "spi@10040000": [51],
    "spi@10041000": [52],
    "spi@10050000": [6],
    "i2c@10030000": [50],
    "pwm@10020000": [42, 43, 44, 45],
    "pwm@10021000": [46, 47, 48, 49],
    "gpio@10060000": list(range(7, 23)),
    "ethernet@10090000": [53],
    "cache-controller@2010000": [1, 2, 3],
}


def run(*command) -> str:
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"{' '.join(map(str, command))}: {result.stderr or result.stdout}")
    return result.stdout


def spl(board: str) -> str:
    return str(UBOOT / f"sifive_{board}/u-boot-spl.bin")


def card(board: str) -> str:
    """The image that `make sdcard BOARD=...` makes, made by mk/boards.mk."""
    return f"build/boards/{board}.img"


def larger(system, image: str, size: int) -> str:
    """A copy of an image on a larger medium, as far as the host's disk has to know of it."""
    copy = system.directory / "larger.img"
    run("cp", "--sparse=always", image, copy)
    os.truncate(copy, size)
    return str(copy)


def script(directory: Path, *lines: str) -> bytes:
    """Commands of U-Boot as it finds them on a medium."""
    source, image = directory / "script", directory / "script.image"
    source.write_text("\n".join(lines) + "\n")
    run("mkimage", "-A", "riscv", "-O", "linux", "-T", "script", "-C", "none", "-d", source, image)
    return image.read_bytes()


def flash(directory: Path, contents: dict) -> str:
    """An image of the SPI flash with these bytes at these offsets; the rest is zero."""
    path = directory / "flash.img"
    with open(path, "wb") as image:
        image.truncate(FLASH_SIZE)
        for offset, data in contents.items():
            image.seek(offset)
            image.write(data)
    return str(path)


def flash_retry(system) -> str:
    """SPI flash with a script that tries the card again: QEMU 7.2 refuses a card that the SPL has used."""
    lines = ("echo trying the card again", "run bootcmd_mmc0")
    return flash(system.directory, {FLASH_SCRIPT: script(system.directory, *lines)})


def flash_system(system) -> str:
    """SPI flash that holds everything: firmware, kernel, archive, and the commands that load them."""
    kernel = (system.build / "kernel/cardea.bin").read_bytes()
    initrd = (system.build / "initrd.cpio").read_bytes()
    size = -(-len(kernel) // FLASH_BLOCK) * FLASH_BLOCK
    lines = (
        f"sf read ${{kernel_addr_r}} {FLASH_KERNEL:#x} {size:#x}",
        f"sf read ${{ramdisk_addr_r}} {FLASH_INITRD:#x} {len(initrd):#x}",
        f"booti ${{kernel_addr_r}} ${{ramdisk_addr_r}}:{len(initrd):x} ${{fdtcontroladdr}}",
    )
    return flash(
        system.directory,
        {
            FLASH_SPL: Path(spl("unleashed")).read_bytes(),
            FLASH_UBOOT: (UBOOT / "sifive_unleashed/u-boot.itb").read_bytes(),
            FLASH_KERNEL: kernel,
            FLASH_INITRD: initrd,
            FLASH_SCRIPT: script(system.directory, *lines),
        },
    )


def parts(directory: Path, board: str) -> tuple:
    """U-Boot, OpenSBI and device tree out of a board's u-boot.itb."""
    paths = [directory / name for name in ("u-boot", "opensbi", "tree.dtb")]
    for number, path in enumerate(paths):
        run("dumpimage", "-T", "flat_dt", "-p", number, "-o", path, UBOOT / f"sifive_{board}/u-boot.itb")
    return tuple(paths)


def emulated_tree(tree: Path) -> None:
    """
    Changes the Unmatched's tree for sifive_u: no PCIe, no I2C, the interrupt lines of the FU540, 8 GiB, and
    the pin that switches the board off as one that resets it. Nothing of the firmware's code is changed.
    """
    for node in ("/soc/pcie@e00000000", "/soc/i2c@10030000"):
        run("fdtput", "-t", "s", tree, node, "status", "disabled")
    for node, lines in LINES.items():
        run("fdtput", "-t", "u", tree, f"/soc/{node}", "interrupts", *lines)
    run("fdtput", "-t", "u", tree, "/soc/interrupt-controller@c000000", "riscv,ndev", 53)
    run("fdtput", "-t", "x", tree, "/memory@80000000", "reg", 0, 80000000, 2, 0)
    pin = run("fdtget", "-t", "x", tree, "/gpio-poweroff", "gpios").split()[0]
    run("fdtput", "-r", tree, "/gpio-poweroff")
    run("fdtput", "-c", tree, "/gpio-restart")
    run("fdtput", "-t", "s", tree, "/gpio-restart", "compatible", "gpio-restart")
    run("fdtput", "-t", "x", tree, "/gpio-restart", "gpios", pin, "a", 1)


def unmatched(system) -> dict:
    """The Unmatched's own OpenSBI and U-Boot, put into memory by QEMU, and the card made for the board."""
    uboot, opensbi, tree = parts(system.directory, "unmatched")
    emulated_tree(tree)
    both = system.directory / "u-boot-with-tree"
    both.write_bytes(uboot.read_bytes() + tree.read_bytes())
    return {"firmware": str(opensbi), "kernel": str(both), "dtb": str(tree), "disk": card("unmatched")}


def mixed_card(system) -> str:
    """The Unmatched's card with the changed tree in its u-boot.itb, of which all else is as it was."""
    tree = parts(system.directory, "unmatched")[2]
    emulated_tree(tree)
    image = system.directory / "u-boot.itb"
    shutil.copyfile(UBOOT / "sifive_unmatched/u-boot.itb", image)
    run("fdtput", "-t", "bx", image, "/images/fdt-1", "data", *tree.read_bytes().hex(" ").split())
    path = system.directory / "mixed.img"
    shutil.copyfile(card("unmatched"), path)
    with open(path, "r+b") as copy:
        copy.seek(UBOOT_SECTOR * 512)
        copy.write(image.read_bytes())
    return str(path)
