# SPDX-License-Identifier: MIT
"""Deadlines of interrupt lines and threads, as `irq` shows them, and time with and without Sstc."""

import re

import inputs
from qemu import Failure, test

FIGURES = "".join(rf" +(?P<{name}>\d+)" for name in ("hart", "handled", "missed", "mean", "worst"))
FIGURES += r" +(?P<deadline>\d+|-)$"
UART = r"^ *10 serial@10000000 +console"
DISK = r"^ *8 virtio_mmio@10008000 +virtio-blk"
NEVER = 10_000_000
WITHOUT_SSTC = "rv64,sstc=off"
CTRL_C = "\x03"


def figures(system, of: str) -> dict:
    """One line of what `irq` shows."""
    shown = system.command("irq")
    found = re.search(of + FIGURES, shown, re.MULTILINE)
    if not found:
        raise Failure(f"irq shows no line {of!r}:\n{shown}")
    return {name: value if value == "-" else int(value) for name, value in found.groupdict().items()}


def thread(name: str) -> str:
    return rf"^ *\d+ {name}"


def with_deadlines(lines: int, threads: int):
    """Every line gets the first and fs, which waits for the disk, the second (microseconds)."""

    def edit(text: str) -> str:
        text, count = re.subn(r"irq-deadline-us = <\d+>;", f"irq-deadline-us = <{lines}>;", text)
        text, fs = re.subn(r"(fs: fs \{\n)", rf"\1        deadline-us = <{threads}>;\n", text)
        if count != 3 or fs != 1:
            raise Failure("dts/system.dts has other deadlines than this test expects")
        return text

    return edit


def check_sums(before: dict, after: dict, least: int) -> None:
    handled = after["handled"] - before["handled"]
    if handled < least:
        raise Failure(f"{handled} were handled meanwhile, not {least} at least: {before}, {after}")
    if not after["mean"] <= after["worst"] or after["missed"] > after["handled"]:
        raise Failure(f"figures that cannot be: {after}")


@test()
def lines_of_the_system(system):
    """What dts/system.dts says; no thread has a deadline there."""
    system.wait_prompt()
    before = figures(system, UART)
    for _ in range(3):
        after = figures(system, UART)
    # Characters that come together are one interrupt, but each line is one at least; that of the newest line
    # may not be acknowledged yet when the table is made.
    check_sums(before, after, 2)
    disk = figures(system, DISK)
    system.command("cat /big.txt", 60)
    check_sums(disk, figures(system, DISK), 1)
    if (after["deadline"], disk["deadline"]) != (600, 5000):
        raise Failure(f"deadlines {after['deadline']} and {disk['deadline']} us")
    if "PROCESS" in system.command("irq"):
        raise Failure("a thread has a deadline")


@test(harts=(1,), boot=False)
def missed(system):
    """What takes a thousand instructions and more is later than a microsecond."""
    inputs.boot_described(system, with_deadlines(1, 1))
    system.wait_prompt()
    for of in (UART, DISK, thread("fs")):
        before = figures(system, of)
        system.command("stat /poem; ls /bin")
        after = figures(system, of)
        if of != DISK:
            check_sums(before, after, 1)
        moved = of == DISK or after["missed"] > before["missed"]
        if after["deadline"] != 1 or after["missed"] == 0 or not moved:
            raise Failure(f"nothing was missed: {before}, {after}")


@test(harts=(1,), boot=False)
def not_missed(system):
    inputs.boot_described(system, with_deadlines(NEVER, NEVER))
    system.wait_prompt()
    for of in (UART, DISK, thread("fs")):
        before = figures(system, of)
        system.command("cat /poem; ls /bin")
        after = figures(system, of)
        check_sums(before, after, 0 if of == DISK else 1)
        if after["handled"] == 0 or after["missed"] != 0 or after["deadline"] != NEVER:
            raise Failure(f"in ten seconds: {after}")


@test(harts=(1,), boot=False)
def restarted_processes_keep_their_deadlines(system):
    inputs.boot_described(system, with_deadlines(7, 9))
    system.wait_prompt()
    system.command("kill fs")
    system.command("kill virtio-blk")
    system.command("cat /poem")
    for of, deadline in ((UART, 7), (DISK, 7), (thread("fs"), 9)):
        if figures(system, of)["deadline"] != deadline:
            raise Failure(f"{of!r} has another deadline than {deadline} us")


@test(harts=(1,), boot=False)
def bad_values(system):
    """One clear line, and the rest starts."""

    def edit(text: str) -> str:
        text = text.replace("irq-deadline-us = <5000>;", "irq-deadline-us = <0>;", 1)
        return text.replace("fs: fs {\n", "fs: fs {\n        deadline-us = <1 2>;\n", 1)

    inputs.boot_described(system, edit)
    system.expect("system.dtb: virtio-blk: irq-deadline-us 0 is not between 1 and 10000000\n", 30)
    system.expect("system.dtb: fs: deadline-us is not one number\n", 30)


# Time with the timer of the firmware; selftests without Sstc are in test_trees.py.


@test(cpu=WITHOUT_SSTC)
def time_without_sstc(system):
    """Time goes on, budgets end a turn, restarts are delayed."""
    system.wait_prompt()
    if "Sstc" in system.command("dmesg").split("\n", 3)[1]:
        raise Failure("the machine has Sstc")
    first, second = (
        float(re.search(r"^up 0 h \d min (\d+\.\d{3}) s", system.command("uptime"), re.MULTILINE).group(1))
        for _ in range(2)
    )
    if second <= first:
        raise Failure(f"the time went from {first} s to {second} s")
    # The shell is as urgent as what it runs: on one hart only the end of a turn lets it see the key.
    system.send_line("crash spin")
    system.quiet(0.5)
    system.send(CTRL_C)
    system.expect("sh: crash: killed\n")
    system.wait_prompt()
    # The second end of a process in a row costs a delay, which a timer ends.
    for _ in range(2):
        system.command("kill fs")
        system.command("cat /poem")
    if "fs: killed; restarting in 100 ms" not in system.command("dmesg"):
        raise Failure("the restart was not delayed")
    before = int(re.search(r"(\d+) timer interrupts", system.command("uptime")).group(1))
    system.quiet(0.2)
    if int(re.search(r"(\d+) timer interrupts", system.command("uptime")).group(1)) <= 0 or before <= 0:
        raise Failure("there were no timer interrupts")
