# SPDX-License-Identifier: MIT
"""Servers that wait for nobody: whoever waits for the disk delays no other (tests/system/beside.c)."""

import re
import statistics

import inputs
from qemu import Failure, test

LINE = r"beside reads (\d+) us (\d+) longest (\d+)\r?\n"
NODE = """
    beside { restart = "never"; priority = <90>; memory = <2048>; kernel = "log";
        uses = <&mm MM_USE>, <&init PROC_SELF>, <&console CONSOLE_WRITE>, <&fs FS_READ>; };
"""
SLOTS = 12
HELD_BACK = 1000  # bytes a second: the disk's second request takes a minute
COLD = bytes(range(256)) * 2048
READ = rf"{len(COLD)} \w+ /cold"


def rates(system) -> list:
    """Reads a second in the next slots."""
    found = []
    while len(found) < SLOTS:
        reads, us, _ = map(int, system.expect_regex(LINE, 30).groups())
        found.append(reads * 1e6 / us)
    return found


def throttle(system, rate: int) -> None:
    system.monitor(f"block_set_io_throttle disk0 {rate} 0 0 0 0 0")


@test(timeout=200, boot=False)
def a_held_back_disk(system):
    """One client's reads of what is in the cache go on at full speed while another waits for the disk."""
    files = {f"bin/{path.name}": path.read_bytes() for path in (system.build / "rootfs/bin").iterdir()}
    files |= {"README.txt": (system.build / "rootfs/README.txt").read_bytes(), "cold": COLD}
    initrd = inputs.described(system, lambda text: text.replace("    sh {\n", NODE + "    sh {\n", 1),
                              beside=(system.build / "system/beside").read_bytes())
    system.boot(disk=inputs.disk(system, files), initrd=initrd)
    system.wait_prompt(60)
    system.command("wc /README.txt")
    free = rates(system)
    throttle(system, HELD_BACK)
    start = len(system.output)
    system.send_line("wc /cold")
    beside = rates(system)
    if re.search(READ, system.output[start:]):
        raise Failure("the disk was not held back")
    system.note(f"{statistics.median(free):,.0f} reads a second, beside a held back disk "
                f"{statistics.median(beside):,.0f}")
    if statistics.median(beside) < statistics.median(free) / 2:
        raise Failure("who reads from the cache waits for the disk of another")
    throttle(system, 0)
    system.expect_regex(READ, 60)
