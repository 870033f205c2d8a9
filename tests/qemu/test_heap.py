# SPDX-License-Identifier: MIT
"""The heap of programs: tests/system/heap.c."""

import re

import inputs
from qemu import Failure, test


def with_heap(system, **options) -> None:
    program = (system.build / "system/heap").read_bytes()
    system.boot(disk=inputs.disk(system, {"bin/heap": program}), **options)
    system.wait_prompt(60)


@test(timeout=120, boot=False)
def takes_and_gives_back(system):
    with_heap(system)
    shown = system.command("heap", 90)
    if shown != "heap: all is well\n":
        raise Failure(f"'heap' printed {shown!r}")
    system.poweroff()


@test(harts=(1,), boot=False)
def a_block_freed_twice_ends_the_program(system):
    with_heap(system)
    shown = system.command("heap twice")
    if "exit status 134" not in shown:
        raise Failure(f"'heap twice' printed {shown!r}")
    log = system.command("dmesg")
    if not re.search(r"heap\[\d+\]: heap: 0x[0-9a-f]+ was freed before\n", log) or "aborted" not in log:
        raise Failure(f"the log does not say why:\n{log[-500:]}")
    system.poweroff()


@test(harts=(1,), boot=False, timeout=120)
def half_of_picolibcs_instructions(system):
    """For a million operations of mixed sizes, with what mm and the kernel do for both."""
    with_heap(system, icount=True, append="counters")
    shown = system.command("heap bench", 100)
    found = re.search(r"operation of 1000000 takes (\d+) instructions, with picolibc (\d+)$", shown, re.M)
    system.note(shown.replace("\n", "; "))
    if not found or 2 * int(found.group(1)) > int(found.group(2)):
        raise Failure(f"'heap bench' printed {shown!r}")
    system.poweroff()
