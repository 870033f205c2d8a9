#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how late a thread of the highest priority is woken under load, and prints the distribution."""

import argparse
import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests/lib"), str(ROOT / "tests/bench")]

import qemu  # noqa: E402
import registry  # noqa: E402
import report  # noqa: E402

CONTRACT = 20_000
SECONDS_PER_SAMPLE = 0.004


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory")
    parser.add_argument("--samples", type=int, default=1_000_000)
    arguments = parser.parse_args()
    os.chdir(ROOT)
    build, limit = arguments.build, 100 + arguments.samples * SECONDS_PER_SAMPLE
    directory = build / "tests/latency.d"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    log = build / "tests/latency.log"
    system = qemu.System(build, registry.Machine(harts=1), log, directory, limit, False)
    try:
        figures = report.wake_ups(system, arguments.samples, limit)
    except registry.Failure as failure:
        print(f"latency: {failure}\nlatency: the log is {log}", file=sys.stderr)
        return 1
    finally:
        system.close()
    for bound, count in figures["histogram"].items():
        print(f"{bound:>7,} instructions and more: {count:,}")
    print("loads: " + ", ".join(f"{name} {count:,} rounds" for name, count in figures["loads"].items()))
    print(f"{report.wake_up_line(figures)}; contract {CONTRACT:,}")
    return 0 if figures["worst"] <= CONTRACT else 1


if __name__ == "__main__":
    sys.exit(main())
