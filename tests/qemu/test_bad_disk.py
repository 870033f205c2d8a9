# SPDX-License-Identifier: MIT
"""Disks without a file system that Cardea can read, and damaged ones: one line says what is wrong."""

import subprocess

import inputs
from qemu import Failure, test

SECTOR = 512


def image_of(system, size: int = 16 << 20) -> bytearray:
    path = inputs.disk(system, {"hello.txt": b"hello\n", "deep/in/here.txt": b"x" * 9000})
    with open(path, "rb") as image:
        return bytearray(image.read())


def refused(name: str, make, cause: str) -> None:
    """fs says the cause at start, a command that needs files says it too, and the others work."""

    @test(harts=(1, 4), boot=False, timeout=60, id=name)
    def run(system):
        system.boot(disk=inputs.write(system, "bad.img", bytes(make(system))))
        system.wait_prompt()
        shown = system.command("ls /")  # fs has looked at the disk when it answers
        if not shown.startswith("ls: ") or shown.count("\n") != 1:
            raise Failure(f"ls printed {shown!r}")
        log = system.command("dmesg")
        lines = [line for line in log.splitlines() if "fs: nothing mounted" in line]
        if len(lines) != 1 or cause not in lines[0]:
            raise Failure(f"'{cause}' is not in the one line of fs: {lines}")
        for command in ("ps", "mem", "caps fs", "irq", "uptime", "pwd", "echo still here"):
            if ": no " in system.command(command):
                raise Failure(f"{command} does not work without a file system")
        system.poweroff()


def damage(offset: int):
    def make(system):
        image = image_of(system)
        image[offset] ^= 0x55
        return image

    return make


def swap(system):
    return b"\0" * 4086 + b"SWAPSPACE2" + bytes(1 << 20)


refused("empty_disk", lambda system: bytes(1 << 20), "neither an ext4 file system nor a partition table")
refused("disk_of_noise", lambda system: bytes(range(251)) * 8000,
        "neither an ext4 file system nor a partition table")
refused("disk_of_another_kind", swap, "neither an ext4 file system nor a partition table")
refused("superblock_checksum", damage(1024 + 200), "superblock")
refused("unknown_feature", lambda system: with_feature(system), "feature")
refused("tiny_disk", lambda system: bytes(SECTOR), "neither an ext4 file system nor a partition table")


refused("root_is_a_file", lambda system: with_root(system, "mode 0100644"), "the root is no directory")
refused("root_is_gone", lambda system: with_root(system, "links_count 0"), "inode 2: ")


def with_root(system, field: str) -> bytes:
    path = inputs.disk(system, {"a": b"a"})
    subprocess.run(
        ["debugfs", "-w", "-R", f"set_inode_field <2> {field}", path], check=True, capture_output=True
    )
    if field.startswith("links"):
        subprocess.run(
            ["debugfs", "-w", "-R", "set_inode_field <2> mode 0", path], check=True, capture_output=True
        )
    with open(path, "rb") as file:
        return file.read()


def with_feature(system) -> bytearray:
    """An image that asks for a feature which nobody knows; tune2fs cannot, so its checksum goes as well."""
    path = inputs.disk(system, {"a": b"a"})
    subprocess.run(["tune2fs", "-O", "^metadata_csum", path], check=True, capture_output=True)
    with open(path, "rb") as file:
        image = bytearray(file.read())
    image[1024 + 96 + 3] |= 0x40
    return image


@test(harts=(1, 4), disk=None)
def no_disk(system):
    system.wait_prompt()
    shown = system.command("ls /")
    if not shown.startswith("ls: ") or shown.count("\n") != 1:
        raise Failure(f"ls printed {shown!r}")
    if "nothing mounted: no disk" not in system.command("dmesg"):
        raise Failure("fs does not say that there is no disk")
    system.poweroff()


@test(harts=(1, 4), boot=False)
def damaged_directory_is_named_and_the_rest_is_read(system):
    image = image_of(system)
    path = inputs.write(system, "damaged.img", bytes(image))
    where = subprocess.run(
        ["debugfs", "-R", "blocks /deep", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True
    ).stdout.split()
    image[int(where[0]) * 4096 + 40] ^= 1
    system.boot(disk=inputs.write(system, "damaged.img", bytes(image)))
    system.wait_prompt()
    shown = system.command("ls /deep")
    if "damaged" not in shown or shown.count("\n") != 1:
        raise Failure(f"ls of a damaged directory printed {shown!r}")
    if system.command("cat /hello.txt") != "hello\n":
        raise Failure("the sound file cannot be read")
    if "checksum" not in system.command("dmesg"):
        raise Failure("the log does not say what is damaged")
    system.poweroff()


@test(harts=(1, 4), boot=False)
def gpt_partition(system):
    system.boot(disk=inputs.disk(system, {"in": b"in a partition\n"}, ["-g"]))
    system.wait_prompt()
    if system.command("cat /in") != "in a partition\n":
        raise Failure("the file in the partition cannot be read")
    system.poweroff()


def mbr_entry(kind: int, first: int, count: int) -> bytes:
    return bytes([0, 0, 0, 0, kind, 0, 0, 0]) + first.to_bytes(4, "little") + count.to_bytes(4, "little")


@test(harts=(1, 4), boot=False)
def partitions_with_a_bad_entry(system):
    """The file system is in a logical partition; one line names the entry that is no good."""
    image = image_of(system)
    sectors = len(image) // SECTOR
    tables = (
        mbr_entry(0x82, 5000, 100000000) + mbr_entry(5, 100, sectors + 64),
        mbr_entry(0x83, 64, sectors),
    )
    records = [bytes(446) + table + bytes(64 - len(table)) + b"\x55\xaa" for table in tables]
    disk = records[0] + bytes(99 * SECTOR) + records[1] + bytes(63 * SECTOR) + image
    system.boot(disk=inputs.write(system, "mbr.img", bytes(disk)))
    system.wait_prompt()
    if system.command("cat /hello.txt") != "hello\n":
        raise Failure("the file in the partition cannot be read")
    log = system.command("dmesg")
    if log.count("partition 1: sectors 5000 + 100000000 on a disk of") != 1 or "partition 5" not in log:
        raise Failure(f"the bad entry is not named: {log}")
    system.poweroff()


@test(harts=(1,), boot=False, timeout=90)
def image_of_mkfs_ext4(system):
    """A file system as Debian's mkfs.ext4 makes it by default, with nothing of ours on it."""
    path = system.directory / "debian.img"
    tree = system.directory / "debian"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub/file").write_text("from Debian\n")
    subprocess.run(["truncate", "-s", "64M", path], check=True)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-d", tree, path], check=True, capture_output=True)
    system.boot(disk=str(path))
    system.wait_prompt()
    if system.command("cat /sub/file") != "from Debian\n":
        raise Failure("the file cannot be read")
    system.poweroff()
