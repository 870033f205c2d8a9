#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Crashes file systems in the middle of random operations, and looks at what is left.

    tests/crash/crash.py --build build/release --workloads 2000 [--first N] [--states 60]

Number N makes the same workload and the same crashes every time. Each disk is mounted and compared with what
was promised; one in twenty also goes to e2fsck: as the crash left it, which e2fsck replays itself, and as it
was after lib/ext4 had mounted and unmounted it. The last line is `N passed, N failed`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OPTIONS = (
    "-b 1024 -J size=1",
    "-b 1024 -J size=1 -O ^metadata_csum",
    "-b 2048 -J size=2 -O ^64bit",
    "-b 1024 -J size=1 -O ^metadata_csum,^64bit,^dir_index",
    "-b 4096 -J size=4 -O metadata_csum_seed",
)
OPERATIONS = 50


def images(directory: Path) -> list:
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    directory.mkdir(parents=True, exist_ok=True)
    made = []
    for number, options in enumerate(OPTIONS):
        path = directory / f"{number}.img"
        path.unlink(missing_ok=True)
        command = ["mke2fs", "-q", "-F", "-t", "ext4", "-N", "256", *options.split(), path]
        size = 4 * int(options.split()[1])  # KiB
        subprocess.run([*map(str, command), f"{size}K"], check=True, capture_output=True)
        made.append(path)
    return made


def e2fsck(path: Path) -> str:
    """What e2fsck finds. A disk as a crash left it is replayed and freed of orphans first, as at a boot."""
    if "mounted" not in path.name:
        subprocess.run(["e2fsck", "-p", path], capture_output=True)
    done = subprocess.run(["e2fsck", "-fn", path], capture_output=True, text=True)
    return "" if done.returncode == 0 else f"{path.name}: e2fsck: {done.stdout}{done.stderr}"


def run_one(build: Path, image: Path, number: int, states: int) -> tuple:
    directory = build / "crash" / str(number)
    directory.mkdir(exist_ok=True)
    command = [build / "crash/crash", image, number, OPERATIONS, states, directory]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace")
    problems = [] if done.returncode == 0 else [f"workload {number}: {done.stdout}{done.stderr}"[-3000:]]
    problems += filter(None, map(e2fsck, sorted(directory.glob("*.img"))))
    checked = len(list(directory.glob("*.img")))
    if not problems:
        shutil.rmtree(directory)
    numbers = [int(n) for n in re.findall(r"\d+", done.stdout)[:4]] if not done.returncode else [0] * 4
    return numbers, checked, problems


def crash(build: Path, workloads: int, first: int = 0, states: int = 60, jobs=os.cpu_count() or 1) -> list:
    """(name, passed, message) of `workloads` workloads from number `first` on."""
    made, started = images(build / "crash"), time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        numbers = range(first, first + workloads)
        parts = list(pool.map(lambda n: run_one(build, made[n % len(made)], n, states), numbers))
    total = [sum(part[0][i] for part in parts) for i in range(4)]
    problems = [problem for part in parts for problem in part[2]]
    if not problems and (total[0] < workloads * states // 3 or total[3] < workloads):
        problems.append(f"too little was looked at: {total}")
    message = f"{total[0]} states of {workloads} workloads, {total[1]} commits, "
    message += f"{total[3]} found the next one, {sum(part[1] for part in parts)} disks by e2fsck, "
    message += f"{time.monotonic() - started:.0f} s"
    return [(f"{workloads}_workloads", not problems, "\n".join(problems[:5]) or message)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Crashes file systems in the middle of random operations.")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--workloads", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--states", type=int, default=60)
    arguments = parser.parse_args()
    given = arguments
    ((name, passed, message),) = crash(given.build, given.workloads, given.first, given.states)
    print(f"{'ok' if passed else 'not ok'} - {name}: {message}")
    print("1 passed, 0 failed" if passed else "0 passed, 1 failed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
