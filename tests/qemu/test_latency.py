# SPDX-License-Identifier: MIT
"""How late the thread of the highest priority is woken while others keep the kernel busy (tests/latency)."""

import sys
from pathlib import Path

from qemu import Failure, test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import report  # noqa: E402

CONTRACT = 20_000
SAMPLES = 20_000  # `make latency` takes a million


def measure(system, **machine):
    figures = report.wake_ups(system, SAMPLES, 140, **machine)
    system.note(report.wake_up_line(figures))
    if figures["worst"] > CONTRACT:
        raise Failure(f"woken {figures['worst']:,} instructions late; at most {CONTRACT:,} are allowed")


@test(harts=(1,), timeout=150, boot=False)
def wake_up_under_load(system):
    measure(system)


@test(harts=(1,), timeout=150, boot=False)
def wake_up_by_the_firmwares_timer(system):
    """The same on harts without Sstc, where the firmware is asked for every timer interrupt."""
    measure(system, cpu="rv64,sstc=off")
