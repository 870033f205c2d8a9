# SPDX-License-Identifier: MIT
"""
How long the kernel keeps interrupts off: the plugin of irqs_off.c in QEMU, and what its figures say.

    tests/bench/irqs_off.py --build build/release    all QEMU tests on one hart (`make irqs-off`)
"""

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

import spans  # noqa: E402

CONTRACT = 10_000
SHOWN = 8  # longest stretches that are printed
# Not the system at work: the kernel's own tests, and its end.
LEFT_OUT = ("panic", "selftest", "gdb", "fuzz", "coverage")


@dataclass
class Stretch:
    """The longest one of those in which one function of the kernel took most."""

    count: int  # without waiting
    firmware: int
    waiting: int
    functions: list  # (name, instructions), most first
    run: str = ""

    def __str__(self) -> str:
        most = ", ".join(f"{name} {count:,}" for name, count in self.functions[:6])
        waited = f", waited {self.waiting:,} more" if self.waiting else ""
        return f"{self.count:,} ({self.firmware:,} in firmware{waited}) {self.run}: {most}"


@dataclass
class Figures:
    stretches: int = 0
    instructions: int = 0
    waiting: int = 0
    over: dict = field(default_factory=dict)  # at least so many instructions: stretches
    worst: list = field(default_factory=list)  # Stretch, longest first

    @property
    def longest(self) -> int:
        return self.worst[0].count if self.worst else 0

    def add(self, other: "Figures") -> None:
        self.stretches += other.stretches
        self.instructions += other.instructions
        self.waiting += other.waiting
        for bound, count in other.over.items():
            self.over[bound] = self.over.get(bound, 0) + count
        best = {}
        for stretch in self.worst + other.worst:
            name = stretch.functions[0][0]
            if name not in best or stretch.count > best[name].count:
                best[name] = stretch
        self.worst = sorted(best.values(), key=lambda s: -s.count)


def options(build: Path, output: Path) -> tuple:
    """What QEMU is given to write its figures to `output`."""
    names = spans.write_functions(output.with_suffix(".functions"), build, {})
    return ("-plugin", f"{build}/tools/irqs_off.so,output={output},functions={names}")


def read(path: Path, run: str) -> Figures:
    """What a QEMU wrote; `run` says what it ran."""
    figures = Figures()
    for line in path.read_text().splitlines():
        words = line.split()
        if words[0] == "stretches":
            figures.stretches, figures.instructions, figures.waiting = map(int, words[1::2])
        elif words[0] == "over":
            figures.over[int(words[1])] = int(words[2])
        elif words[0] == "max":
            shares = list(zip(words[6::2], map(int, words[7::2])))
            figures.worst.append(Stretch(*map(int, words[1:6:2]), shares, run))
    figures.worst.sort(key=lambda s: -s.count)
    return figures


def show(figures: Figures) -> None:
    print(f"{figures.stretches:,} stretches with interrupts off, {figures.instructions:,} instructions, "
          f"waiting for other harts {figures.waiting:,} more")
    for bound, count in sorted(figures.over.items()):
        print(f"  from {bound:>9,} to {2 * bound - 1:>9,} instructions: {count:,}")
    print("the longest, each of another function that took most of it:")
    for stretch in figures.worst[:SHOWN]:
        print(f"  {stretch}")


def run_tests(build: Path) -> tuple:
    """Runs the QEMU tests on one hart, whether they pass or not. Returns the figures and how many runs."""
    directory = build / "irqs-off"
    directory.mkdir(exist_ok=True)
    for old in directory.glob("*"):
        old.unlink()
    names = sorted(path.stem.removeprefix("test_") for path in (ROOT / "tests/qemu").glob("test_*.py"))
    keywords = [word for name in names if name not in LEFT_OUT for word in ("-k", f"{name}.")]
    names_file = spans.write_functions(directory / "functions", build, {})
    environment = {
        **os.environ,
        "QEMU": str(ROOT / "tests/bench/qemu_irqs_off"),
        "IRQS_OFF_QEMU": os.environ.get("QEMU", "qemu-system-riscv64"),
        "IRQS_OFF_PLUGIN": f"{build}/tools/irqs_off.so,functions={names_file}",
        "IRQS_OFF_OUTPUT": str(directory),
    }
    command = ["tests/run", "--qemu", "--harts", "1", "--build", build, *keywords]
    subprocess.run(command, env=environment, check=False)
    total, runs = Figures(), 0
    for path in sorted(directory.glob("*.out")):
        total.add(read(path, re.sub(r"-h1\.\d+$", "", path.stem)))
        runs += 1
    return total, runs


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    figures, runs = run_tests(arguments.build)
    if not figures.stretches:
        print("irqs-off: no test ran", file=sys.stderr)
        return 1
    print(f"\n{runs} runs of QEMU:")
    show(figures)
    print(f"irqs_off_max {figures.longest} insn, contract {CONTRACT:,}")
    return 0 if figures.longest <= CONTRACT else 1


if __name__ == "__main__":
    sys.exit(main())
