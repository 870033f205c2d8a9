#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Has many device trees read that were changed at random: those of QEMU's machines, and the system description.

    tests/trees/trees.py --build build/release --count 1000000 [--first N]

Number N makes the same tree every time. Prints what came of them; the last line is `N passed, N failed`.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# QEMU's own trees, of machines with one of each that the kernel and dev read.
MACHINES = {
    "virt": ["-M", "virt", "-smp", "2"],
    "harts": ["-M", "virt", "-smp", "8", "-m", "4G"],
    "numa": "-M virt,aclint=on -smp 4 -m 1G -object memory-backend-ram,id=a,size=512M -object "
    "memory-backend-ram,id=b,size=512M -numa node,memdev=a,cpus=0-1 -numa node,memdev=b,cpus=2-3".split(),
    "aplic": ["-M", "virt,aia=aplic", "-smp", "2"],
    "imsic": ["-M", "virt,aia=aplic-imsic,aia-guests=2", "-smp", "4"],
    "sifive_u": ["-M", "sifive_u", "-smp", "5", "-m", "2G"],
}
# Any file will do as kernel and initrd: nothing is booted.
KERNEL = ["-kernel", __file__, "-initrd", __file__, "-append", "selftest counters asidbits=3"]
# What must have been met, or the trees were not of all kinds.
EXPECTED = (
    "accepted",
    "malformed device tree",
    "no memory node",
    "no usable hart",
    "no timebase-frequency",
    "overlaps the",
    "reserves more than",
    "is not in the device tree's memory",
    "both registers and memory",
    "system description accepted in part",
    "system description refused",
)


def tree_of(directory: Path, name: str, options: list, reserve: bool) -> Path:
    """QEMU's tree without what pads it, with the nodes that QEMU leaves to the firmware."""
    raw, path = directory / f"{name}.raw", directory / f"{name}.dtb"
    machine = options[1] + f",dumpdtb={raw}"
    command = ["qemu-system-riscv64", "-M", machine, *options[2:], "-display", "none"]
    subprocess.run([*command, *KERNEL], check=True, capture_output=True)
    decompile = ["dtc", "-q", "-I", "dtb", "-O", "dts", raw]
    text = subprocess.run(decompile, check=True, capture_output=True, text=True).stdout
    if reserve:
        text = text.replace("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x80000000 0x80000;", 1)
        text = re.sub(
            r"\n\tchosen \{",
            "\n\treserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; "
            "firmware@80000000 { no-map; reg = <0 0x80000000 0 0x40000>; }; "
            "firmware@80040000 { reg = <0 0x80040000 0 0x20000>; }; };\n\tchosen {\n"
            "linux,initrd-start = <0 0x88200000>; linux,initrd-end = <0 0x88300000>;",
            text,
            count=1,
        )
        text = re.sub(r"\n\t\tlinux,initrd-(start|end) = <0x[0-9a-f]+>;", "", text)
    compile_ = ["dtc", "-q", "-f", "-I", "dts", "-O", "dtb", "-o", path]
    subprocess.run(compile_, input=text, text=True, check=True)
    return path


def seeds(build: Path) -> list:
    directory = build / "trees"
    trees = [tree_of(directory, name, options, name != "virt") for name, options in MACHINES.items()]
    return [*trees, "--", build / "initrd/system.dtb"]


def run_part(build: Path, first: int, count: int, files: list) -> tuple:
    command = [build / "trees/fuzz", str(first), str(count), *files]
    run = subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace")
    return run.returncode, run.stdout, run.stderr


def what_failed(output: str, errors: str) -> str:
    told = r"^tree \d+|runtime error|ERROR: |^    #\d+ .* in (?!__interceptor|__asan|main |_start)"
    return "\n".join(line for line in (output + errors).splitlines() if re.search(told, line))


def outcomes(parts: list) -> dict:
    counts = {}
    for _, output, _ in parts:
        for number, text in re.findall(r"^ *(\d+) (.*)$", output, re.MULTILINE):
            counts[text] = counts.get(text, 0) + int(number)
    return counts


def run(build: Path, count: int, first: int = 0, jobs: int = os.cpu_count() or 1, quiet: bool = True) -> list:
    """(name, passed, message) of `count` trees from number `first` on."""
    files, started = seeds(build), time.monotonic()
    share = -(-count // jobs)
    ranges = [(n, min(share, first + count - n)) for n in range(first, first + count, share)]
    with ThreadPoolExecutor(jobs) as pool:
        parts = list(pool.map(lambda part: run_part(build, *part, files), ranges))
    counts = outcomes(parts)
    problems = [what_failed(*said) or f"status {status}" for status, *said in parts if status]
    for expected in EXPECTED if count >= 20000 and not problems else ():
        if not any(expected in text for text in counts):
            problems.append(f"no tree was met of which is said: {expected}")
    if not quiet:
        print("\n".join(f"{number:9} {text}" for text, number in sorted(counts.items(), key=lambda c: -c[1])))
    message = f"{count} trees, {counts.get('accepted', 0)} accepted, {time.monotonic() - started:.0f} s"
    return [(f"{count}_trees", not problems, "\n".join(problems) or message)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Has device trees read that were changed at random.")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    ((name, passed, message),) = run(arguments.build, arguments.count, arguments.first, quiet=False)
    print(f"{'ok' if passed else 'not ok'} - {name}: {message}")
    print("1 passed, 0 failed" if passed else "0 passed, 1 failed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
