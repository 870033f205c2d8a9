# SPDX-License-Identifier: MIT
"""One system under test: a QEMU of its own, driven over its serial line."""

import atexit
import codecs
import fcntl
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

from registry import Failure, Machine, Skip, test  # noqa: F401  (tests import all of them from here)
from terminal import clean

PIPE_BYTES = 1 << 20  # as much as everybody may have
# The shell asks the terminal how large it is (user/console/size.h), then shows its prompt.
PROMPT = r"(?:\x1b7\x1b\[999;999H\x1b\[6n\x1b8)?cardea:[^\n$]*\$ "
_PROMPT_AT_END = re.compile(PROMPT + r"\Z")


@dataclass(frozen=True)
class Kind:
    """What differs between QEMU's machines, by the name of the machine."""

    options: tuple = ()
    # The command after which QEMU ends: reboot, where nothing can switch it off; "": there is none.
    ends_by: str = "poweroff"
    disk: tuple = ("-drive", "if=sd,{drive}")  # how one is attached


KINDS = {
    "virt": Kind(
        options=("-global", "virtio-mmio.force-legacy=false"),
        disk=("-drive", "if=none,id=disk0,{drive}", "-device", "virtio-blk-device,drive=disk0"),
    ),
    "sifive_u": Kind(ends_by="reboot"),
    # Its first UART is for the board's boot loader.
    "microchip-icicle-kit": Kind(options=("-serial", "null"), ends_by=""),
}
_alive = set()
_alive_lock = threading.Lock()


def kill_all() -> None:
    """Ends every QEMU that is still there."""
    with _alive_lock:
        for process in list(_alive):
            _kill(process)


