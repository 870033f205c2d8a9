# SPDX-License-Identifier: MIT
"""Files that are written: what is on the disk is looked at on the build machine."""

import hashlib
import re
import subprocess

from qemu import Failure, test
from written import MIB, boot, check, content, debugfs, disk_of, good, off, start_writer, type_file, written


@test(harts=(1, 4), boot=False, timeout=120)
def tree(system):
    """A tree is written; across a reboot and on the host it is the same."""
    image = disk_of(system)
    boot(system, image)
    if "read-only" in system.command("df"):
        raise Failure("df says that a disk that can be written is read-only")
    for line in ("mkdir /a", "mkdir -p /a/b/c", "cp /big.txt /a/big", "cp -r /docs /a", "ln /a/big /a/hard",
                 "ln -s big /a/soft", "touch /a/empty", "cp /a/big /a/b", "mv /a/empty /a/b/c", "rm /a/b/big",
                 "mv -x /a/big /docs", "mv -x /a/big /docs"):
        good(system, line)
    type_file(system, "/typed", "a line\nand another\n")
    off(system)
    check(image)
    big = (system.build / "rootfs/big.txt").read_bytes()
    for path in ("/a/big", "/a/hard", "/a/soft"):
        if path != "/a/soft" and content(system, image, path) != big:
            raise Failure(f"{path} is not what was written")
    if content(system, image, "/typed") != b"a line\nand another\n":
        raise Failure("what was typed is not what the file holds")
    boot(system, image)
    if system.command("cat /typed") != "a line\nand another\n":
        raise Failure("what was typed is not there after a reboot")
    said = system.command("ls /a /a/b /a/b/c /a/docs")
    for name in ("big", "docs", "hard", "soft", "poem.txt", "empty"):
        if name not in said.split():
            raise Failure(f"ls does not show {name}:\n{said}")
    good(system, "rm -r /a /typed")
    off(system)
    check(image)
    if "typed" in debugfs(image, "ls /"):
        raise Failure("what was removed is there")


def made_by_mke2fs(name: str, *options: str) -> None:
    @test(harts=(1,), boot=False, timeout=60, id=name)
    def run(system):
        """A file system that mke2fs has made is written, and is as e2fsck wants it."""
        image = str(system.directory / "mke2fs.img")
        tree = system.build / "rootfs"
        command = ["mke2fs", "-q", "-t", "ext4", *options, "-d", tree, image, "64M"]
        subprocess.run(command, check=True, capture_output=True)
        boot(system, image)
        for line in ("mkdir -p /a/b", "cp -r /docs /a", "cp /big.txt /a/b/big", "rm /big.txt", "mv /a/b /b"):
            good(system, line)
        off(system)
        check(image)
        if content(system, image, "/b/big") != (tree / "big.txt").read_bytes():
            raise Failure("the copy is something else")


made_by_mke2fs("mke2fs_as_it_is")
made_by_mke2fs("mke2fs_blocks_of_1024", "-b", "1024")
made_by_mke2fs("mke2fs_blocks_of_2048", "-b", "2048", "-I", "128")
made_by_mke2fs("mke2fs_without_sums", "-O", "^metadata_csum,^64bit,uninit_bg")
made_by_mke2fs("mke2fs_without_journal", "-O", "^has_journal")


@test(harts=(1, 4), boot=False, timeout=200)
def many_names(system):
    image = disk_of(system, size=64 * MIB)
    start_writer(system, "many", image)
    system.expect("writer: ", 120)
    system.expect("done")
    off(system)
    check(image)
    entries = [line.split("/") for line in debugfs(image, "ls -p /m").splitlines() if line.count("/") > 5]
    names = {entry[5] for entry in entries if entry[1] != "0"}  # those of inode 0 are free
    expected = set()
    for n in range(0, 2000, 2):
        name = f"{n:05}"
        name += chr(ord("a") + n % 26) * (255 - len(name)) if n % 3 == 0 else ""
        expected.add(f"moved{n}" if n % 10 == 0 else name)
    if names - {".", ".."} != expected:
        raise Failure(f"{len(names)} names instead of {len(expected)}: {sorted(names ^ expected)[:5]}")
    if "Root node dump" not in debugfs(image, "htree_dump /m"):
        raise Failure("the directory has no index")


@test(harts=(1, 4), boot=False, timeout=300)
def large_files(system):
    """64 MiB while four others grow, and 5 GiB that are nearly all hole."""
    image = disk_of(system, size=160 * MIB)
    start_writer(system, "large", image)
    system.expect("writer: ", 200)
    system.expect("done")
    off(system)
    check(image)
    digest = hashlib.sha256(content(system, image, "/large0")).digest()
    expected = hashlib.sha256(b"".join(written(n, 65536) for n in range(1024))).digest()
    if digest != expected:
        raise Failure("the large file is not what was written")
    for i in range(1, 5):
        if content(system, image, f"/large{i}") != b"".join(written(n, 65536) for n in range(0, 1024, 16)):
            raise Failure(f"/large{i} is not what was written")
    stat = debugfs(image, "stat /large0")
    extents = re.findall(r"\((?:\d+|\d+-\d+)\):", stat.split("EXTENTS:")[1])
    system.note(f"{len(extents)} extents")
    if len(extents) > 16:
        raise Failure(f"64 MiB are in {len(extents)} extents")
    stat = debugfs(image, "stat /sparse")
    blocks = int(re.search(r"Blockcount: (\d+)", stat).group(1))
    if f"Size: {0x140000005 + 100000}" not in stat or blocks > 64:
        raise Failure(f"the file with holes is\n{stat}")


