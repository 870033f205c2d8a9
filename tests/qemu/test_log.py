# SPDX-License-Identifier: MIT
"""The log: names are put there by who cannot lie about them, and no program pushes out anybody's lines."""

import re

from qemu import Failure, test


@test(timeout=90)
def program_neither_forges_nor_pushes_out(system):
    system.wait_prompt()
    before = system.command("dmesg").splitlines()
    system.command("crash read 0x18")
    system.command("grab log", 60)
    log = system.command("dmesg").splitlines()
    if [line for line in before if line not in log]:
        raise Failure("lines that were there before are gone")
    shapes = [re.fullmatch(r"\[ *\d+\.\d{6}\] (\S+): (.*)", line) for line in log if line not in before]
    if not all(shapes) or not shapes:
        raise Failure("there are lines without time or name:\n" + "\n".join(log))
    names = {re.sub(r"\d+", "N", shape[1]) for shape in shapes}
    if names != {"crash[N]", "grab[N]"}:
        raise Failure(f"lines have the names {names}")
    said = {shape[2] for shape in shapes if shape[1].startswith("grab")}
    forged = {"init: fs: page fault", "[    0.000001] mm: forged", "?kernel: forged?[2J"}
    if not said <= forged | {"the last line"}:
        raise Failure(f"the program said {said}")
    if "the last line" not in said:
        raise Failure("the newest line is not there")
    if not any(shape[1].startswith("crash") and "page fault: read of 0x18" in shape[2] for shape in shapes):
        raise Failure("another program's line was pushed out")


@test(harts=(1,), timeout=90)
def each_program_keeps_its_newest_lines(system):
    """Also while many that have ended said more than there is room for."""
    system.wait_prompt()
    for _ in range(12):
        system.command("grab log", 60)
        system.command("crash read 0x18")
    log = system.command("dmesg")
    if "Cardea 0.1" not in log or log.count("the last line") < 5:
        raise Failure(f"the log has not what was newest:\n{log}")
