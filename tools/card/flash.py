#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Writes a card image to a whole removable disk, after showing what disk that is and asking; reads it back and
compares. Refuses whatever looks like anything else than a card that nobody uses. `make flash` calls it.

With --root DIRECTORY it looks at /dev, /sys and /proc below that directory, where a device is a plain file.
"""

import argparse
import fcntl
import os
import stat
import sys
from pathlib import Path

LARGEST = 256 * 10**9  # bytes; a larger disk is more likely somebody's data than a card
CHUNK = 1 << 20
SECTOR = 512  # the unit of sizes in sysfs, whatever the device's own
# <linux/fs.h>
BLKRRPART = 0x125F  # read the partition table again
BLKFLSBUF = 0x1261  # forget what is cached


class Refusal(Exception):
    """Why the device is not written."""


def word(path: Path, default: str = "") -> str:
    """What a small file of sysfs holds."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return default


class Disk:
    """A disk as sysfs describes it (Documentation/ABI/stable/sysfs-block of Linux)."""

    def __init__(self, device: str, root: Path):
        self.root = root
        self.path = root / device.lstrip("/")
        if not self.path.exists():
            raise Refusal("there is no such device")
        self.path = self.path.resolve()
        self.name = self.path.name
        self.sysfs = root / "sys/class/block" / self.name
        if root == Path("/") and not stat.S_ISBLK(self.path.stat().st_mode) or not self.sysfs.is_dir():
            raise Refusal("not a block device")
        self.size = int(word(self.sysfs / "size", "0")) * SECTOR
        names = (word(self.sysfs / "device" / name) for name in ("vendor", "model", "name"))
        self.model = " ".join(name for name in names if name and not name.startswith("0x"))
        self.parts = sorted(p.parent.name for p in self.sysfs.glob("*/partition"))

    def is_removable(self) -> bool:
        # A card in a slot of the machine itself, behind no card reader, says what it is in another way.
        return word(self.sysfs / "removable") == "1" or word(self.sysfs / "device/type") == "SD"

    def users(self) -> list:
        """Who uses the disk or a part of it: mount points, swap, device mapper and RAID."""
        all_parts = {self.name: self.sysfs, **{p: self.sysfs / p for p in self.parts}}
        numbers = {word(path / "dev"): name for name, path in all_parts.items()}
        found = []
        for line in word(self.root / "proc/self/mountinfo").splitlines():
            fields = line.split()  # proc(5): mount ID, parent ID, major:minor, root, mount point, ...
            source = fields[fields.index("-") + 2] if "-" in fields else ""
            name = numbers.get(fields[2], source.removeprefix("/dev/"))
            if name in all_parts:
                found.append(f"{name} is mounted on {fields[4]}")
        for line in word(self.root / "proc/swaps").splitlines():
            if line.split()[0].removeprefix("/dev/") in all_parts:
                found.append(f"{line.split()[0]} is swap space")
        for name, path in all_parts.items():
            found += [f"{name} is part of {holder.name}" for holder in sorted((path / "holders").glob("*"))]
        return found

    def check(self, image_size: int, force: bool) -> None:
        if (self.sysfs / "partition").exists():
            raise Refusal("a partition, not a whole disk")
        if not self.is_removable():
            raise Refusal(f"not a removable disk ({self.model or 'of no known model'})")
        if self.size == 0:
            raise Refusal("there is no card in it")
        if users := self.users():
            raise Refusal("in use: " + "; ".join(users))
        if word(self.sysfs / "ro") == "1":
            raise Refusal("write-protected")
        if self.size < image_size:
            raise Refusal(f"it has {self.size:,} bytes, and the image {image_size:,}")
        if self.size > LARGEST and not force:
            raise Refusal(f"{self.size / 1e9:.0f} GB is large for a card; FORCE=1 if it is meant")


def confirm(disk: Disk, image: Path, size: int) -> None:
    """Shows what will be lost and asks."""
    print(f"{disk.path}: {disk.model or 'no model given'}, {disk.size / 1e9:.1f} GB")
    for name in disk.parts:
        print(f"  {name}: {int(word(disk.sysfs / name / 'size', '0')) * SECTOR / 1e9:.1f} GB")
    print(f"{image} ({size >> 20} MiB) takes the place of all that is on it.")
    try:
        answer = input("Type yes to write it: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise Refusal("not written")


def write(disk: Disk, image) -> None:
    # O_EXCL: the kernel itself refuses a disk that has come into use meanwhile.
    descriptor = os.open(disk.path, os.O_WRONLY | os.O_EXCL)
    with open(descriptor, "wb", buffering=0) as device:
        while chunk := image.read(CHUNK):
            while chunk:
                chunk = chunk[device.write(chunk) :]
        os.fsync(device)
        if stat.S_ISBLK(os.fstat(descriptor).st_mode):
            fcntl.ioctl(device, BLKFLSBUF)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def compare(disk: Disk, image) -> None:
    """Reads the image back from the medium."""
    image.seek(0)
    position = 0
    with open(disk.path, "rb", buffering=0) as device:
        while chunk := image.read(CHUNK):
            found = b""
            while len(found) < len(chunk) and (more := device.read(len(chunk) - len(found))):
                found += more
            if found != chunk:
                offset = next((i for i, (a, b) in enumerate(zip(chunk, found)) if a != b), len(found))
                raise Refusal(f"byte {position + offset:,} does not read back as written: a bad card?")
            position += len(chunk)
        if stat.S_ISBLK(os.fstat(device.fileno()).st_mode):
            try:
                fcntl.ioctl(device, BLKRRPART)
            except OSError:
                pass  # the partitions show up when the card is put in again


def flash(arguments) -> None:
    try:
        image = open(arguments.image, "rb")
    except OSError as error:
        raise Refusal(f"the image {arguments.image}: {error.strerror}") from None
    with image:
        size = os.fstat(image.fileno()).st_size
        if size == 0:
            raise Refusal(f"the image {arguments.image} is empty")
        disk = Disk(arguments.device, arguments.root)
        disk.check(size, arguments.force)
        confirm(disk, arguments.image, size)
        disk.check(size, arguments.force)  # what was true before the question may not be any more
        write(disk, image)
        compare(disk, image)
    print(f"{disk.path}: written, {size >> 20} MiB read back and equal. It can be taken out.")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("image", type=Path)
    parser.add_argument("device", help="the whole disk, such as /dev/sdX")
    parser.add_argument("--force", action="store_true", help="even when it is larger than 256 GB")
    parser.add_argument("--root", type=Path, default=Path("/"), help="where /dev, /sys and /proc are")
    arguments = parser.parse_args()
    try:
        flash(arguments)
    except Refusal as refusal:
        print(f"flash: {arguments.device}: {refusal}", file=sys.stderr)
        return 1
    except PermissionError:
        command = f"tools/card/flash.py {arguments.image} {arguments.device}"
        print(f"flash: {arguments.device}: no permission. As root: {command}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"flash: {arguments.device}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
