# SPDX-License-Identifier: MIT
"""The boot matrix: what a cell of it is, and what the system must do there."""

import importlib
import re
import sys
from dataclasses import dataclass, field
from typing import Callable, Optional

from registry import Failure, Test

BOOT_LINE = r"\] (\d+) MiB, hart (\d+) of (\d+),.* (OpenSBI [\d.]+)\n"
UNITS = {"M": 1, "G": 1024}


@dataclass
class Cell:
    """One way to the prompt, always with the same kernel image and archive."""

    name: str
    machine: str  # the first words of a row of the table
    path: str
    smp: int = 1
    memory: str = "512M"
    harts: Optional[int] = None  # that can be used; None: all
    disk: bool = False  # whether there is a root file system
    quick: bool = False  # whether it is in `make test` as well
    ends_by: str = "poweroff"  # the command after which QEMU ends; "": it is killed
    timeout: float = 60
    options: dict = field(default_factory=dict)  # members of Machine
    prepare: Optional[Callable] = None  # given the system, returns more of them
    expected: tuple = ()  # texts of the firmware, in this order
    opensbi: str = "OpenSBI 1.1"

    def row(self) -> str:
        return f"{self.machine:<17} {self.path:<50} {self.harts or self.smp:>5} {self.memory:>6}"

    def test(self) -> Test:
        options = {"memory": self.memory, **self.options}
        return Test(self.name, self.run, (self.smp,), self.timeout, False, False, options, self.row())

    def run(self, system) -> None:
        system.boot(**(self.prepare(system) if self.prepare else {}))
        for text in self.expected:
            system.expect(text, 60)
        self.check_machine(system)
        system.wait_prompt(self.timeout)
        processes = system.command("ps")
        if not re.search(r"^ *\d+ sh ", processes, re.MULTILINE):
            raise Failure(f"ps shows no shell: {processes!r}")
        if self.disk and "README.txt" not in (listing := system.command("ls /")):
            raise Failure(f"no README.txt in the root directory: {listing!r}")
        self.end(system)

    def check_machine(self, system) -> None:
        """The kernel says how much memory and how many harts it has found."""
        memory, hart, harts, opensbi = system.expect_regex(BOOT_LINE, self.timeout).groups()
        wanted = int(self.memory[:-1]) * UNITS[self.memory[-1]], self.harts or self.smp, self.opensbi
        if (int(memory), int(harts), opensbi) != wanted:
            raise Failure(f"MiB, harts and firmware are {memory}, {harts}, {opensbi} instead of {wanted}")
        system.note(f"hart {hart} booted")

    def end(self, system) -> None:
        if not self.ends_by:
            return
        system.send_line(self.ends_by)
        status = system.wait_exit()
        if status != 0:
            raise Failure(f"after {self.ends_by} QEMU ended with status {status} instead of 0")


@dataclass
class CostCell(Cell):
    """The kernel's bench in place of the system: no row of it may be more than `most` says."""

    most: dict = field(default_factory=dict)

    def run(self, system) -> None:
        system.boot(initrd=str(system.build / "bench.cpio"), disk=None, append="counters", icount=True)
        status = system.wait_exit(self.timeout)
        found = dict(re.findall(r"\bbench (\w+) (\d+) insn$", system.output, re.MULTILINE))
        if status != 0 or "bench: done" not in system.output:
            raise Failure(f"the bench ended with status {status}")
        for name, most in self.most.items():
            system.note(f"{name}: {found[name]} instructions")
            if int(found[name]) > most:
                raise Failure(f"{name} is {found[name]} instructions, may be {most}")


HEADER = f"{'result':<6}  {'machine':<17} {'firmware and path':<50} {'harts':>5} {'memory':>6} {'seconds':>8}"


def matrix() -> list:
    """The cells of tests/boards/matrix.py."""
    if "tests/boards" not in sys.path:
        sys.path.insert(0, "tests/boards")
    return importlib.import_module("matrix").CELLS
