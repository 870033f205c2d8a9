# SPDX-License-Identifier: MIT
"""The example of docs/PROTOCOLS.md, built and run from its text; servers that die under their clients."""

import re
from pathlib import Path

import inputs
from qemu import Failure, test

TEXT = Path("docs/PROTOCOLS.md").read_text()
NODES = re.search(r"```dts\n(.*?)```", TEXT, re.S).group(1)
LINES = 60  # server and client together


def block(name: str) -> str:
    return re.search(rf"`{re.escape(name)}`:\n\n```c\n(.*?)```", TEXT, re.S).group(1)


@test(harts=(1, 4), boot=False, timeout=60)
def the_example_of_the_documentation_runs(system):
    lines = sum(block(name).count("\n") for name in ("server.c", "client.c"))
    if lines > LINES:
        raise Failure(f"the example has {lines} lines, and may have {LINES}")
    programs = {"kv": "server", "client": "client"}
    files = {name: (system.build / "example" / program).read_bytes() for name, program in programs.items()}
    inputs.boot_described(system, lambda text: text.replace("    sh {\n", NODES + "    sh {\n", 1), **files)
    system.wait_prompt()
    system.wait_log("client: goddess is Cardea; an unknown key: not found")


def two_drivers(text: str) -> str:
    """virtio-blk described twice, each for one disk; fs uses both."""
    node = re.search(r"    virtio_blk: virtio-blk \{.*?\n    \};\n", text, re.S).group(0)
    second = node.replace("virtio_blk: virtio-blk", "virtio_blk1: virtio-blk@1")
    text = text.replace(node, node.replace("virtio-blk {", "virtio-blk@0 {") + second)
    grant = "<&virtio_blk (BLK_READ | BLK_WRITE)>"
    return text.replace(grant, grant + ", " + grant.replace("blk (", "blk1 ("))


@test(harts=(1, 4), boot=False, timeout=60)
def a_driver_described_twice_drives_two_disks(system):
    empty = system.directory / "empty.img"
    empty.write_bytes(bytes(1 << 20))
    drive = f"if=none,format=raw,id=second,file={empty}"
    system.boot(
        initrd=inputs.described(system, two_drivers),
        extra=("-drive", drive, "-device", "virtio-blk-device,drive=second"),
    )
    system.wait_prompt()
    log = system.wait_log("fs: mounted ext4")
    for number in (0, 1):
        if len(re.findall(rf"virtio-blk@{number}: disk \d: virtio_mmio", log)) != 1:
            raise Failure(f"virtio-blk@{number} drives not one disk:\n{log}")
    system.command("kill virtio-blk@1")
    system.wait_log(r"virtio-blk@1: killed; restarting")
    if "welcome" not in system.command("cat /README.txt").lower():
        raise Failure("the other disk cannot be read")


STALE = """
    stale {
        restart = "never"; priority = <90>; memory = <4096>;
        uses = <&mm MM_USE>, <&init (PROC_SELF | PROC_SPAWN | PROC_INSPECT | PROC_KILL)>,
               <&fs (FS_READ | FS_WRITE)>, <&console CONSOLE_WRITE>;
    };
"""


@test(harts=(1, 4), boot=False, disk=None, timeout=120)
def what_is_of_a_server_that_has_died_is_stale(system):
    image = system.directory / "disk.img"
    image.write_bytes((system.build / "disk.img").read_bytes())
    program = (system.build / "system/stale").read_bytes()
    archive = inputs.described(
        system, lambda text: text.replace("    sh {\n", STALE + "    sh {\n", 1), stale=program
    )
    system.boot(initrd=archive, disk=str(image))
    system.expect("stale: done", 100)
    if "failed" in system.output:
        raise Failure("something is not as it should be")
