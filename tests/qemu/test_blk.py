# SPDX-License-Identifier: MIT
"""Writing to disks: a program writes the last 256 KiB and reads them, and they are in the image."""

import os
import re
import struct
import time

import inputs
from qemu import Failure, test

AREA = 512  # sectors that `scribble` writes
ROUND = 3  # what it adds to every word of the last time


def expected(first: int) -> bytes:
    numbers = range(first * 64, (first + AREA) * 64)
    words = ((n * 0x9E3779B97F4A7C15 + ROUND) & (1 << 64) - 1 for n in numbers)
    return struct.pack(f"<{AREA * 64}Q", *words)


def writes(system, driver: str, size: int, *drive: str) -> None:
    """Boots with an image, which `drive` names with {}, and with the program as a process that may write."""
    image = system.directory / "scribbled.img"
    image.write_bytes((system.build / "disk.img").read_bytes())
    os.truncate(image, size)
    node = (
        f'    scribble {{ restart = "never"; priority = <90>; memory = <1024>; kernel = "log";'
        f" uses = <&mm MM_USE>, <&init PROC_SELF>, <&{driver} (BLK_READ | BLK_WRITE)>; }};\n"
    )
    system.machine.extra = [option.format(image) for option in drive]
    inputs.boot_described(system, lambda text: text.replace("    sh {\n", node + "    sh {\n", 1),
                          scribble=(system.build / "user/apps/scribble").read_bytes())
    system.wait_prompt(60)
    while not (lines := re.findall("scribble: .*", system.command("dmesg"))):
        time.sleep(1)
    if lines[0] != "scribble: all that was written is there":
        raise Failure(f"the program says '{lines[0]}'")
    if system.command("hello") != "hello from hello\n":
        raise Failure("the file system is no longer what it was")
    system.stop()
    with open(image, "rb") as file:
        file.seek(size - AREA * 512)
        if file.read() != expected(size // 512 - AREA):
            raise Failure("what is in the image is not what was written last")


def boot_with_sectors(system, size: int) -> None:
    drive = f"if=none,format=raw,id=disk0,snapshot=on,file={system.build}/disk.img"
    device = f"virtio-blk-device,drive=disk0,logical_block_size={size},physical_block_size={size}"
    system.boot(disk=None, extra=("-drive", drive, "-device", device))
    system.wait_prompt()


def with_sectors(size: int) -> None:
    @test(harts=(1,), boot=False, id=f"sectors_of_{size}")
    def run(system):
        boot_with_sectors(system, size)
        if system.command("hello") != "hello from hello\n":
            raise Failure("programs cannot be read")


with_sectors(1024)
with_sectors(4096)


@test(harts=(1,), boot=False)
def sectors_too_large_for_fs(system):
    boot_with_sectors(system, 8192)
    if "its sectors are larger than 4096 bytes" not in system.command("ls /"):
        raise Failure("nothing says why the disk is not used")


@test(boot=False, disk=None, timeout=150)
def virtio(system):
    writes(system, "virtio_blk", 32 << 20, "-drive", "if=none,format=raw,id=disk0,file={}",
           "-device", "virtio-blk-device,drive=disk0")


def card(name: str, size: int) -> None:
    @test(boot=False, disk=None, timeout=150, harts=(2, 5), machine="sifive_u", memory="2G", id=name)
    def run(system):
        writes(system, "sd_spi", size, "-drive", "if=sd,format=raw,file={}")


card("small_card", 64 << 20)
card("large_card", 4 << 30)
