#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Tests of the tests: changes the source a little, by seed, and sees whether the host tests of its part notice.

    tests/mutate/mutate.py --build build/release --count 100 --seed 1 [-k WORD]...

Each mutant is one change in one source of kernel/, lib/ or user/, compiled and linked as `make` would, beside
the tree; it is caught when a test fails, crashes or does not end in time. What does not compile is none. The
survivors are listed with their lines; those in tests/mutate/known are not counted: they mean the same, or
no host test can see them.
"""

import argparse
import dataclasses
import os
import random
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import sites

PARTS = ("kernel", "lib", "user")
TIMEOUT = 60  # seconds a test program may take; on an idle computer they take a tenth
KNOWN = Path("tests/mutate/known")


@dataclasses.dataclass
class Outcome:
    source: str
    change: str
    caught: bool
    by: str


class Builder:
    """What make would do for a changed source, done beside the tree."""

    def __init__(self, build: Path):
        self.build, self.work = build, build / "mutate"
        self.tests = sorted(Path("tests/host").glob("*_test.c"))
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir(parents=True)

    def commands(self, source: str) -> tuple:
        """({object: command}, {test: command}) that make would run if the source had changed."""
        programs = [str(self.build / "host" / test.stem) for test in self.tests]
        shown = subprocess.run(
            ["make", "-n", "building=test", f"BUILD={self.build.name}", "-W", source, *programs],
            capture_output=True, text=True, check=True, env=self.environment,
        ).stdout
        compiles, links = {}, {}
        for command in (part.strip() for line in shown.splitlines() for part in line.split(";")):
            target = re.search(r" -o (\S+)", command)
            if not target:
                continue
            if command.endswith(f" {source}") and " -c " in command:
                compiles[target.group(1)] = command
            elif Path(target.group(1)).parent.name == "host":
                links[Path(target.group(1)).name] = command
        return compiles, links

    def relevant(self, source: str, links: dict) -> list:
        """Tests that the source concerns: lib/base is part of all, but they say what they are of."""
        stem = Path(source).stem.split("_")[0]
        if not source.startswith("lib/base/"):  # those named after it are tried first
            return sorted(links, key=lambda name: (stem not in name, name))
        return [test.stem for test in self.tests if test.stem in links
                and (test.stem.startswith(stem) or f"<base/{stem}" in test.read_text())]

    def compile(self, source: str, text: str, compiles: dict) -> dict:
        """{object: its mutant}; empty when it does not compile."""
        mutant = self.work / Path(source).name
        mutant.write_text(text)
        made = {}
        for number, (target, command) in enumerate(compiles.items()):
            made[target] = str(self.work / f"{number}.o")
            words = command.removesuffix(source).replace(f" -o {target}", f" -o {made[target]}")
            words = words.replace(" -MMD -MP", "").replace(" -Werror", "")
            if subprocess.run(f"{words} -w -iquote {Path(source).parent} {mutant}", shell=True,
                              capture_output=True).returncode:
                return {}
        return made

    def test(self, name: str, link: str, made: dict) -> str:
        """How the test noticed, or ""."""
        program = self.work / name
        for target, mutant in made.items():
            link = link.replace(f" {target}", f" {mutant}")
        link = re.sub(r" -o \S+", f" -o {program}", link, count=1)
        if subprocess.run(link, shell=True, capture_output=True).returncode:
            return "does not link"
        directory = self.work / f"{name}.d"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        environment = {**os.environ, "TEST_DIRECTORY": str(directory), "LC_ALL": "C.UTF-8"}
        process = subprocess.Popen(
            [program, "-j1", "--fail-fast", "--color=never"], env=environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        try:
            return f"status {process.returncode}" if process.wait(TIMEOUT) else ""
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return "no end"
        finally:
            program.unlink(missing_ok=True)
            shutil.rmtree(directory, ignore_errors=True)

    def judge(self, source: str, site: sites.Site, text: str):
        """None when the change does not compile, or no host test has the source."""
        compiles, links = self.commands(source)
        made = self.compile(source, sites.applied(text, site), compiles) if compiles else {}
        if not made:
            return None
        change = sites.described(text, site)
        for name in self.relevant(source, links):
            if how := self.test(name, links[name], made):
                return Outcome(source, change, True, f"{name}, {how}")
        return Outcome(source, change, False, "")


def sources(part: str, words: list) -> list:
    """Those that host tests can have, each as often as it has lines, so that each line is as likely."""
    found = []
    for path in sorted(Path(part).rglob("*.c")):
        if "arch/" in str(path) or (words and not any(word in str(path) for word in words)):
            continue
        found += [str(path)] * path.read_text().count("\n")
    return found


def pick(generator: random.Random, lines: list) -> tuple:
    while True:
        source = generator.choice(lines)
        text = Path(source).read_text()
        found = {kind: list_ for kind, list_ in sites.sites(text).items() if list_}
        if found:
            return source, generator.choice(found[generator.choice(sorted(found))]), text


def known() -> set:
    """Lines `SOURCE: OLD -> NEW`, without numbers."""
    lines = KNOWN.read_text().splitlines() if KNOWN.exists() else []
    return {line for line in lines if line and not line.startswith("#")}


def without_number(outcome: Outcome) -> str:
    return f"{outcome.source}: {outcome.change.split(': ', 1)[1]}"


def campaign(build: Path, count: int, seed: int, words: list, say=print) -> dict:
    """The outcomes by part; every part that has sources gets as many."""
    builder, outcomes = Builder(build), {part: [] for part in PARTS}
    lines = {part: found for part in PARTS if (found := sources(part, words))}
    parts = list(lines)
    generator = random.Random(seed)
    while sum(map(len, outcomes.values())) < count:
        part = parts[sum(map(len, outcomes.values())) % len(parts)]
        begun = time.monotonic()
        outcome = builder.judge(*pick(generator, lines[part]))
        if outcome is None:
            continue
        outcomes[part].append(outcome)
        verdict = f"caught by {outcome.by}" if outcome.caught else "SURVIVED"
        say(f"{outcome.source}:{outcome.change}: {verdict} ({time.monotonic() - begun:.1f} s)", flush=True)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-k", dest="words", action="append", default=[])
    options = parser.parse_args()
    outcomes, same = campaign(options.build, options.count, options.seed, options.words), known()
    survivors = 0
    for part, of_part in outcomes.items():
        counted = [outcome for outcome in of_part if outcome.caught or without_number(outcome) not in same]
        caught = sum(outcome.caught for outcome in counted)
        survivors += len(counted) - caught
        if counted:
            print(f"{part}: {caught} of {len(counted)} caught, {100 * caught / len(counted):.0f} percent")
    print(f"{sum(map(len, outcomes.values())) - survivors} passed, {survivors} failed")
    return survivors > 0


if __name__ == "__main__":
    sys.exit(main())
