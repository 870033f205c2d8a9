# SPDX-License-Identifier: MIT
"""Machines whose device trees say things in other ways, or of which something cannot be used."""

import re
import subprocess

import inputs
from qemu import Failure, test

ISA = r'riscv,isa = "[^"]*";'
TIMEBASE = "timebase-frequency = <0x989680>;"
PROMPT = "cardea:/\\$ "


def edited(name: str, edit, *expected: str, harts: int = 1, **machine) -> None:
    """Boots with an edited tree; the console shows these texts in this order."""

    @test(harts=(harts,), boot=False, timeout=90, id=name, **machine)
    def run(system):
        blob = inputs.device_tree(system, edit)
        system.boot(dtb=inputs.write(system, "edited.dtb", blob))
        for text in expected:
            system.expect_regex(text, 60)


def list_of_extensions(*names: str):
    quoted = ", ".join(f'"{name}"' for name in names)
    return lambda t: re.sub(ISA, f'riscv,isa-base = "rv64i"; riscv,isa-extensions = {quoted};', t)


def with_isa(text: str):
    return lambda t: re.sub(ISA, f'riscv,isa = "{text}";', t)


def with_node(where: str, text: str):
    return lambda t: t.replace(where, text + where, 1)


edited("extensions_in_a_list", list_of_extensions("i", "m", "a", "f", "d", "c", "sstc"), "Sstc, FP", PROMPT)
edited("extensions_without_timer", list_of_extensions("i", "m", "a", "f", "d", "c"), "1, PLIC, FP", PROMPT)
edited("extensions_without_fp", list_of_extensions("i", "m", "a", "c", "sstc"), "PLIC, Sstc, OpenSBI", PROMPT)
edited("isa_in_short", with_isa("rv64gc_svadu"), "1, PLIC, FP", PROMPT)
edited("isa_that_says_nothing", with_isa("rv6"), "1, PLIC, OpenSBI", PROMPT)
edited(
    "timebase_of_each_hart",
    lambda t: t.replace('mmu-type = "riscv,sv48";', f'mmu-type = "riscv,sv48"; {TIMEBASE}'),
    PROMPT,
    harts=2,
)
edited(
    "interrupt_controller_without_lines",
    lambda t: t.replace("riscv,ndev = <0x60>", "riscv,ndev = <0x00>"),
    "interrupt controller plic@c000000 is not used: the number of its sources is not 1 to 1023",
    "no interrupt controller",
)
edited(
    "interrupt_controller_that_reaches_no_hart",
    lambda t: re.sub("extended = <0x0(.) 0x0b 0x0. 0x09>", "extended = <0x0\\1 0x0b>", t),
    "interrupt controller plic@c000000 is not used: it interrupts no hart that is",
)
edited(
    "registers_out_of_reach",
    with_node(
        "\t\tplic@",
        'far@100000000000000 { compatible = "riscv,aclint-sswi"; reg = <0x1000000 0x0 0x0 0x1000>; };\n',
    ),
    "controller far@100000000000000 has registers that are out of reach",
    PROMPT,
)
edited(
    "hart_named_twice",
    lambda t: re.sub(r"(cpu@1 \{[^}]*?)reg = <0x01>", r"\1reg = <0x00>", t),
    "hart 0 of 1",
    PROMPT,
    harts=2,
)
edited("more_harts_than_can_be_used", None, "1 harts are not used: the kernel runs on 8", PROMPT, harts=9)


@test(harts=(1, 4), timeout=120, cpu="rv64,sstc=off", append="selftest", disk=None)
def timer_of_the_firmware(system):
    """Without Sstc the kernel has the firmware set the timer, and everything goes as with it."""
    return system.selftest(110)


# OpenSBI's harts race for being the one that boots. What QEMU hands it (FW_DYNAMIC information) names one in
# its sixth word, which gets a lead in the race; it begins with OSBI, behind QEMU's first instructions.
INFORMATION = {"virt": 0x1028, "sifive_u": 0x1030}


def prefer(system, hart: int) -> None:
    socket = system.directory / "gdb"
    system.boot(extra=["-S", "-gdb", f"unix:{socket},server=on,wait=off"])
    system.monitor("info status")  # until it answers, QEMU is not ready for gdb either
    at = INFORMATION[system.machine.machine]
    command = ["gdb-multiarch", "-q", "-batch", "-ex", "set architecture riscv:rv64"]
    for line in (f"target remote {socket}", f"x/s {at:#x}", f"set *(long *){at + 40} = {hart}", "detach"):
        command += ["-ex", line]
    said = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    if b'"OSBI"' not in said.stdout:
        raise Failure(f"QEMU has its structure for OpenSBI elsewhere than at {at:#x}")


def boots_on_any(preferred: int, of: int, usable: range, **machine) -> None:
    """Whichever hart boots, the others are started and used. (On a given one: firmware.boots_on_hart_N.)"""

    @test(harts=(of,), boot=False, timeout=120, id=f"boots_on_any_hart_{preferred}_of_{of}", **machine)
    def run(system):
        prefer(system, preferred)
        found = system.expect_regex(rf"MiB, hart (\d+) of {len(usable)}, ", 60)
        if int(found.group(1)) not in usable:
            raise Failure(f"hart {found.group(1)} cannot have booted it")
        system.note(f"hart {found.group(1)} booted")
        system.wait_prompt()
        if f", {len(usable)} hart" not in system.command("uptime"):
            raise Failure(f"{len(usable)} harts are not shown")


for number in range(4):
    boots_on_any(number, 4, range(4))
for number in range(1, 5):
    boots_on_any(number, 5, range(1, 5), machine="sifive_u", disk=None)


def called(uart: str):
    return lambda t: t.replace('compatible = "ns16550a"', f'compatible = "vendor,uart", "{uart}"')


# The relatives of the ns16550a that boards have; host.console_relatives shows what they do otherwise.
edited("terminal_of_designware", called("snps,dw-apb-uart"), PROMPT)
edited("terminal_of_xscale", called("intel,xscale-uart"), PROMPT)


def plic(name: str, trigger: int):
    """A PLIC of another maker: each interrupt has a second cell, its trigger."""

    def edit(text: str) -> str:
        text = text.replace('"sifive,plic-1.0.0", "riscv,plic0"', f'"{name}"')
        text = re.sub(r"(plic@c000000 \{[^}]*#interrupt-cells = )<0x01>", r"\1<0x02>", text, flags=re.DOTALL)
        return re.sub(r"(\binterrupts = <0x\w+)>;", rf"\1 0x{trigger:02x}>;", text)

    return edit


edited("plic_of_thead", plic("thead,c900-plic", 4), "PLIC, Sstc", PROMPT)
edited("plic_of_andes_with_edges", plic("andestech,nceplic100", 1), "PLIC, Sstc", PROMPT)

# As on the JH7110, whose UARTs have 64 KiB: here they reach over all virtio devices as well.
edited(
    "terminal_with_large_registers",
    lambda t: t.replace("reg = <0x00 0x10000000 0x00 0x100>", "reg = <0x00 0x10000000 0x00 0x10000>"),
    PROMPT,
)
