# SPDX-License-Identifier: MIT
"""Who may do what in the system that ships: what is not granted is denied, and nothing else is granted."""

import re
import subprocess
from pathlib import Path

import inputs
from qemu import Failure, test

SERVERS = {  # by the protocol whose operations they have
    "MM": ["mm"],
    "PROC": ["init"],
    "DEV": ["dev"],
    "CONSOLE": ["console"],
    "GPIO": ["gpio"],
    "BLK": ["virtio-blk", "sd-spi"],
    "FS": ["fs"],
    "ETH": ["virtio-net"],
    "NET": ["net"],
}


def rights() -> dict:
    """Numbers of the rights by name."""
    text = Path("include/proto/rights.h").read_text()
    return {name: int(value, 16) for name, value in re.findall(r"^#define (\w+)\s+(0x\w+)", text, re.M)}


def operations() -> dict:
    """The rights that the operations of each protocol need, out of the headers."""
    found = {}
    for header in sorted(Path("include/proto").glob("*.h")):
        text = header.read_text()
        for protocol, lines in re.findall(r"^#define (\w+)_OPS\(OP\)(.*?)^PROTO_CLIENT", text, re.M | re.S):
            rows = re.sub(r"\\\n\s*", "", lines)
            found[protocol] = re.findall(r"OP\(\w+, \d+, \w+, struct \w+, struct \w+, *(\w+),", rows)
            if len(found[protocol]) != rows.count(" OP("):
                raise Failure(f"{header}: cannot read all operations of {protocol}")
    return found


def tries(bit: int) -> int:
    """How many operations of all servers need that right; those of SERVER are every server's."""
    numbers = rights()
    count = 0
    for protocol, needed in operations().items():
        if protocol not in SERVERS and protocol != "SERVER":
            raise Failure(f"nobody tries the protocol {protocol}: add it here and to tests/system/lacks.c")
        servers = SERVERS.get(protocol, sum(SERVERS.values(), []))
        count += len(servers) * sum(numbers[right] >> bit & 1 for right in needed)
    return count


def label(name: str) -> str:
    return name.replace("-", "_")


@test(boot=False, timeout=90)
def every_operation_is_denied_without_its_right(system):
    needed = {right for protocol in operations().values() for right in protocol} | {"PROTO_MANAGE"}
    bits = sorted({rights()[right].bit_length() - 1 for right in needed})
    servers = [server for names in SERVERS.values() for server in names]

    def node(bit: int) -> str:
        uses = ", ".join(f"<&{label(server)} {0xffff & ~(1 << bit):#x}>" for server in servers)
        return (
            f'    lack{bit} {{ program = "lacks"; restart = "never"; priority = <90>; memory = <1024>;'
            f' kernel = "log"; uses = {uses}; }};\n'
        )

    nodes = "".join(map(node, bits))
    program = (system.build / "system/lacks").read_bytes()
    add = lambda text: text.replace("    sh {\n", nodes + "    sh {\n", 1)  # noqa: E731
    inputs.boot_described(system, add, lacks=program)
    system.wait_prompt()
    for bit in bits:
        said = re.findall(rf"\b(lack{bit}: .*)", system.wait_log(f"lack{bit}: .* tries, "))
        # How it ended does not matter; without PROC_SELF it cannot exit.
        said = [line for line in said if not re.search("; not restarted$", line)]
        if said != [f"lack{bit}: {tries(bit)} tries, 0 granted, 0 strange"]:
            raise Failure(f"instead of {tries(bit)} tries, each denied:\n" + "\n".join(said))


@test(harts=(1,), boot=False, disk=None, timeout=90)
def who_may_only_read_a_disk_cannot_write(system):
    image = system.directory / "kept.img"
    before = (system.build / "disk.img").read_bytes()
    image.write_bytes(before)
    node = (
        '    scribble { restart = "never"; priority = <90>; memory = <1024>; kernel = "log";'
        " uses = <&mm MM_USE>, <&init PROC_SELF>, <&virtio_blk BLK_READ>; };\n"
    )
    drive = f"if=none,format=raw,id=d,file={image}"
    system.machine.extra = ["-drive", drive, "-device", "virtio-blk-device,drive=d"]
    inputs.boot_described(system, lambda text: text.replace("    sh {\n", node + "    sh {\n", 1),
                          scribble=(system.build / "user/apps/scribble").read_bytes())
    system.wait_prompt()
    line = re.search("scribble: .*", system.wait_log("scribble: ")).group()
    if line != "scribble: a write failed":
        raise Failure(f"the program says '{line}'")
    system.stop()
    if image.read_bytes() != before:
        raise Failure("the image has changed")


@test(harts=(1,), boot=False)
def who_may_not_kill_kills_only_own_programs(system):
    inputs.boot_described(system, lambda text: text.replace(" | PROC_KILL", ""))
    system.wait_prompt()
    for victim in ("console", "fs", "init", "mm"):
        if system.command(f"kill {victim}") != f"kill: {victim}: no such process\n":
            raise Failure(f"{victim} was not out of reach")
    if any(line.split()[-1] != "0" for line in system.command("ps").splitlines()[1:]):
        raise Failure("something was restarted")
    system.send_line("crash spin")
    system.quiet(0.3)
    system.send("\x03")
    system.expect("sh: crash: killed")


def described_uses() -> dict:
    """What each process of the description uses: rights by server."""
    command = ["gcc", "-E", "-P", "-nostdinc", "-undef", "-x", "assembler-with-cpp", "-Iinclude"]
    text = subprocess.run(command + ["dts/system.dts"], capture_output=True, text=True, check=True).stdout
    text = re.sub(r"programs \{.*?\};", "", text, flags=re.S)
    found = {}
    for name, body in re.findall(r"^ {4}(?:\w+: )?([\w-]+) \{(.*?)^ {4}\};", text, re.M | re.S):
        pairs = re.findall(r"<&(\w+) ([^>]*)>", body)
        found[name] = {server: eval(value, {"__builtins__": {}}) for server, value in pairs}  # noqa: S307
    return found


def is_segment(row: list) -> bool:
    """mm's endpoint stands for memory too; those badges have the uppermost bit."""
    return row[3] != "-" and int(row[3], 16) >> 63 == 1


@test()
def sessions_are_exactly_what_is_described(system):
    """Rights and badges of every process's sessions, and that an endpoint to receive at is its own."""
    system.wait_prompt()
    numbers = {line.split()[1]: int(line.split()[0]) for line in system.command("ps").splitlines()[1:]}
    for name, uses in described_uses().items():
        if name in ("init", "mm"):
            continue
        rows = [line.split() for line in system.command(f"caps {name}").splitlines()[1:]]
        endpoints = [row for row in rows if len(row) == 6 and row[1] == "ENDPOINT"]
        sessions = {row[5]: row for row in endpoints if not is_segment(row)}
        own = sessions.pop(name, None)
        if own and own[2:4] != ["recv,grant", "-"]:
            raise Failure(f"{name} receives by {own}")
        if {label(server) for server in sessions} != set(uses):
            raise Failure(f"{name} has sessions with {sorted(sessions)}, and uses {sorted(uses)}")
        for server, row in sessions.items():
            badge = f"{numbers[name] << 16 | uses[label(server)]:x}"
            if row[2] != "send,grant" or (server != "mm" and row[3] != badge):
                raise Failure(f"{name} has {row} instead of send,grant and {badge}")
            if server == "mm" and int(row[3], 16) & 0xFFFF != uses["mm"]:
                raise Failure(f"{name} has {row} instead of the rights {uses['mm']:#x} to its memory")
