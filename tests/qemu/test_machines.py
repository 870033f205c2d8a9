# SPDX-License-Identifier: MIT
"""The same image on machines other than QEMU virt as it is by default, and on virt with other processors."""

import re

import guests
import inputs
from qemu import Failure, test

SIFIVE_HARTS = (2, 5)  # one of them, a monitor core, cannot run the kernel


ICICLE = {
    "machine": "microchip-icicle-kit",
    "memory": "2G",
    "disk": None,
    "dtb": inputs.tree_of("tests/boards/microchip-icicle-kit.dts"),
}


def check_harts(system, expected: int) -> None:
    shown = system.command("uptime")
    if f", {expected} hart" not in shown:
        raise Failure(f"uptime shows not {expected} harts:\n{shown}")


def check_console(system, device: str) -> None:
    """The terminal is on that device, and takes and gives many bytes without losing any."""
    shown = system.command("irq")
    if not re.search(rf"^ *\d+ {device} +console ", shown, re.MULTILINE):
        raise Failure(f"irq shows not that the console drives {device}:\n{shown}")
    words = " ".join(f"{n}-{n * n}" for n in range(100))
    for _ in range(5):
        answer = system.command(f"echo {words}").strip()
        if answer != words:
            raise Failure(f"echo of {words!r} is {answer!r}")


@test(harts=SIFIVE_HARTS, machine="sifive_u", memory="2G", disk=None, timeout=120)
def sifive_u(system):
    system.wait_prompt(60)
    boot_hart = int(re.search(r"MiB, hart (\d+) of", system.output).group(1))
    if not 1 <= boot_hart < system.machine.harts:
        raise Failure(f"hart {boot_hart} cannot have booted it")
    check_harts(system, system.machine.harts - 1)
    check_console(system, "serial@10010000")
    if "no file system (no disk)" not in system.command("ls /"):
        raise Failure("it does not say that there is no disk")
    system.poweroff()


@test(harts=SIFIVE_HARTS, machine="sifive_u", memory="128M", disk=None, timeout=120)
def sifive_u_small(system):
    system.wait_prompt(60)
    system.poweroff()


@test(harts=SIFIVE_HARTS, machine="sifive_u", memory="512M", disk=None, append="selftest", timeout=120)
def sifive_u_selftest(system):
    return system.selftest(100)


@test(harts=(5,), machine="sifive_u", disk=None, timeout=120, reboot=True)
def sifive_u_cannot_be_switched_off(system):
    """Nothing there ends the machine, and the user is told; it can be restarted."""
    system.wait_prompt(60)
    if system.command("poweroff") != "poweroff: machine: its firmware cannot do that\n":
        raise Failure(f"poweroff says something else: {system.screen()[-200:]!r}")
    if "init: the firmware cannot switch off this machine\n" not in system.command("dmesg"):
        raise Failure("the log does not tell")
    system.send_line("reboot")
    system.expect("OpenSBI", 30)
    system.wait_prompt(60)


@test(harts=(2, 5), boot=False, panics=True, timeout=60)
def sifive_u_halts_after_a_failure(system):
    """What would end an emulator of virt with a failure status halts this machine, and says so."""
    files = inputs.files_of_build(system)
    files["mm"] = files["mm"][:1000]
    archive = inputs.write(system, "initrd", inputs.archive(files))
    system.boot(machine="sifive_u", disk=None, initrd=archive)
    system.expect("init: the system cannot go on without that\n", 30)
    system.expect("halted\n")


@test(harts=(5,), timeout=120, **ICICLE)
def icicle(system):
    """The board of docs/PORTING.md. Memory in two places, 62 GiB apart; registers of four bytes."""
    system.expect("works around sifive-cip-1200\n", 30)
    system.wait_prompt(60)
    check_harts(system, 4)
    check_console(system, "serial@20100000")
    free = re.search(r"^memory of all +(\d+) KiB", system.command("mem"), re.MULTILINE)
    if not 2040 << 10 < int(free.group(1)) < 2048 << 10:
        raise Failure(f"not all of 2 GiB is there: {free.group(0)}")
    for command in ("poweroff", "reboot"):
        if system.command(command) != f"{command}: machine: its firmware cannot do that\n":
            raise Failure(f"{command} says something else: {system.screen()[-200:]!r}")
    system.poweroff()


