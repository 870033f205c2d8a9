# SPDX-License-Identifier: MIT
"""
Where instructions go between two marks of a program (tests/bench/span.h): the plugin of spans.c in QEMU, and
what its figures say.
"""

import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from registry import Failure

FIRMWARE, WAITING = "(firmware)", "(waiting)"


@dataclass
class Span:
    """What all harts executed in one span, for each of `count` operations."""

    name: str = ""
    count: int = 1
    ipis: int = 0
    parts: dict = field(default_factory=dict)  # (hart, function) -> (instructions, calls)

    def each(self, chosen=lambda function: True) -> float:
        """Instructions of an operation in the functions that are chosen."""
        return sum(part[0] for (_, name), part in self.parts.items() if chosen(name)) / self.count

    @property
    def firmware(self) -> float:
        return self.each(lambda name: name == FIRMWARE)

    @property
    def waiting(self) -> float:
        return self.each(lambda name: name == WAITING)

    @property
    def work(self) -> float:
        """Without firmware and waiting."""
        return self.each() - self.firmware - self.waiting

    @property
    def work_and_firmware(self) -> float:
        return self.work + self.firmware

    @property
    def ipis_each(self) -> float:
        return self.ipis / self.count

    @property
    def entries(self) -> float:
        """How often the kernel was entered in an operation."""
        entered = (part[1] for (_, name), part in self.parts.items() if name.startswith("trap_entry"))
        return sum(entered) / self.count

    def of_program(self, program: str) -> float:
        return self.each(lambda name: name.startswith(program + ":"))

    @property
    def kernel(self) -> float:
        return self.each(lambda name: ":" not in name and name not in (WAITING, FIRMWARE))

    def most(self, shown: int = 12) -> str:
        """The functions with the largest parts, and how often each was called."""
        sums = {}
        for (_, name), (instructions, calls) in self.parts.items():
            before = sums.get(name, (0, 0))
            sums[name] = (before[0] + instructions, before[1] + calls)
        largest = sorted(sums.items(), key=lambda item: -item[1][0])[:shown]
        return ", ".join(
            f"{name} {instructions / self.count:,.0f} ({calls / self.count:.1f} calls)"
            for name, (instructions, calls) in largest
        )


def functions(build: Path, programs: dict) -> list:
    """(address, name) of each function of the kernel and of `programs` (ELF files by name), by address."""
    rows = []
    for name, elf in {"": build / "kernel/cardea.elf", **programs}.items():
        command = [os.environ.get("CROSS", "riscv64-unknown-elf-") + "nm", elf]
        lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
        found = [line.split() for line in lines]
        prefix = f"{name}:" if name else ""
        rows += [(int(row[0], 16), prefix + row[2]) for row in found if len(row) == 3 and row[1] in "tT"]
    return sorted(rows)


def write_functions(path: Path, build: Path, programs: dict) -> Path:
    """The same as a file for the plugins."""
    rows = functions(build, programs)
    path.write_text("".join(f"{address:x} {name[:59]}\n" for address, name in rows))
    return path


def options(build: Path, output: Path, programs: dict) -> tuple:
    """What QEMU is given to write its figures to `output`."""
    output.unlink(missing_ok=True)
    names = write_functions(output.with_suffix(".functions"), build, programs)
    return ("-plugin", f"{build}/tools/spans.so,output={output},functions={names}")


def read(output: Path, printed: str) -> dict:
    """Spans by name: what a QEMU wrote, with the names that the program printed."""
    spans = {}
    for number, name, count in re.findall(r"\bspan (\d+) (\w+) (\d+)$", printed, re.MULTILINE):
        spans[int(number)] = Span(name, int(count))
    for line in output.read_text().splitlines():
        words = line.split()
        span = spans.get(int(words[1]))
        if span is None:
            raise Failure(f"span {words[1]} has no name")
        if words[0] == "span":
            span.ipis = int(words[5])
        else:
            span.parts[int(words[2]), words[3]] = (int(words[4]), int(words[5]))
    return {span.name: span for span in spans.values()}
