# SPDX-License-Identifier: MIT
"""
Ten small changes of sources whose tests are short, of which the host tests notice most (`make mutate` is the
long run, over all sources).
"""

import sys
from pathlib import Path

from qemu import Failure, test

sys.path.append(str(Path(__file__).resolve().parents[1] / "mutate"))

import mutate  # noqa: E402

COUNT, LEAST = 10, 6
WORDS = ["lib/base/", "user/sh/", "user/console/"]


@test(harts=(1,), timeout=300, boot=False)
def tests_notice_changes(system):
    lines = []
    outcomes = mutate.campaign(system.build, COUNT, 1, WORDS, lambda line, flush: lines.append(line))
    caught = sum(outcome.caught for part in outcomes.values() for outcome in part)
    system.note(f"{caught} of {COUNT} caught")
    if caught < LEAST:
        raise Failure("\n".join(lines))
