# SPDX-License-Identifier: MIT
"""What operations of the kernel cost, against the figures in tests/bench/baseline."""

import sys
from pathlib import Path

from qemu import Skip, test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import report  # noqa: E402


def dearer(system, part) -> list:
    if system.build.name != "release":
        raise Skip("the baseline is that of the release build")
    return report.compare(part(system))


@test(harts=(1,), timeout=300, boot=False)
def no_row_got_dearer(system):
    return dearer(system, report.kernel)


@test(harts=(4,), timeout=200, boot=False)
def interrupts_off_on_four_harts(system):
    return dearer(system, report.four_harts)


@test(harts=(2,), timeout=200, boot=False)
def messages_between_harts(system):
    return dearer(system, report.cross_rows.measure)


@test(harts=(1,), timeout=200, boot=False)
def system(system):
    return dearer(system, report.system_rows.measure)


@test(harts=(1,), timeout=120, boot=False)
def lanes_are_open_without_asids(system):
    """Then the lanes forget all translations when they change satp, which are three instructions each way."""
    if system.build.name != "release":
        raise Skip("the baseline is that of the release build")
    baseline, rows = report.read_baseline(), report.guest_rows(system, "counters asidbits=0")
    return [(name, value <= baseline[name] + 10, f"{value} instructions") for name, value in rows.items()]
