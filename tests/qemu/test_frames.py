# SPDX-License-Identifier: MIT
"""Frames of all kinds that come by the wire, most of them no good: the machine stays what it was."""

import os
import re

import frames
from qemu import Failure, test

COUNT = int(os.environ.get("FRAMES", "10000"))
SEED = int(os.environ.get("FRAMES_SEED", "1"))


def is_arp_answer(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\2" and frame[28:32] == frames.GUEST_IP


def is_echo_answer(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\0" and frame[23] == 1 and frame[34] == 0 and frame[26:30] == frames.GUEST_IP


def boot_with_peer(system):
    peer = frames.Peer(system.directory)
    system.boot(extra=peer.options)
    system.wait_prompt()
    for _ in range(50):
        if "inet 10.9.0.2/24 dhcp" in system.command("ip"):
            return peer
        system.quiet(0.2)
    raise Failure("the machine has no address")


def check_answers(peer) -> None:
    """It answers an ARP request and an echo request."""
    arp = frames.ethernet(0x806, frames.arp(1, frames.GUEST_IP), frames.BROADCAST)
    echo = frames.ethernet(0x800, frames.ipv4(1, frames.icmp(8, bytes(56))))
    for frame, wanted in ((arp, is_arp_answer), (echo, is_echo_answer)):
        peer.seen.clear()
        peer.send(frame)
        if not peer.wait(wanted):
            raise Failure(f"no answer to {frame.hex()}")


@test(boot=False)
def names(system):
    """Asked of the server that DHCP named; who is found there is asked for an echo, through the gateway."""
    peer = boot_with_peer(system)
    try:
        said = system.command("ping -c 1 host.example")
        if "no answer from 192.0.2.1: seq=1" not in said:
            raise Failure(f"ping says {said!r}")
        echo = peer.wait(lambda f: f[12:14] == b"\x08\0" and f[23] == 1 and f[30:34] == bytes([192, 0, 2, 1]))
        if not echo or echo[:6] != frames.PEER_MAC:
            raise Failure("the echo request did not go to the gateway")
        if "ping: host.nowhere: not found" not in (said := system.command("ping -c 1 host.nowhere")):
            raise Failure(f"ping says {said!r}")
    finally:
        peer.close()


@test(boot=False, timeout=150)
def damaged_by_seed(system):
    peer = boot_with_peer(system)
    try:
        check_answers(peer)
        before = re.search(r"memory (\d+) of", system.command("ip -s")).group(1)
        for number, frame in enumerate(frames.damaged(SEED, COUNT)):
            peer.send(frame)
            if number % 5000 == 4999:
                check_answers(peer)
        check_answers(peer)
        shown = system.command("ip -s")
        dropped = sum(int(n) for n in re.findall(r"(?:dropped|errors) (\d+)", shown))
        restarts = [line for line in system.command("ps").splitlines()[1:] if line.split()[-1] != "0"]
        if restarts or "driver restarted 0 times" not in shown or dropped < COUNT // 10:
            raise Failure(f"after {COUNT} frames: {restarts} {shown}")
        now = re.search(r"memory (\d+) of", shown).group(1)
        system.note(f"{COUNT} frames of seed {SEED}: {dropped} refused; memory {before}, then {now} bytes")
    finally:
        peer.close()
