# SPDX-License-Identifier: MIT
"""The other end of a machine's network cable: frames made by hand, and a peer that hands out an address."""

import os
import random
import socket
import struct
import threading
import time

GUEST_MAC = bytes.fromhex("525400123456")
PEER_MAC = bytes.fromhex("525500000001")
GUEST_IP, PEER_IP = bytes([10, 9, 0, 2]), bytes([10, 9, 0, 1])
BROADCAST = b"\xff" * 6
ALL_NODES = bytes.fromhex("333300000001")


def checksum(data: bytes) -> int:
    """RFC 1071."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(kind: int, payload: bytes, to: bytes = GUEST_MAC) -> bytes:
    return to + PEER_MAC + struct.pack(">H", kind) + payload


def arp(operation: int, target: bytes) -> bytes:
    return struct.pack(">HHBBH", 1, 0x800, 6, 4, operation) + PEER_MAC + PEER_IP + bytes(6) + target


def ipv4(
    protocol: int, payload: bytes, to: bytes = GUEST_IP, fragment: int = 0, options: bytes = b""
) -> bytes:
    length = 20 + len(options)
    head = struct.pack(">BBHHH", 0x40 + length // 4, 0, length + len(payload), 7, fragment)
    head += struct.pack(">BBH", 64, protocol, 0) + PEER_IP + to + options
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(source: int, to: int, data: bytes) -> bytes:
    return struct.pack(">HHHH", source, to, 8 + len(data), 0) + data


def tcp(source: int, to: int, flags: int, sequence: int, data: bytes = b"", options: bytes = b"") -> bytes:
    head = struct.pack(">HHIIBBHHH", source, to, sequence, 0, (5 + len(options) // 4) << 4, flags, 4096, 0, 0)
    whole = head + options + data
    pseudo = PEER_IP + GUEST_IP + struct.pack(">BBH", 0, 6, len(whole))
    return whole[:16] + struct.pack(">H", checksum(pseudo + whole)) + whole[18:]


def icmp(kind: int, data: bytes) -> bytes:
    whole = struct.pack(">BBHHH", kind, 0, 0, 1, 1) + data
    return whole[:2] + struct.pack(">H", checksum(whole)) + whole[4:]


def ipv6(following: int, payload: bytes) -> bytes:
    return struct.pack(">IHBB", 6 << 28, len(payload), following, 255) + bytes.fromhex(
        "fe80000000000000505500fffe000001" "ff020000000000000000000000000001") + payload


def icmp6(kind: int, data: bytes) -> bytes:
    whole = struct.pack(">BBH", kind, 0, 0) + data
    pseudo = ipv6(58, whole)[8:40] + struct.pack(">IHBB", len(whole), 0, 0, 58)
    return whole[:2] + struct.pack(">H", checksum(pseudo + whole)) + whole[4:]


def dhcp_answer(kind: int, request: bytes) -> bytes:
    """An offer (2) or an acknowledgement (5) for a DHCP message (RFC 2131)."""
    head = b"\2" + request[1:4] + request[4:8] + request[8:12] + bytes(4) + GUEST_IP + PEER_IP + bytes(4)
    options = bytes([53, 1, kind, 54, 4, *PEER_IP, 51, 4, 0, 1, 0x51, 0x80, 1, 4, 255, 255, 255, 0, 3, 4])
    options += PEER_IP + bytes([6, 4]) + PEER_IP
    message = head + request[28:44] + bytes(192) + b"\x63\x82\x53\x63" + options + b"\xff"
    return ethernet(0x800, ipv4(17, udp(67, 68, message), b"\xff" * 4), BROADCAST)


def dns_answer(query: bytes) -> bytes:
    """For names of the domain example: 192.0.2.1; others there are none (RFC 1035)."""
    end = query.index(b"\0", 12) + 5
    known = query[12:end].find(b"\7example\0") >= 0 and query[end - 4 : end - 2] == b"\0\1"
    head = query[:2] + (b"\x81\x80\0\1\0\1" if known else b"\x81\x83\0\1\0\0") + bytes(4)
    answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + bytes([192, 0, 2, 1]) if known else b""
    return head + query[12:end] + answer


class Peer:
    """
    Has a socket of its own for the machine's `-netdev dgram`, in which a message is a frame; answers DHCP,
    ARP and DNS until it is closed, and keeps what comes.
    """

    def __init__(self, directory):
        self.ours, self.theirs = (os.path.relpath(directory / name) for name in ("peer", "machine"))
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.ours)
        self.socket.settimeout(0.2)
        self.options = ("-netdev", f"dgram,id=net0,local.type=unix,local.path={self.theirs},"
                        f"remote.type=unix,remote.path={self.ours}",
                        "-device", f"virtio-net-device,netdev=net0,mac={GUEST_MAC.hex(':')}")
        self.seen = []  # frames that came
        self.came = threading.Condition()
        self.ending = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while not self.ending:
            try:
                frame = self.socket.recv(4096)
            except (TimeoutError, OSError):
                continue
            self._answer(frame)
            with self.came:
                self.seen.append(frame)
                del self.seen[:-4000]
                self.came.notify()

    def _answer(self, frame: bytes):
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == PEER_IP:
            answer = struct.pack(">HHBBH", 1, 0x800, 6, 4, 2) + PEER_MAC + PEER_IP + frame[22:32]
            self.send(ethernet(0x806, answer))
        if frame[12:14] == b"\x08\0" and frame[23] == 17 and frame[36:38] == b"\0\x43":
            message = frame[42:]
            option = message.find(b"\x35\1", 240)
            self.send(dhcp_answer({1: 2, 3: 5}.get(message[option + 2], 6), message))
        is_udp = frame[12:14] == b"\x08\0" and frame[23] == 17
        if is_udp and frame[30:34] == PEER_IP and frame[36:38] == b"\0\x35":
            port = struct.unpack(">H", frame[34:36])[0]
            self.send(ethernet(0x800, ipv4(17, udp(53, port, dns_answer(frame[42:])))))

    def send(self, frame: bytes):
        """Waits as long as the machine takes nothing."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                self.socket.sendto(frame, self.theirs)
                return
            except (TimeoutError, BlockingIOError, FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.001)
        raise OSError("the machine takes no frames")

    def wait(self, wanted, timeout: float = 10):
        """A frame that came for which wanted(frame) is true; None: none in time."""
        found = None

        def look():
            nonlocal found
            found = next((frame for frame in self.seen if wanted(frame)), None)
            return found is not None

        with self.came:
            self.came.wait_for(look, timeout)
        return found

    def close(self):
        self.ending = True
        self.thread.join()
        self.socket.close()


