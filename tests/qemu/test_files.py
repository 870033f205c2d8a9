# SPDX-License-Identifier: MIT
"""Files that are written: what is on the disk is looked at on the build machine, by e2fsck and debugfs."""

import hashlib
import os
import random
import re
import shutil
import subprocess
import time

import inputs
from qemu import Failure, test

MIB = 1 << 20


def disk_of(system, files=None, size=64 * MIB, options=()) -> str:
    """A disk of its own for a test, which it may write, with the build's files and more."""
    tree = system.directory / "tree"
    shutil.copytree(system.build / "rootfs", tree, symlinks=True)
    return inputs.disk(system, files or {}, ["-L", "cardea", "-s", str(size), *options])


def boot(system, image: str, **changes) -> None:
    """Boots with a disk that is written for good."""
    drive = f"if=none,format=raw,id=disk0,file.locking=off,file={image}"
    system.boot(disk=None, extra=("-drive", drive, "-device", "virtio-blk-device,drive=disk0"), **changes)
    system.wait_prompt()


def replayed(system, image: str) -> str:
    """A copy of the image, its journal replayed by e2fsck if there is something in it."""
    copy = system.directory / "replayed.img"
    shutil.copyfile(image, copy)
    subprocess.run(["e2fsck", "-E", "journal_only", "-y", copy], capture_output=True)
    return str(copy)


def check(image: str) -> None:
    """The file system is sound as it is."""
    result = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True)
    if result.returncode != 0 or "journal recovery" in result.stdout:
        raise Failure(f"e2fsck does not find it clean:\n{result.stdout}{result.stderr}")


def debugfs(image: str, request: str) -> str:
    command = ["debugfs", "-R", request, image]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def content(system, image: str, path: str) -> bytes:
    """What debugfs reads of a file."""
    out = system.directory / "dumped"
    out.unlink(missing_ok=True)
    debugfs(image, f'dump "{path}" {out}')
    return out.read_bytes() if out.exists() else b""


def good(system, line: str, timeout: float = 60) -> None:
    """A command that has nothing to say."""
    said = system.command(line, timeout)
    if said:
        raise Failure(f"'{line}' printed:\n{said}")


def off(system) -> None:
    """Switches the machine off; the file system is clean then."""
    system.send_line("poweroff")
    if system.wait_exit(30) != 0:
        raise Failure("the machine did not switch off")


def type_file(system, path: str, text: str) -> None:
    system.send_line(f"write {path}")
    system.send(text.replace("\n", "\r") + "\x04")
    system.wait_prompt()


@test(harts=(1, 4), boot=False, timeout=120)
def tree(system):
    """A tree is written; across a reboot and on the host it is the same."""
    image = disk_of(system)
    boot(system, image)
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


# What a program writes: tests/system/writer.c.

FACTOR, FILES, LINE = 0x9E3779B97F4A7C15, 8, 14


def boot_writer(system, name: str, image: str, fs=None) -> None:
    """Boots with the program that writes, as a process that is called what it is to do."""
    node = (
        f'    {name} {{ program = "writer"; restart = "never"; priority = <90>; memory = <4096>;'
        ' kernel = "log"; uses = <&mm MM_USE>, <&init PROC_SELF>, <&console CONSOLE_WRITE>,'
        " <&fs (FS_READ | FS_WRITE)>; };\n"
    )
    files = {"writer": (system.build / "system/writer").read_bytes()} | ({"fs": fs} if fs else {})
    add = lambda text: text.replace("    sh {\n", node + "    sh {\n", 1)  # noqa: E731
    boot(system, image, initrd=inputs.described(system, add, **files))


def written(number: int, size: int) -> bytes:
    """What the program writes as content of that number."""
    return (((number * FACTOR) & (1 << 64) - 1).to_bytes(8, "little") * (size // 8 + 1))[:size]


def generation(number: int) -> bytes:
    return written(number, 100 + number * 7919 % 40000)


def check_rewritten(system, image: str, synced: int) -> int:
    """All that was synced is there, and nothing that was never written. How many steps there are."""
    log = content(system, image, "/w/log")
    steps = len(log) // LINE
    if log != b"".join(b"line %08d\n" % n for n in range(steps)):
        raise Failure(f"the log is damaged behind {synced}: {log[-200:]}")
    if steps <= synced:
        raise Failure(f"{synced} was synced, and the log ends with {steps - 1}")
    for k in range(min(FILES, steps)):
        newest = steps - 1 - (steps - 1 - k) % FILES
        held = content(system, image, f"/w/f{k}")
        if held != generation(newest) and not (k == steps % FILES and held == generation(steps)):
            raise Failure(f"/w/f{k} has {len(held)} bytes that are not those of step {newest} of {steps}")
    return steps


def last_synced(system) -> int:
    numbers = re.findall(r"synced (\d+)\n", system.output)
    return int(numbers[-1]) if numbers else -1


def listen(system, seconds: float) -> None:
    """Takes in what is printed for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        system._read(left)


@test(harts=(1, 4), boot=False, timeout=200)
def killed_while_writing(system):
    """QEMU is killed again and again; all that fsync returned for is there, for e2fsck and for fs."""
    image = disk_of(system, size=32 * MIB)
    chance, kills, synced, steps = random.Random(system.machine.harts), int(os.environ.get("KILLS", 8)), -1, 0
    for _ in range(kills):
        boot_writer(system, "rewrite", image)
        system.expect("synced ")
        listen(system, chance.uniform(0.05, 1.0))
        system.stop()
        synced = max(synced, last_synced(system))
        copy = replayed(system, image)
        check(copy)
        steps = check_rewritten(system, copy, synced)
    boot(system, image)
    off(system)
    check(image)
    check_rewritten(system, image, synced)
    system.note(f"{kills} kills, {steps} steps")


@test(harts=(1, 4), boot=False, timeout=200)
def servers_killed_while_writing(system):
    """fs and the driver are killed while a program writes; it goes on, and everything is there."""
    image = disk_of(system, size=32 * MIB)
    boot_writer(system, "rewrite", image)
    for round in range(int(os.environ.get("KILLS", 8))):
        system.expect("synced ")
        listen(system, 0.3)
        system.send_line(f"kill {'fs' if round % 2 else 'virtio-blk'}")
    for _ in range(50):
        system.expect("synced ")
    system.send_line("poweroff")
    if system.wait_exit(30) != 0:
        raise Failure("the machine did not switch off")
    if "failed" in system.output:
        raise Failure("the program that writes has failed")
    synced = last_synced(system)
    check(image)
    system.note(f"{check_rewritten(system, image, synced)} steps")


@test(harts=(1, 4), boot=False, timeout=200)
def many_names(system):
    image = disk_of(system, size=64 * MIB)
    boot_writer(system, "many", image)
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
    boot_writer(system, "large", image)
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
    drive = f"if=none,format=raw,id=disk0,readonly=on,file={image}"
    system.boot(disk=None, extra=("-drive", drive, "-device", "virtio-blk-device,drive=disk0"))
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
