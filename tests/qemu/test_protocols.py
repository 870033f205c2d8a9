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
