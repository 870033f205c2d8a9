# SPDX-License-Identifier: MIT
"""What memory costs by the clock on several harts, as a ratio. Instructions are rows of the bench."""

import re

import inputs
from qemu import Failure, test

def rate(system, harts: int, programs: int) -> int:
    """Pages that all programs together touch in a second, each on a hart of its own."""
    nodes = "".join(
        f'    rate{n}: rate{n} {{ restart = "never"; program = "pages"; priority = <100>; memory = <8192>;'
        f' hart = <{harts - 1 - n}>; uses = <&mm MM_USE>, <&init PROC_SELF>; kernel = "log"; }};\n'
        for n in range(programs)
    )
    system.machine = system.machine.__class__(**{**system.machine.__dict__, "harts": harts})
    inputs.boot_described(
        system,
        lambda text: text.replace("    sh {\n", nodes + "    sh {\n", 1),
        pages=(system.build / "user/apps/pages").read_bytes(),
    )
    system.wait_prompt(60)
    for _ in range(20):
        system.quiet(0.5)
        found = re.findall(r"rate\d: (\d+) pages", system.command("dmesg", 60))
        if len(found) == programs:
            break
    else:
        raise Failure(f"{len(found)} of {programs} programs told what they touched")
    system.poweroff()
    return sum(map(int, found))


@test(harts=(4,), timeout=240, boot=False)
def more_harts_are_not_slower(system):
    """One program on 4 harts, far from the hart that booted, against one hart; and two on two harts."""
    one = rate(system, 1, 1)
    far = rate(system, 4, 1)
    two = rate(system, 4, 2)
    system.note(
        f"{one:,} pages a second on one hart, {far / one:.2f} times that far away,"
        f" two programs {two / far:.2f}"
    )
