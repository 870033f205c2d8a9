# SPDX-License-Identifier: MIT
"""Tasks in a program of the system that ships: tests/system/tasks.c."""

import inputs
from qemu import Failure, test


def with_program(system) -> None:
    files = {f"bin/{path.name}": path.read_bytes() for path in (system.build / "rootfs/bin").iterdir()}
    files["bin/tasks"] = (system.build / "system/tasks").read_bytes()
    system.boot(disk=inputs.disk(system, files))
    system.wait_prompt(60)


@test(timeout=120, boot=False)
def switch_sleep_and_wake(system):
    with_program(system)
    shown = system.command("tasks", 60)
    if "tasks: all is well" not in shown:
        raise Failure(f"'tasks' printed {shown!r}")


@test(timeout=120, boot=False, harts=(1,))
def a_stack_that_is_used_up_faults(system):
    with_program(system)
    shown = system.command("tasks overflow", 60)
    if "crashed" not in shown and "page fault" not in shown:
        raise Failure(f"'tasks overflow' printed {shown!r}")
    if "tasks: all is well" not in system.command("tasks", 60):
        raise Failure("the shell does not go on")
