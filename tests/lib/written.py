# SPDX-License-Identifier: MIT
"""Disks that the guest writes, and what e2fsck and debugfs say of them afterwards."""

import re
import shutil
import subprocess
import time

import inputs
from registry import Failure

MIB = 1 << 20


def disk_of(system, files=None, size=64 * MIB, options=()) -> str:
    """A disk of its own for a test, which it may write, with the build's files and more."""
    tree = system.directory / "tree"
    shutil.copytree(system.build / "rootfs", tree, symlinks=True)
    return inputs.disk(system, files or {}, ["-L", "cardea", "-s", str(size), *options])


def start(system, image: str, **changes) -> None:
    """Starts the machine with a disk that is written for good."""
    changes = {"initrd": "default", "extra": drive(image)} | changes
    system.boot(disk=None, **changes)


def drive(image: str) -> tuple:
    options = f"if=none,format=raw,id=disk0,file.locking=off,file={image}"
    return ("-drive", options, "-device", "virtio-blk-device,drive=disk0")


def boot(system, image: str) -> None:
    start(system, image)
    system.wait_prompt()


def replayed(system, image: str) -> str:
    """A copy of the image, its journal replayed by e2fsck if there is something in it."""
    copy = system.directory / "replayed.img"
    shutil.copyfile(image, copy)
    subprocess.run(["e2fsck", "-E", "journal_only", "-y", copy], capture_output=True)
    return str(copy)


def check(image: str) -> None:
    """The file system is sound as it is."""
    result = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True)
    if result.returncode != 0 or "journal recovery" in result.stdout:
        raise Failure(f"e2fsck does not find it clean:\n{result.stdout}{result.stderr}")


def debugfs(image: str, request: str) -> str:
    command = ["debugfs", "-R", request, image]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def content(system, image: str, path: str) -> bytes:
    """What debugfs reads of a file."""
    out = system.directory / "dumped"
    out.unlink(missing_ok=True)
    debugfs(image, f'dump "{path}" {out}')
    return out.read_bytes() if out.exists() else b""


def good(system, line: str, timeout: float = 60) -> None:
    """A command that has nothing to say."""
    said = system.command(line, timeout)
    if said:
        raise Failure(f"'{line}' printed:\n{said}")


def off(system) -> None:
    """Switches the machine off; the file system is clean then."""
    system.send_line("poweroff")
    if system.wait_exit(30) != 0:
        raise Failure("the machine did not switch off")


def type_file(system, path: str, text: str) -> None:
    system.send_line(f"write {path}")
    system.send(text.replace("\n", "\r") + "\x04")
    system.wait_prompt()


# What a program writes: tests/system/writer.c.

FACTOR, FILES, LINE = 0x9E3779B97F4A7C15, 8, 14


def start_writer(system, name: str, image: str, fs=None, **changes) -> None:
    """Starts with the program that writes, as a process that is called what it is to do."""
    node = (
        f'    {name} {{ program = "writer"; restart = "never"; priority = <90>; memory = <4096>;'
        ' kernel = "log"; uses = <&mm MM_USE>, <&init PROC_SELF>, <&console CONSOLE_WRITE>,'
        " <&fs (FS_READ | FS_WRITE)>; };\n"
    )
    files = {"writer": (system.build / "system/writer").read_bytes()} | ({"fs": fs} if fs else {})
    add = lambda text: text.replace("    sh {\n", node + "    sh {\n", 1)  # noqa: E731
    start(system, image, initrd=inputs.described(system, add, **files), **changes)


def written(number: int, size: int) -> bytes:
    """What the program writes as content of that number."""
    return (((number * FACTOR) & (1 << 64) - 1).to_bytes(8, "little") * (size // 8 + 1))[:size]


def generation(number: int) -> bytes:
    return written(number, 100 + number * 7919 % 40000)


def check_rewritten(system, image: str, synced: int) -> int:
    """All that was synced is there, and nothing that was never written. How many steps there are."""
    log = content(system, image, "/w/log")
    steps = len(log) // LINE
    if log != b"".join(b"line %08d\n" % n for n in range(steps)):
        raise Failure(f"the log is damaged behind {synced}: {log[-200:]}")
    if steps <= synced:
        raise Failure(f"{synced} was synced, and the log ends with {steps - 1}")
    for k in range(min(FILES, steps)):
        newest = steps - 1 - (steps - 1 - k) % FILES
        held = content(system, image, f"/w/f{k}")
        if held != generation(newest) and not (k == steps % FILES and held == generation(steps)):
            raise Failure(f"/w/f{k} has {len(held)} bytes that are not those of step {newest} of {steps}")
    return steps


def last_synced(system) -> int:
    numbers = re.findall(r"synced (\d+)\n", system.output)
    return int(numbers[-1]) if numbers else -1


def listen(system, seconds: float) -> None:
    """Takes in what is printed for a while."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        system._read(left)
