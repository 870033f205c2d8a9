# SPDX-License-Identifier: MIT
"""
Sums over 64 MiB by an executor with two workers and with one, and by two threads that share nothing
(tests/system/sum.c), in turn in one run.
"""

import statistics

import inputs

ROUNDS = 8  # as in sum.c
ACCEL = ("-accel", "tcg,thread=multi")


def turns(system) -> list:
    """Microseconds by workers (0: two threads that share nothing) of each turn but the first."""
    files = {f"bin/{path.name}": path.read_bytes() for path in (system.build / "rootfs/bin").iterdir()}
    files["bin/sum"] = (system.build / "system/sum").read_bytes()
    wider = inputs.described(system, lambda text: text.replace("memory = <16384>", "memory = <81920>"))
    system.boot(disk=inputs.disk(system, files), initrd=wider, extra=ACCEL)
    system.wait_prompt(60)
    system.send_line("sum")
    found = []
    for _ in range(ROUNDS + 1):
        lines = [system.expect_regex(r"sum (\d+) us (\d+)\r?\n", 60).groups() for _ in range(3)]
        found.append({int(workers): int(us) for workers, us in lines})
    system.expect_regex(r"sum: done", 20)
    return found[1:]


def ratios(system) -> tuple:
    """
    How many times as fast two workers are as one: by the clock, the best turn of each; and as it would be if
    two threads that share nothing were twice as fast as one, in the middle turn: what else the host does is
    left out of that.
    """
    found = turns(system)
    by_clock = min(turn[1] for turn in found) / min(turn[2] for turn in found)
    by_host = statistics.median(2 * turn[0] / turn[2] for turn in found)
    return by_clock, by_host
