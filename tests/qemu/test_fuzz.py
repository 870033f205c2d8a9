# SPDX-License-Identifier: MIT
"""A short run of the kernel's fuzzer, the long one of which is `make fuzz`; no machine is started."""

import sys
from pathlib import Path

from qemu import test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))

import fuzz  # noqa: E402


@test(harts=(1,), timeout=240, boot=False)
def no_event_breaks_the_kernel(system):
    return fuzz.slice(system.build, 6000)
