# SPDX-License-Identifier: MIT
"""From power-on to the prompt and off again: harts, memory, firmware, cost."""

import os

import boots
from qemu import Failure, Skip, test

BOOT_INSTRUCTIONS = 100_000_000


# A slice of the 50 boots of `make test-boot`: each number of harts and each size of memory once, and the
# largest.
for memory, harts in (("64M", 8), ("128M", 2), ("512M", 1), ("2G", 4)):
    test(harts=(harts,), timeout=120, memory=memory, id=f"to_the_prompt_{memory}")(boots.boot)


@test(harts=(4,), timeout=180, memory="16G")
def to_the_prompt_16G(system):
    # The host gives memory as it is touched, and Cardea touches little of it.
    with open("/proc/sys/vm/overcommit_memory") as setting:
        if (
            setting.read().strip() == "2"
            or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < 8 << 30
        ):
            raise Skip("this machine would not lend 16 GiB")
    boots.boot(system)


@test(harts=(1, 4), timeout=120, reboot=True)
def reboot_boots_again(system):
    system.wait_prompt()
    system.send_line("reboot")
    system.expect("OpenSBI")
    system.wait_prompt()
    system.poweroff()


@test(harts=(1,), timeout=120, count=True)
def instructions_to_the_prompt(system):
    system.wait_prompt(100)
    spent = system.instructions()
    system.note(f"{spent:,} instructions")
    if not 1_000_000 < spent <= BOOT_INSTRUCTIONS:
        raise Failure(
            f"{spent:,} instructions from power-on to the prompt; at most {BOOT_INSTRUCTIONS:,} are wanted"
        )
