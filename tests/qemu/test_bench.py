# SPDX-License-Identifier: MIT
"""What operations of the kernel cost, against the figures in tests/bench/baseline."""

import sys
from pathlib import Path

from qemu import Skip, test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

import report  # noqa: E402


@test(harts=(1,), timeout=300, boot=False)
def no_row_got_dearer(system):
    if system.build.name != "release":
        raise Skip("the baseline is that of the release build")
    return report.compare(report.measure(system))
