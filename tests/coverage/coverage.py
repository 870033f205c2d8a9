#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Prints how much of kernel/ the tests have executed: lines, and outcomes of branches, for each file.

    tests/coverage/coverage.py --build build/coverage --guest-build build/release
    tests/coverage/coverage.py --missing kernel/ipc.c       what is missing there, without running anything

The portable part runs on the host as well, compiled with gcov's counters; there a branch is one of gcov's.
In the guest, a branch is a conditional branch instruction with two outcomes, of the line that it belongs to.
A line counts as executed if it was on either side; its branches are the host's where it has any, and all
count as seen if the guest has seen all of its own for that line.
"""

import argparse
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "tests/fuzz"))

import fuzz  # noqa: E402
import measure  # noqa: E402

LINES_WANTED, BRANCHES_WANTED = 90, 80


@dataclass
class Total:
    lines: int = 0
    executed: int = 0
    branches: int = 0
    seen: int = 0

    def add(self, other: "Total") -> None:
        self.lines += other.lines
        self.executed += other.executed
        self.branches += other.branches
        self.seen += other.seen

    @staticmethod
    def percent(part: int, whole: int) -> float:
        return 100 * part / whole if whole else 100.0

    def text(self, name: str) -> str:
        lines, branches = self.percent(self.executed, self.lines), self.percent(self.seen, self.branches)
        return (
            f"{name:34} {self.executed:5}/{self.lines:<5} {lines:5.1f} %  "
            f"{self.seen:5}/{self.branches:<5} {branches:5.1f} %"
        )


def left_out() -> dict:
    """By file: the texts of lines that are not counted; None for the whole file."""
    found = {}
    for number, line in enumerate((HERE / "left_out").read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        rule, _, reason = line.partition(" # ")
        file, _, text = rule.strip().partition(" ")
        if not reason.strip() or not text.strip():
            sys.exit(f"tests/coverage/left_out:{number}: wants FILE TEXT # REASON")
        if not (ROOT / file).exists():
            sys.exit(f"tests/coverage/left_out:{number}: there is no {file}")
        if text.strip() == "*":
            found[file] = None
        elif text.strip() not in (ROOT / file).read_text():
            sys.exit(f"tests/coverage/left_out:{number}: no such text in {file}")
        elif found.setdefault(file, []) is not None:
            found[file].append(text.strip())
    return found


def counted_lines(file: str, rules: dict) -> set:
    """Numbers of the lines of a file that count."""
    source = (ROOT / file).read_text().splitlines()
    texts = rules.get(file, [])
    if texts is None:
        return set()
    return {i for i, line in enumerate(source, 1) if not any(text in line for text in texts)}


class Union:
    """What host and guest have seen together."""

    def __init__(self, host: measure.Measure, guest: measure.Measure):
        self.host, self.guest = host, guest
        self.rules = left_out()
        self.files = {}
        for file in sorted(host.files() | guest.files()):
            if (ROOT / file).exists() and counted_lines(file, self.rules):
                self.files[file] = self.lines_of(file)

    def lines_of(self, file: str) -> dict:
        """Number: (executed, outcomes seen, outcomes). The lines are the host's where it has the file."""
        counted = counted_lines(file, self.rules)
        source = self.host if file in self.host.files() else self.guest
        numbers = {n for f, n in source.lines if f == file}
        return {n: self.line(file, n) for n in sorted(numbers & counted)}

    def line(self, file: str, number: int) -> tuple:
        nothing = measure.Line()
        host = self.host.lines.get((file, number), nothing)
        guest = self.guest.lines.get((file, number), nothing)
        branches = host.outcomes or (guest.outcomes if file not in self.host.files() else {})
        seen = sum(branches.values())
        if guest.outcomes and guest.seen() == len(guest.outcomes):
            seen = len(branches)
        return host.count > 0 or guest.count > 0, seen, len(branches)

    def total(self, file: str) -> Total:
        lines = self.files[file].values()
        return Total(
            len(lines), sum(e for e, _, _ in lines), sum(b for _, _, b in lines), sum(s for _, s, _ in lines)
        )


