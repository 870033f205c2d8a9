# SPDX-License-Identifier: MIT
"""
What programs leave behind: capabilities and memory of every process, counted around many programs that end by
themselves, crash, or are killed, and around servers that are killed. LEAK_ROUNDS=300 makes it long.
"""

import os
import random
import re

import inputs
from qemu import Failure, test

ROUNDS = int(os.environ.get("LEAK_ROUNDS", "30"))
SECONDS = 60 + 4 * ROUNDS
LARGE, LARGE_FILES = 8 << 20, 4  # bytes; together they are twice what fs keeps
SLOW = 1 << 20  # bytes a second of a disk that is held back
WAITS = 4  # objects that a new server makes when more than one request waits at once, and keeps
PIECES = 8  # of free memory that mm may have more: it depends on what was freed last


def rows(system, command: str) -> list:
    return [line.split() for line in system.command(command).splitlines()[1:]]


def count(system, restarted=()) -> dict:
    """Capabilities and KiB by process; of one that was restarted there is a new start to compare with."""
    system.quiet()
    counted = {}
    for row in rows(system, "ps"):
        name, memory = row[1], int(row[-2].rstrip("K"))
        counted[name] = (len(rows(system, f"caps {name}")), memory if name not in restarted else 0)
    return counted


def compare(before: dict, after: dict, what: str, restarted=()) -> None:
    allowed = {"mm": PIECES} | {name: WAITS for name in restarted}
    more = {
        name: (before.get(name), (caps, memory))
        for name, (caps, memory) in after.items()
        if name not in before
        or caps > before[name][0] + allowed.get(name, 0)
        or memory > before[name][1]
    }
    if more:
        raise Failure(f"after {ROUNDS} {what} there is more: {more}")


def run_programs(system, rounds: int) -> None:
    for number in range(rounds):
        line = ("hello", "wc /README.txt", "crash read 0x18", "crash exit 3")[number % 4]
        system.command(line)


def kill_programs(system, rounds: int) -> None:
    for number in range(rounds):
        system.send_line("crash spin" if number % 2 else "grab ears")
        if number % 2 == 0:
            system.expect("mine\n")
        system.quiet(0.15)
        system.send("\x03" if number % 2 else "\x1c" * 3)
        system.expect("killed\n")
        system.wait_prompt()


@test(timeout=SECONDS)
def programs(system):
    system.wait_prompt()
    run_programs(system, 8)
    before = count(system)
    run_programs(system, ROUNDS)
    compare(before, count(system), "programs")


@test(timeout=SECONDS)
def kills(system):
    system.wait_prompt()
    kill_programs(system, 4)
    before = count(system)
    kill_programs(system, ROUNDS)
    compare(before, count(system), "kills")


@test(timeout=60 + 8 * ROUNDS)
def restarts(system):
    """Of each server in turn. A session of its clients with it stays as it is."""
    servers = ("virtio-blk", "fs", "gpio", "console")
    system.wait_prompt()
    rounds = max(WAITS + 1, ROUNDS // 10)  # one that is left at each restart shows

    def restart() -> None:
        for server in servers:
            system.command(f"kill {server}")
            system.command("cat /poem")

    restart()
    before = count(system, servers)
    for _ in range(rounds):
        restart()
    compare(before, count(system, servers), f"restarts, {rounds} of each server,", servers)
    if not re.search(r"^ *\d+ fs .* [1-9]\d*$", system.command("ps"), re.M):
        raise Failure("fs was not restarted")


def kill_while_reading(system, rounds: int, dice: random.Random) -> int:
    """Programs that read what is not in fs's cache, each at another moment. Returns how many were killed."""
    killed = 0
    for number in range(rounds):
        system.send_line(f"wc /large{number % LARGE_FILES}")
        system.quiet(dice.uniform(0.02, 0.4))
        system.send("\x03")
        killed += "killed" in system.expect_regex(r"wc: killed\r?\n|\w{8} /large\d\r?\n").group(0)
        system.wait_prompt()
    return killed


@test(timeout=120 + 4 * ROUNDS, boot=False)
def kills_while_the_disk_is_waited_for(system):
    files = {f"bin/{path.name}": path.read_bytes() for path in (system.build / "rootfs/bin").iterdir()}
    files |= {f"large{n}": random.Random(n).randbytes(LARGE) for n in range(LARGE_FILES)}
    system.boot(disk=inputs.disk(system, files))
    system.wait_prompt()
    for n in range(LARGE_FILES):
        system.command(f"wc /large{n}", 60)  # fs takes all the memory that it may have
    system.monitor(f"block_set_io_throttle disk0 {SLOW} 0 0 0 0 0")
    dice = random.Random(1)
    kill_while_reading(system, 4, dice)
    before = count(system)
    killed = kill_while_reading(system, ROUNDS, dice)
    if killed < ROUNDS // 2:
        raise Failure(f"only {killed} of {ROUNDS} programs were killed before they were at their end")
    compare(before, count(system), "kills of who waits for the disk")
    system.monitor("block_set_io_throttle disk0 0 0 0 0 0 0")
    if str(LARGE) not in system.command("wc /large0", 60):
        raise Failure("fs does not read any more")
    system.command("mkdir /after")  # waits until nobody reads
    if "after" not in system.command("ls /"):
        raise Failure("fs does not change anything any more")
