#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs the bench in QEMU and prints its rows beside the contract and the anchor. `make bench` builds what this
needs.

Every figure is instructions retired, on one hart with -icount shift=0; the same build gives the same figures,
and this runs everything twice to see that it does. Messages between harts are in cross_rows.py, the system's
operations in system_rows.py.
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

import cross_rows  # noqa: E402
import irqs_off  # noqa: E402
import qemu  # noqa: E402
import registry  # noqa: E402
import system_rows  # noqa: E402

BASELINE = ROOT / "tests/bench/baseline"
STATUS = ROOT / "docs/STATUS.md"
TOLERANCE = 1.02  # a row that costs more than its baseline times this has got dearer
SYSTEM_TOLERANCE = 1.05  # for those of the system, which every change of a server moves
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
    "irqs_off_max_4": (irqs_off.CONTRACT, None, None),
}
# Keys come when they come, so this may differ a little from run to run; harts meet as they meet.
VARIES = ("irqs_off_max",)
GUARDED_BY_CONTRACT = ("irqs_off_max_4",)
REPEATS = 0.01  # how far the figures of two harts and of the system may be apart
STRESS_SECONDS = 10
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


def session(system, harts: int = 1) -> None:
    """The system as it ships, with somebody at the keyboard."""
    plugin = irqs_off.options(system.build, system.directory / f"irqs-off-session-{harts}")
    system.boot(
        initrd="default", disk="default", append="", icount=False, memory="512M", harts=harts, extra=plugin
    )
    system.wait_prompt()
    for line in SESSION:
        system.command(line)
    system.poweroff()


def irqs_off_figures(system) -> irqs_off.Figures:
    """Of the bench, which must have run, and of two other runs that together do what the tests do."""
    wake_ups(system, 20_000, 100)
    session(system)
    return figures_of(system, "bench", "latency", "session-1")


def irqs_off_of_four(system) -> irqs_off.Figures:
    """Of a session and of the stress test, with one thread of the host for each hart."""
    before = system.machine
    session(system, 4)
    plugin = irqs_off.options(system.build, system.directory / "irqs-off-stress")
    system.boot(
        initrd=str(system.build / "harts.cpio"), disk=None, append=f"seconds={STRESS_SECONDS} seed=1",
        extra=("-accel", "tcg,thread=multi", *plugin),
    )
    if system.wait_exit(100) != 0 or "harts: done" not in system.output:
        raise registry.Failure("the stress test of four harts failed")
    system.machine = before
    return figures_of(system, "session-4", "stress")


def figures_of(system, *runs: str) -> irqs_off.Figures:
    total = irqs_off.Figures()
    for run in runs:
        total.add(irqs_off.read(system.directory / f"irqs-off-{run}", run))
    return total


def stretches(system, row: str, figures: irqs_off.Figures) -> dict:
    """The row, with a note on what was longest."""
    system.note(f"{row}: waiting for other harts was {figures.waiting:,} instructions beside "
                f"{figures.instructions:,}; the longest stretches:")
    system.note("\n".join(f"  {stretch}" for stretch in figures.worst[: irqs_off.SHOWN]))
    return {row: figures.longest}


def kernel(system) -> dict:
    rows = guest_rows(system)
    rows["boot_to_init"] = boot_row(system)
    return rows | stretches(system, "irqs_off_max", irqs_off_figures(system))


def four_harts(system) -> dict:
    return stretches(system, "irqs_off_max_4", irqs_off_of_four(system))


# What is measured, each by itself.
PARTS = (kernel, four_harts, cross_rows.measure, system_rows.measure)


def measure(system) -> dict:
    """All rows."""
    rows = {}
    for part in PARTS:
        rows |= part(system)
    wanted = set(all_contracts()) - set(system_rows.MAY_LACK)
    if wanted - set(rows) or set(rows) - set(all_contracts()):
        raise registry.Failure(f"rows missing or unknown: {' '.join(sorted(set(rows) ^ wanted))}")
    return rows


def all_contracts() -> dict:
    return {name: row[0] for part in (ROWS, cross_rows.ROWS, system_rows.ROWS) for name, row in part.items()}


def read_baseline() -> dict:
    """Figures by row; none while there is no baseline."""
    if not BASELINE.exists():
        return {}
    pairs = (line.split() for line in BASELINE.read_text().splitlines() if line and line[0] != "#")
    return {name: float(value) if "." in value else int(value) for name, value in pairs}