def _kill(process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


atexit.register(kill_all)


class System:
    """
    A machine with Cardea. Everything that it prints lands in the log and in `output`; a position in it marks
    what the test has looked at, so that expect() finds each thing once and in order.
    """

    def __init__(
        self, build: Path, machine: Machine, log: Path, directory: Path, timeout: float, panics: bool
    ):
        self.build = build
        self.machine = machine
        self.log_path = log
        self.directory = directory  # the test's own, for the files it makes
        self.panics = panics
        self.deadline = time.monotonic() + timeout
        self.output = ""  # since the last boot
        self.position = 0
        self.process = None
        self.killed = False
        self.notes = []
        self._monitor = os.path.relpath(directory / "monitor")  # relative: socket addresses are short
        self._log = open(log, "wb")

    # Starting and ending

    def boot(self, **changes) -> "System":
        """Starts the machine anew; `changes` are members of Machine that differ from here on."""
        self.stop()
        self.machine = replace(self.machine, **changes)
        self.output = ""
        self.position = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""  # a \r at the end of a piece, whose \n may be yet to come
        command = self.command_line()
        limit = max(1, self.deadline - time.monotonic())
        self._log.write(("$ " + " ".join(command) + "\n").encode())
        self._log.flush()
        # timeout(1) kills QEMU even when this program is gone.
        self.process = subprocess.Popen(
            ["timeout", "-s", "KILL", f"{limit + 5:.0f}", *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        with _alive_lock:
            _alive.add(self.process)
        # QEMU 7.2's SiFive UART drops the bytes that its output does not take at once.
        fcntl.fcntl(self.process.stdout, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self.process.stdout.fileno(), False)
        os.set_blocking(self.process.stdin.fileno(), False)
        return self

    @property
    def kind(self) -> Kind:
        return KINDS.get(self.machine.machine.split(",")[0], Kind())

    def command_line(self) -> list:
        m = self.machine
        firmware = self._path(m.firmware, os.environ.get("BIOS", "default"))
        disk = self._path(m.disk, self.build / "disk.img" if self.kind is KINDS["virt"] else None)
        command = [m.emulator or os.environ.get("QEMU", "qemu-system-riscv64"), "-M", m.machine]
        command += ["-smp", str(m.harts), "-m", m.memory, "-bios", str(firmware)]
        command += ["-nic", "none", "-display", "none"]
        command += ["-monitor", f"unix:{self._monitor},server=on,wait=off"]
        command += self.kind.options
        command += ["-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial"]
        for option, value in {
            "-cpu": m.cpu,
            "-kernel": self._path(m.kernel, self.build / "kernel/cardea.bin"),
            "-initrd": self._path(m.initrd, self.build / "initrd.cpio"),
            "-dtb": self._path(m.dtb, None),
            "-append": m.append,
        }.items():
            command += [option, str(value)] if value else []
        if disk:
            command += [option.format(drive=self._drive(disk)) for option in self.kind.disk]
        if m.count:
            plugin = self.build / "tools/count.so"
            if not plugin.exists():
                raise Failure(f"{plugin} is not built; `make test-qemu` builds it")
            command += ["-plugin", f"{plugin},output={self.directory}/instructions"]
        if m.icount:
            sleep = "on" if m.sleep else "off"
            command += ["-icount", f"shift=0,sleep={sleep}", "-rtc", "clock=vm", "-seed", "1"]
        if not m.reboot:
            command += ["-no-reboot"]
        return command + list(m.extra)

    def _drive(self, disk) -> str:
        """
        The drive option for a disk whose image must stay as it is. QEMU's temporary overlay has a timer in
        the machine's time; with icount and nothing else to do, QEMU would run that timer and nothing else.
        """
        if not self.machine.icount:
            return f"format=raw,snapshot=on,file.locking=off,file.filename={disk}"
        copy = self.directory / "disk.img"
        shutil.copyfile(disk, copy)
        return f"format=raw,file={copy}"

    def _path(self, value, default):
        if callable(value):
            return value(self.directory)
        return default if value == "default" else value

    def stop(self) -> None:
        """Kills the machine if it runs."""
        if self.process is None:
            return
        _kill(self.process)
        self.process.wait()
        self._read(0)
        self._forget()

    def close(self) -> None:
        self.stop()
        self._log.close()

    def _forget(self) -> None:
        with _alive_lock:
            _alive.discard(self.process)
        self.process.stdin.close()
        self.process.stdout.close()
        self.process = None

    def note(self, text: str) -> None:
        """Something that is worth being reported even when the test passes, such as a measurement."""
        self.notes.append(text)

    # QEMU's monitor

    def monitor(self, command: str) -> str:
        """Runs a command of QEMU's monitor and returns its answer."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(20)
            self._connect(connection)
            answer = b""
            for line in (None, command):
                if line:
                    connection.sendall(line.encode() + b"\n")
                    answer = b""
                while not answer.endswith(b"(qemu) "):
                    data = connection.recv(4096)
                    if not data:
                        raise Failure(f"QEMU's monitor hung up after {command!r}")
                    answer += data
        return clean(answer.decode()).split("\n", 1)[1].rsplit("\n", 1)[0]

    def _connect(self, connection) -> None:
        """Connects to the monitor, which QEMU offers a moment after it has started."""
        end = time.monotonic() + 20
        while True:
            try:
                connection.connect(self._monitor)
                return
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise Failure("QEMU does not offer its monitor") from None
                time.sleep(0.02)

    def instructions(self) -> int:
        """
        With count=True, on one hart: how many instructions were executed since power-on, firmware included,
        when the hart last fell idle; waits until it stays idle.
        """
        end = time.monotonic() + 20
        count = None
        while time.monotonic() < end:
            file = self.directory / "instructions"
            last, count = count, file.read_text() if file.exists() else ""
            if count and count == last:
                return int(count)
            self.quiet(0.3)
        raise Failure("the hart does not stay idle")

    def processor_time(self) -> float:
        """Seconds of processor that the machine's threads have used; those that have ended are left out."""
        total, parents = 0, [self.process.pid]
        while parents:
            for thread in Path(f"/proc/{parents.pop()}/task").iterdir():
                try:
                    total += int((thread / "schedstat").read_text().split()[0])
                    parents += (thread / "children").read_text().split()
                except OSError:
                    pass  # ended just now
        return total / 1e9

    # The serial line

    def _read(self, wait: float) -> bool:
        """Takes in what has come, waiting at most `wait` seconds for something; False at the end."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(max(0, wait)):
                return True
        data = self.process.stdout.read()
        if data == b"":
            return False
        if data:
            self._log.write(data)
            self._log.flush()
            text = self._held + self._decoder.decode(data)
            self._held = "\r" if text.endswith("\r") else ""
            self.output += text.removesuffix("\r").replace("\r\n", "\n")
        return True

    def _wait(self, done, timeout: float, what: str):
        """Reads until done() gives something; the error names `what` was waited for."""
        if self.process is None:
            raise Failure(f"the machine does not run, waiting for {what}")
        end = min(time.monotonic() + timeout, self.deadline)
        while True:
            found = done()
            if found is not None and found is not False:
                return found
            self._check_panic()
            now = time.monotonic()
            if now >= end:
                self.killed = now >= self.deadline
                raise Failure(
                    f"time limit of the test reached, waiting for {what}"
                    if self.killed
                    else f"waited {timeout:g} s for {what}"
                )
            if not self._read(end - now):
                found = done()
                if found is not None and found is not False:
                    return found
                self._check_panic()
                raise Failure(f"QEMU ended with status {self.process.wait()}, waiting for {what}")

    def _check_panic(self) -> None:
        if not self.panics and "panic:" in self.output:
            end = time.monotonic() + 1  # for the backtrace that follows
            while time.monotonic() < end and self._read(end - time.monotonic()):
                pass
            line = self.output[self.output.index("panic:") :].split("\n", 1)[0]
            raise Failure(f"the kernel ended with '{line}'")

    def expect(self, pattern, timeout: float = 20) -> "re.Match":
        """
        Waits until `pattern` (a compiled expression, or a string that must appear as it is) comes after
        everything expected before. Returns the match. Searches the raw output; see clean() for what a
        terminal would show.
        """
        expression = pattern if isinstance(pattern, re.Pattern) else re.compile(re.escape(pattern))
        start = self.position
        match = self._wait(lambda: expression.search(self.output, start), timeout, repr(expression.pattern))
        self.position = match.end()
        return match

    def expect_regex(self, pattern: str, timeout: float = 20) -> "re.Match":
        """expect() for a regular expression given as a string; ^ and $ match at lines."""
        return self.expect(re.compile(pattern, re.MULTILINE), timeout)

    def send(self, text) -> None:
        """Types `text` (a string or bytes)."""
        data = text.encode() if isinstance(text, str) else text
        while data:
            try:
                sent = os.write(self.process.stdin.fileno(), data)
                data = data[sent:]
            except BlockingIOError:
                self._wait(lambda: True, 0, "input")
                self._read(0.01)
            except BrokenPipeError:
                raise Failure("QEMU ended while the test was typing") from None
            if time.monotonic() > self.deadline:
                raise Failure("time limit of the test reached: the machine takes no input")

    def send_line(self, line: str) -> None:
        self.send(line + "\r")

    def wait_prompt(self, timeout: float = 60) -> str:
        """Waits for the shell's prompt; returns what was shown before it, since the last thing expected."""
        start = self.position
        return self._until_prompt(start, 0, timeout)

    def _until_prompt(self, start: int, newlines: int, timeout: float) -> str:
        def shown():
            if self.output.count("\n", start) < newlines or "$ " not in self.output[-200:]:
                return None
            text = clean(self.output[start:])
            return text if text.count("\n") >= newlines and _PROMPT_AT_END.search(text) else None

        text = self._wait(shown, timeout, "the shell's prompt")
        self.position = len(self.output)
        return _PROMPT_AT_END.sub("", text)

    def command(self, line: str, timeout: float = 30) -> str:
        """Runs a command at the prompt; returns what it printed, as a terminal would show it."""
        start = len(self.output)
        self.send_line(line)
        text = self._until_prompt(start, 1, timeout)
        return text.split("\n", 1)[1]  # without the echo of the command

    def wait_log(self, pattern: str) -> str:
        """The log, at the prompt, when it has a line like that."""
        for _ in range(40):
            log = self.command("dmesg")
            if re.search(pattern, log):
                return log
            self.quiet(0.2)
        raise Failure(f"the log has no {pattern}:\n{log}")

    def screen(self) -> str:
        """What a terminal would show now."""
        self._read(0)
        return clean(self.output)

    def quiet(self, seconds: float = 0.3) -> str:
        """Waits until nothing has come for `seconds`; returns what a terminal would show now."""
        while True:
            before = len(self.output)
            end = time.monotonic() + seconds
            while time.monotonic() < end and len(self.output) == before:
                if not self._read(end - time.monotonic()):
                    return clean(self.output)
            self._check_panic()
            if len(self.output) == before or time.monotonic() > self.deadline:
                return clean(self.output)

    def wait_exit(self, timeout: float = 30) -> int:
        """Waits until QEMU has ended by itself; returns its exit status."""

        def ended():
            while self._read(0.1):
                if time.monotonic() >= min(end, self.deadline):
                    return None
                self._check_panic()
            return True

        end = time.monotonic() + timeout
        if ended() is None:
            raise Failure(f"the machine has not ended after {timeout:g} s")
        self._check_panic()
        status = self.process.wait()
        self._forget()
        return status

    def poweroff(self) -> None:
        """Ends the system from the shell's prompt, as the machine can be ended; checks that it ended well."""
        if not self.kind.ends_by:
            self.stop()
            return
        self.send_line(self.kind.ends_by)
        status = self.wait_exit()
        if status != 0:
            raise Failure(f"after {self.kind.ends_by} QEMU ended with status {status} instead of 0")

    def selftest(self, timeout: float = 60) -> list:
        """
        Takes in what a kernel started with `selftest` reports: (name, passed, message) for each self-test.
        The kernel must print its closing line, with the right numbers, and switch off.
        """
        self.expect_regex(r"selftest: \d+ passed, \d+ failed", timeout)
        text = clean(self.output)
        results = [
            (name, verdict == "ok", text_)
            for name, verdict, text_ in re.findall(r"selftest ([\w.-]+): (ok|FAILED)\b[ :]*(.*)", text)
        ]
        passed, failed = map(int, re.search(r"selftest: (\d+) passed, (\d+) failed", text).groups())
        counted = sum(1 for r in results if r[1])
        if (passed, failed) != (counted, len(results) - counted) or not results:
            raise Failure(
                f"the kernel counts {passed} passed and {failed} failed, "
                f"but reported {counted} and {len(results) - counted}"
            )
        if self.kind.ends_by == "poweroff":
            self.wait_exit(20)
        else:
            self.expect("halted\n")
        return results
