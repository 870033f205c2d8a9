# SPDX-License-Identifier: MIT
"""`make gdb`: the debugger finds the kernel and the processes, by name and by line."""

import re
import shutil
import subprocess

from qemu import Failure, Skip, test


def debug(system, *commands) -> str:
    """Starts the machine stopped, runs commands in gdb, set up as by `make gdb`; returns what it printed."""
    if not shutil.which("gdb-multiarch"):
        raise Skip("gdb-multiarch is not installed")
    socket = system.directory / "gdb"
    system.boot(extra=["-S", "-gdb", f"unix:{socket},server=on,wait=off"])
    system.monitor("info status")  # until it answers, QEMU is not ready for gdb either
    script = ["-q", "-batch", "-x", "tools/gdb/cardea.gdb"]
    for command in (f"target remote {socket}", f"source {system.build}/user/symbols.gdb", *commands):
        script += ["-ex", command]
    command = ["gdb-multiarch", *script, str(system.build / "kernel/cardea.elf")]
    try:
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"gdb is not done after 60 s:\n{(late.stdout or b'').decode()}") from None
    return run.stdout + run.stderr


@test(harts=(1, 4), timeout=90, boot=False)
def stops_in_kernel_and_process(system):
    text = debug(
        system,
        *("hbreak kernel_main", "continue", "backtrace 1", "delete"),
        *("hbreak rt_enter", "continue", "backtrace 1", "delete"),
    )
    for function in ("kernel_main", "rt_enter"):
        if not re.search(rf"#0 +(0x[0-9a-f]+ in )?{function} \(.*\) at \S+\.c:\d+", text):
            raise Failure(f"gdb did not stop in {function}:\n{text}")


@test(harts=(1, 4), timeout=90, boot=False)
def lists_threads_processes_and_capabilities(system):
    """Wherever it stopped: in the kernel, and in a process, from where the kernel's memory cannot be read."""
    shown = ("threads", "processes", "caps dev", "caps nobody")
    text = debug(system, "hbreak console_start", "continue", "print $priv", *shown, "print 7", "delete",
                 "hbreak kernel_invoke", "continue", "print $priv", *shown)
    sides = text.split("$2 = 7", 1)
    for side, priv in zip(sides, ("$1 = 0", "$3 = 1")):
        if priv not in side or len(sides) != 2:
            raise Failure(f"gdb stopped somewhere else:\n{text}")
        threads = (r"^init +\w+ +210 ", r"^console +\w+ +190 ")
        for pattern in (*threads, r"^space 0x\w+: mm\b", r"^ +\d+ irq_control +rights"):
            if not re.search(pattern, side, re.MULTILINE):
                raise Failure(f"{pattern} is not there:\n{text}")
