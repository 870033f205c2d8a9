# SPDX-License-Identifier: MIT
"""
What was executed, by line: from gcov for the host programs, and from tests/coverage/cover.c for the guest.

A Line has how often it was executed, and outcomes of the branches on it: how many were seen out of how many.
"""

import json
import re
import struct
import subprocess
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Line:
    count: int = 0
    outcomes: dict = field(default_factory=dict)  # of each branch's outcome: whether it was seen

    def seen(self) -> int:
        return sum(self.outcomes.values())


class Measure:
    """Lines by (file, number); files as they are called in the tree."""

    def __init__(self):
        self.lines = {}

    def line(self, file: str, number: int) -> Line:
        return self.lines.setdefault((file, number), Line())

    def files(self) -> set:
        return {file for file, _ in self.lines}


# The host: gcov


def read_gcov(objects: Path, gcov: str = "gcov") -> Measure:
    """All programs whose objects are below that directory."""
    measure = Measure()
    data = sorted(objects.rglob("*.gcda"))
    for path in data:
        command = [gcov, "--json-format", "--stdout", "--branch-probabilities", str(path)]
        run = subprocess.run(command, capture_output=True, check=True)
        for text in run.stdout.splitlines():
            add_gcov(measure, json.loads(text))
    return measure


def add_gcov(measure: Measure, report: dict) -> None:
    for file in report["files"]:
        name = tree_name(file["file"])
        if not name:
            continue
        for record in file["lines"]:
            line = measure.line(name, record["line_number"])
            line.count += record["count"]
            for i, branch in enumerate(record["branches"]):
                if not branch["throw"]:
                    line.outcomes[i] = line.outcomes.get(i, False) or branch["count"] > 0


def tree_name(path: str) -> str:
    """kernel/cap.c for tests/fuzz/../../kernel/cap.c and the like; "" for what is not in kernel/."""
    parts = []
    for part in path.split("/"):
        if part == ".." and parts:
            parts.pop()
        elif part not in (".", ""):
            parts.append(part)
    name = "/".join(parts)
    at = name.find("kernel/")
    return name[at:] if at == 0 or (at > 0 and name[at - 1] == "/" and "tests/" not in name) else ""


# The guest: counts per instruction


@dataclass
class Image:
    """Where the kernel's code is, and what addresses stand for."""

    virtual: int
    size: int
    instructions: list  # (offset, is a conditional branch)
    places: dict  # offset: [(file, line), ...], what it was inlined into last

    PHYSICAL = 0x80200000


def read_image(kernel: Path, cross: str) -> Image:
    symbols = subprocess.run([cross + "nm", kernel], capture_output=True, text=True, check=True).stdout
    address = {name: int(value, 16) for value, name in re.findall(r"^(\w+) \w (\S+)$", symbols, re.MULTILINE)}
    start, end = address["_image_start"], address["_rodata_start"]
    instructions = read_instructions(kernel, cross, start)
    return Image(start, end - start, instructions, read_places(kernel, cross, start, instructions))


def read_instructions(kernel: Path, cross: str, start: int) -> list:
    sections = ("-j", ".head", "-j", ".boot", "-j", ".text")
    command = [cross + "objdump", "-d", "-M", "no-aliases", *sections, kernel]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = []
    for address, name in re.findall(r"^(\w+):\t[0-9a-f ]+\t(\S+)", listing, re.MULTILINE):
        if not name.startswith(("unimp", ".")):
            branch = re.fullmatch(r"b(eq|ne|lt|ge|ltu|geu)|c\.b(eqz|nez)", name)
            found.append((int(address, 16) - start, bool(branch)))
    return found


def read_places(kernel: Path, cross: str, start: int, instructions: list) -> dict:
    """For each instruction its line, and the lines of the calls that brought it where it is."""
    addresses = "\n".join(f"{start + offset:x}" for offset, _ in instructions)
    command = [cross + "addr2line", "-a", "-i", "-e", kernel]
    text = subprocess.run(command, input=addresses, capture_output=True, text=True, check=True).stdout
    places, at = {}, None
    for line in text.splitlines():
        if line.startswith("0x"):
            at = int(line, 16) - start
            places[at] = []
        elif match := re.match(r"(.*):(\d+)", line):
            name = tree_name(match.group(1))
            if name and int(match.group(2)):
                places[at].append((name, int(match.group(2))))
    return places


def read_guest(image: Image, counts: Path) -> Measure:
    """What the plugin wrote, as lines; without the file nothing was executed."""
    half = image.size // 2
    data = counts.read_bytes() if counts.exists() else bytes(half * 9)
    executed = struct.unpack(f"<{half}Q", data[: half * 8])
    outcomes = data[half * 8 :]
    measure = Measure()
    for offset, is_branch in image.instructions:
        for file, number in image.places.get(offset, ()):
            line = measure.line(file, number)
            line.count = max(line.count, executed[offset // 2])
        if is_branch and image.places.get(offset):
            line = measure.line(*image.places[offset][0])
            line.outcomes[offset, "not taken"] = bool(outcomes[offset // 2] & 1)
            line.outcomes[offset, "taken"] = bool(outcomes[offset // 2] & 2)
    return measure
