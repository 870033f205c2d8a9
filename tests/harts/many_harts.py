#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs tests/harts in QEMU with one thread for each hart.

    many_harts.py rate            by the clock, what harts take from each other, as ratios (`make harts`)
    many_harts.py stress          2, 4 and 8 harts under stress, --minutes each (`make stress-harts`)
"""

import argparse
import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

import pages  # noqa: E402
import qemu  # noqa: E402
import registry  # noqa: E402
import sums  # noqa: E402

RATIO = 1.8  # the calls of two pairs on two harts, of those of one pair
FOUR_RATIO = 0.77  # the pages that a program touches on any of four harts, of those where there is one hart
FOUR_BUSY_RATIO = 0.33  # the same on a host all of whose processors are busy
TWO_RATIO = 1.7  # the pages that two programs touch on two harts, of those of one program
SUM_RATIO = 1.7  # a sum by two workers, as fast as by one
TRIES = 5
ROUNDS = 12  # as in rate.c
PAGE_ROUNDS = 8
# What a stress test must have done at least once.
DONE = ("calls", "passes", "wakes", "interrupts", "remaps", "reads", "faults", "suspends", "kills", "spaces",
        "moves", "audits", "floats")


def ended(system, timeout: float) -> str:
    """What the program printed until its end, which must be a good one."""
    status = system.wait_exit(timeout)
    if status != 0 or "harts: done" not in system.output:
        failed = re.search(r"harts: (?:failed|actor).*", system.output)
        raise registry.Failure(failed.group(0) if failed else f"it ended with status {status}")
    return system.output


def boot(system, append: str, kernel: str = "kernel/cardea.bin") -> None:
    archive, image = str(system.build / "harts.cpio"), str(system.build / kernel)
    accel = ("-accel", "tcg,thread=multi")
    system.boot(initrd=archive, disk=None, append=append, kernel=image, extra=accel)


def rounds(system) -> list:
    """(pairs, calls, seconds of processor) of each round but the first."""
    boot(system, "rate")
    found, before = [], 0.0
    for _ in range(2 * ROUNDS + 2):
        pairs, calls = system.expect_regex(r"harts round (\d+) calls (\d+)\n", 30).groups()
        now = system.processor_time()
        found.append((int(pairs), int(calls), now - before))
        before = now
    ended(system, 20)
    return found[1:]


def ratios(system) -> tuple:
    """
    How much two pairs do of what one does: by the clock, and by the time that the host's processors worked
    for the machine. The best round with two is set against the best with one, so what else the host does at
    times counts against neither.
    """
    found = rounds(system)
    one, two = ([r for r in found if r[0] == pairs] for pairs in (1, 2))
    by_clock = max(r[1] for r in two) / max(r[1] for r in one)
    by_processor = 2 * max(r[1] / r[2] for r in two) / max(r[1] / r[2] for r in one)
    return by_clock, by_processor


def stress(system, seconds: int, seed: int, floats: bool = False) -> dict:
    """
    What was done, by kind; `floats`: by threads that use FP registers alone. The kernel checks itself all the
    time.
    """
    words = f"audit seconds={seconds} seed={seed}{' floats' if floats else ''}"
    boot(system, words, "kernel/audit.bin")
    output = ended(system, seconds * 3 + 60)
    counts = {name: int(count) for name, count in re.findall(r"harts count (\w+) (\d+)", output)}
    wanted = ("kills", "moves", "audits", "floats") if floats else DONE
    missing = [name for name in wanted if not counts.get(name)]
    if missing:
        raise registry.Failure(f"in {seconds} s there were no {', '.join(missing)}")
    return counts


def wake_ups(system, seconds: int, seed: int, kernel: str = "kernel/cardea.bin") -> str:
    """Looks for wake-ups that are lost between harts (wakes.c). What was done."""
    boot(system, f"wakes seconds={seconds} seed={seed}", kernel)
    output = ended(system, seconds + 60)
    found = re.findall(r"passes (\d+) by (.+)", output)
    return ", ".join(f"{int(count):,} passes by {what}" for count, what in found)


def line(counts: dict) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def system_of(build: Path, harts: int, limit: float):
    directory = build / f"tests/harts-{harts}.d"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    log = build / f"tests/harts-{harts}.log"
    return qemu.System(build, registry.Machine(harts=harts), log, directory, limit, False)


def show_ratio(what: str, wanted: float, measure) -> bool:
    """Measures until the ratio is as wanted by the clock, at most TRIES times. Returns whether it was."""
    for _ in range(TRIES):
        by_clock, by_processor = measure()
        print(f"{what}: {by_clock:.2f} by the clock, {by_processor:.2f} by the work of the host's processors"
              f"; wanted {wanted}", flush=True)
        if by_clock >= wanted:
            return True
    return False


def show_ratios(system) -> int:
    """Returns how many are not as wanted."""
    return sum(not show_ratio(*row) for row in (
        ("calls of two pairs on two harts, of those of one pair", RATIO, lambda: ratios(system)),
        ("a sum of 64 MiB by two workers on two harts, as fast as by one", SUM_RATIO,
         lambda: sums.ratios(system)),
        ("pages touched by a program on any of 4 harts, of those with 1 hart", FOUR_RATIO,
         lambda: pages.of_four(system, PAGE_ROUNDS)),
        ("pages touched by two programs on two harts, of those of one program", TWO_RATIO,
         lambda: pages.two_programs(system, PAGE_ROUNDS)),
        ("pages touched on 4 harts, of those with 1 hart, all processors of the host busy", FOUR_BUSY_RATIO,
         lambda: pages.of_four_when_busy(system, PAGE_ROUNDS)),
    ))


def main() -> int:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=raw)
    parser.add_argument("what", choices=("rate", "stress"))
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--harts", default="2,4,8")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    seconds = int(arguments.minutes * 60)
    for harts in [2] if arguments.what == "rate" else map(int, arguments.harts.split(",")):
        system = system_of(arguments.build, harts, seconds * 3 + 300)
        try:
            if arguments.what == "rate":
                return show_ratios(system)
            print(f"{harts} harts, {seconds} s: {line(stress(system, seconds, arguments.seed))}", flush=True)
        except registry.Failure as failure:
            print(f"harts: {failure}\nharts: the log is {system.log_path}", file=sys.stderr)
            return 1
        finally:
            system.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
