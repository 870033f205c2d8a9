# SPDX-License-Identifier: MIT
"""Random and hostile requests to every server: tests/system/wild.c. `make fuzz-servers` makes many more."""

import os

import inputs
from qemu import Failure, test

FIRST = int(os.environ.get("WILD_SEED", "1"))
COUNT = int(os.environ.get("WILD_COUNT", "30"))
NODE = f"""
    wild@{FIRST}-{COUNT} {{
        program = "wild"; restart = "never"; priority = <95>; memory = <65536>;
        uses = <&mm MM_USE>, <&init (PROC_SELF | PROC_SPAWN | PROC_INSPECT)>, <&fs FS_READ>,
               <&console CONSOLE_WRITE>;
        programs {{
            priority = <90>; memory = <8192>;
            uses = <&mm (MM_USE | MM_DMA)>, <&init (PROC_SELF | PROC_SPAWN | PROC_INSPECT)>,
                   <&dev (DEV_DRIVE | DEV_INSPECT | DEV_LEND)>, <&fs (FS_READ | FS_WRITE)>,
                   <&console (CONSOLE_READ | CONSOLE_WRITE | CONSOLE_CONTROL)>,
                   <&gpio (GPIO_READ | GPIO_WRITE)>,
                   <&virtio_blk BLK_READ>, <&sd_spi (BLK_READ | BLK_WRITE)>, <&virtio_net ETH_USE>,
                   <&net (NET_SOCKET | NET_INSPECT)>;
            limits = "net connect any", "net listen any";
        }};
    }};
"""


@test(harts=(1, 4), boot=False, disk=None, timeout=60 + 2 * COUNT)
def requests_of_all_kinds(system):
    program = (system.build / "system/wild").read_bytes()
    files = {"wild": program, "big.txt": bytes(70_000)}
    archive = inputs.described(
        system, lambda text: text.replace("    sh {\n", NODE + "    sh {\n", 1), wild=program
    )
    system.boot(initrd=archive, disk=inputs.disk(system, files))
    done = system.expect_regex(r"wild: (?:done: .* restarted|failed: .*\n)", 40 + 2 * COUNT).group(0)
    if not done.endswith(" 0 servers restarted"):
        log = system.output[-3000:]
        raise Failure(f"{done}\n{log}")
    system.note(done)