@test(harts=(5,), timeout=60, boot=False, **ICICLE)
def icicle_without_timer(system):
    """The firmware finds no timer in the tree, and so makes time stand still."""
    timer = re.compile(r"clint@2000000 \{.*?\};", re.DOTALL)
    system.boot(dtb=inputs.tree_of("tests/boards/microchip-icicle-kit.dts", lambda t: timer.sub("", t)))
    system.expect("cannot boot: time stands still: the firmware has found no timer\n", 30)
    system.expect("halted\n")


@test(harts=(5,), timeout=120, append="selftest", **ICICLE)
def icicle_selftest(system):
    return system.selftest(100)


def monitor_core_with_mmu(tree: str) -> str:
    return tree.replace("cpu@0 {", 'cpu@0 {\nmmu-type = "riscv,sv39";')


@test(harts=SIFIVE_HARTS, machine="sifive_u", disk=None, boot=False, timeout=120)
def monitor_core_that_has_an_mmu(system):
    """As in a tree of the VisionFive 2, whose firmware crashes when it is started. The others keep FP."""
    tree = inputs.device_tree(system, monitor_core_with_mmu)
    system.boot(dtb=inputs.write(system, "edited.dtb", tree))
    system.expect("hart 0 is not used: it has no FP, as the boot hart has\n", 30)
    system.expect("PLIC, FP, ")
    system.wait_prompt(60)
    check_harts(system, system.machine.harts - 1)
    if "did not start" in system.output:
        raise Failure("it was started")
    system.poweroff()


@test(harts=SIFIVE_HARTS, machine="sifive_u", disk=None, boot=False, timeout=120)
def hart_that_never_arrives(system):
    """A tree that gives the monitor core an MMU and FP: the firmware says that it has started it."""
    edit = lambda tree: monitor_core_with_mmu(tree).replace('"rv64imac_', '"rv64imafdc_')  # noqa: E731
    tree = inputs.device_tree(system, edit)
    system.boot(dtb=inputs.write(system, "edited.dtb", tree))
    system.expect("hart 0 did not start within 1000 ms and is not used\n", 30)
    system.wait_prompt(60)
    check_harts(system, system.machine.harts - 1)
    system.poweroff()


@test(harts=(5,), machine="sifive_u", disk=None, boot=False, timeout=120)
def console_on_another_uart(system):
    """The one that the tree names for it has no interrupt, so the console takes the other."""
    first = re.compile(r"(serial@10010000 \{\s*)interrupts = <0x04>;")
    tree = inputs.device_tree(system, lambda t: first.sub(r"\1", t))
    second = system.directory / "second"
    extra = ("-chardev", f"file,id=second,path={second}", "-serial", "chardev:second")
    system.boot(dtb=inputs.write(system, "edited.dtb", tree), extra=extra)
    system.expect("console: serial@10010000: no interrupt: ", 60)
    for _ in range(100):
        if "cardea:/$ " in second.read_text():
            return
        system.quiet(0.2)
    raise Failure(f"on the second UART is no prompt: {second.read_text()!r}")


@test(harts=(2,), timeout=200, boot=False)
def sifive_u_starve(system):
    """At 1 MHz a tick is long; budgets and periods hold all the same."""
    checks = guests.CHECKS["starve"]
    return guests.run(system, "starve", checks, 180, machine="sifive_u", memory="2G", icount=True)


@test(harts=(1, 4), timeout=120, cpu="sifive-u54", append="selftest", disk=None)
def u54_selftest(system):
    """The boards' core on virt: no Sstc, no extension that is not of 2019."""
    return system.selftest(100)
