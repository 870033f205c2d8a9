# SPDX-License-Identifier: MIT
"""Threads of a program of the system that ships, and executors: tests/system/threads.c and sum.c."""

import re

import inputs
from qemu import Failure, test


def with_program(system, name: str = "threads", **options) -> None:
    files = {f"bin/{path.name}": path.read_bytes() for path in (system.build / "rootfs/bin").iterdir()}
    files[f"bin/{name}"] = (system.build / f"system/{name}").read_bytes()
    system.boot(disk=inputs.disk(system, files), **options)
    system.wait_prompt(60)


def free(system) -> int:
    return int(re.search(r"^free +(\d+) KiB$", system.command("mem"), re.MULTILINE).group(1))


def run(system) -> None:
    shown = system.command("threads", 100)
    if "threads: all is well" not in shown:
        raise Failure(f"'threads' printed {shown!r}")


@test(timeout=300, boot=False)
def start_lock_and_join(system):
    with_program(system)
    run(system)
    before = free(system)
    for _ in range(3):
        run(system)
    if free(system) != before:
        raise Failure(f"{before - free(system)} KiB are missing after programs with threads")


@test(timeout=120, boot=False, harts=(1, 2))
def the_end_of_one_is_the_end_of_all(system):
    with_program(system)
    run(system)
    before = free(system)
    shown = system.command("threads overflow", 60)
    if "page fault" not in shown and "crashed" not in shown:
        raise Failure(f"'threads overflow' printed {shown!r}")
    shown = system.command("threads exit", 60)
    if "status 7" not in shown:
        raise Failure(f"'threads exit' printed {shown!r}")
    run(system)
    if free(system) != before:
        raise Failure(f"{before - free(system)} KiB are missing after programs that ended early")


@test(timeout=300, boot=False)
def jobs_on_all_harts(system):
    with_program(system, "sum")
    shown = system.command("sum check", 200)
    if "sum: all is well" not in shown:
        raise Failure(f"'sum check' printed {shown!r}")
