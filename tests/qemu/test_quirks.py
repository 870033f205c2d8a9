# SPDX-License-Identifier: MIT
"""Harts that the device tree gives a name under which faults are known: what the kernel does there."""

import re

import guests
import inputs
from qemu import Failure, test

FU740_HARTS = ('compatible = "riscv";', 'compatible = "sifive,bullet0", "riscv";')
# As QEMU lists what it translates: address, code, and the name of a fence.
FENCE = re.compile(r"^0x(f{8}[0-9a-f]{8}): +([0-9a-f]{8}) +sfence\.vma", re.MULTILINE)


def tree(system, faulty: bool) -> str:
    text = (lambda t: t.replace(*FU740_HARTS)) if faulty else None
    return inputs.write(system, "tree", inputs.device_tree(system, text))


def fences_by_address(system, faulty: bool) -> int:
    """Boots and lets translations change; returns how many fences of the kernel named a page."""
    log = system.directory / "code"
    system.boot(dtb=tree(system, faulty), extra=("-d", "in_asm", "-D", str(log)))
    if faulty:
        system.expect("works around sifive-cip-1200")
    system.wait_prompt(60)
    system.command("hello")
    system.poweroff()
    codes = [int(code, 16) for _, code in FENCE.findall(log.read_text(errors="replace"))]
    if not codes:
        raise Failure("the kernel executes no fence at all, or QEMU lists none")
    return sum(code >> 15 & 31 != 0 for code in codes)


@test(harts=(1, 4), boot=False, timeout=120)
def faulty_harts_forget_everything(system):
    """CIP-1200: no fence by address is ever executed where the harts are such."""
    if fences_by_address(system, True):
        raise Failure("a fence by address was executed")


@test(harts=(1, 4), boot=False, timeout=120)
def other_harts_forget_pages(system):
    """And elsewhere they are: what is faulty costs nobody else anything."""
    if not fences_by_address(system, False):
        raise Failure("no fence by address was executed")


@test(harts=(1, 4), boot=False, timeout=120)
def nothing_stale_is_executed(system):
    return guests.run(system, "execute", guests.CHECKS["execute"], 100, dtb=tree(system, True))


@test(harts=(1,), boot=False, timeout=90)
def fetches_are_reported(system):
    """CIP-453: where a fetch fails, the address is right on a hart that does not need the help, too."""
    system.boot(dtb=tree(system, True))
    system.expect("works around sifive-cip-453")
    system.wait_prompt()
    said = system.command("crash jump 0x12340")
    if "0x12340" not in said:
        raise Failure(f"the report does not name the address: {said!r}")
