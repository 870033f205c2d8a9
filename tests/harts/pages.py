# SPDX-License-Identifier: MIT
"""
Fresh pages touched by the clock, in the system that ships: one program on each hart of a machine with several
against one on a machine with one, and two programs on two harts against one (tests/system/touch.c).

Two machines that are compared run in turn, the other one stopped, so that they get the same of the host.
"""

import re
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from os import cpu_count

import inputs
import qemu
from registry import Failure

LINE = re.compile(r"touch (\d+) slot (\d+) pages (\d+) us (\d+)\n")
ACCEL = ("-accel", "tcg,thread=multi")
SPIN = "while True: pass"
SLOT = 0.2  # seconds, as in touch.c
PATIENCE = 5  # a program may miss its slot on a busy host, but not so many times in a row


def node(number: int, harts: int) -> str:
    return (f"    touch{number}of{harts} {{ restart = \"never\"; program = \"touch\"; priority = <100>; "
            f"memory = <49152>; hart = <{number}>; uses = <&mm MM_USE>, <&init PROC_SELF>, "
            "<&console CONSOLE_WRITE>; kernel = \"log\"; };\n")


class Touchers:
    """A machine on each of whose harts a program touches pages, one at a time; in one slot of a turn, two."""

    def __init__(self, system, harts: int):
        directory = system.directory / f"touch{harts}"
        directory.mkdir(exist_ok=True)
        log = system.log_path.with_suffix(f".touch{harts}.log")
        machine = replace(system.machine, harts=harts, extra=ACCEL, disk=None)
        left = system.deadline - time.monotonic()
        self.system = qemu.System(system.build, machine, log, directory, left, False)
        self.harts = harts
        nodes = "".join(node(number, harts) for number in range(harts))
        program = (system.build / "system/touch").read_bytes()
        inputs.boot_described(self.system, lambda text: text.replace("    sh {\n", nodes + "    sh {\n", 1),
                              touch=program)
        self.system.wait_prompt()
        self.slots()  # the emulator translates everything
        self.system.monitor("stop")

    def slots(self, turns: int = 1) -> list:
        """
        What was done in the next slots, for so many turns: ([numbers of programs], pages a second, pages for
        each second that the host's processors worked, None when the slot was not read in time to know that).
        """
        found, done, before, read_at = [], {}, None, 0.0
        while len(found) < turns * (self.harts + 1 if self.harts > 1 else 1):
            number, slot, pages, us = map(int, self.system.expect(LINE, 30).groups())
            done.setdefault(slot, {})[number] = (pages, us)
            now, at = self.system.processor_time(), time.monotonic()
            expected = 2 if self.harts > 1 and slot % (self.harts + 1) == self.harts else 1
            if len(done[slot]) < expected:
                continue
            programs = done[slot]
            rate = sum(pages * 1e6 / us for pages, us in programs.values())
            total = sum(pages for pages, _ in programs.values())
            if before is not None:
                in_time = SLOT / 2 < at - read_at < SLOT * 2 and now > before
                found.append((sorted(programs), rate, total / (now - before) if in_time else None))
            before, read_at = now, at
        return found

    def run(self, turns: int = 1) -> list:
        """The same of a machine that is stopped before and afterwards."""
        self.system.monitor("cont")
        try:
            return self.slots(turns)
        finally:
            self.system.monitor("stop")


    def check_alive(self, missing) -> None:
        """Fails when a program has crashed, or when `missing` names some that never had a slot."""
        self.system.monitor("cont")
        log = self.system.command("dmesg")
        crashed = re.search(r"touch\dof\d: (?!.*touch \d slot).*", log)
        if crashed:
            raise Failure(crashed.group(0))
        if missing:
            raise Failure(f"programs {missing} never come to work in time")


@contextmanager
def machines(system, *harts: int):
    made = []
    try:
        for count in harts:
            made.append(Touchers(system, count))
        yield made
    finally:
        for machine in made:
            machine.system.close()


@contextmanager
def busy_host():
    """As many processes that do nothing but compute as the host has processors."""
    spinning = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(cpu_count())]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def rates(slots: list, programs: list, which: int) -> list:
    """Of the slots in which these programs worked: 1 by the clock, 2 by the work of the host's processors."""
    return [slot[which] for slot in slots if slot[0] == programs and slot[which] is not None]


def middle(figures: list) -> float:
    return statistics.median(figures) if figures else 0.0


def ratio(some: float, others: float) -> float:
    return some / others if others else 0.0


def lacking(slots: list, wanted: list, count: int):
    """Programs that worked in fewer slots than `count`; None: there are none."""
    return next((programs for programs in wanted if len(rates(slots, programs, 1)) < count), None)


def compare(system, rounds: int, summary) -> tuple:
    """
    What one program does on the worst of four harts, of what it does where there is one hart: by the clock,
    by the work of the host's processors. `summary` makes one figure of those of many slots.
    """
    alone, among = [], []
    with machines(system, 1, 4) as (one, four):
        for _ in range(PATIENCE * rounds):
            alone += one.run(3)
            among += four.run()
            if lacking(among, [[number] for number in range(4)], rounds) is None:
                break
        four.check_alive(lacking(among, [[number] for number in range(4)], 1))
    return tuple(
        ratio(min(of(rates(among, [number], which)) for number in range(4)), of(rates(alone, [0], which)))
        for which, of in ((1, summary), (2, middle))
    )


def of_four(system, rounds: int) -> tuple:
    """By the best slots, so that what else the host does at times counts for nobody."""
    return compare(system, rounds, max)


def of_four_when_busy(system, rounds: int) -> tuple:
    """On a host all of whose processors are busy, by the mean of all slots."""
    with busy_host():
        return compare(system, rounds, statistics.mean)


def two_programs(system, rounds: int) -> tuple:
    """
    What two programs on two harts do together, of what one does: by the clock, by the work of the processors.
    By the best slots.
    """
    slots = []
    with machines(system, 2) as (two,):
        for _ in range(PATIENCE * rounds):
            slots += two.run()
            if lacking(slots, [[0], [1], [0, 1]], rounds) is None:
                break
        two.check_alive(lacking(slots, [[0], [1], [0, 1]], 1))
    by_clock, by_work = (
        ratio(of(rates(slots, [0, 1], which)), of(rates(slots, [0], which) + rates(slots, [1], which)))
        for which, of in ((1, max), (2, middle))
    )
    return by_clock, 2 * by_work
