#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Plants mistakes in lib/ext4, one at a time, and has the crash campaign find them.

    tests/crash/planted.py --build build/release

Each is built from a copy of the tree. The last line is `N passed, N failed`.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

from crash import OPERATIONS, images

WORKLOADS, STATES = 40, 80
# (what, file, text, what stands there instead)
MISTAKES = (
    ("the commit record does not wait for the log", "journal.c",
     "    if (!error)\n        error = flush(fs);\n    if (!error)\n        error = write_commit(fs);",
     "    if (!error)\n        error = write_commit(fs);"),
    ("a commit returns before it is on the medium", "journal.c",
     "        error = write_commit(fs);\n    if (!error)\n        error = flush(fs);",
     "        error = write_commit(fs);"),
    ("revocations are forgotten", "journal.c",
     "while (done < writer->revoked_count) {", "while (false) {"),
    ("what files hold is not written before the commit", "journal.c",
     "    enum error error = write_data(fs);", "    enum error error = ERR_OK;"),
    ("a checkpoint forgets a block", "journal.c",
     "        enum error error = write_block(fs, writer->entries[writer->count - 1].block);",
     "        enum error error = writer->count % 7 ? "
     "write_block(fs, writer->entries[writer->count - 1].block) : ERR_OK;"),
    ("a checkpoint does not wait for what it wrote", "journal.c",
     "    enum error error = flush(fs);\n    if (!error && writer->journalled) {",
     "    enum error error = ERR_OK;\n    if (!error && writer->journalled) {"),
    ("the journal's superblock is not written", "journal.c",
     "    if (!error && !writer->log_is_marked)", "    if (!error && false)"),
    ("the sequence number stays", "journal.c", "    writer->sequence++;", ""),
    ("freed blocks are used at once", "alloc.c",
     "if (block - freed->block < freed->count) {", "if (false) {"),
    ("the checksum is over the old bytes", "seal.c",
     "*sum = before ? ext4_sum_of_change(*leaf_sum(fs, before), before->data, entry->block->data, end)",
     "*sum = before ? *leaf_sum(fs, before)"),
    ("a copy's checksum leaves out what has changed", "journal.c",
     "known ? ext4_sum_of_change(entry->sum, before->data, copy->data, fs->block_size)",
     "known ? entry->sum"),
    ("an inode is not sealed", "inode_change.c",
     "        if (entry->slots & 1)", "        if (entry->slots & 1 && slot % 5 != 2)"),
    ("a wrong checksum of bitmaps", "seal.c", "ext4_bitmap_sum(", "7 + ext4_bitmap_sum("),
    ("an orphan is not chained", "name_change.c",
     "        error = ext4_add_orphan(fs, node->inode);", "        error = ERR_OK;"),
    ("what is cut off is not zeroed", "file_change.c",
     "        error = zero_part(fs, &node, size, end);", "        error = ERR_OK;"),
    ("a replay leaves the last block out", "replay.c",
     "    for (uint32_t i = 0; !error && i < fs->replay.capacity; i++)",
     "    for (uint32_t i = 0; !error && i < fs->replay.capacity - fs->replay.capacity / 4; i++)"),
    ("a replay does not heed revocations", "replay.c",
     "    if (!entry || (entry->revoked &&", "    if (!entry || (false && entry->revoked &&"),
    ("a replay takes what was not committed", "replay.c",
     "(pass == PASS_SCAN || at.sequence != journal->end_sequence)", "(true)"),
)
FLAGS = "-std=gnu17 -O1 -Iinclude -Ilib -D_GNU_SOURCE -w".split()


def build_with(directory: Path, mistake: tuple) -> Path:
    _, name, text, instead = mistake
    shutil.rmtree(directory, ignore_errors=True)
    for part in ("lib/ext4", "lib/base", "include", "tests/crash"):
        shutil.copytree(part, directory / part)
    path = directory / "lib/ext4" / name
    content = path.read_text()
    if content.count(text) != 1:
        raise RuntimeError(f"{mistake[0]}: {content.count(text)} places")
    path.write_text(content.replace(text, instead))
    sources = [*directory.glob("tests/crash/*.c"), *directory.glob("lib/ext4/*.c")]
    sources += [directory / "lib/base/crc32c.c", directory / "lib/base/format.c"]
    program = directory / "crash"
    command = ["gcc", *FLAGS, "-o", program.resolve(), *(source.relative_to(directory) for source in sources)]
    subprocess.run([*map(str, command)], cwd=directory, check=True)
    return program


def is_unsound(path: Path) -> bool:
    if "mounted" not in path.name:
        subprocess.run(["e2fsck", "-p", path], capture_output=True)
    return subprocess.run(["e2fsck", "-fn", path], capture_output=True).returncode != 0


def find(program: Path, made: list, directory: Path) -> int:
    """The workload that finds the mistake, or -1."""
    for number in range(WORKLOADS):
        disks = directory / "disks"
        shutil.rmtree(disks, ignore_errors=True)
        disks.mkdir()
        command = [program, made[number % len(made)], number, OPERATIONS, STATES, disks]
        try:
            done = subprocess.run([*map(str, command)], capture_output=True, timeout=60)
        except subprocess.TimeoutExpired:
            return number
        if done.returncode or any(map(is_unsound, sorted(disks.glob("*.img"))[:2])):
            return number
    return -1


def main() -> int:
    parser = argparse.ArgumentParser(description="Plants mistakes and has them found.")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    arguments = parser.parse_args()
    directory = arguments.build / "planted"
    made, found = images(arguments.build / "crash"), 0
    for mistake in MISTAKES:
        number = find(build_with(directory, mistake), made, directory)
        found += number >= 0
        print(f"{'ok' if number >= 0 else 'not ok'} - {mistake[0]}: workload {number}", flush=True)
    print(f"{found} passed, {len(MISTAKES) - found} failed")
    return 0 if found == len(MISTAKES) else 1


if __name__ == "__main__":
    sys.exit(main())
