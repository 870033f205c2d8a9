# SPDX-License-Identifier: MIT
"""What init does: mistakes in the system description, damaged programs, crashes, restarts of processes."""

import re
import shutil
import subprocess
import time

from qemu import Failure, test

REPOSITORY = __file__.rsplit("/tests/", 1)[0]


def check(condition, message: str) -> None:
    if not condition:
        raise Failure(message)


def boot_changed(system, description=None, files=None) -> None:
    """
    Boots with another archive: `description` takes the text of dts/system.dts and returns another one,
    `files` is given the directory with the archive's files.
    """
    directory = system.directory / "archive"
    shutil.copytree(system.build / "initrd/files", directory)
    if description:
        with open(f"{REPOSITORY}/dts/system.dts") as source:
            before = source.read()
        after = description(before)
        check(after != before, "the test does not change the description")
        compiler = ["gcc", "-E", "-P", "-nostdinc", "-undef", "-x", "assembler-with-cpp"]
        text = subprocess.run(
            compiler + [f"-I{REPOSITORY}/include", "-"],
            input=after,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        dtc = ["dtc", "-q", "-f", "-I", "dts", "-O", "dtb", "-o", directory / "system.dtb", "-"]
        subprocess.run(dtc, input=text, text=True, check=True)
    if files:
        files(directory)
    archive = system.directory / "initrd.cpio"
    with open(archive, "wb") as output:
        names = "\n".join(sorted(path.name for path in directory.iterdir()))
        subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "newc"],
            cwd=directory,
            input=names.encode(),
            stdout=output,
            check=True,
        )
    system.boot(initrd=str(archive))


def replaced(old: str, new: str):
    return lambda text: text.replace(old, new, 1)


def numbers(system) -> dict:
    """Process numbers by name."""
    return {line.split()[1]: int(line.split()[0]) for line in system.command("ps").splitlines()[1:]}


def processes(system) -> dict:
    """State and number of restarts by name."""
    rows = (line.split() for line in system.command("ps").splitlines()[1:])
    return {row[1]: (row[2], int(row[-1])) for row in rows}


# Mistakes with which the rest goes on: who is left out, the change, and the lines.
NEW = '{ priority = <90>; memory = <1024>; serves = "x"; '
MISTAKES = {
    "unknown_program": (
        "x",
        replaced(
            "    sh {", f'    x: x {NEW} }};\n    y: y {NEW} program = "sh"; uses = <&x 1>; }};\n    sh {{'
        ),
        ["x: program x is not in the archive", "y: starts without x, which is left out"],
    ),
    "phandle_nowhere": (
        "",
        replaced("    sh {", f'    x: x {NEW} program = "sh"; uses = <77 1>; }};\n    sh {{'),
        ["x: starts without phandle 77, which no process has"],
    ),
    "cycle": (
        "x y",
        replaced(
            "    sh {",
            f'    x: x {NEW} program = "sh"; uses = <&y 1>; }};\n'
            f'    y: y {NEW} program = "sh"; uses = <&x 1>; }};\n    sh {{',
        ),
        ["cycle of uses: x -> y -> x"],
    ),
    "two_drivers": (
        "x",
        replaced(
            "    sh {",
            f'    x: x {NEW} program = "console"; compatible = "ns16550a"; uses = <&dev 1>; }};\n    sh {{',
        ),
        ["x: drives ns16550a, as console does already"],
    ),
}


def make_mistake_test(name: str, absent, change, lines) -> None:
    @test(harts=(1,), boot=False, id=f"description_{name}")
    def mistake(system):
        boot_changed(system, change)
        for line in lines:
            system.expect(f"system.dtb: {line}\n")
        system.wait_prompt()
        running = numbers(system)
        check(not set(absent.split()) & set(running), f"they run all the same: {running}")
        check("Welcome to Cardea" in system.command("cat /README.txt"), "files cannot be read")
        system.poweroff()