def samples() -> list:
    """One frame of each kind that the machine's stack looks into."""
    options = bytes([1, 1, 7, 7, 4, 0, 0, 0, 0, 0, 0, 0])
    tcp_options = bytes([2, 4, 5, 0xB4, 4, 2, 3, 3, 7, 0, 0, 0])
    fragment = ipv4(17, bytes(600), fragment=0x2000)
    echo6 = icmp6(128, bytes([0, 1, 0, 1]) + bytes(32))
    target = bytes.fromhex("fe80000000000000505400fffe123456")
    solicitation = icmp6(135, bytes(4) + target + b"\1\1" + PEER_MAC)
    advertisement = icmp6(134, bytes.fromhex("40000e1000000000000000000101") + PEER_MAC + bytes.fromhex(
        "0304 40c0 00015180 00003840 00000000 20010db8000000000000000000000000".replace(" ", "")))
    return [
        ethernet(0x806, arp(1, GUEST_IP), BROADCAST),
        ethernet(0x806, arp(2, GUEST_IP)),
        ethernet(0x800, ipv4(1, icmp(8, bytes(56)))),
        ethernet(0x800, ipv4(1, icmp(3, ipv4(17, udp(53, 1024, b"x"))))),
        ethernet(0x800, ipv4(17, udp(53, 49152, bytes(40)))),
        ethernet(0x800, ipv4(17, udp(67, 68, bytes(300)))),
        ethernet(0x800, ipv4(6, tcp(40000, 80, 2, 1, options=tcp_options))),
        ethernet(0x800, ipv4(6, tcp(40000, 80, 0x18, 2, b"GET / HTTP/1.0\r\n\r\n"))),
        ethernet(0x800, ipv4(6, tcp(40001, 81, 0x11, 2))),
        ethernet(0x800, ipv4(1, icmp(8, bytes(8)), options=options)),
        ethernet(0x800, fragment),
        ethernet(0x800, ipv4(17, bytes(1200), fragment=0x20FF)),
        ethernet(0x86DD, ipv6(58, echo6), ALL_NODES),
        ethernet(0x86DD, ipv6(58, solicitation), ALL_NODES),
        ethernet(0x86DD, ipv6(58, advertisement), ALL_NODES),
        ethernet(0x86DD, ipv6(0, bytes([58, 0, 5, 2, 0, 0, 1, 0]) + echo6), ALL_NODES),
        ethernet(0x86DD, ipv6(44, bytes([58, 0, 0, 1, 0, 0, 0, 9]) + bytes(64)), ALL_NODES),
        ethernet(0x86DD, ipv6(43, bytes([58, 2, 0, 1]) + bytes(20) + echo6), ALL_NODES),
        ethernet(0x8100, struct.pack(">HH", 5, 0x800) + ipv4(1, icmp(8, bytes(8)))),
        ethernet(0x1234, bytes(46)),
    ]


def mend(frame: bytearray) -> None:
    """Makes the checksum of an IPv4 header right again, so that what is behind it is looked at."""
    length = (frame[14] & 15) * 4
    if frame[12:14] == b"\x08\0" and 20 <= length <= len(frame) - 14:
        frame[24:26] = b"\0\0"
        frame[24:26] = struct.pack(">H", checksum(bytes(frame[14 : 14 + length])))


def damaged(seed: int, count: int):
    """`count` frames by seed: a sample with up to six changes each, cut, or longer, or nothing but noise."""
    chance = random.Random(seed)
    kinds = samples()
    for _ in range(count):
        frame = bytearray(chance.choice(kinds))
        for _ in range(chance.randrange(7)):
            at = chance.randrange(12, len(frame))
            frame[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        what = chance.randrange(8)
        if what == 0:
            del frame[chance.randrange(14, len(frame)) :]
        elif what == 1:
            frame += chance.randbytes(chance.randrange(1514 - len(frame)) if len(frame) < 1514 else 0)
        elif what == 2:
            frame[12:] = chance.randbytes(chance.randrange(2, 1502))
        if chance.random() < 0.7 and len(frame) > 34:
            mend(frame)
        yield bytes(frame)