def compare(rows: dict) -> list:
    """(name, passed, message) for each row against the baseline."""
    baseline = read_baseline()
    results = []
    for name, value in rows.items():
        before = baseline.get(name)
        if name in GUARDED_BY_CONTRACT:
            results.append((name, not missed(value, ROWS[name][0]), f"{value} instructions"))
        elif before is None:
            results.append((name, False, "tests/bench/baseline lacks it; `make bench-baseline` renews it"))
        elif value > before * (SYSTEM_TOLERANCE if name in system_rows.ROWS else TOLERANCE):
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
    contracts = all_contracts() | {"text": TEXT[0]}

    def filled(match) -> str:
        name = match.group(2)
        value = {**rows, "text": text}.get(name)
        if value is None:
            return match.group(0)
        return f"{match.group(1)} {value:,}{', missed' if missed(value, contracts[name]) else ''} |"

    row = re.compile(rf"^(\| `({'|'.join(contracts)})` \|.*\|)[^|]*\|$", re.MULTILINE)
    STATUS.write_text(row.sub(filled, STATUS.read_text()))


def write_baseline(rows: dict) -> None:
    lines = ["# Instructions of each row of the bench. `make bench-baseline` renews this file."]
    BASELINE.write_text("\n".join(lines + [f"{name} {value:g}" for name, value in rows.items()]) + "\n")


def text_bytes(build: Path) -> int:
    """Size of the kernel's code, without what is dropped after the boot and without the self-tests."""

    def tool(name, *options) -> str:
        tool_path = os.environ.get("CROSS", "riscv64-unknown-elf-") + name
        command = [tool_path, *options, build / "kernel/cardea.elf"]
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout

    start = re.search(r"^\.text +\d+ +(\d+)", tool("size", "-A"), re.MULTILINE).group(1)
    end = re.search(r"^(\w+) . _text_end$", tool("nm"), re.MULTILINE).group(1)
    return int(end, 16) - int(start)


def table(rows: dict, heads: tuple, contracts: dict, anchors: dict) -> int:
    """Prints rows with their baseline, contract and what others need. Returns how many miss the contract."""
    baseline, misses = read_baseline(), 0

    def number(value) -> str:
        return "-" if value is None else f"{value:,}"

    print(f"\n{heads[0]:22}{'measured':>10}{'baseline':>10}{'contract':>10}"
          + "".join(f"{head:>9}" for head in heads[1:]))
    for name, contract in contracts.items():
        value = rows.get(name)
        misses += value is not None and missed(value, contract)
        cells = f"{name:22}{number(value):>10}{number(baseline.get(name)):>10}{number(contract):>10}"
        cells += "".join(f"{number(anchor):>9}" for anchor in anchors[name])
        print(cells + ("  missed" if value is not None and missed(value, contract) else ""))
    return misses


def show(rows: dict, text: int) -> None:
    kernel = ROWS | {"text (bytes)": TEXT}
    misses = 0
    for part, heads in ((kernel, ("the kernel", "seL4", "its MCS")), (cross_rows.ROWS, ("between harts",)),
                        (system_rows.ROWS, ("the system", "Linux"))):
        contracts = {name: row[0] for name, row in part.items()}
        anchors = {name: row[1:] if len(heads) > 1 else () for name, row in part.items()}
        misses += table({**rows, "text (bytes)": text}, heads, contracts, anchors)
    print(f"{misses} of {len(all_contracts()) + 1} miss the contract.")


def run(build: Path) -> tuple:
    """Measures twice. Returns the rows and notes on them."""
    directory = build / "tests/bench.d"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    machine = registry.Machine(harts=1)
    system = qemu.System(build, machine, build / "tests/bench.log", directory, 600, False)
    try:
        rows, again = measure(system), measure(system)
    finally:
        system.close()
    for name in rows:
        exact = name in ROWS and name not in VARIES + GUARDED_BY_CONTRACT
        apart = abs(rows[name] - again[name])
        if apart and (exact or name not in ROWS and apart > REPEATS * rows[name]):
            raise registry.Failure(f"{name} does not repeat: {rows[name]}, then {again[name]}")
    return rows, "\n".join(system.notes[: len(system.notes) // 2])


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
    for name, value in rows.items():
        print(f"bench {name} {value:g} {'ipis' if name.startswith('ipis') else 'insn'}")
    text = text_bytes(arguments.build)
    show(rows, text)
    print(f"\nWhere the instructions go:\n{notes}")
    if arguments.write_baseline:
        write_baseline(rows)
        write_status(rows, text)
        print(f"{BASELINE.relative_to(ROOT)} and {STATUS.relative_to(ROOT)} are written.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
