# SPDX-License-Identifier: MIT
"""
The fast lanes against the general path: random worlds of threads (tests/lanes) must see the same, step by
step, whether the kernel uses its fast lanes or, told `nolanes`, does not.
"""

import os
import re

from qemu import Failure, test

COUNT = int(os.environ.get("LANES_SEEDS", 16))
FIRST = int(os.environ.get("LANES_FIRST", 1))
STEPS = int(os.environ.get("LANES_STEPS", 3000))
SECONDS = 60 + COUNT  # for each run
EVENTS = 64  # that the program keeps for `trace`


def run(system, append: str, seconds: float = SECONDS, **machine) -> list:
    """The program's lines, without times."""
    system.boot(initrd=str(system.build / "lanes.cpio"), disk=None, append=f"counters {append}", **machine)
    status = system.wait_exit(seconds)
    lines = [re.sub(r"^\[ *[\d.]+\] ", "", line) for line in system.output.split("\n")]
    if status != 0 or "lanes: 0 passed, 0 failed" not in lines:
        failed = [line for line in lines if line.startswith("lanes: failed")] + [f"QEMU ended with {status}"]
        raise Failure(f"{failed[0]} (command line: {append})")
    return [line for line in lines if line.startswith("lanes")]


def compare(system, worlds: int, options: str = "") -> None:
    """Runs both ways; raises with the first difference."""
    options = f"seeds={FIRST},{worlds} steps={STEPS}{options}"
    fast, slow = (run(system, options + word, icount=True) for word in ("", " nolanes"))
    seen = [[line for line in lines if not line.startswith("lanes cost")] for lines in (fast, slow)]
    for ours, theirs in zip(*seen):
        if ours != theirs:
            raise Failure(f"`{ours}`, but without the lanes `{theirs}`\n{first_step(system, ours, options)}")
    if len(seen[0]) != len(seen[1]):
        raise Failure(f"{len(seen[0])} lines, but without the lanes {len(seen[1])}")
    check_failures(seen[0])
    check_lanes_taken(worlds, fast, slow)


def first_step(system, line: str, options: str) -> str:
    """Looks for the step that differs, which is at most a fiftieth of them before the one of `line`."""
    found = re.match(r"lanes:? seed (\d+) step (\d+)", line)
    if not found:
        return ""
    seed, last = map(int, found.groups())
    first = max(0, last - STEPS // 50 - 1)
    for start in range(first, last + 1, EVENTS):
        again = re.sub(r"seeds=\S+", f"seeds={seed},1 trace={seed},{start}", options)
        traces = [
            [line for line in run(system, again + word, icount=True) if line.startswith("lanes trace")]
            for word in ("", " nolanes")
        ]
        for n, (ours, theirs) in enumerate(zip(*traces)):
            if "digest" in ours and ours != theirs:
                return show_step(traces[0][n : n + 32], traces[1][n : n + 32])
    return "no step that was kept differs"


def show_step(ours: list, theirs: list) -> str:
    """A step's line and, of its registers, those that differ and those that say what the call was."""
    lines = [f"{a}\n  without the lanes: {b}" for a, b in zip(ours, theirs) if a != b]
    return "\n".join(lines + [a for a in ours if re.search(r" x1[0127] ", a) and a not in lines])


def check_failures(lines: list) -> None:
    failures = [line for line in lines if line.startswith("lanes: seed")]
    if failures:
        raise Failure("\n".join(failures))


def check_lanes_taken(worlds: int, fast: list, slow: list) -> None:
    """That a difference could have been seen: there is traffic, and it costs less by the lanes."""

    def cost(lines):
        return [int(line.split()[-1]) for line in lines if re.match(r"lanes cost \d+ instructions", line)]

    def round_trip(lines):
        return int(re.search(r"round trip: +(\d+)", "\n".join(lines)).group(1))

    answered = sum(int(re.search(r"traffic (\d+)", line).group(1)) for line in fast if "traffic" in line)
    if answered < worlds * STEPS / 20:
        raise Failure(f"only {answered} calls were answered in {worlds * STEPS} steps")
    if round_trip(fast) * 2 > round_trip(slow):
        raise Failure(f"a call takes {round_trip(fast)} instructions, without the lanes {round_trip(slow)}")
    if sum(cost(fast)) >= sum(cost(slow)):
        raise Failure(f"all takes {sum(cost(fast))} instructions, and {sum(cost(slow))} without the lanes")


@test(harts=(1,), timeout=4 * SECONDS, boot=False)
def same_without_lanes(system):
    compare(system, COUNT)


@test(harts=(1,), timeout=4 * SECONDS, boot=False)
def same_without_asids(system):
    """Each switch of the space then takes a special part of the lanes; 2 bits run out all the time."""
    for bits in (0, 2):
        compare(system, max(3, COUNT // 5), f" asidbits={bits}")


@test(harts=(2, 4), timeout=2 * SECONDS, boot=False)
def holds_on_harts(system):
    """What order things happen in is open, but what holds of every system call is checked."""
    check_failures(run(system, f"seeds={FIRST},{max(4, COUNT // 4)} steps={STEPS // 2}"))
