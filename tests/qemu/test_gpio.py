# SPDX-License-Identifier: MIT
"""Pins: the shell's gpio, without a controller and with the one of sifive_u."""

import re
import socket
import struct
import time

import inputs
from qemu import Failure, test

SIFIVE_HARTS = (2, 5)
REGISTERS = 0x10060000
PULL_UP = REGISTERS + 0x10


def check(system, command: str, expected: str) -> None:
    shown = system.command(command)
    if shown != expected:
        raise Failure(f"{command}: {shown!r} instead of {expected!r}")


def check_pin(system, pin: str, *expected: str) -> None:
    """The line of a pin has these fields: direction, level, pull, waiting, name, user."""
    shown = system.command(f"gpio {pin}").split("\n")
    fields = shown[1].split() if len(shown) > 1 else []
    if tuple(fields[1:]) != expected:
        raise Failure(f"pin {pin} is shown as {fields[1:]} instead of {expected}")


class Outside:
    """Somebody outside who changes registers: QEMU's gdb server, while the machine stands still."""

    def __init__(self, system):
        self.path = str(system.directory / "gdb")

    def _send(self, connection, packet: str) -> None:
        connection.sendall(f"${packet}#{sum(packet.encode()) % 256:02x}".encode())
        answer = b""
        while not (match := re.search(rb"\$(OK|E..|)#..", answer)):  # or that the machine stopped
            answer += connection.recv(4096)
        if match.group(1) != b"OK":
            raise Failure(f"QEMU answers {answer!r} to {packet}")
        connection.sendall(b"+")

    def write(self, address: int, value: int) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            connection.connect(self.path)
            self._send(connection, "Qqemu.PhyMemMode:1")
            self._send(connection, f"M{address:x},4:{struct.pack('<I', value).hex()}")
            self._send(connection, "D")


@test(harts=(1, 4))
def none(system):
    """The server is there, the hardware is not."""
    system.wait_prompt()
    for command in ("gpio", "gpio 5", "gpio 5 out"):
        check(system, command, "gpio: pins: this machine has no GPIO controller\n")
    shown = system.command("help gpio")
    if "usage: gpio [PIN [ACTION]]\n" not in shown:
        raise Failure(f"help gpio: {shown!r}")


@test(harts=SIFIVE_HARTS, machine="sifive_u", memory="2G", disk=None, timeout=90)
def set_and_shown(system):
    system.wait_prompt()
    lines = system.command("gpio").splitlines()
    if len(lines) != 17 or not re.fullmatch(r"10 +off +- +- +0 +- +gpio-restart", lines[11]):
        raise Failure(f"gpio lists {lines}")
    check_pin(system, "5", "off", "-", "-", "0", "-", "-")
    for action, expected in (
        ("out", ("out", "0", "-")),
        ("1", ("out", "1", "-")),
        ("0", ("out", "0", "-")),
        ("in", ("in", "0", "-")),
        ("pullup", ("in", "1", "up")),
        ("float", ("in", "0", "-")),
    ):
        check(system, f"gpio 5 {action}", "")
        check_pin(system, "5", *expected, "0", "-", "-")
    check_pin(system, "0:5", "in", "0", "-", "0", "-", "-")
    check_pin(system, "6", "off", "-", "-", "0", "-", "-")
    check_pin(system, "4", "off", "-", "-", "0", "-", "-")


@test(harts=(5,), machine="sifive_u", memory="2G", disk=None, timeout=90)
def refusals(system):
    system.wait_prompt()
    for action in ("in", "out", "0", "1", "pullup", "float"):
        check(system, f"gpio 10 {action}", "gpio: 10: in use by gpio-restart\n")
    check_pin(system, "10", "off", "-", "-", "0", "-", "gpio-restart")
    for pin in ("16", "1:5", "0:16", "x", "-1", "5x", ":", "99999999999999999999"):
        check(system, f"gpio {pin}", f"gpio: {pin}: no such pin\n")
    for arguments in ("5 up", "5 wait", "5 out high", "5 in in"):
        check(system, f"gpio {arguments}", "usage: gpio [PIN [ACTION]]\n")
    check(system, "gpio 5 wait noon", "gpio: noon: no such event: rising, falling, both, high, low\n")
    check(system, "gpio 5 1; echo $?", "0\n")
    check(system, "gpio 10 1; echo $?", "gpio: 10: in use by gpio-restart\n1\n")


