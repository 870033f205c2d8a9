# SPDX-License-Identifier: MIT
"""
Random system calls from inside a sandbox: tests/hostile/random.c says what must hold meanwhile and after.
RANDOM_SECONDS and RANDOM_SEED are set by `make random-calls SECONDS=600 SEED=n`.
"""

import os

import guests
from qemu import test

SECONDS = int(os.environ.get("RANDOM_SECONDS", "15"))
SEED = int(os.environ.get("RANDOM_SEED", "1"))


@test(timeout=SECONDS * 2 + 120, boot=False)
def random_calls(system):
    append = f"seconds={SECONDS} seed={SEED}"
    return guests.run(system, "random", "sandbox reached", SECONDS * 2 + 100, append)