for mistake_name, mistake in MISTAKES.items():
    make_mistake_test(mistake_name, *mistake)


def cut_in_half(name: str):
    def change(directory):
        content = (directory / name).read_bytes()
        (directory / name).write_bytes(content[: len(content) // 2])

    return change


# What nothing can go on without: one line, and the machine ends with a status that is not 0.
FATAL = {
    "no_description": (None, lambda d: (d / "system.dtb").unlink(), "system.dtb: not in the archive\n"),
    "damaged_description": (None, cut_in_half("system.dtb"), "system.dtb: truncated\n"),
    "no_mm": (None, lambda d: (d / "mm").unlink(), "system.dtb: mm: program mm is not in the archive\n"),
    "damaged_mm": (None, cut_in_half("mm"), "mm: program mm: a segment reaches past the end of the file\n"),
    "mm_crashes": (replaced("mm: mm {", 'mm: mm { program = "sh";'), None, "mm: breakpoint at pc 0x"),
    "mm_not_described": (
        lambda text: re.sub(
            r" +mm: mm \{.*?\};\n",
            "",
            re.sub(r"<&mm [^>]*>, ", "", text).replace("<&mm MM_USE>", "<99 1>"),
            count=1,
            flags=re.S,
        ),
        None,
        "system.dtb: describes no process mm, without which no other can run\n",
    ),
}


def make_fatal_test(name: str, description, files, line: str) -> None:
    @test(harts=(1,), boot=False, id=f"fatal_{name}")
    def fatal(system):
        boot_changed(system, description, files)
        system.expect(line)
        system.expect("init: the system cannot go on without that")
        status = system.wait_exit()
        check(status != 0, "the machine ended as if all were well")


for fatal_name, fatal_case in FATAL.items():
    make_fatal_test(fatal_name, *fatal_case)


@test(harts=(1,), boot=False)
def damaged_program(system):
    boot_changed(system, None, cut_in_half("fs"))
    system.expect("fs: program fs: a segment reaches past the end of the file; not started\n")
    system.wait_prompt()
    check("fs" in processes(system), "fs is not listed")
    check(processes(system)["fs"][0] == "failed", f"fs has not failed: {processes(system)}")
    check("cat:" in system.command("cat /README.txt"), "no error without a file server")
    system.poweroff()


CRASHES = {
    "read 0x10": "page fault: read of 0x10 at pc 0x[0-9a-f]+ (no memory there)",
    "write 0x20": "page fault: write to 0x20 at pc 0x[0-9a-f]+ (no memory there)",
    "jump 0x1000": "page fault: jump to 0x1000 at pc 0x1000 (no memory there)",
    "read 0xffffffff80000000": "page fault: read of 0xffffffff80000000 at pc 0x[0-9a-f]+ (no memory there)",
    "execute": "page fault: jump to 0x[0-9a-f]+ at pc 0x[0-9a-f]+ (not allowed there)",
    "patch": "page fault: write to 0x[0-9a-f]+ at pc 0x[0-9a-f]+ (not allowed there)",
    "patch 1": "page fault: write to 0x[0-9a-f]+ at pc 0x[0-9a-f]+ (not allowed there)",
    "illegal": "illegal instruction 0x0 at pc 0x[0-9a-f]+",
    "overflow": "page fault: write to 0x[0-9a-f]+ at pc 0x[0-9a-f]+ (no memory there)",
}


@test(harts=(1, 4))
def crashes_of_programs(system):
    system.wait_prompt()
    for way, cause in CRASHES.items():
        pattern = cause.replace("(", r"\(").replace(")", r"\)")
        said = system.command(f"run crash {way}")
        check(re.search(pattern, said), f"run crash {way} said: {said}")
        logged = system.command("dmesg").splitlines()[-1]
        check(re.search(rf"crash\[\d+\]: {pattern}$", logged), f"run crash {way} logged: {logged}")
    check("status 7" in system.command("run crash exit 7"), "exit status is lost")
    check("crash" not in numbers(system), "a crashed program is still there")
    system.poweroff()


@test(harts=(1,), timeout=90)
def failures_are_forgiven(system):
    """After ten seconds of peace a process that ends is started again at once."""

    def kill() -> str:
        system.command("kill gpio")
        return [line for line in system.command("dmesg").splitlines() if "gpio: killed" in line][-1]

    system.wait_prompt()
    check(kill().endswith("gpio: killed; restarting"), "the first end costs a delay")
    time.sleep(0.5)
    check(kill().endswith("gpio: killed; restarting in 100 ms"), "the second in a row costs none")
    time.sleep(0.5)
    check(kill().endswith("gpio: killed; restarting in 200 ms"), "the third costs no more")
    time.sleep(12)
    check(kill().endswith("gpio: killed; restarting"), "what was long ago still counts")


def wait_restarted(system, name: str, before: dict) -> dict:
    """Waits until the process runs under a new number; returns all numbers then."""
    for _ in range(100):
        now = numbers(system)
        if now.get(name, 0) > before[name] and processes(system)[name][0] not in ("killed", "failed"):
            return now
        time.sleep(0.05)
    raise Failure(f"{name} has not come back: {processes(system)}")


@test(harts=(1, 4), timeout=120)
def every_process_comes_back(system):
    system.wait_prompt()
    before = numbers(system)
    for name in ("fs", "virtio-blk", "dev", "console", "sh"):
        system.send_line(f"kill {name}")
        system.wait_prompt()
        before = wait_restarted(system, name, before)
        check("Welcome to Cardea" in system.command("cat /README.txt"), f"no files after {name} was killed")
    for name in ("init", "mm"):
        check(before[name] in (0, 1), f"{name} has another number: {before}")
    log = system.command("dmesg")
    for name in ("fs", "virtio-blk", "dev", "console", "sh"):
        check(re.search(rf"\] {name}: killed.*; restarting", log), f"no line for {name} in:\n{log}")
    system.poweroff()


@test(harts=(1,), timeout=120)
def restarts_cost_nothing_lasting(system):
    """Killing a server over and over neither uses up memory nor quotas, and is slowed down."""

    def memory() -> dict:
        rows = (line.split() for line in system.command("ps").splitlines()[1:])
        return {row[1]: int(row[-2].rstrip("K")) for row in rows}

    system.wait_prompt()
    system.command("cat /README.txt")
    numbers_before = numbers(system)
    system.command("kill fs")
    numbers_before = wait_restarted(system, "fs", numbers_before)
    system.command("cat /README.txt")
    before = memory()
    for _ in range(4):
        system.command("kill fs")
        numbers_before = wait_restarted(system, "fs", numbers_before)
        check("Welcome to Cardea" in system.command("cat /README.txt"), "no files")
    after = memory()
    for name, used in after.items():
        check(used <= before[name] + 128, f"{name} uses {used} KiB now and used {before[name]} KiB before")
    check("restarting in 400 ms" in system.command("dmesg"), "restarts are not slowed down")
    system.poweroff()


@test(harts=(1,), boot=False)
def server_that_is_not_restarted(system):
    boot_changed(system, replaced("    fs: fs {", '    fs: fs { restart = "never";'))
    system.wait_prompt()
    check("Welcome to Cardea" in system.command("cat /README.txt"), "files cannot be read")
    system.command("kill fs")
    said = system.command("cat /README.txt")
    check("cat: /README.txt: " in said and "Welcome" not in said, f"cat said: {said}")
    check("fs: killed; not restarted" in system.command("dmesg"), "no line in the log")
    system.poweroff()


@test(harts=(1,))
def init_and_mm_cannot_be_killed(system):
    system.wait_prompt()
    for name in ("init", "mm"):
        said = system.command(f"kill {name}")
        check("not allowed" in said, f"kill {name} said: {said}")
    system.poweroff()
