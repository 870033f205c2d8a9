# SPDX-License-Identifier: MIT
"""What somebody meets who types: interrupted output, pasted lines, completion of each kind of argument."""

import time

from qemu import Failure, test
from terminal import clean

CTRL_C = "\x03"


def check(system, line: str, expected: str) -> None:
    shown = system.command(line)
    if shown != expected:
        raise Failure(f"'{line}' printed\n{shown}instead of\n{expected}")


@test(timeout=120)
def prompt_stands_on_a_line_of_its_own(system):
    """Whatever was being printed when a command was interrupted."""
    system.wait_prompt()
    for command in ("cat" + " /big.txt" * 30, "crash spin", "ls -l /bin /bin /bin /bin /bin /bin /bin"):
        for number in range(5):
            start = len(system.output)
            system.send_line(command)
            system.expect("\n")
            time.sleep(0.02 * number)
            system.send(CTRL_C)
            system.wait_prompt()
            # Where the command had ended by itself, the key gives one more prompt.
            system.send_line("echo done")
            system.expect_regex("^done\n")
            system.wait_prompt()
            behind = [line for line in clean(system.output[start:]).split("\n") if "cardea:" in line[1:]]
            if behind:
                raise Failure(f"the prompt is behind other text: {behind[0]!r}")
    if "^C\n" not in system.screen():
        raise Failure("no ^C is shown")


@test(harts=(1,), timeout=120)
def pasted_lines_come_all(system):
    """200 lines, typed while a command runs."""
    system.wait_prompt()
    system.send_line("cat" + " /big.txt" * 5)
    system.expect("This is line 00001")
    system.send("".join(f"echo {'x' * 80} {n}\r" for n in range(200)))
    system.expect_regex(rf"^x{{80}} 199$", 90)
    system.wait_prompt()
    shown = [line for line in system.screen().split("\n") if line.startswith("x" * 80)]
    if shown != [f"{'x' * 80} {n}" for n in range(200)]:
        raise Failure(f"of 200 lines {len(shown)} were run as they are")


@test(harts=(1,))
def completion_by_kind(system):
    system.wait_prompt()
    for keys, output in (
        ("help ls\t", "usage: ls [-al] [PATH...]\nlist directories; -a hidden files too, -l with details\n"),
        ("run hel\t", "hello from hello\n"),
        ("run hello he\t", "hello from hello\nargument 1: he\n"),
        ("cd do\t; pwd; cd", "/docs\n"),
        ("cd REA\t", "cd: REA: no such file or directory\n"),
    ):
        check(system, keys, output)
    if "fs" not in system.command("caps f\t"):
        raise Failure("caps does not take the name that was completed")
    check(system, "kill virtio-b\t", "")
    if "virtio-blk: killed; restarting" not in system.command("dmesg"):
        raise Failure("kill does not take the name that was completed")


@test(harts=(1,))
def help_tells_the_language(system):
    system.wait_prompt()
    text = system.command("help")
    for word in ("`;`", "`$?`", "`#`", "ctrl-\\ three times"):
        if word not in text:
            raise Failure(f"help does not tell of {word}")
    check(system, "echo a; echo $? # b", "a\n0\n")


@test(harts=(1,), append="root=LABEL=other")
def another_root_is_told_before_the_prompt(system):
    before = system.wait_prompt()
    if "no file system is root=LABEL=other; the root is another, on virtio_mmio@" not in before:
        raise Failure(f"nothing says that the root is another:\n{before}")
