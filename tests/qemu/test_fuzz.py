# SPDX-License-Identifier: MIT
"""Short runs of the fuzzers (`make fuzz`, `fuzz-images`, `fuzz-trees` are the long ones); none boots."""

import sys
from pathlib import Path

from qemu import test

sys.path += [str(Path(__file__).resolve().parents[1] / name) for name in ("crash", "fuzz", "images", "trees")]

import crash  # noqa: E402
import fuzz  # noqa: E402
import images  # noqa: E402
import trees  # noqa: E402


@test(harts=(1,), timeout=240, boot=False)
def no_event_breaks_the_kernel(system):
    return fuzz.slice(system.build, 6000)


@test(harts=(1,), timeout=240, boot=False)
def no_tree_breaks_what_reads_it(system):
    return trees.run(system.build, 20000, jobs=2)


@test(harts=(1,), timeout=240, boot=False)
def no_image_breaks_what_reads_and_checks_it(system):
    return images.fuzz(system.build, 5000, jobs=2)


@test(harts=(1,), timeout=240, boot=False)
def no_crash_loses_what_was_committed(system):
    return crash.crash(system.build, 10, states=25, jobs=2)
