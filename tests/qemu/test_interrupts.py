# SPDX-License-Identifier: MIT
"""Interrupt controllers of every kind, while drivers of their lines die, and trees that lie of them."""

import re

import inputs
from qemu import Failure, test

NUMA = (
    *("-object", "memory-backend-ram,size=256M,id=m0", "-object", "memory-backend-ram,size=256M,id=m1"),
    *("-numa", "node,memdev=m0,cpus=0-1,nodeid=0", "-numa", "node,memdev=m1,cpus=2-3,nodeid=1"),
)
PROMPT = "cardea:/\\$ "


def lines_of(system) -> dict:
    """Driver -> (line, interrupts handled)."""
    rows = re.findall(r"^ *(\d+) \S+ +(\S+) +\d+ +(\d+) ", system.command("irq"), re.MULTILINE)
    return {driver: (int(line), int(handled)) for line, driver, handled in rows}


def read_all(system, before: str = "") -> None:
    """Reads a file of 200 KiB; `before` is a command that the shell carries out just before."""
    expected = (system.build / "rootfs/big.txt").read_text()
    shown = system.command(f"{before}cat /big.txt", 60)
    if not shown.endswith(expected):
        raise Failure(f"cat /big.txt printed {len(shown)} characters, at the end {shown[-200:]!r}")


def interrupts(name: str, kind: str, disk_line: int, harts=(1, 4), **machine) -> None:
    """Disk, console and their interrupts, while the drivers are killed with requests and keys under way."""

    @test(harts=harts, timeout=180, id=name, **machine)
    def run(system):
        system.wait_prompt()
        if not re.search(rf"hart \d of {system.machine.harts}, {re.escape(kind)}, ", system.output):
            raise Failure(f"the boot line does not say {kind}")
        read_all(system)
        first = lines_of(system)
        if first["virtio-blk"][0] != disk_line or first["console"][0] % 97 != 10:
            raise Failure(f"the lines are {first}")
        for victim in ("virtio-blk", "fs", "virtio-blk", "console", "virtio-blk", "dev", "virtio-blk"):
            read_all(system, f"kill {victim}; ")
        if system.command("echo still here") != "still here\n":
            raise Failure("the shell does not answer")
        last = lines_of(system)
        if last["virtio-blk"][1] == 0 or last["console"][1] == 0:
            raise Failure(f"no interrupts after the restart: {last}")
        if last["virtio-blk"][1] > 5000 or last["console"][1] > 100000:
            raise Failure(f"far more interrupts than requests: {last}")


interrupts("plic", "PLIC", 8)
interrupts("aplic", "APLIC", 8, machine="virt,aia=aplic")
interrupts("imsic", "APLIC+IMSIC", 8, machine="virt,aia=aplic-imsic")
interrupts("imsic_with_guests", "APLIC+IMSIC", 8, harts=(4,), machine="virt,aia=aplic-imsic,aia-guests=3")
# The devices are wired to the second node's controller, which does not serve the boot hart.
interrupts("plic_of_two_nodes", "PLIC", 105, harts=(4,), extra=NUMA)
interrupts("aplic_of_two_nodes", "APLIC", 105, harts=(4,), machine="virt,aia=aplic", extra=NUMA)
interrupts("imsic_of_two_nodes", "APLIC+IMSIC", 105, harts=(4,), machine="virt,aia=aplic-imsic", extra=NUMA)


# --- Trees that lie ---


def edited(name: str, machine: str, edit, *expected: str, harts=(1,)) -> None:
    """Boots with an edited tree; the console shows these texts in this order."""

    @test(harts=harts, boot=False, timeout=90, id=name, machine=machine)
    def run(system):
        blob = inputs.device_tree(system, edit)
        system.boot(dtb=inputs.write(system, "edited.dtb", blob))
        for text in expected:
            system.expect_regex(text, 60)


def of_the_supervisor(old: str, new: str):
    """Replaces a text in the S-level APLIC, or wherever else it comes first from there on."""

    def edit(tree: str) -> str:
        before, found, after = tree.partition("aplic@d000000 {")
        if not found or old not in after:
            raise Failure(f"the tree has no {old!r}")
        return before + found + after.replace(old, new, 1)

    return edit


# More lies are told in tests/host/intc_test.c: OpenSBI does not boot with all of them.
IMSIC = "virt,aia=aplic-imsic"
NOT_DRIVEN = "serial@10000000: interrupt 0: its interrupt controller is not driven"
NONE = ", no interrupt controller, "


def lie(name: str, machine: str, old: str, new: str, said: str, *then: str, **rest) -> None:
    edited(name, machine, of_the_supervisor(old, new), f"controller aplic@d000000 {said}", *then, **rest)


lie("aplic_with_one_cell", "virt,aia=aplic", "#interrupt-cells = <0x02>", "#interrupt-cells = <0x01>",
    "is not used: its interrupts have another number of cells than is known", NONE, NOT_DRIVEN)
lie("aplic_of_unknown_harts", "virt,aia=aplic", "extended = <0x02 0x09>", "extended = <0x77 0x09>",
    "is not used: it interrupts no hart that is", NONE, NOT_DRIVEN)
lie("aplic_without_msi_parent", IMSIC, "msi-parent = ", "no-parent = ",
    "is not used: it is not said which harts it interrupts", NONE, NOT_DRIVEN)
# The UART has line 10 and the disk line 8: they work.
lie("imsic_with_fewer_identities_than_lines", IMSIC, "num-ids = <0xff>", "num-ids = <0x3f>",
    "has sources that are not used: its IMSIC has too few identities", PROMPT, harts=(1, 4))
edited(
    "registers_in_memory",
    "virt",
    lambda t: t.replace(
        "\tplatform-bus@",
        "\tintc@90000000 { compatible = \"riscv,plic0\"; reg = <0 0x90000000 0 0x400000>; "
        "interrupt-controller; #interrupt-cells = <1>; riscv,ndev = <32>; "
        "interrupts-extended = <&{/cpus/cpu@0/interrupt-controller} 9>; };\n\tplatform-bus@",
        1,
    ),
    "interrupt controller intc@90000000 is not used: its registers lie in memory",
    PROMPT,
)
