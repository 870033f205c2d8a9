# SPDX-License-Identifier: MIT
"""Files that are written: what is on the disk is looked at on the build machine, by e2fsck and debugfs."""

import hashlib
import os
import random
import re
import shutil
import subprocess

import inputs
from qemu import Failure, test

MIB = 1 << 20


def disk_of(system, files=None, size=64 * MIB, options=()) -> str:
    """A disk of its own for a test, which it may write, with the build's files and more."""
    tree = system.directory / "tree"
    shutil.copytree(system.build / "rootfs", tree, symlinks=True)
    return inputs.disk(system, files or {}, ["-L", "cardea", "-s", str(size // MIB), *options])


def boot(system, image: str, **changes) -> None:
    """Boots with a disk that is written for good."""
    drive = f"if=none,format=raw,id=disk0,file.locking=off,file={image}"
    system.boot(disk=None, extra=("-drive", drive, "-device", "virtio-blk-device,drive=disk0"), **changes)
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


@test(harts=(1, 4), boot=False, timeout=120)
def tree(system):
    """A tree is written; across a reboot and on the host it is the same."""
    image = disk_of(system)
    boot(system, image)
    for line in ("mkdir /a", "mkdir -p /a/b/c", "cp /big.txt /a/big", "cp -r /docs /a", "ln /a/big /a/hard",
                 "ln -s big /a/soft", "touch /a/empty", "cp /a/big /a/b", "mv /a/empty /a/b/c", "rm /a/b/big",
                 "mv -x /a/big /docs", "mv -x /a/big /docs"):
        good(system, line)
    type_file(system, "/typed", "a line\nand another\n")
    off(system)
    check(image)
    big = (system.build / "rootfs/big.txt").read_bytes()
    for path in ("/a/big", "/a/hard", "/a/soft"):
        if path != "/a/soft" and content(system, image, path) != big:
            raise Failure(f"{path} is not what was written")
    if content(system, image, "/typed") != b"a line\nand another\n":
        raise Failure("what was typed is not what the file holds")
    boot(system, image)
    if system.command("cat /typed") != "a line\nand another\n":
        raise Failure("what was typed is not there after a reboot")
    said = system.command("ls /a /a/b /a/b/c /a/docs")
    for name in ("big", "docs", "hard", "soft", "poem.txt", "empty"):
        if name not in said.split():
            raise Failure(f"ls does not show {name}:\n{said}")
    good(system, "rm -r /a /typed")
    off(system)
    check(image)
    if "typed" in debugfs(image, "ls /"):
        raise Failure("what was removed is there")
