# SPDX-License-Identifier: MIT
"""Card images: what is in them, that mistakes are told, and that U-Boot boots from them by itself."""

import hashlib
import os
import struct
import subprocess
import uuid
from pathlib import Path

import cards
from qemu import Failure, Skip, test

SECTOR = 512
# (type, first sector, last sector, attributes, name); the types are those of SiFive's boot ROM and of U-Boot.
PARTITIONS = [
    ("5b193300-fc78-40cd-8002-e86c45580b47", 34, 2081, 0, "spl"),
    ("2e54b353-1271-4842-806f-e436d6af6985", 2082, 10273, 0, "uboot"),
    ("0fc63daf-8483-4772-8e79-3d69d8477de4", 16384, 32 * 2048 - 35, 4, "cardea"),
]


def check(condition: bool, text: str) -> None:
    if not condition:
        raise Failure(text)


def partitions(image: bytes) -> list:
    """The entries of the primary partition table (UEFI specification 2.10, section 5.3.3)."""
    found = []
    for at in range(2 * SECTOR, 34 * SECTOR, 128):
        kind, first, last, attributes = image[at : at + 16], *struct.unpack_from("<QQQ", image, at + 32)
        name = image[at + 56 : at + 128].decode("utf-16-le").rstrip("\0")
        if any(kind):
            found.append((str(uuid.UUID(bytes_le=kind)), first, last, attributes, name))
    return found


@test(harts=(1,), boot=False)
def what_is_on_a_card(system):
    """Partitions and firmware where ROM and U-Boot look for them, and every byte the same again."""
    image = Path(cards.card(system)).read_bytes()
    check(partitions(image) == PARTITIONS, f"partitions {partitions(image)}")
    for name, sector in (("spl.bin", 34), ("u-boot.itb", 2082)):
        data = (system.directory / "firmware" / name).read_bytes()
        check(image[sector * SECTOR :].startswith(data), f"{name} is not at sector {sector}")
    again = system.directory / "again.img"
    result = cards.make(system.build, system.directory, again)
    check(result.returncode == 0 and again.read_bytes() == image, f"another image the second time {result}")
    left = [p.name for p in system.directory.iterdir() if p.name.startswith(".")]
    check(not left, f"left over: {left}")


def refused(name: str, expected: str, image="card.img", **options) -> None:
    """The card is not made, for this reason, and nothing is left behind."""

    @test(harts=(1,), boot=False, id=f"no_card_{name}")
    def run(system):
        tools = system.directory / "bin"
        tools.mkdir()
        (tools / "df").write_text("#!/bin/sh\nprintf 'Avail\\n100\\n'\n")
        os.chmod(tools / "df", 0o755)
        if options.get("path"):
            options["path"] = str(tools)
        result = cards.make(system.build, system.directory, system.directory / image, **options)
        check(result.returncode == 1 and expected in result.stderr, f"{result}")
        left = [p.name for p in system.directory.iterdir() if "card" in p.name]
        check(not left, f"left behind: {left}")


refused("without_directory", "there is no directory", image="nowhere/card.img")
refused("in_the_place_of_a_directory", "not a regular file", image=".")
refused("on_a_full_disk", "100 KiB free", path="df")
refused("of_no_size", "SIZE=many: not a number of MiB", size="many")
refused("of_odd_size", "SIZE=100: not a power of two", size="100")
refused("for_a_large_spl", "2000000 bytes, and only 1048576 have room", spl=2_000_000)
refused("for_a_large_uboot", "5000000 bytes, and only 4194304 have room", uboot=5_000_000)


def disk(path: str) -> str:
    return f"if=none,format=raw,id=card,snapshot=on,file.locking=off,file.filename={path}"


@test(harts=(1, 4), boot=False, timeout=120)
def uboot_finds_the_card(system):
    """OpenSBI, U-Boot, extlinux.conf on the ext4 file system that is also the root."""
    system.boot(kernel=cards.uboot(), initrd=None, disk=cards.card(system))
    system.expect("Found /boot/extlinux/extlinux.conf", 60)
    system.wait_prompt(90)
    check("boot" in system.command("ls /").split(), "no /boot in the root directory")
    answer = system.command("ls /boot/extlinux")
    check("extlinux.conf" in answer, f"ls /boot/extlinux: {answer}")
    system.poweroff()


@test(harts=(1,), boot=False, timeout=120)
def uboot_passes_words_to_the_kernel(system):
    image = cards.card(system, append="selftest")
    system.boot(kernel=cards.uboot(), initrd=None, disk=image)
    return system.selftest(110)


@test(harts=(4,), boot=False, timeout=120)
def uboot_finds_the_card_behind_pci(system):
    """U-Boot reads a disk behind PCI, for which the system has no driver: it comes up without one."""
    extra = ["-drive", disk(cards.card(system)), "-device", "virtio-blk-pci,drive=card"]
    system.boot(kernel=cards.uboot(), initrd=None, disk=None, extra=extra)
    system.expect("Found /boot/extlinux/extlinux.conf", 60)
    system.wait_prompt(90)
    check("sh" in system.command("ps"), "ps does not show the shell")
    system.poweroff()


def fetch_refused(name: str, make_mirror, expected: str) -> None:
    """Packages that cannot be had, or that nobody vouches for, are not unpacked, and the line names them."""

    @test(harts=(1,), boot=False, id=f"no_firmware_{name}")
    def run(system):
        if not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
            raise Skip("no keys of Debian here")
        place = system.directory / "fetched"
        command = ["tools/fetch", str(place), "trixie", "riscv64", "u-boot-sifive"]
        environment = {**os.environ, "MIRROR": make_mirror(system.directory)}
        result = subprocess.run(command, capture_output=True, text=True, env=environment)
        check(result.returncode == 1, f"status {result.returncode}: {result.stderr}")
        check(expected in result.stderr and "wanted: u-boot-sifive" in result.stderr, result.stderr)
        left = [*place.glob("fetched"), *(place / "root").glob("*")]
        check(not left, f"something was fetched: {left}")


def unsigned_mirror(directory) -> str:
    """A mirror that has the package, as far as anybody can see who does not ask for a signature."""
    lists = directory / "mirror/dists/trixie/main/binary-riscv64"
    lists.mkdir(parents=True)
    packages = b"Package: u-boot-sifive\nVersion: 99\nArchitecture: riscv64\nFilename: x.deb\nSize: 1\n\n"
    (lists / "Packages").write_bytes(packages)
    digest = hashlib.sha256(packages).hexdigest()
    (directory / "mirror/dists/trixie/Release").write_text(
        "Origin: Debian\nSuite: trixie\nCodename: trixie\nComponents: main\nArchitectures: riscv64\n"
        "Date: Thu, 01 Jan 2026 00:00:00 UTC\n"
        f"SHA256:\n {digest} {len(packages)} main/binary-riscv64/Packages\n"
    )
    return f"file:{directory.resolve()}/mirror"


fetch_refused("without_network", lambda directory: "http://127.0.0.1:9/debian", "is there a network?")
fetch_refused("without_signature", unsigned_mirror, "is not signed")
