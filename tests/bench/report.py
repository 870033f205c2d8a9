#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs the bench in QEMU and prints its rows beside the contract and the anchor. `make bench` builds what this
needs.

Every figure is instructions retired, on one hart with -icount shift=0; the same build gives the same figures,
and this runs everything twice to see that it does.
"""

import argparse
import os
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

import irqs_off  # noqa: E402
import qemu  # noqa: E402
import registry  # noqa: E402

BASELINE = ROOT / "tests/bench/baseline"
STATUS = ROOT / "docs/STATUS.md"
TOLERANCE = 1.02  # a row that costs more than its baseline times this has got dearer
KERNEL_ENTRY = 0x80200000  # where QEMU loads a flat image

# name: (contract, seL4 classic, seL4 with budgets); None: there is no such figure. The contract for a frame
# is 350 and the clearing of its 4 KiB, for which the contract is 700; seL4's figures for it are with clearing
# as well.
ROWS = {
    "ipc_rt_0w": (200, 516, 614),
    "ipc_rt_4w": (200, 562, 660),
    "ipc_rt_8w": (200, 1842, 2855),
    "ipc_rt_64w": (600, None, None),
    "ipc_rt_64w_budgets": (600, None, None),
    "ipc_rt_same_as": (None, 516, 614),
    "ipc_rt_budgets": (None, 516, 614),
    "ipc_rt_fp_one": (240, None, None),
    "ipc_rt_fp_both": (450, None, None),
    "null_syscall": (60, 299, 383),
    "signal_nowait": (100, 426, 559),
    "signal_wake_rt": (300, 1166, 2173),
    "signal_recv_rt": (400, None, None),
    "fault_rt": (450, 1403, 2759),
    "foreign_rt": (450, None, None),
    "foreign_rt_fp": (400, None, None),
    "irq_to_driver": (400, None, None),
    "page_map": (300, 724, 842),
    "page_unmap": (300, 676, 792),
    "retype_frame": (1050, 2748, 2980),
    "clear_page": (700, 1716, None),
    "thread_create": (2500, 4435, 7500),
    "boot_to_init": (300_000, 111_961, 112_710),
    "irqs_off_max": (irqs_off.CONTRACT, None, None),
}
VARIES = ("irqs_off_max",)  # keys come when they come, so this may differ a little from run to run
SESSION = ("ls -l / /bin", "cat /big.txt", "hello a b", "crash read 0x18", "crash overflow", "ps", "mem",
           "irq", "caps init", "dmesg", "kill fs", "cat /big.txt", "kill virtio-blk", "uptime")
TEXT = (45_056, 30_512, 40_682)  # bytes


def guest_rows(system, append: str = "counters") -> dict:
    """The rows that the bench measures itself; `system` is not booted yet."""
    system.boot(
        initrd=str(system.build / "bench.cpio"), disk=None, append=append, icount=True, memory="512M",
        extra=irqs_off.options(system.build, system.directory / "irqs-off-bench"),
    )
    status = system.wait_exit(100)
    found = re.findall(r"\bbench (\w+) (\d+) insn$", system.output, re.MULTILINE)
    if status != 0 or "bench: done" not in system.output:
        failed = re.search(r"bench: failed.*", system.output)
        raise registry.Failure(failed.group(0) if failed else f"the bench ended with status {status}")
    return {name: int(value) for name, value in found}


def boot_row(system) -> int:
    """Instructions from the kernel's first to that of init, with the archive that ships."""
    entry = struct.unpack_from("<Q", (system.build / "user/init").read_bytes(), 24)[0]
    output = system.directory / "marks"
    output.unlink(missing_ok=True)
    plugin = f"{system.build}/tools/marks.so,from={KERNEL_ENTRY:#x},to={entry:#x},output={output}"
    system.boot(initrd="default", disk=None, append="", icount=True, memory="512M", extra=("-plugin", plugin))
    system.wait_exit(100)
    if not output.exists():
        raise registry.Failure("the kernel did not get to init")
    begin, end = map(int, output.read_text().split())
    return end - begin


def wake_ups(system, samples: int, timeout: float, **machine) -> dict:
    """
    Has a thread of the highest priority woken `samples` times under load (tests/latency): figures `worst`,
    `average`, `samples`, by bound in `histogram`, and what the `loads` did. With the plugin for irqs_off_max.
    """
    system.boot(
        initrd=str(system.build / "latency.cpio"), disk=None, append=f"counters samples={samples}",
        icount=True, memory="3G", extra=irqs_off.options(system.build, system.directory / "irqs-off-latency"),
        **machine,
    )
    status = system.wait_exit(timeout)
    if status != 0 or "latency: done" not in system.output:
        failed = re.search(r"latency: failed.*", system.output)
        raise registry.Failure(failed.group(0) if failed else f"the latency test ended with status {status}")
    found = re.search(r"latency samples (\d+) average (\d+)\n.*latency worst (\d+) insn", system.output)
    figures = dict(zip(("samples", "average", "worst"), map(int, found.groups())))
    rows = re.findall(r"latency from (\d+) samples (\d+)", system.output)
    figures["histogram"] = {int(bound): int(count) for bound, count in rows}
    rows = re.findall(r"latency load (\w+) rounds (\d+)", system.output)
    figures["loads"] = {name: int(count) for name, count in rows}
    return figures


def wake_up_line(figures: dict) -> str:
    return (f"{figures['samples']:,} samples, average {figures['average']:,}, "
            f"worst {figures['worst']:,} instructions")


def session(system) -> None:
    """The system as it ships, with somebody at the keyboard."""
    plugin = irqs_off.options(system.build, system.directory / "irqs-off-session")
    system.boot(initrd="default", disk="default", append="", icount=False, memory="512M", extra=plugin)
    system.wait_prompt()
    for line in SESSION:
        system.command(line)
    system.poweroff()


