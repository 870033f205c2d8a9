# SPDX-License-Identifier: MIT
"""Files that are written: what is on the disk is looked at on the build machine, by e2fsck and debugfs."""

import hashlib
import os
import random
import re
import shutil
import struct
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


def start(system, image: str, **changes) -> None:
    """Starts the machine with a disk that is written for good."""
    changes = {"initrd": "default", "extra": drive(image)} | changes
    system.boot(disk=None, **changes)


def drive(image: str) -> tuple:
    options = f"if=none,format=raw,id=disk0,file.locking=off,file={image}"
    return ("-drive", options, "-device", "virtio-blk-device,drive=disk0")


def boot(system, image: str) -> None:
    start(system, image)
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


# What a program writes: tests/system/writer.c.

FACTOR, FILES, LINE = 0x9E3779B97F4A7C15, 8, 14


def start_writer(system, name: str, image: str, fs=None, **changes) -> None:
    """Starts with the program that writes, as a process that is called what it is to do."""
    node = (
        f'    {name} {{ program = "writer"; restart = "never"; priority = <90>; memory = <4096>;'
        ' kernel = "log"; uses = <&mm MM_USE>, <&init PROC_SELF>, <&console CONSOLE_WRITE>,'
        " <&fs (FS_READ | FS_WRITE)>; };\n"
    )
    files = {"writer": (system.build / "system/writer").read_bytes()} | ({"fs": fs} if fs else {})
    add = lambda text: text.replace("    sh {\n", node + "    sh {\n", 1)  # noqa: E731
    start(system, image, initrd=inputs.described(system, add, **files), **changes)


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
        start_writer(system, "rewrite", image)
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
    start_writer(system, "rewrite", image)
    for round in range(int(os.environ.get("KILLS", 8))):
        system.expect("synced ")
        listen(system, 0.3)
        system.send_line(f"kill {'fs' if round % 2 else 'virtio-blk'}; echo killed {round}")
        system.expect_regex(rf"^killed {round}\n")
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


# What a loss of power leaves: QEMU's blklogwrites notes every write and every flush that reaches the disk.

SECTOR, FLUSH, STATES = 512, 1, int(os.environ.get("STATES", 12))


class WriteLog:
    """The log of QEMU's block/blklogwrites.c, which is that of Linux's dm-log-writes: its entries."""

    def __init__(self, path):
        self.file, self.entries, self.next = open(path, "rb"), [], SECTOR

    def read(self) -> int:
        """Takes in what is there; how many entries there are."""
        while True:
            self.file.seek(self.next)
            head = self.file.read(32)
            sector, count, flags, _ = struct.unpack("<4Q", head) if len(head) == 32 else (0, 0, 0, 0)
            if not count and not flags:
                return len(self.entries)
            self.entries.append((sector, count, flags, self.next + SECTOR))
            self.next += SECTOR + count * SECTOR

    def apply(self, image: bytearray, entry: tuple) -> None:
        sector, count, _, at = entry
        self.file.seek(at)
        image[sector * SECTOR : (sector + count) * SECTOR] = self.file.read(count * SECTOR)


def noted(system, fs=None) -> tuple:
    """Has the program write: the disk as it was before, the log, and (step, entries) as it said them."""
    image, path = disk_of(system, size=32 * MIB), system.directory / "writes"
    before = bytearray(open(image, "rb").read())
    path.touch()
    nodes = (
        f"driver=file,filename={image},node-name=file", "driver=raw,file=file,node-name=raw",
        f"driver=file,filename={path},node-name=log",
        f"driver=blklogwrites,file=raw,log=log,log-sector-size={SECTOR},node-name=disk",
    )
    extra = [word for node in nodes for word in ("-blockdev", node)]
    start_writer(system, "paced", image, fs, extra=(*extra, "-device", "virtio-blk-device,drive=disk"))
    log, said = WriteLog(path), []
    while len(said) < 60:
        step = int(system.expect_regex(r"synced (\d+)\n").group(1))
        said.append((step, log.read()))
    system.stop()
    log.read()
    return before, log, said


def states(before: bytearray, log: WriteLog, said: list, chance: random.Random):
    """Disks as a loss of power may leave them, each with the last step that was said to be synced."""
    ends = [entries for _, entries in said]
    points = sorted(chance.choice(ends) + chance.choice((0, 0, 1, 2, 5)) for _ in range(STATES))
    disk, done = before, 0
    for point in points:
        point = min(point, len(log.entries))
        flushed = max((n for n in range(point) if log.entries[n][2] & FLUSH), default=0)
        for entry in log.entries[done : max(flushed, done)]:
            log.apply(disk, entry)
        done = max(flushed, done)
        state, share = bytearray(disk), chance.choice((0, 0.5, 0.9, 1))
        for entry in log.entries[done:point]:
            if chance.random() < share:
                log.apply(state, entry)
        yield state, max((step for step, entries in said if entries <= point), default=-1)


