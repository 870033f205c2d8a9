# SPDX-License-Identifier: MIT
"""What echoes cost: instructions of the whole system for each, with one under way."""

import struct

import frames
import inputs
from qemu import Failure, test

ECHO = 7
ROUNDS = 1000
NODE = """    netecho {
        restart = "never"; priority = <110>; memory = <1024>; kernel = "log";
        uses = <&mm MM_USE>, <&init PROC_SELF>, <&net NET_SOCKET>;
        limits = "net listen 7";
    };
"""
# Rows of docs/STATUS.md with 10 percent to spare. The slower the peer, the more timers are counted.
MOST = {"udp_echo": 12900, "tcp_rr": 14000}


class Connection:
    """TCP by hand, as far as an echo needs it: every segment is acknowledged by the next one."""

    def __init__(self, peer, port: int):
        self.peer, self.port, self.sequence, self.expected = peer, port, 1000, 0
        answer = self.exchange(2, b"")
        if answer[47] & 0x12 != 0x12:
            raise Failure("no connection")
        self.sequence += 1
        self.expected = struct.unpack(">I", answer[38:42])[0] + 1
        self.send(0x10, b"")

    def send(self, flags: int, data: bytes) -> None:
        segment = bytearray(frames.tcp(40000, self.port, flags, self.sequence, data))
        segment[8:12] = struct.pack(">I", self.expected)
        segment[16:18] = b"\0\0"
        pseudo = frames.PEER_IP + frames.GUEST_IP + struct.pack(">BBH", 0, 6, len(segment))
        segment[16:18] = struct.pack(">H", frames.checksum(pseudo + bytes(segment)))
        self.peer.send(frames.ethernet(0x800, frames.ipv4(6, bytes(segment))))

    def exchange(self, flags: int, data: bytes) -> bytes:
        """Sends, and returns the next segment that has data or, in the beginning, SYN."""
        wanted = lambda f: f[12:14] == b"\x08\0" and f[23] == 6 and (f[47] & 2 or len_of(f) > 0)  # noqa: E731
        self.peer.seen.clear()
        self.send(flags, data)
        answer = self.peer.wait(wanted, 10)
        if answer is None:
            raise Failure("no answer")
        return answer

    def echo(self, byte: bytes) -> None:
        answer = self.exchange(0x18, byte)
        if answer[54:55] != byte:
            raise Failure(f"{byte!r} came back as {answer.hex()}")
        self.sequence += 1
        self.expected += 1


def len_of(frame: bytes) -> int:
    return struct.unpack(">H", frame[16:18])[0] - 20 - (frame[46] >> 4) * 4


def udp_echo(peer, number: int) -> None:
    data = number.to_bytes(18, "big")
    peer.seen.clear()
    peer.send(frames.ethernet(0x800, frames.ipv4(17, frames.udp(4000, ECHO, data))))
    if not peer.wait(lambda f: f[12:14] == b"\x08\0" and f[23] == 17 and f[42:60] == data, 10):
        raise Failure(f"echo {number} did not come back")


def executed(system) -> int:
    """Instructions since power-on, as of when the hart fell idle last. A connection has timers."""
    system.quiet(0.15)
    while not (count := (system.directory / "instructions").read_text()).endswith("\n"):
        system.quiet(0.01)  # it is being written
    return int(count)


def measure(system, name: str, once) -> str:
    for number in range(50):
        once(number)
    before = executed(system)
    for number in range(ROUNDS):
        once(number % 256)
    each = (executed(system) - before) // ROUNDS
    system.note(f"{name} {each}")
    if each > MOST[name]:
        raise Failure(f"{name}: {each} instructions, at most {MOST[name]} are wanted")
    return f"bench {name} {each} insn"


@test(harts=(1,), boot=False, timeout=150, count=True)
def echoes(system):
    peer = frames.Peer(system.directory)
    try:
        system.machine.extra = peer.options
        program = (system.build / "system/netecho").read_bytes()
        add = lambda text: text.replace("    sh {\n", NODE + "    sh {\n", 1)  # noqa: E731
        inputs.boot_described(system, add, netecho=program)
        system.wait_prompt(60)
        while "inet 10.9.0.2/24 dhcp" not in system.command("ip"):
            system.quiet(0.3)
        udp_echo(peer, 0)
        measure(system, "udp_echo", lambda number: udp_echo(peer, number))
        peer.send(frames.ethernet(0x800, frames.ipv4(17, frames.udp(4000, ECHO, b""))))
        connection = Connection(peer, ECHO)
        measure(system, "tcp_rr", lambda number: connection.echo(bytes([number])))
    finally:
        peer.close()
