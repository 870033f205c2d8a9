# SPDX-License-Identifier: MIT
"""
The system under load: servers killed, programs crashing, keys at random, harts with too much to do. Each test
runs for STRESS_SECONDS (`make test-stress` sets many) with the random numbers of STRESS_SEED.
"""

import os
import random
import re
import time

from inputs import boot_described
from qemu import PROMPT, Failure, test

SECONDS = float(os.environ.get("STRESS_SECONDS", "4"))
SEED = int(os.environ.get("STRESS_SEED", "1"))
LIMIT = SECONDS * 2 + 120
SERVERS = ("fs", "virtio-blk", "console", "dev")
SETTLE = 20  # seconds in which everything is up again after the last kill
PEACE = 5  # seconds until `stir` begins to kill
INTERRUPT = "\x03"
# What each shows at least, whoever is starting again.
LOOKS = (
    ("ps", r"^ +ID NAME .*^ +0 init +.*^ +1 mm .* sh +running"),
    ("mem", r"^memory of all +\d+ KiB.*^free +\d+ KiB.*^used +\d+ KiB"),
    ("caps fs", r"^ SLOT TYPE .*^ +\d+ CNODE .* fs$|^caps: "),
    ("caps init", r"^ SLOT TYPE .*^ +\d+ CNODE .* init$"),
    ("irq", r"^LINE DEVICE .*^ +\d+ serial@"),
    ("uptime", r"^up 0 h \d+ min \d+\.\d{3} s, .*^\d+ interrupts, \d+ timer interrupts, "),
    ("dmesg", r"^\[ +0\.\d{6}\] Cardea .*: \d+ KiB of memory$"),
    ("stat /", r"^ *.*directory|^stat: "),
)


class User:
    """Somebody at the keyboard whose every doing can be repeated."""

    def __init__(self, system):
        self.system = system
        self.random = random.Random(f"{SEED} {system.machine.harts}")
        self.done = []
        self.tokens = 0
        self.lost = 0
        self.big = (system.build / "rootfs/big.txt").read_text()

    def fail(self, what: str):
        raise Failure(f"{what}\nafter: {', '.join(self.done[-12:])}")

    def answers(self, tries: int = 6) -> None:
        """
        The prompt must come back. What is typed while the console is started again may be lost, as its README
        says, so it is typed again.
        """
        for _ in range(tries):
            self.tokens += 1
            start = len(self.system.output)
            self.system.send(INTERRUPT + f"\recho token-{self.tokens}\r")
            try:
                self.system.position = start
                self.system.expect_regex(rf"^token-{self.tokens}\n{PROMPT}\Z", 8)
                return
            except Failure:
                if self.system.process is None or self.system.process.poll() is not None:
                    raise
            self.lost += 1
        self.fail(f"no answer at the prompt; it shows {self.system.output[start:][-300:]!r}")

    def command(self, line: str, timeout: float = 40) -> str:
        self.done.append(line[:60])
        try:
            return self.system.command(line, timeout)
        except Failure as failure:
            self.fail(str(failure))

    def whole(self, line: str, expected: str) -> None:
        shown = self.command(line)
        if shown != expected:
            at = next((i for i, (a, b) in enumerate(zip(shown, expected)) if a != b),
                      min(len(shown), len(expected)))
            self.fail(f"'{line}' printed {len(shown)} characters instead of {len(expected)}, "
                      f"which differ from {at} on: {shown[at:at + 200]!r}")

    # What it does

    def reads(self) -> None:
        self.whole("cat /big.txt", self.big)

    def lists(self) -> None:
        if "README.txt" not in self.command("ls -l /"):
            self.fail("ls leaves out a file")

    def runs(self) -> None:
        self.whole("hello a", "hello from hello\nargument 1: a\n")

    def crashes(self) -> None:
        way, cause = self.random.choice((
            ("read 0x18", "crashed: page fault: read of 0x18 "),
            ("write 0xffffffffffffffff", "crashed: "),
            ("jump 0x3000000000", "crashed: page fault: jump to 0x3000000000 "),
            ("illegal", "crashed: illegal instruction "),
            ("overflow", "crashed: page fault: write to "),
            ("exit 9", "exit status 9"),
        ))
        shown = self.command(f"crash {way}")
        if not shown.startswith(f"sh: crash: {cause}"):
            self.fail(f"'crash {way}' printed {shown!r}")

    def looks(self) -> None:
        line, expected = self.random.choice(LOOKS)
        shown = self.command(line)
        if not re.search(expected, shown, re.MULTILINE | re.DOTALL):
            self.fail(f"'{line}' printed {shown!r}, in which {expected!r} is not")

    def kills(self) -> None:
        victim = self.random.choice(SERVERS)
        then = self.random.choice(("", "; cat /big.txt", "; hello", "; ls /bin", "; kill fs", "; kill dev"))
        self.done.append(f"kill {victim}{then}")
        self.system.send_line(f"kill {victim}{then}")
        self.answers()

    def interrupts(self) -> None:
        line = self.random.choice(
            ("crash spin", "cat" + " /big.txt" * 20, "crash overflow", "ls -l / /bin", "hello"))
        pause = self.random.choice((0, 0.01, 0.05, 0.2, 0.5))
        self.done.append(f"{line[:20]} and ctrl-c after {pause} s")
        self.system.send_line(line)
        if pause:
            time.sleep(pause)
        self.system.send(INTERRUPT)
        self.answers()

    def types_at_random(self) -> None:
        count = self.random.choice((1, 10, 300, 3000))
        noise = bytes(self.random.randrange(256) for _ in range(count))
        self.done.append(f"{count} bytes at random")
        self.system.send(noise)
        self.answers()

    def types_ahead(self) -> None:
        self.done.append("20 lines at once")
        self.system.send("".join(f"echo line {n}; hello\r" for n in range(20)))
        self.answers()

    def acts(self, doings) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            self.random.choice(doings)()

    def settles(self) -> None:
        """Until everything has been up for a moment."""
        self.answers()
        for _ in range(SETTLE * 2):
            rows = [line.split() for line in self.command("ps").splitlines()[1:]]
            up = {row[1] for row in rows
                  if row[2] not in ("starting", "exited", "crashed", "killed", "failed")}
            if up >= {"init", "mm", "sh", *SERVERS}:
                break
            time.sleep(0.5)
        else:
            self.fail(f"not up again: {rows}")
        self.reads()
        self.runs()
        self.lists()

    def memory(self) -> int:
        """KiB that are in use."""
        return int(re.search(r"^used +(\d+) KiB", self.command("mem"), re.MULTILINE).group(1))

    def kill_all_once(self) -> None:
        for server in SERVERS:
            self.system.send_line(f"kill {server}")
            self.answers()
        self.settles()


