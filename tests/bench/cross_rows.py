# SPDX-License-Identifier: MIT
"""
What messages between harts cost: tests/bench/cross.c on two harts, counted over both by the plugin of
spans.c.

QEMU runs the harts in turn in one thread, and goes on with the other when one falls asleep. So each message
finds the other hart asleep, which costs most, and no two harts run at once. The clock is the host's: QEMU 7.2
cannot start a second hart with -icount. Therefore the threads have long time slices, and figures of two runs
differ by less than one in a thousand; the median of RUNS is taken.
"""

import re
import statistics

import spans
from registry import Failure

# name: (contract, span, what is counted). With IMSICs the firmware has no part in it, so there its
# instructions count, and there may be none.
ROWS = {
    "ipc_rt_cross": (1100, "ipc_rt_cross", "work"),
    "signal_cross": (450, "signal_cross", "work"),
    "fault_rt_cross": (1300, "fault_rt_cross", "work"),
    "ipis_cross": (2, "ipc_rt_cross", "ipis_each"),
    "ipc_rt_cross_imsic": (1100, "ipc_rt_cross", "work_and_firmware"),
    "signal_cross_imsic": (450, "signal_cross", "work_and_firmware"),
    "fault_rt_cross_imsic": (1300, "fault_rt_cross", "work_and_firmware"),
}
RUNS = 3
ONE_THREAD = ("-accel", "tcg,thread=single")


def run(system, machine: str) -> dict:
    """The spans of one run."""
    output = system.directory / "spans-cross"
    system.boot(
        initrd=str(system.build / "bench.cpio"), disk=None, append="counters", harts=2, machine=machine,
        extra=ONE_THREAD + spans.options(system.build, output, {"bench": system.build / "bench/init.elf"}),
    )
    status = system.wait_exit(60)
    if status != 0 or "bench: done" not in system.output:
        failed = re.search(r"bench: failed.*", system.output)
        raise Failure(failed.group(0) if failed else f"the bench of two harts ended with status {status}")
    return spans.read(output, system.output)


def measure(system) -> dict:
    """The rows; notes say where the instructions go."""
    before, rows = system.machine, {}
    for suffix, machine in (("", "virt"), ("_imsic", "virt,aia=aplic-imsic")):
        runs = [run(system, machine) for _ in range(RUNS)]
        for name, (_, span, what) in ROWS.items():
            if name.endswith("_imsic") == bool(suffix):
                rows[name] = round(statistics.median(getattr(found[span], what) for found in runs), 2)
        for name, span in runs[0].items():
            if suffix and span.firmware:
                raise Failure(f"{name} needs {span.firmware:,.0f} instructions of the firmware with IMSICs")
            system.note(f"{name}{suffix}: {line(span)}")
    system.machine = before
    return {name: value if name == "ipis_cross" else round(value) for name, value in rows.items()}


def line(span) -> str:
    return (f"{span.work:,.0f} on both harts, firmware {span.firmware:,.0f}, waiting {span.waiting:,.0f}, "
            f"{span.ipis_each:.2f} IPIs, {span.entries:.1f} kernel entries; {span.most(8)}")