@test(harts=(1, 4), boot=False, timeout=120)
def full_disk(system):
    image = disk_of(system, size=16 * MIB)
    boot(system, image)
    copies = 0
    while not (said := system.command(f"cp /big.txt /copy{copies}")):
        copies += 1
        if copies > 100:
            raise Failure("the disk never becomes full")
    if said != f"cp: /copy{copies}: no space left on the disk\n":
        raise Failure(f"on a full disk cp says {said!r}")
    if f"copy{copies}" in system.command("ls -a /").split() or ".new" in system.command("ls -a /"):
        raise Failure("half a file is there")
    good(system, "rm /copy0")
    good(system, "cp /big.txt /again")
    off(system)
    check(image)
    if content(system, image, "/again") != (system.build / "rootfs/big.txt").read_bytes():
        raise Failure("what was written after there was room again is something else")


@test(harts=(1, 4), boot=False, timeout=60)
def read_only_disk(system):
    image = disk_of(system, size=16 * MIB)
    before = open(image, "rb").read()
    options = f"if=none,format=raw,id=disk0,readonly=on,file={image}"
    system.boot(disk=None, extra=("-drive", options, "-device", "virtio-blk-device,drive=disk0"))
    system.wait_prompt()
    for line in ("touch /a", "mkdir /a", "rm /big.txt", "mv /big.txt /a", "ln /big.txt /a", "cp /big.txt /a"):
        said = system.command(line)
        if not re.fullmatch(rf"{line.split()[0]}: [^\n]*: read-only\n", said):
            raise Failure(f"'{line}' printed {said!r}")
    if "read-only" not in system.command("df"):
        raise Failure("df does not say that it is read-only")
    off(system)
    if open(image, "rb").read() != before:
        raise Failure("the image has changed")


@test(harts=(1, 4), boot=False, timeout=60)
def output_to_files(system):
    image = disk_of(system, size=16 * MIB)
    boot(system, image)
    for line in ("echo one > /f", "echo two >> /f", "hello a b > /h", "hello c >>/h", "cat /big.txt > /big2",
                 "> /empty", "echo x > /f2 y", "wc /big.txt > /w; echo $? > /status", "ls / > '/with blank'"):
        good(system, line)
    for line, said in {
        "cat /f": "one\ntwo\n",
        "cat /h": "hello from hello\nargument 1: a\nargument 2: b\nhello from hello\nargument 1: c\n",
        "cat /f2; cat /status": "x y\n0\n",
        "echo a >": "sh: no file after >\n",
        "echo a > /docs": "sh: /docs: is a directory\n",
        "cat /none > /n": "cat: /none: no such file or directory\n",
        "stat /empty > /s; cat /n": "",
    }.items():
        if (got := system.command(line)) != said:
            raise Failure(f"'{line}' printed {got!r}")
    off(system)
    check(image)
    if content(system, image, "/big2") != (system.build / "rootfs/big.txt").read_bytes():
        raise Failure("what cat printed to a file is something else")
    if b"big.txt" not in content(system, image, "/with blank"):
        raise Failure("ls printed nothing to its file")


@test(harts=(1,), boot=False, timeout=60)
def functions_of_the_c_library(system):
    image = disk_of(system, size=16 * MIB)
    start_writer(system, "libc", image)
    if (said := system.expect_regex(r"writer: (.*)\n").group(1)) != "done":
        raise Failure(said)
    off(system)
    check(image)
    if (held := content(system, image, "/dir/moved")) != b"4 lines\ntwo\nthree\n":
        raise Failure(f"the file holds {held!r}")


@test(boot=False, timeout=200, machine="sifive_u", memory="2G", harts=(2, 5))
def card(system):
    """Files on an SD card, with the driver killed in between."""
    image = disk_of(system, size=64 * MIB)
    system.boot(disk=None, extra=("-drive", f"if=sd,format=raw,file.locking=off,file={image}"))
    system.wait_prompt(60)
    for line in ("mkdir /new", "cp /big.txt /new/big", "kill sd-spi", "cp /new/big /new/again"):
        good(system, line, 60)
    system.send_line("reboot")
    if system.wait_exit(60) != 0:
        raise Failure("the machine did not restart")
    check(image)
    big = (system.build / "rootfs/big.txt").read_bytes()
    if any(content(system, image, f"/new/{name}") != big for name in ("big", "again")):
        raise Failure("a file on the card is not what was written")