def check_states(system, fs=None) -> int:
    """Fails if one of the states lacks something that was synced."""
    before, log, said = noted(system, fs)
    image = system.directory / "crashed.img"
    for state, synced in states(before, log, said, random.Random(system.machine.harts)):
        image.write_bytes(state)
        copy = replayed(system, image)
        check(copy)
        check_rewritten(system, copy, synced)
    return len(log.entries)


@test(harts=(1, 4), boot=False, timeout=120)
def power_lost(system):
    """What fsync returned for is there whatever the disk had not brought to the medium yet."""
    system.note(f"{STATES} states of {check_states(system)} writes and flushes")


@test(harts=(1,), boot=False, timeout=120)
def power_lost_without_flush(system):
    """The test before finds a file server that forgets to flush."""
    try:
        check_states(system, (system.build / "system/fs-without-flush").read_bytes())
    except Failure as failure:
        system.note(str(failure).split("\n")[0])
        return
    raise Failure("nothing was lost, though nothing was flushed")


def failing(image: str, sector: int) -> tuple:
    """A disk with a sector that cannot be written; -1: none of them can."""
    node = "driver=raw,node-name=disk,file.driver=blkdebug"
    node += f",file.image.driver=file,file.image.filename={image}"
    node += ",file.inject-error.0.event=none,file.inject-error.0.iotype=write"
    node += f",file.inject-error.0.sector={sector}"
    return ("-blockdev", node, "-device", "virtio-blk-device,drive=disk")


@test(harts=(1, 4), boot=False, timeout=60)
def disk_that_cannot_be_written(system):
    system.boot(disk=None, extra=failing(disk_of(system, size=16 * MIB), -1))
    system.wait_prompt()
    if (said := system.command("mkdir /a")) != "mkdir: /a: input/output error\n":
        raise Failure(f"an error of the disk is told as {said!r}")
    check_is_read(system)


@test(harts=(1, 4), boot=False, timeout=60)
def sector_that_cannot_be_written(system):
    """The log reaches a bad sector after a while; what was synced before is there."""
    image = disk_of(system, size=16 * MIB)
    sector = int(debugfs(image, "bmap <8> 60").split()[-1]) * 8
    system.boot(disk=None, extra=failing(image, sector))
    system.wait_prompt()
    for n in range(40):
        good(system, f"mkdir /d{n}")
        if said := system.command("sync"):
            break
    if n < 2 or said != "sync: file system: input/output error\n":
        raise Failure(f"an error of the disk is told as {said!r} after {n} good commits")
    check_is_read(system)
    system.stop()
    copy = replayed(system, image)
    check(copy)
    names = debugfs(copy, "ls /")
    if any(f" d{i} " not in names for i in range(n)):
        raise Failure(f"of {n} directories that were synced there are only\n{names}")


def check_is_read(system) -> None:
    """After an error nothing is written any more, and the log says why; what is there can be read."""
    if (said := system.command("mkdir /b")) != "mkdir: /b: read-only\n":
        raise Failure(f"after an error of the disk mkdir says {said!r}")
    log = system.command("dmesg")
    if "cannot be written" not in log and "does not say that it has what was written" not in log:
        raise Failure(f"the log does not say why:\n{log}")
    if "read-only" not in system.command("df") or "hinge" not in system.command("cat /poem"):
        raise Failure("it cannot be read, or is not said to be read-only")


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


@test(harts=(1, 4), boot=False, timeout=90)
def written_without_sync(system):
    """After some seconds it is on the disk all the same, and after some more nothing is left to be replayed."""
    image = disk_of(system, size=16 * MIB)
    boot(system, image)
    good(system, "echo kept > /kept")
    listen(system, 8)
    copy = replayed(system, image)
    check(copy)
    if content(system, copy, "/kept") != b"kept\n":
        raise Failure("it is not on the disk after 8 seconds")
    listen(system, 12)
    system.stop()
    check(image)
    if content(system, image, "/kept") != b"kept\n":
        raise Failure("the file is gone")


@test(boot=False, timeout=200, machine="sifive_u", memory="2G", harts=(2, 5))
def card(system):
    """Files on an SD card, with the driver killed in between."""
    image = disk_of(system, size=64 * MIB)
    system.boot(disk=None, extra=("-drive", f"if=sd,format=raw,file.locking=off,file={image}"))
    system.wait_prompt(60)
    for line in ("mkdir /new", "cp /big.txt /new/big", "kill sd-spi", "cp /new/big /new/again", "echo x > /new/x"):
        good(system, line, 60)
    system.send_line("reboot")
    if system.wait_exit(60) != 0:
        raise Failure("the machine did not restart")
    check(image)
    big = (system.build / "rootfs/big.txt").read_bytes()
    if any(content(system, image, f"/new/{name}") != big for name in ("big", "again")):
        raise Failure("a file on the card is not what was written")
