# SPDX-License-Identifier: MIT
"""The network: addresses, echoes, sockets and what they are limited to, and drivers that die."""

import random
import re
import socket
import threading
import time

import inputs
from qemu import Failure, test

ECHO = 7007  # port of `nc -e` in the machine
GREETING = "echo at port 7007"


def free_port(kind: int) -> int:
    """A port of the host's loopback that nobody uses now."""
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def user_network(system, *forwards) -> None:
    """The machine gets QEMU's user network; `forwards` are (protocol, host's port, machine's port)."""
    rules = "".join(f",hostfwd={protocol}:127.0.0.1:{host}-:{guest}" for protocol, host, guest in forwards)
    system.boot(extra=("-netdev", f"user,id=net0{rules}", "-device", "virtio-net-device,netdev=net0"))
    system.wait_prompt()


def wait_address(system) -> str:
    """What `ip` says when an address was obtained."""
    end = time.monotonic() + 20
    while " dhcp" not in (shown := system.command("ip")):
        if time.monotonic() > end:
            raise Failure(f"no address: {shown}")
    return shown


def boot_with_echo(system) -> tuple:
    """Boots with `nc -e` running; returns the ports that reach it, by TCP and by UDP."""
    tcp, udp = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_DGRAM)
    user_network(system, ("tcp", tcp, ECHO), ("udp", udp, ECHO))
    wait_address(system)
    system.send_line(f"nc -e {ECHO}")
    system.expect(GREETING)
    return tcp, udp


def receive(connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = connection.recv(1 << 16)
        if not piece:
            raise Failure(f"the connection ended after {len(data)} of {count} bytes")
        data += piece
    return data


def connect(port: int):
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def exchange(connection, data: bytes) -> None:
    """Sends and receives at once: all must come back."""
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    back = receive(connection, len(data))
    sender.join()
    if back != data:
        raise Failure("what came back is not what was sent")


@test(boot=False)
def address_and_gateway(system):
    user_network(system)
    shown = wait_address(system)
    for line in ("inet 10.0.2.15/24 dhcp", "gateway 10.0.2.2", "ether 52:54:00:12:34:56"):
        if line not in shown:
            raise Failure(f"ip says {shown!r}, not {line}")
    said = system.command("ping -c 2 10.0.2.2")
    if "2 sent, 2 received" not in said:
        raise Failure(f"ping says {said!r}")


@test()
def machine_without_network(system):
    """All works, and programs within the machine reach each other."""
    system.wait_prompt()
    if "eth0" in (shown := system.command("ip")) or "inet 127.0.0.1/8" not in shown:
        raise Failure(f"ip says {shown!r}")
    if "1 sent, 1 received" not in (said := system.command("ping -c 1 127.0.0.1")):
        raise Failure(f"ping says {said!r}")
    if "no way to that address" not in (said := system.command("ping -c 1 10.0.2.2")):
        raise Failure(f"ping says {said!r}")


@test(boot=False)
def udp_echo(system):
    _, port = boot_with_echo(system)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(10)
        for size in (1, 18, 100, 1400, 1472):
            data = random.Random(size).randbytes(size)
            client.sendto(data, ("127.0.0.1", port))
            if client.recv(2000) != data:
                raise Failure(f"{size} bytes came back otherwise")


@test(boot=False)
def tcp_echo(system):
    port, _ = boot_with_echo(system)
    with connect(port) as client:
        for size in (1, 2, 1000, 1460, 70000):
            exchange(client, random.Random(size).randbytes(size))


@test(boot=False, timeout=100)
def many_connections(system):
    """One after the other is opened (QEMU's listener has no room for more at once); all stay open."""
    port, _ = boot_with_echo(system)
    clients = []
    for number in range(100):
        clients.append(connect(port))
        exchange(clients[-1], bytes([number]))
    for number in random.Random(1).sample(range(100), 100):
        exchange(clients[number], bytes([number]))
    for client in clients:
        client.close()
    with connect(port) as client:
        exchange(client, b"and one more")


@test(boot=False, timeout=120)
def a_megabyte_there_and_back(system):
    port, _ = boot_with_echo(system)
    with connect(port) as client:
        exchange(client, random.Random(1).randbytes(1 << 20))


@test(boot=False)
def port_that_is_not_granted(system):
    """Programs may listen from 1024 on, and the shell at no port at all."""
    user_network(system)
    for line in ("nc -l 80", "nc -e 1023"):
        if "not allowed" not in (said := system.command(line)):
            raise Failure(f"{line} says {said!r}")
    if not re.search(r"net: client \d+ may not listen at  port 80", log := system.command("dmesg")):
        raise Failure(f"the log says nothing of it: {log}")
    if "requests refused 2" not in (shown := system.command("ip -s")):
        raise Failure(f"ip -s says {shown!r}")


@test(boot=False)
def address_that_is_not_granted(system):
    """With another description programs may connect to one address only."""
    limited = lambda text: text.replace('limits = "net connect any", "net listen 1024-65535";',
                                        'limits = "net connect 10.0.2.2 tcp 9";', 1)
    system.machine.extra = ("-netdev", "user,id=net0", "-device", "virtio-net-device,netdev=net0")
    inputs.boot_described(system, limited)
    system.wait_prompt()
    for line in ("nc 10.0.2.3 9", "nc 10.0.2.2 10", "nc -u 10.0.2.2 9", "nc -l 5000"):
        if "not allowed" not in (said := system.command(line)):
            raise Failure(f"{line} says {said!r}")
    if "not allowed" in (said := system.command("ping -c 1 10.0.2.2")):
        raise Failure(f"ping says {said!r}")
