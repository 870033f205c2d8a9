# SPDX-License-Identifier: MIT
"""What is on the disk after a loss of power, a server that dies, an error of the disk."""

import os
import random
import struct

from qemu import Failure, test
from written import (
    MIB, boot, check, check_rewritten, content, debugfs, disk_of, good, last_synced, listen, off, replayed,
    start_writer,
)


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


@test(harts=(1, 4), boot=False, timeout=90)
def written_without_sync(system):
    """After some seconds it is on the disk all the same, and after some more there is nothing to replay."""
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


@test(harts=(1, 4), boot=False, timeout=60)
def sync_tells_what_may_be_lost(system):
    """fs dies with changes that nobody synced: sync says so, once; what was synced before is there."""
    boot(system, disk_of(system, size=16 * MIB))
    for line in ("touch /synced", "sync", "touch /lost", "kill fs", "touch /after"):
        good(system, line)
    said = system.command("sync")
    if said != "sync: file system: fs was restarted: what was changed before may be lost\n":
        raise Failure(f"sync says {said!r}")
    good(system, "sync")
    names = system.command("ls /").split()
    if "synced" not in names or "after" not in names:
        raise Failure(f"there are only {names}")
