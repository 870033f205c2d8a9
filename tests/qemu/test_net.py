# SPDX-License-Identifier: MIT
"""The network: addresses, echoes, sockets and what they are limited to, and drivers that die."""

import http.client
import json
import random
import re
import socket
import subprocess
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
    """What `ip` says when there is a link and an address was obtained."""
    end = time.monotonic() + 20
    while " dhcp" not in (shown := system.command("ip")) or "no link" in shown:
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
    if "1 sent, 1 received" not in (said := system.command("ping -c 1 fe80::2")):
        raise Failure(f"by IPv6 ping says {said!r}")


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


class Talker(threading.Thread):
    """A server on the host's loopback for one connection: answers each line, and keeps what came."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(30)
        self.port = self.listener.getsockname()[1]
        self.came = b""
        self.connected = threading.Event()
        self.start()

    def run(self):
        connection, _ = self.listener.accept()
        self.connected.set()
        with connection:
            while data := connection.recv(4096):
                self.came += data
                connection.sendall(b"you said " + data)


@test(boot=False)
def nc_connects(system):
    user_network(system)
    wait_address(system)
    talker = Talker()
    system.send_line(f"nc 10.0.2.2 {talker.port}")
    if not talker.connected.wait(20):
        raise Failure("nobody connected")
    system.quiet(0.3)
    for word in ("one", "two"):
        system.send_line(word)
        system.expect(f"you said {word}")
    system.send("\x04")
    system.wait_prompt()
    if talker.came != b"one\ntwo\n":
        raise Failure(f"{talker.came!r} came")
    said = system.command(f"nc 10.0.2.2 {free_port(socket.SOCK_STREAM)}")
    if "connection refused" not in said and "reset" not in said:
        raise Failure(f"where nobody listens nc says {said!r}")


@test(boot=False)
def nc_listens(system):
    port = free_port(socket.SOCK_STREAM)
    user_network(system, ("tcp", port, 5000))
    wait_address(system)
    system.send_line("nc -l 5000")
    end = time.monotonic() + 20
    while time.monotonic() < end and "connection from" not in system.output:
        with connect(port) as client:  # before nc listens QEMU ends it at once
            client.sendall(b"a line\nand another\n")
            client.shutdown(socket.SHUT_WR)
            system.quiet(0.5)
    system.expect_regex(r"connection from 10\.0\.2\.2:\d+")
    system.expect("a line")
    system.expect("and another")
    system.wait_prompt()


def boot_with_pages(system) -> int:
    """Boots; returns the port that reaches httpd."""
    port = free_port(socket.SOCK_STREAM)
    user_network(system, ("tcp", port, 80))
    wait_address(system)
    return port


@test(boot=False, timeout=90)
def pages(system):
    """By curl: a page, the state of the system, the same connection for both; what is not there."""
    url = f"http://127.0.0.1:{boot_with_pages(system)}"
    written = system.directory / "written"
    command = ["curl", "-sS", "-m", "20", "-w", "%{http_code} %{num_connects} %{content_type}\\n"]
    command += ["-o", written, f"{url}/", "-o", system.directory / "status", f"{url}/status.json"]
    command += ["-o", "/dev/null", f"{url}/none"]
    said = subprocess.run(command, capture_output=True, text=True, timeout=60)
    wanted = "200 1 text/html; charset=utf-8\n200 0 application/json\n404 0 text/plain; charset=utf-8\n"
    if said.stdout != wanted:
        raise Failure(f"curl says {said.stdout!r} {said.stderr!r}")
    if written.read_bytes() != (system.build / "rootfs/www/index.html").read_bytes():
        raise Failure("the page is not the file")
    status = json.loads((system.directory / "status").read_text())
    names = {process["name"] for process in status["processes"]}
    if not {"init", "net", "httpd", "sh"} <= names or status["network"]["address"] != "10.0.2.15":
        raise Failure(f"the state of the system is {status}")


@test(boot=False)
def wget_from_itself_and_the_host(system):
    """A page of its own, and 300 KB of the host's loopback into a file, whose sum is right."""
    user_network(system)
    wait_address(system)
    shown = system.command("wget 127.0.0.1/")
    if shown != (system.build / "rootfs/www/index.html").read_text():
        raise Failure(f"the page is {shown[:200]!r}")
    (system.directory / "served").mkdir(exist_ok=True)
    (system.directory / "served/data").write_bytes(random.Random(3).randbytes(300000))
    port = free_port(socket.SOCK_STREAM)
    command = ["python3", "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory"]
    server = subprocess.Popen([*command, system.directory / "served"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    try:
        said, end = "refused", time.monotonic() + 20
        while "refused" in said and time.monotonic() < end:
            said = system.command(f"wget http://10.0.2.2:{port}/data /data")
        if said:
            raise Failure(f"wget says {said!r}")
        if "404" not in (said := system.command(f"wget 10.0.2.2:{port}/none")):
            raise Failure(f"wget says {said!r}")
    finally:
        server.kill()
        server.wait()
    whole = (system.directory / "served/data").read_bytes()
    shown = system.command("wc /data")
    if shown.split()[2] != "300000" or shown.split()[3] != f"{crc32c(whole):08x}":
        raise Failure(f"wc says {shown!r}")


def crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


@test(boot=False)
def cable_pulled_out_and_put_in(system):
    user_network(system)
    wait_address(system)
    system.monitor("set_link net0 off")
    end = time.monotonic() + 10
    while "no link" not in (shown := system.command("ip")):
        if time.monotonic() > end:
            raise Failure(f"ip says {shown!r}")
    system.monitor("set_link net0 on")
    wait_address(system)
    if "1 sent, 1 received" not in (said := system.command("ping -c 1 10.0.2.2")):
        raise Failure(f"ping says {said!r}")
    log = system.command("dmesg")
    if "link down" not in log or "link up" not in log:
        raise Failure(f"the log says {log}")


def answer_to(port: int, head: bytes) -> bytes:
    """Everything that comes back for these bytes until the connection ends."""
    with connect(port) as client:
        client.sendall(head)
        answer = b""
        while piece := client.recv(1 << 16):
            answer += piece
        return answer


@test(boot=False, harts=(1,), timeout=90)
def requests_of_all_kinds(system):
    port = boot_with_pages(system)
    page = (system.build / "rootfs/www/index.html").read_bytes()
    host = b"Host: x\r\nConnection: close\r\n"
    cases = {
        b"GET / HTTP/1.1\r\n" + host + b"\r\n": (200, page),
        b"GET /%69ndex.html?x=1 HTTP/1.1\r\n" + host + b"\r\n": (200, page),
        b"GET / HTTP/1.0\r\n\r\n": (200, page),
        b"HEAD / HTTP/1.1\r\n" + host + b"\r\n": (200, b""),
        b"GET / HTTP/1.1\r\nRange: bytes=5-9\r\n" + host + b"\r\n": (206, page[5:10]),
        b"GET / HTTP/1.1\r\nRange: bytes=-7\r\n" + host + b"\r\n": (206, page[-7:]),
        b"GET / HTTP/1.1\r\nRange: bytes=99999-\r\n" + host + b"\r\n": (416, None),
        b"GET / HTTP/1.1\r\nRange: lines=1-2\r\n" + host + b"\r\n": (200, page),
        b"GET / HTTP/1.1\r\n\r\n": (400, None),
        b"GET /../poem HTTP/1.1\r\n" + host + b"\r\n": (400, None),
        b"GET /%2e%2e/poem HTTP/1.1\r\n" + host + b"\r\n": (400, None),
        b"GET /a%00b HTTP/1.1\r\n" + host + b"\r\n": (400, None),
        b"GET /www HTTP/1.1\r\n" + host + b"\r\n": (404, None),
        b"POST / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\nabc": (405, None),
        b"GET / HTTP/1.1\r\n" + host + b"Content-Length: 3\r\n\r\nabc": (413, None),
        b"GET / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n": (501, None),
        b"GET /" + b"a" * 600 + b" HTTP/1.1\r\n" + host + b"\r\n": (400, None),
        b"GET / HTTP/1.1\r\nA: " + b"a" * 9000 + b"\r\n": (431, None),
        b"\x16\x03\x01 not HTTP at all\r\n\r\n": (400, None),
    }
    for head, (status, body) in cases.items():
        answer = answer_to(port, head)
        first, _, rest = answer.partition(b"\r\n\r\n")
        if not first.startswith(b"HTTP/1.1 %d " % status) or (body is not None and rest != body):
            raise Failure(f"to {head[:80]!r} it says {answer[:200]!r}")
    many = b"".join(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" for _ in range(9)) + b"GET / HTTP/1.0\r\n\r\n"
    if answer_to(port, many).count(page) != 10:
        raise Failure("ten requests in a row do not get ten answers")


def get(connection, path: str) -> bytes:
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise Failure(f"{path}: {answer.status}")
    return body


@test(boot=False, timeout=120)
def driver_killed_during_transfers(system):
    """What is under way is lost and sent again: the connection lives, and every byte of every file comes."""
    port = boot_with_pages(system)
    system.command("cp /big.txt /www/big.txt")
    big = (system.build / "rootfs/big.txt").read_bytes()
    done, problems = [], []

    def transfer():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.connect()
        first = connection.sock
        while len(done) < 12 or not finished.is_set():
            if get(connection, "/big.txt") != big or connection.sock is not first:
                problems.append("a file came otherwise, or by another connection")
                return
            done.append(1)

    finished = threading.Event()
    thread = threading.Thread(target=transfer)
    thread.start()
    for _ in range(4):
        time.sleep(1)
        system.command("kill virtio-net")
    finished.set()
    thread.join(90)
    if thread.is_alive() or problems or len(done) < 12:
        raise Failure(f"{len(done)} files came; {problems}")
    if "driver restarted 4 times" not in (shown := system.command("ip -s")):
        raise Failure(f"ip -s says {shown!r}")
    system.note(f"{len(done)} files of 200 KiB with 4 drivers killed")


@test(boot=False, timeout=120)
def server_killed(system):
    """Connections end with it; httpd listens anew, and dev has all of the memory back."""
    port = boot_with_pages(system)
    page = (system.build / "rootfs/www/index.html").read_bytes()
    used = []
    for _ in range(3):
        system.command("kill net")
        wait_address(system)
        end = time.monotonic() + 20
        while True:
            try:
                if get(http.client.HTTPConnection("127.0.0.1", port, timeout=5), "/") == page:
                    break
            except (OSError, http.client.HTTPException):
                if time.monotonic() > end:
                    raise Failure("no page after net was killed") from None
        used.append(re.search(r"dev +\w+ +\d+ +\S+ +\S+ +(\d+)K", system.command("ps")).group(1))
    if used[0] != used[-1]:
        raise Failure(f"dev has {used} KiB after each")
