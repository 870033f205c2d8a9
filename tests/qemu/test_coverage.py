# SPDX-License-Identifier: MIT
"""The marks of `make coverage`: what a boot executes has them, and what it does not execute has none."""

import os
import sys
from pathlib import Path

from qemu import Failure, Skip, test

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "coverage"))

import measure  # noqa: E402


def lines_of(measured, file: str) -> list:
    return [line for (name, _), line in measured.lines.items() if name == file]


@test(harts=(1,), timeout=120, boot=False)
def marks_are_of_what_was_executed(system):
    if "COVERAGE_PLUGIN" in os.environ:
        raise Skip("the plugin cannot be loaded twice, and `make coverage` has it already")
    image = measure.read_image(system.build / "kernel/cardea.elf", "riscv64-unknown-elf-")
    counts = system.directory / "counts"
    where = f"virtual={image.virtual:#x},physical={image.PHYSICAL:#x},size={image.size:#x}"
    system.boot(extra=("-plugin", f"{system.build}/tools/cover.so,{where},output={counts}"))
    system.wait_prompt()
    system.poweroff()
    measured = measure.read_guest(image, counts)
    if not any(line.count for line in lines_of(measured, "kernel/boot/riscv/head.S")):
        raise Failure("the kernel's first instructions, before paging is on, have no mark")
    panics = lines_of(measured, "kernel/arch/riscv/panic.c")
    if not panics or any(line.count for line in panics):
        raise Failure("a boot without a panic executed panic.c, or it is not known where that is")
    if not any(line.count for line in lines_of(measured, "kernel/sched.c")):
        raise Failure("nothing of the scheduler has a mark")
    branches = [line for line in lines_of(measured, "kernel/cap.c") if line.outcomes]
    seen, all_there_are = sum(line.seen() for line in branches), sum(len(line.outcomes) for line in branches)
    if not 0 < seen < all_there_are:
        raise Failure("of the branches of cap.c none or all had both outcomes")