def irqs_off_figures(system) -> irqs_off.Figures:
    """Of the bench, which must have run, and of two other runs that together do what the tests do."""
    wake_ups(system, 20_000, 100)
    session(system)
    total = irqs_off.Figures()
    for run in ("bench", "latency", "session"):
        total.add(irqs_off.read(system.directory / f"irqs-off-{run}", run))
    return total


def measure(system) -> dict:
    """All rows."""
    rows = guest_rows(system)
    rows["boot_to_init"] = boot_row(system)
    figures = irqs_off_figures(system)
    rows["irqs_off_max"] = figures.longest
    system.note("\n".join(map(str, figures.worst[:irqs_off.SHOWN])))
    if set(rows) != set(ROWS):
        raise registry.Failure(f"rows missing or unknown: {' '.join(sorted(set(rows) ^ set(ROWS)))}")
    return rows


def read_baseline() -> dict:
    """Figures by row; none while there is no baseline."""
    if not BASELINE.exists():
        return {}
    pairs = (line.split() for line in BASELINE.read_text().splitlines() if line and line[0] != "#")
    return {name: int(value) for name, value in pairs}


def compare(rows: dict) -> list:
    """(name, passed, message) for each row against the baseline."""
    baseline = read_baseline()
    results = []
    for name, value in rows.items():
        before = baseline.get(name)
        if before is None:
            results.append((name, False, "tests/bench/baseline lacks it; `make bench-baseline` renews it"))
        elif value > before * TOLERANCE:
            text = f"{value} instructions, {100 * (value / before - 1):.1f} % dearer than the {before} of"
            advice = "if that must be, `make bench-baseline` renews it"
            results.append((name, False, f"{text} tests/bench/baseline; {advice}"))
        else:
            results.append((name, True, f"{value} instructions"))
    return results


def missed(value: int, contract) -> bool:
    return contract is not None and value > contract


def write_status(rows: dict, text: int) -> None:
    """Puts the figures into the last column of the kernel's table in docs/STATUS.md."""
    contracts = {name: contract for name, (contract, _, _) in ROWS.items()} | {"text": TEXT[0]}

    def filled(match) -> str:
        name = match.group(2)
        value = {**rows, "text": text}[name]
        return f"{match.group(1)} {value:,}{', missed' if missed(value, contracts[name]) else ''} |"

    row = re.compile(rf"^(\| `({'|'.join(contracts)})` \|.*\|)[^|]*\|$", re.MULTILINE)
    STATUS.write_text(row.sub(filled, STATUS.read_text()))


def write_baseline(rows: dict) -> None:
    lines = ["# Instructions of each row of the bench. `make bench-baseline` renews this file."]
    BASELINE.write_text("\n".join(lines + [f"{name} {rows[name]}" for name in ROWS]) + "\n")


def text_bytes(build: Path) -> int:
    """Size of the kernel's code, without what is dropped after the boot and without the self-tests."""

    def tool(name, *options) -> str:
        tool_path = os.environ.get("CROSS", "riscv64-unknown-elf-") + name
        command = [tool_path, *options, build / "kernel/cardea.elf"]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    start = re.search(r"^\.text +\d+ +(\d+)", tool("size", "-A"), re.MULTILINE).group(1)
    end = re.search(r"^(\w+) . _text_end$", tool("nm"), re.MULTILINE).group(1)
    return int(end, 16) - int(start)


def show(rows: dict, text: int) -> None:
    def number(value) -> str:
        return "-" if value is None else f"{value:,}"

    def line(name, value, before, contract, classic, budgets) -> bool:
        cells = f"{name:16}{number(value):>10}{number(before):>10}{number(contract):>10}"
        misses = missed(value, contract)
        print(f"{cells}{number(classic):>9}{number(budgets):>9}{'  missed' if misses else ''}")
        return misses

    baseline = read_baseline()
    print(f"\n{'instructions':16}{'measured':>10}{'baseline':>10}{'contract':>10}{'seL4':>9}{'its MCS':>9}")
    misses = sum(line(name, rows[name], baseline.get(name), *ROWS[name]) for name in ROWS)
    misses += line("text (bytes)", text, None, *TEXT)
    print(f"{misses} of {len(ROWS) + 1} miss the contract.")


def run(build: Path) -> tuple:
    """Measures twice. Returns the rows and notes on them."""
    directory = build / "tests/bench.d"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    machine = registry.Machine(harts=1)
    system = qemu.System(build, machine, build / "tests/bench.log", directory, 240, False)
    try:
        rows, again = measure(system), measure(system)
    finally:
        system.close()
    for name in rows:
        if rows[name] != again[name] and name not in VARIES:
            raise registry.Failure(f"{name} does not repeat: {rows[name]}, then {again[name]}")
    return rows, system.notes[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build/release"), help="build directory")
    parser.add_argument("--write-baseline", action="store_true", help="make the figures the baseline")
    arguments = parser.parse_args()
    os.chdir(ROOT)
    try:
        rows, notes = run(arguments.build)
    except registry.Failure as failure:
        print(f"bench: {failure}\nbench: the log is {arguments.build}/tests/bench.log", file=sys.stderr)
        return 1
    for name in ROWS:
        print(f"bench {name} {rows[name]} insn")
    text = text_bytes(arguments.build)
    show(rows, text)
    print(f"The longest stretches with interrupts off:\n{notes}")
    if arguments.write_baseline:
        write_baseline(rows)
        write_status(rows, text)
        print(f"{BASELINE.relative_to(ROOT)} and {STATUS.relative_to(ROOT)} are written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