def check_log(user) -> None:
    """Each line is one that is known: nobody crashed who was not told to, nothing was garbled."""
    log = user.command("dmesg")
    for line in log.splitlines():
        text = re.sub(r"^\[ *\d+\.\d{6}\] ", "", line)
        if text == line or re.match(
                r"(?!crash:|init:)[\w-]+: (page fault|illegal|breakpoint|misaligned|exited)", text):
            user.fail(f"in the log: {line}")


def plateau(user, doings) -> None:
    user.system.wait_prompt()
    user.settles()
    user.kill_all_once()
    before = user.memory()
    user.acts(doings)
    user.settles()
    after = user.memory()
    user.system.note(f"{len(user.done)} doings, {before} KiB before, {after} KiB after, "
                     f"{user.lost} lines typed in vain")
    if after > before + 256:
        user.fail(f"{after} KiB are in use, and {before} KiB were before:\n{user.command('mem')}")
    check_log(user)
    user.system.poweroff()


@test(timeout=LIMIT)
def busy_user(system):
    """Everything that may go wrong for a program, and nothing that the servers notice."""
    user = User(system)
    plateau(user, (user.reads, user.lists, user.runs, user.crashes, user.looks, user.interrupts,
                   user.types_at_random, user.types_ahead))


@test(timeout=LIMIT)
def servers_killed(system):
    user = User(system)
    plateau(user, (user.kills, user.kills, user.kills, user.reads, user.lists, user.runs, user.crashes,
                   user.interrupts, user.looks))


def unrest(system, *names: str) -> None:
    """Boots with more processes, each of which runs `stir`."""
    nodes = "".join(
        f'    {name}: {name} {{ restart = "never"; program = "stir"; priority = <100>; memory = <4096>;'
        f' budget = <1000>; period = <1000>; hart = <{number % system.machine.harts}>;'
        " uses = <&mm MM_USE>, <&init (PROC_SELF | PROC_SPAWN | PROC_INSPECT | PROC_KILL)>, <&fs FS_READ>;"
        ' kernel = "log"; };\n'
        for number, name in enumerate(names)
    )
    boot_described(
        system,
        lambda text: text.replace("    sh {\n", nodes + "    sh {\n", 1),
        stir=(system.build / "user/apps/stir").read_bytes(),
    )


@test(boot=False, timeout=LIMIT)
def twenty_programs_spin(system):
    unrest(system, *(f"spin{n}" for n in range(20)))
    user = User(system)
    system.wait_prompt()
    user.settles()
    before = user.memory()
    user.acts((user.lists, user.runs, user.crashes, user.interrupts, user.reads))
    for n in range(20):
        user.command(f"kill spin{n}")
    user.settles()
    spinning = re.findall(r"^ *\d+ (spin\d+) +(?!killed)[a-z]", user.command("ps"), re.MULTILINE)
    if spinning:
        user.fail(f"killed, and still there: {spinning}")
    if user.memory() > before + 256:
        user.fail(f"{user.memory()} KiB are in use, and {before} KiB were before:\n{user.command('mem')}")
    check_log(user)
    system.poweroff()


@test(boot=False, timeout=LIMIT)
def servers_killed_while_in_use(system):
    unrest(system, "kill", *(f"read{n}" for n in range(4)))
    user = User(system)
    system.wait_prompt()
    user.settles()
    before = user.memory()
    end = time.monotonic() + PEACE + SECONDS
    while time.monotonic() < end:
        line = user.random.choice(
            ("cat /big.txt", "hello", "ls -l / /bin", "wc /big.txt", "crash overflow", "ps"))
        user.done.append(line)
        system.send_line(line)
        time.sleep(user.random.choice((0, 0.05, 0.3)))
        user.answers()
    while re.search(r"^ *\d+ kill +(?!killed)[a-z]", user.command("ps"), re.MULTILINE):
        system.send_line("kill kill")
        user.answers()
    user.settles()
    after = user.memory()
    system.note(f"{before} KiB before, {after} KiB after, {user.lost} lines typed in vain")
    if after > before + 512:
        user.fail(f"{after} KiB are in use, and {before} KiB were before:\n{user.command('mem')}")
    log = user.command("dmesg")
    if "killed; restarting" not in log:
        user.fail("nothing was killed")
    if "instead of" in log or "in a row" in log:
        user.fail(f"readers are unhappy:\n{log[-3000:]}")
    system.poweroff()
