# SPDX-License-Identifier: MIT
"""What operations of the system cost, counted inside it: tests/system/costs.c and the plugin of spans.c."""

import re

import inputs
import spans
from registry import Failure

# name: (contract, Linux 6.12 on the same QEMU); None: there is no such figure.
ROWS = {
    "serve_rt_8w": (350, 11_468),
    "serve_rt_64w": (800, None),
    "task_switch": (60, None),
    "thread_first": (None, None),
    "thread_create_join": (8000, 48_393),
    "page_touch": (1500, 4521),
    "page_touch_4": (None, 4521),
    "map_touch_unmap": (3500, 22_115),
    "map_touch_unmap_480": (4500, None),
    "spawn_wait": (90_000, 184_005),
    "spawn_wait_200": (100_000, None),
    "open_read_close": (5000, 16_029),
    "read_4k_cached": (1900, None),
    "stat_path": (2500, 5077),
    "create_write_close": (20_000, 86_666),
    "create_write_fsync": (100_000, 295_764),
    "overwrite_fsync": (45_000, 105_997),
    "unlink": (20_000, 75_381),
}
MAY_LACK = ("spawn_wait_200",)  # while there may not be so many processes
SERVERS = ("mm", "init", "fs", "console", "virtio-blk", "dev", "sh")
NODE = """
    echo: echo {
        priority = <150>; memory = <1024>; serves = "echo"; uses = <&mm MM_USE>, <&init PROC_SELF>;
    };
    costs {
        restart = "never"; priority = <100>; memory = <131072>;
        uses = <&mm MM_USE>, <&init (PROC_SELF | PROC_SPAWN | PROC_POWER)>, <&console CONSOLE_WRITE>,
               <&fs (FS_READ | FS_WRITE)>, <&echo 1>;
        kernel = "log";
        programs { priority = <100>; memory = <1024>; uses = <&mm MM_USE>, <&init PROC_SELF>; };
    };
"""
# Touches pages on the last of four harts.
PAGES_NODE = """
    pages {
        program = "costs"; restart = "never"; priority = <100>; memory = <131072>; hart = <3>;
        uses = <&mm MM_USE>, <&init (PROC_SELF | PROC_POWER)>, <&console CONSOLE_WRITE>; kernel = "log";
    };
"""


def with_node(text: str) -> str:
    """The description with the process that measures."""
    return text.replace("    sh {\n", NODE + "    sh {\n", 1)


def programs(build) -> dict:
    """ELF files with symbols by name."""
    measuring = {name: build / f"system/{name}.elf" for name in ("costs", "echo")}
    return measuring | {name: build / f"user/{name}.elf" for name in SERVERS}


def measure(system) -> dict:
    """The rows that can be measured; notes say where the instructions go."""
    before = system.machine
    found, missing = run(system)
    system.machine = before
    found |= run_on_four(system)
    system.machine = before
    for text in [f"{name}: {line(span)}" for name, span in found.items()] + missing:
        system.note(text)
    return {name: round(span.work_and_firmware) for name, span in found.items()}


def run(system) -> tuple:
    """The spans by row, and what is said of rows that cannot be measured."""
    build, output = system.build, system.directory / "spans-system"
    files = {name: (build / f"system/{name}").read_bytes() for name in ("tiny", "sleeper")}
    files["big.txt"] = (build / "rootfs/big.txt").read_bytes()
    measuring = {name: (build / f"system/{name}").read_bytes() for name in ("costs", "echo")}
    archive = inputs.described(system, with_node, **measuring)
    system.boot(
        initrd=archive, disk=inputs.disk(system, files), append="", icount=True, sleep=True,
        memory="512M", harts=1, extra=spans.options(build, output, programs(build)),
    )
    return read(system, output), re.findall(r"costs: (\w+ cannot .*)", system.output)


def run_on_four(system) -> dict:
    """The rows of a process on the last of four harts, likewise."""
    build, output = system.build, system.directory / "spans-system-4"
    archive = inputs.described(system, lambda text: text.replace("    sh {\n", PAGES_NODE + "    sh {\n", 1),
                               costs=(build / "system/costs").read_bytes())
    system.boot(initrd=archive, disk=None, append="", icount=True, memory="512M", harts=4,
                extra=spans.options(build, output, programs(build)))
    return read(system, output)


def read(system, output) -> dict:
    """The spans of a run that is about to end."""
    status = system.wait_exit(100)
    if status != 0 or "costs: done" not in system.output:
        failed = re.search(r"costs: failed.*", system.output)
        raise Failure(failed.group(0) if failed else f"costs ended with status {status}")
    return spans.read(output, system.output)


def line(span) -> str:
    names = sorted({name.split(":")[0] for _, name in span.parts if ":" in name})
    parts = {name: span.of_program(name) for name in names}
    shares = ", ".join(f"{name} {count:,.0f}" for name, count in parts.items() if count >= 0.5)
    return f"{shares}, kernel {span.kernel:,.0f}; {span.entries:.1f} kernel entries"
