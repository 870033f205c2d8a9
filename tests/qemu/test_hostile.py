# SPDX-License-Identifier: MIT
"""
Programs that try what no program may be able to do, in place of init: tests/hostile. Each prints a line for
each thing that it tried, with what came of it; this asserts that all are there and none says FAILED.
"""

import os
import re
import subprocess

import guests
from qemu import Failure, test


def run(system, name: str, timeout: float, append: str = "", **machine) -> list:
    return guests.run(system, name, guests.CHECKS[name], timeout, append, **machine)


@test(timeout=120, boot=False)
def reach(system):
    return run(system, "reach", 100)


@test(timeout=120, boot=False)
def execute(system):
    return run(system, "execute", 100)


@test(timeout=120, boot=False)
def execute_with_few_asids(system):
    return run(system, "execute", 100, append="asidbits=2")


@test(timeout=120, boot=False)
def execute_without_asids(system):
    return run(system, "execute", 100, append="asidbits=0")


@test(timeout=120, boot=False)
def registers(system):
    return run(system, "registers", 100)


@test(timeout=120, boot=False)
def fresh(system):
    return run(system, "fresh", 100)


@test(timeout=120, boot=False)
def given(system):
    """What only the boot of the kernel needs is given to init, which may do with it as it likes."""
    image, load = 0xFFFFFFFF80200000, 0x80200000
    symbols = subprocess.run(
        [os.environ.get("CROSS", "riscv64-unknown-elf-") + "nm", system.build / "kernel/cardea.elf"],
        stdout=subprocess.PIPE, text=True, check=True,
    ).stdout
    places = {"code": "_boot_start", "code_end": "_boot_end", "variables": "_boot_data_start",
              "variables_end": "_boot_data_end"}
    at = {name: int(re.search(rf"^(\w+) . {symbol}$", symbols, re.MULTILINE).group(1), 16) - image + load
          for name, symbol in places.items()}
    return run(system, "given", 100, append=" ".join(f"{name}={place:#x}" for name, place in at.items()))


@test(timeout=200, boot=False)
def starve(system):
    """On one hart with -icount, so that what is measured does not depend on this machine's load."""
    if system.machine.harts == 1:
        return run(system, "starve", 180, icount=True)
    return run(system, "starve", 180, append="loose=1")


@test(timeout=60, boot=False)
def races(system):
    return run(system, "races", 40)


@test(timeout=120, boot=False)
def exhaust(system):
    """On one hart the thread of the highest priority is never more than 20,000 instructions late."""
    if system.machine.harts == 1:
        return run(system, "exhaust", 100, append="late=200", icount=True)
    return run(system, "exhaust", 100)


@test()
def from_the_shell(system):
    """The same of an ordinary program, whose end the shell tells."""
    system.wait_prompt()
    for address in (0xFFFFFFC080000000, 0xFFFFFFFF80200000, 0xFFFFFFFD00000000, 0x4000000000, 1 << 63):
        for way in ("read", "write", "jump"):
            shown = system.command(f"crash {way} {address:#x}")
            if "page fault" not in shown:
                raise Failure(f"'crash {way} {address:#x}' printed {shown!r}")
    system.poweroff()
