# SPDX-License-Identifier: MIT
"""Host tests: Criterion programs, each of whose cases counts as a test."""

import functools
import os
import re
import subprocess
from pathlib import Path

TIMEOUT = 240  # of a program that takes 10 s where nothing else runs
LIST_TIMEOUT = 30


def programs(build: Path) -> list:
    """The test programs that belong to the sources there are now."""
    names = sorted(p.stem for p in Path("tests/host").glob("*_test.c"))
    return [build / "host" / name for name in names]


def cases(program: Path) -> list:
    """Names of a program's cases, as SUITE.CASE; none while it is not built or hangs."""
    if not program.exists():
        return []
    try:
        listing = subprocess.run([program, "--list"], capture_output=True, text=True, timeout=LIST_TIMEOUT)
    except subprocess.TimeoutExpired:
        return []
    suite, found = "", []
    for line in listing.stdout.splitlines():
        if match := re.match(r"(\S+): \d+ tests?", line):
            suite = match.group(1)
        elif match := re.match(r"\W*── (\S+)", line):
            found.append(f"{suite}.{match.group(1)}")
    return found


def run(program: Path, log: Path, directory: Path) -> tuple:
    """
    Runs all cases of a program. Returns (results, problem): a list of (SUITE.CASE, passed, message), and
    what went wrong with the program as a whole, or "".
    """
    if not program.exists():
        return [], f"{program} is not built; `make test-host` builds it"
    tap = log.with_suffix(".tap")
    tap.unlink(missing_ok=True)
    environment = {**os.environ, "TEST_DIRECTORY": str(directory), "LC_ALL": "C.UTF-8"}
    command = [*as_root(), program, f"--tap={tap}", "-j1", "--color=never"]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            status = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
            return [], f"not done after {TIMEOUT} s"
    results = parse_tap(tap.read_text(errors="replace") if tap.exists() else "")
    failed = any(not passed for _, passed, _ in results)
    if not results:
        return [], f"ended with status {status} and reported no test"
    if status != 0 and not failed:
        return results, f"all its tests passed, but it ended with status {status}"
    return results, ""


@functools.cache
def as_root() -> list:
    """
    What to put before a command so that it may give files to root, as some tests do with images that they
    make and take apart: nothing for root; for others a user namespace, where the system lets them have one.
    """
    unshare = ["unshare", "--map-root-user"]
    if os.geteuid() == 0 or subprocess.run([*unshare, "true"], capture_output=True).returncode != 0:
        return []
    return unshare


def parse_tap(text: str) -> list:
    results = []
    for line in text.splitlines():
        if match := re.match(r"(ok|not ok)\b(?: \d+)? - (\S+?)::(\S+)\s*(.*)", line):
            verdict, suite, case, rest = match.groups()
            if "# SKIP" not in rest:
                results.append((f"{suite}.{case}", verdict == "ok", "" if verdict == "ok" else rest))
        elif results and not results[-1][1] and line.strip():
            name, passed, message = results[-1]
            results[-1] = (name, passed, f"{message}\n{line.strip()}".strip())
    return results