# Running the tests


def run_host(build: Path) -> bool:
    """The kernel's host tests, and the inputs of its fuzzer."""
    for stale in build.rglob("*.gcda"):
        stale.unlink()
    programs = [p.name.removesuffix("_test") for p in (build / "host").iterdir() if p.name.endswith("_test")]
    words = [word for name in sorted(programs) for word in ("-k", f"host.{name}")]
    seeds = fuzz.write_seeds(build / "fuzz/seeds")
    good = subprocess.run(["tests/run", "--build", str(build), "--host", *words]).returncode == 0
    return subprocess.run([build / "fuzz/replay", *seeds]).returncode == 0 and good


def run_guest(build: Path, guest: Path, image: measure.Image, words: list) -> bool:
    """The QEMU tests. Marks that were made with another kernel are of no use."""
    counts = build / "guest.counts"
    if counts.exists() and counts.stat().st_mtime < (guest / "kernel/cardea.elf").stat().st_mtime:
        counts.unlink()
    where = f"virtual={image.virtual:#x},physical={image.PHYSICAL:#x},size={image.size:#x}"
    environment = {
        **os.environ,
        "QEMU": str(HERE / "qemu"),
        "COVERAGE_PLUGIN": f"{(guest / 'tools/cover.so').resolve()},{where},output={counts.resolve()}",
    }
    command = ["tests/run", "--build", str(guest), "--qemu", *words]
    return subprocess.run(command, env=environment).returncode == 0


def print_missing(union: Union, wanted: str) -> None:
    """The lines of the files whose names contain a text that lack something."""
    for file, lines in union.files.items():
        if wanted not in file:
            continue
        source = (ROOT / file).read_text().splitlines()
        for number, (executed, seen, branches) in lines.items():
            if not executed or seen < branches:
                why = f"{seen}/{branches}" if executed else "never"
                print(f"{file}:{number}: {why:>6}  {source[number - 1]}")


def verdict(name: str, percent: float, wanted: float) -> bool:
    good = percent >= wanted
    print(f"{'ok' if good else 'not ok'} - {name}: {percent:.1f} %, wanted {wanted} %")
    return good


def print_table(union: Union) -> Total:
    total = Total()
    print(f"{'file':34} {'lines':>11}          {'branches':>11}")
    for file in union.files:
        print(union.total(file).text(file))
        total.add(union.total(file))
    print(total.text("kernel/"))
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description="How much of the kernel the tests execute.")
    parser.add_argument("--build", type=Path, default=Path("build/coverage"))
    parser.add_argument("--guest-build", type=Path, default=Path("build/release"))
    parser.add_argument("--tests", default="", help="words for tests/run that choose among the QEMU tests")
    parser.add_argument("--cross", default="riscv64-unknown-elf-")
    parser.add_argument("--missing", metavar="TEXT", help="run nothing; print what these files lack")
    parser.add_argument("--table", action="store_true", help="run nothing; print the table")
    arguments = parser.parse_args()
    image = measure.read_image(arguments.guest_build / "kernel/cardea.elf", arguments.cross)
    if arguments.missing is None and not arguments.table:
        run_host(arguments.build)
        run_guest(arguments.build, arguments.guest_build, image, shlex.split(arguments.tests))
    guest = measure.read_guest(image, arguments.build / "guest.counts")
    union = Union(measure.read_gcov(arguments.build), guest)
    if arguments.missing is not None:
        print_missing(union, arguments.missing)
        return 0
    total = print_table(union)
    good = [
        verdict("lines", total.percent(total.executed, total.lines), LINES_WANTED),
        verdict("branches", total.percent(total.seen, total.branches), BRANCHES_WANTED),
    ]
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
