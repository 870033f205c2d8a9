# SPDX-License-Identifier: MIT
"""
Programs that take all they can get (tests/system/greedy.c): they meet their own quota, nobody else notices,
and when they have ended all is back, to the page.
"""

import os
import re

import inputs
from qemu import Failure, test

TIMES = int(os.environ.get("GREED_TIMES", "4"))  # each program is run so often
QUOTA = 2 << 20
KIB_FREE = re.compile(r"^free +(\d+) KiB$", re.MULTILINE)
# What each way has at most: the quota by what a piece costs.
MOST = {
    "segments": QUOTA // 128,
    "maps": QUOTA // (64 * 64),
    "regions": QUOTA // 64,
    "objects": 200,
    "pages": QUOTA // 8192,
}


def free(system) -> int:
    return int(KIB_FREE.search(system.command("mem")).group(1))


def with_quota(text: str) -> str:
    """What programs of the shell get becomes less, so that it takes less time to use it up."""
    before, after = text.split("        programs {", 1)
    after = re.sub(r"memory = <\d+>", f"memory = <{QUOTA >> 10}>", after, count=1)
    return f"{before}        programs {{{after}"


def start(system, edit=lambda text: text) -> None:
    files = {f"bin/{path.name}": path.read_bytes() for path in (system.build / "rootfs/bin").iterdir()}
    files["bin/greedy"] = (system.build / "system/greedy").read_bytes()
    files["big.txt"] = (system.build / "rootfs/big.txt").read_bytes()
    initrd = inputs.described(system, lambda text: edit(with_quota(text)), greedy=files["bin/greedy"])
    system.boot(disk=inputs.disk(system, files), initrd=initrd)
    system.wait_prompt(60)


def greedy(system, way: str) -> int:
    shown = system.command(f"greedy {way}", 100)
    found = re.search(rf"^{way}: (\d+), then (.*)$", shown, re.MULTILINE)
    if not found:
        raise Failure(f"'greedy {way}' printed {shown!r}")
    if found.group(2) != "memory quota used up" and way != "objects":
        raise Failure(f"'greedy {way}' was refused with {found.group(2)!r}")
    return int(found.group(1))


@test(timeout=400, boot=False)
def all_comes_back(system):
    start(system)
    for way in MOST:
        greedy(system, way)  # the first may make tables grow that stay
        before = free(system)
        for _ in range(TIMES):
            count = greedy(system, way)
            if not MOST[way] // 4 < count <= MOST[way]:
                raise Failure(f"{count} {way}, of {MOST[way]} at most")
        after = free(system)
        if after != before:
            raise Failure(f"{before - after} KiB are missing after running 'greedy {way}'")
        system.note(f"{way}: {count}")
    if "hello from" not in system.command("hello"):
        raise Failure("no program can be started any more")
    system.poweroff()


@test(timeout=200, boot=False)
def others_go_on_beside_it(system):
    """It keeps what it took. The console can be started again, and programs run."""
    node = (
        '    greedy { restart = "never"; priority = <100>; memory = <2048>;'
        ' uses = <&mm MM_USE>, <&init PROC_SELF>, <&console CONSOLE_WRITE>; kernel = "log"; };\n'
    )
    start(system, lambda text: text.replace("    sh {\n", node + "    sh {\n", 1))
    system.quiet(1)
    for server in ("console", "fs", "virtio-blk"):
        system.command(f"kill {server}", 60)
        system.quiet(1)
    big = (system.build / "rootfs/big.txt").read_text()
    if big[-200:].strip() not in system.command("cat /big.txt", 100):
        raise Failure("a file cannot be read beside it")
    if "hello from" not in system.command("hello"):
        raise Failure("no program can be started beside it")
    system.poweroff()


@test(timeout=100, boot=False)
def no_server_faults_for_its_client(system):
    """A buffer without memory behind it is refused when it is handed over."""
    start(system)
    for _ in range(3):
        greedy(system, "attach")
    log = system.command("dmesg")
    if "page fault" in log:
        raise Failure(f"a server crashed: {log[-500:]!r}")
    system.poweroff()
