# SPDX-License-Identifier: MIT
"""Boots over numbers of harts and sizes of memory: to the prompt, one command, and off again."""

from registry import Failure, Test

HARTS = (1, 2, 4, 8)
MEMORY = ("64M", "128M", "512M", "2G")


def boot(system) -> None:
    """Boots to the prompt; the system must know its harts and answer a command; then it switches off."""
    system.wait_prompt(90)
    answer = system.command("echo up and running")
    if answer.strip() != "up and running":
        raise Failure(f"echo printed {answer!r}")
    system.poweroff()


def matrix(count: int) -> list:
    """`count` boots, going round over all combinations."""
    combinations = [(harts, memory) for memory in MEMORY for harts in HARTS]
    return [
        Test(f"boot.{n + 1}.{memory}", boot, (harts,), 120, False, True, {"memory": memory})
        for n in range(count)
        for harts, memory in [combinations[n % len(combinations)]]
    ]
