# SPDX-License-Identifier: MIT
"""Writing a card image to a device: what is refused, and that what is written is compared."""

import importlib.util
import subprocess

from qemu import Failure, test

specification = importlib.util.spec_from_file_location("flash", "tools/card/flash.py")
flash = importlib.util.module_from_spec(specification)
specification.loader.exec_module(flash)

# More than one of the pieces that are written at a time, and not a whole number of sectors.
IMAGE = bytes(range(256)) * 4096 + b"the end of the image" * 77
SECTORS = 8192


class Computer:
    """/dev, /sys and /proc of a computer with a card reader sdx, in a directory; a device is a plain file."""

    def __init__(self, directory):
        self.root = directory / "computer"
        self.image = directory / "card.img"
        self.image.write_bytes(IMAGE)
        self.write("proc/self/mountinfo", "22 1 254:0 / / rw - ext4 /dev/vda rw\n")
        self.write("proc/swaps", "Filename Type Size Used Priority\n")
        self.write("dev/sdx", b"\xaa" * (SECTORS * 512))
        self.device = self.root / "dev/sdx"
        for name, text in (("size", SECTORS), ("removable", 1), ("ro", 0), ("dev", "8:16")):
            self.write(f"sys/class/block/sdx/{name}", f"{text}\n")
        self.write("sys/class/block/sdx/device/vendor", "Generic \n")
        self.write("sys/class/block/sdx/device/model", "STORAGE DEVICE  \n")
        for name, text in (("partition", 1), ("size", SECTORS - 2048), ("dev", "8:17")):
            self.write(f"sys/class/block/sdx/sdx1/{name}", f"{text}\n")

    def write(self, name: str, data) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())

    def flash(self, *options, device="/dev/sdx", answer="yes\n"):
        """Runs the program; True, with all it said, when it wrote the device."""
        command = ["tools/card/flash.py", "--root", self.root, *options, self.image, device]
        result = subprocess.run(command, input=answer, capture_output=True, text=True)
        return result.returncode == 0, result.stdout + result.stderr


def refused(name: str, expected: str, *changes, image: bytes = IMAGE, **options) -> None:
    """With these files changed, the device keeps its bytes for this reason."""

    @test(harts=(1,), boot=False, id=name)
    def run(system):
        computer = Computer(system.directory)
        computer.image.write_bytes(image)
        for path, data in changes:
            computer.write(path, data)
        before = computer.device.read_bytes()
        written, text = computer.flash(**options)
        if written or expected not in text or computer.device.read_bytes() != before:
            raise Failure(f"written: {written}, said: {text!r}")
        if "mounted" in expected and "Type yes" in text:
            raise Failure("it asked although it refuses")


BLOCK = "sys/class/block/sdx"


def mounted(number: str, source: str):
    return "proc/self/mountinfo", f"30 22 {number} / /media/card rw - vfat {source} rw\n"


refused("no_such_device", "there is no such device", device="/dev/sdy")
refused("no_block_device", "not a block device", ("dev/file", "x"), device="/dev/file")
refused("a_partition", "whole disk", ("dev/sdx1", "x"), (f"{BLOCK}1/partition", "1"), device="/dev/sdx1")
refused("a_disk_that_stays", "not a removable disk (Generic STORAGE DEVICE)", (f"{BLOCK}/removable", "0\n"))
refused("a_reader_without_card", "there is no card in it", (f"{BLOCK}/size", "0\n"))
refused("a_protected_card", "write-protected", (f"{BLOCK}/ro", "1\n"))
refused("a_small_card", "and the image 1,050,116", (f"{BLOCK}/size", "2048\n"))
refused("a_large_disk", "300 GB is large for a card; FORCE=1", (f"{BLOCK}/size", f"{300 * 10**9 // 512}\n"))
refused("a_mounted_disk", "sdx is mounted on /media/card", mounted("8:16", "/dev/sdx"))
refused("a_mounted_partition", "sdx1 is mounted on /media/card", mounted("8:17", "/dev/root"))
refused("a_partition_mounted_by_name", "sdx1 is mounted on", mounted("0:40", "/dev/sdx1"))
refused("swap_space", "/dev/sdx1 is swap space", ("proc/swaps", "Filename\n/dev/sdx1 partition 100 0 -2\n"))
refused("part_of_a_volume", "sdx1 is part of dm-0", (f"{BLOCK}/sdx1/holders/dm-0", ""))
refused("answer_no", "not written", answer="no\n")
refused("no_answer", "not written", answer="")
refused("an_empty_image", "card.img is empty", image=b"")


@test(harts=(1,), boot=False)
def a_card_is_written(system):
    """It says what is lost, writes the image and nothing behind it, and compares."""
    computer = Computer(system.directory)
    written, text = computer.flash()
    after = computer.device.read_bytes()
    if not written or after != IMAGE + b"\xaa" * (SECTORS * 512 - len(IMAGE)):
        raise Failure(f"written: {written}, said: {text!r}")
    for part in ("Generic STORAGE DEVICE, 0.0 GB", "  sdx1: ", "read back and equal"):
        if part not in text:
            raise Failure(f"{part!r} is missing: {text!r}")


@test(harts=(1,), boot=False)
def a_card_in_a_slot_of_the_machine(system):
    """It counts as removable by its type, for its driver says otherwise."""
    computer = Computer(system.directory)
    computer.write(f"{BLOCK}/removable", "0\n")
    computer.write(f"{BLOCK}/device/type", "SD\n")
    if not computer.flash()[0]:
        raise Failure("refused")


@test(harts=(1,), boot=False)
def a_large_disk_by_force(system):
    computer = Computer(system.directory)
    computer.write(f"{BLOCK}/size", f"{300 * 10**9 // 512}\n")
    if not computer.flash("--force")[0]:
        raise Failure("refused with --force")


@test(harts=(1,), boot=False)
def a_card_that_forgets(system):
    """One byte that reads back as another than was written is found."""
    computer = Computer(system.directory)
    disk = flash.Disk("/dev/sdx", computer.root)
    with open(computer.image, "rb") as image:
        flash.write(disk, image)
        flash.compare(disk, image)
        damaged = bytearray(computer.device.read_bytes())
        damaged[1_049_000] ^= 1
        computer.device.write_bytes(damaged)
        try:
            flash.compare(disk, image)
        except flash.Refusal as refusal:
            if "byte 1,049,000 does not read back as written" in str(refusal):
                return
            raise Failure(f"{refusal}") from None
    raise Failure("nothing was noticed")