@test(harts=SIFIVE_HARTS, machine="sifive_u", memory="2G", disk=None, timeout=120, boot=False)
def edges_and_levels(system):
    """Pulled up and down from outside while the shell waits."""
    outside = Outside(system)
    system.boot(extra=("-gdb", f"unix:{outside.path},server=on,wait=off"))
    system.wait_prompt()
    system.command("gpio 6 in")
    up, down = (0, 1), (1, 0)
    for event, levels in (
        ("rising", up), ("falling", down), ("both", up), ("both", down), ("low", down), ("high", up)
    ):
        outside.write(PULL_UP, levels[0] << 6)
        system.send_line(f"gpio 6 wait {event}")
        time.sleep(1)
        if "$ " in system.screen().rsplit(f"gpio 6 wait {event}", 1)[1]:
            raise Failure(f"nothing happened, but it does not wait for {event}: {system.screen()[-200:]!r}")
        outside.write(PULL_UP, levels[1] << 6)
        said = {"both": "rising" if levels[1] else "falling"}.get(event, event)
        shown = system.wait_prompt(10)
        if not shown.endswith(f"6: {said}\n"):
            raise Failure(f"waiting for {event}, it says {shown!r}")
    check(system, "gpio 6 wait high", "6: high\n")
    check_pin(system, "6", "in", "1", "up", "0", "-", "-")
    if not re.search(r"^ +13 gpio@10060000 +gpio ", system.command("irq"), re.MULTILINE):
        raise Failure("irq does not show the line of pin 6")


@test(harts=(5,), machine="sifive_u", memory="2G", disk=None, timeout=120)
def waiting_ends(system):
    """By ctrl-c. When the server dies, what was set stays, and the next one begins anew."""
    system.wait_prompt()
    system.command("gpio 7 1")
    system.send_line("gpio 6 wait rising")
    time.sleep(1)
    system.send("\x03")
    system.wait_prompt(10)
    check(system, "echo $?", "130\n")
    check_pin(system, "6", "in", "0", "-", "0", "-", "-")
    system.command("kill gpio")
    check_pin(system, "7", "out", "1", "-", "0", "-", "-")
    check(system, "gpio 7 wait high", "7: high\n")
    check(system, "gpio 7 0", "")


@test(harts=(5,), machine="sifive_u", memory="2G", disk=None, timeout=120, boot=False)
def what_the_board_says(system):
    """Names of pins, and pins that belong to nodes, from a tree edited like a board's."""
    users = (
        '\tsw { compatible = "gpio-keys"; k { gpios = <0x0a 0x03 0x01>; }; };\n'
        '\toff { compatible = "x"; status = "disabled"; reset-gpios = <0x0a 0x04 0x00>; };\n'
    )

    def edit(text: str) -> str:
        text = text.replace("\tgpio-restart {", users + "\tgpio-restart {", 1)
        names = "gpio-line-names = " + ", ".join(f'"P{n}"' for n in range(15)) + ', "SD_CD"; ngpios = <12>;'
        return text.replace('compatible = "sifive,gpio0";', 'compatible = "sifive,gpio0"; ' + names, 1)

    system.boot(dtb=inputs.write(system, "edited.dtb", inputs.device_tree(system, edit)))
    system.wait_prompt()
    if len(system.command("gpio").splitlines()) != 13:
        raise Failure("the number of pins is not that of the tree")
    check_pin(system, "3", "off", "-", "-", "0", "P3", "k")
    check(system, "gpio 3 out", "gpio: 3: in use by k\n")
    check(system, "gpio P4 1", "")
    check_pin(system, "P4", "out", "1", "-", "0", "P4", "-")
    check(system, "gpio SD_CD", "gpio: SD_CD: no such pin\n")


@test(harts=(5,), machine="sifive_u", memory="2G", disk=None, timeout=120, boot=False)
def several_controllers(system):
    """The second is the first once more, with fewer pins and no interrupts: the pins have two names."""

    def edit(text: str) -> str:
        second = 'twin@10060000 { compatible = "sifive,gpio0"; reg = <0x00 0x10060000 0x00 0x1000>; '
        second += "ngpios = <8>; };\n"
        return text.replace("\t\tgpio@10060000 {", f"\t\t{second}\t\tgpio@10060000 {{", 1)

    system.boot(dtb=inputs.write(system, "edited.dtb", inputs.device_tree(system, edit)))
    system.wait_prompt()
    names = [line.split()[0] for line in system.command("gpio").splitlines()[1:]]
    if names != [f"0:{n}" for n in range(8)] + [f"1:{n}" for n in range(16)]:
        raise Failure(f"the pins are {names}")
    check(system, "gpio 1:5 1", "")
    check_pin(system, "0:5", "out", "1", "-", "0", "-", "-")
    check_pin(system, "5", "out", "1", "-", "0", "-", "-")
    check(system, "gpio 0:8", "gpio: 0:8: no such pin\n")
    check(system, "gpio 0:5 wait high", "gpio: 0:5: cannot interrupt\n")
    check(system, "gpio 1:5 wait high", "1:5: high\n")
