# SPDX-License-Identifier: MIT
"""Running a program of tests/hostile in place of init, and reading what it says of each of its checks."""

import re

from registry import Failure

STAMP = r"\[ *\d+\.\d+\] "  # the kernel's log, to which the programs write


def judged(check: str, passed: bool, detail: str, open_checks):
    if check not in open_checks:
        return check, passed, detail
    return check, True, f"{'right by now: to be taken off OPEN' if passed else 'not right yet'}: {detail}"


def run(system, name: str, checks: str, timeout: float, append: str = "", open_checks=(), **machine) -> list:
    """
    Boots with the program as init; its checks as (name, passed, message). All of `checks` must be reported;
    those of `open_checks` need neither be reported nor come out right.
    """
    system.boot(initrd=str(system.build / f"hostile/{name}.cpio"), disk=None, append=append, **machine)
    status = system.wait_exit(timeout)
    lines = re.findall(rf"^{STAMP}{name} (\w+): (ok|FAILED) (.*)$", system.output, re.MULTILINE)
    end = re.search(rf"^{STAMP}{name}: (\d+) passed, (\d+) failed$", system.output, re.MULTILINE)
    if not end:
        raise Failure(f"{name} did not get to its end (status {status}): {system.output[-300:]!r}")
    failed = sum(word == "FAILED" for _, word, _ in lines)
    counts = (str(len(lines) - failed), str(failed))
    if (status != 0) != (failed != 0) or end.groups() != counts:
        raise Failure(f"{name} ended with status {status}, and its lines say otherwise: {end.group(0)}")
    missing = set(checks.split()) - {check for check, _, _ in lines} - set(open_checks)
    results = [judged(check, word == "ok", detail, open_checks) for check, word, detail in lines]
    return results + [(check, False, "was not reported") for check in sorted(missing)]
