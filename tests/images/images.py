#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Has many file systems read and checked that were changed at random.

    tests/images/images.py --build build/release --count 1000000 [--first N]

Number N makes the same image every time. Prints what came of them; the last line is `N passed, N failed`.
"""

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

# Small images with every structure that is read, mostly without checksums: changes are not noticed at once.
SEEDS = {
    "plain": "-t ext4 -O ^metadata_csum,^has_journal -N 256",
    "sums": "-t ext4 -O ^has_journal -N 256",
    "map": "-t ext2 -N 256",
    "inline": "-t ext4 -O inline_data,^metadata_csum,^has_journal -N 256",
    "groups": "-t ext4 -O ^metadata_csum,^has_journal,meta_bg,^resize_inode,uninit_bg -g 256 -N 256",
    "clusters": "-t ext4 -O ^metadata_csum,^has_journal,bigalloc,meta_bg,^resize_inode -C 4096 -N 256",
    "journal": "-t ext4 -O ^metadata_csum -J size=1 -N 256",
    "journal_sums": "-t ext4 -J size=1 -N 256",
}
BLOCK = 1024
# What must be met often, or the changes matter too little or too much.
EXPECTED = ("read and found sound", "read, but not found sound", "neither")


def tree(directory: Path) -> Path:
    """A directory with files, links, a directory with many names, and a file in many pieces."""
    top = directory / "tree"
    if top.exists():
        return top
    (top / "dir").mkdir(parents=True)
    (top / "many").mkdir()
    (top / "hello").write_text("hello\n")
    (top / "dir/file").write_text("x\n")
    (top / "link").symlink_to("dir")
    (top / "long").symlink_to("0" * 100)
    first = top / "many" / f"{0:0160}"
    first.touch()
    for number in range(1, 60):
        os.link(first, top / "many" / f"{number:0160}")
    with open(top / "fragments", "wb") as file:
        for block in range(0, 340, 2):
            file.seek(block * BLOCK)
            file.write(bytes([block % 251 + 1]) * BLOCK)
    return top


def run(*command) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command}: {done.stdout}")
    return done.stdout


def make_dirty(path: Path, sums: bool) -> None:
    """Puts transactions into the journal: copies of a file's blocks, one escaped, and a revocation."""
    blocks = run("debugfs", "-R", "blocks /fragments", path).splitlines()[-1].split()
    content = path.with_suffix(".new")
    content.write_bytes(b"\xc0\x3b\x39\x98" + bytes(BLOCK - 4) + b"new" * 1000)
    commands = path.with_suffix(".commands")
    option = "-c" if sums else ""
    commands.write_text(
        f"jo {option}\njw -b {','.join(blocks[20:23])} {content}\njw -r {blocks[21]}\n"
        f"jw -b {blocks[25]} {content}\njc\n"
    )
    run("debugfs", "-w", "-f", commands, path)


def seeds(build: Path) -> list:
    directory = build / "images"
    directory.mkdir(parents=True, exist_ok=True)
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    top, found = tree(directory), []
    for name, options in SEEDS.items():
        path = directory / f"{name}.img"
        path.unlink(missing_ok=True)
        size = 2600 if "journal" in name else 1024
        run("mke2fs", "-q", "-F", "-b", BLOCK, *options.split(), "-d", top, path, f"{size}K")
        run("e2fsck", "-fyD", path)
        if "journal" in name:
            make_dirty(path, "sums" in name)
        found.append(path)
    plain = (directory / "plain.img").read_bytes()
    entry = bytes(4) + b"\x83\0\0\0" + (128).to_bytes(4, "little") + (len(plain) // 512).to_bytes(4, "little")
    disk = bytes(446) + entry + bytes(48) + b"\x55\xaa"
    path = directory / "partition.img"
    path.write_bytes(disk + bytes(65536 - len(disk)) + plain)
    return [*found, path]


def run_part(build: Path, first: int, count: int, files: list) -> tuple:
    command = [build / "images/fuzz", str(first), str(count), *files]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, errors="replace")
    return done.returncode, done.stdout, done.stderr


def what_failed(output: str, errors: str) -> str:
    told = r"^image \d+|runtime error|ERROR: |^    #\d+ .* in (?!__interceptor|__asan|main |_start)"
    return "\n".join(line for line in (output + errors).splitlines() if re.search(told, line))


def outcomes(parts: list) -> dict:
    counts = {}
    for _, output, _ in parts:
        for number, text in re.findall(r"^ *(\d+) (.*)$", output, re.MULTILINE):
            counts[text] = counts.get(text, 0) + int(number)
    return counts


def fuzz(build: Path, count: int, first: int = 0, jobs: int = os.cpu_count() or 1, quiet=True) -> list:
    """(name, passed, message) of `count` images from number `first` on."""
    files, started = seeds(build), time.monotonic()
    share = -(-count // jobs)
    ranges = [(n, min(share, first + count - n)) for n in range(first, first + count, share)]
    with ThreadPoolExecutor(jobs) as pool:
        parts = list(pool.map(lambda part: run_part(build, *part, files), ranges))
    counts = outcomes(parts)
    problems = [what_failed(*said) or f"status {status}" for status, *said in parts if status]
    if not problems and any(counts.get(outcome, 0) < count // 20 for outcome in EXPECTED):
        problems.append(f"not all outcomes were met: {counts}")
    if not quiet:
        print("\n".join(f"{number:9} {text}" for text, number in counts.items()))
    message = f"{count} images, {time.monotonic() - started:.0f} s"
    return [(f"{count}_images", not problems, "\n".join(problems) or message)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Has file systems read that were changed at random.")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--count", type=int, default=1000000)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    ((name, passed, message),) = fuzz(arguments.build, arguments.count, arguments.first, quiet=False)
    print(f"{'ok' if passed else 'not ok'} - {name}: {message}")
    print("1 passed, 0 failed" if passed else "0 passed, 1 failed")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
