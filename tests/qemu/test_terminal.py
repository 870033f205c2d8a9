# SPDX-License-Identifier: MIT
"""Whose the terminal is: the shell gives it to a program, and no program can keep it."""

from qemu import Failure, test

CTRL_C = "\x03"
ATTENTION = "\x1c" * 3


def start(system, how: str) -> None:
    """Runs a program that takes the terminal; its rights do not let it give the terminal to anybody."""
    system.send_line(f"grab {how}")
    system.expect("mine\n")
    system.quiet()  # until the shell has given it the terminal


def shell(system) -> list:
    """The shell's row in ps."""
    rows = [line.split() for line in system.command("ps").splitlines()[1:]]
    if any(row[1] == "grab" for row in rows):
        raise Failure("the program still runs")
    return next(row for row in rows if row[1] == "sh")


@test()
def interrupt_ends_who_does_not_listen(system):
    system.wait_prompt()
    start(system, "deaf")
    system.send(CTRL_C)
    system.expect("sh: grab: killed")
    system.wait_prompt()
    shell(system)


def only_attention_ends(how: str) -> None:
    @test(id=f"attention_ends_{how}")
    def run(system):
        system.wait_prompt()
        before = shell(system)
        start(system, how)
        system.send(CTRL_C * 3 + "\x1c\x1c" + "x")
        if "killed" in system.quiet(1):
            raise Failure("something other than the attention key ended the program")
        system.send(ATTENTION)
        system.expect("sh: grab: killed")
        system.wait_prompt()
        # What it wanted of the terminal has ended with it.
        if system.command("echo still") != "still\n" or shell(system)[0] != before[0]:
            raise Failure("it is not the same shell, or it does not work")
        start(system, "deaf")
        system.send(CTRL_C)
        system.expect("sh: grab: killed")
        system.wait_prompt()
        if "init: grab is stopped by the attention key" not in system.command("dmesg"):
            raise Failure("the log does not tell")


only_attention_ends("ears")
only_attention_ends("raw")


@test()
def attention_without_a_program_restarts_the_shell(system):
    system.wait_prompt()
    system.command("cd /docs")
    system.send(ATTENTION)
    system.expect("Cardea. `help` lists the commands.")
    system.wait_prompt()
    if system.command("pwd") != "/\n":
        raise Failure("it is not a new shell")
    if int(shell(system)[-1]) != 1:
        raise Failure("ps does not count the restart")


@test()
def second_attention_restarts_the_shell(system):
    system.wait_prompt()
    start(system, "raw")
    system.send(ATTENTION)
    system.expect("sh: grab: killed")
    system.wait_prompt()
    system.send(ATTENTION)
    system.expect("Cardea. `help` lists the commands.")
    system.wait_prompt()
    if int(shell(system)[-1]) != 1:
        raise Failure("ps does not count the restart")
