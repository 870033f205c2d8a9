# SPDX-License-Identifier: MIT
"""Initrds as tools make them: with hard links, of several archives in a row, with checksums."""

import os
import shutil
import subprocess

import inputs
from qemu import Failure, test


def made(system, form: str, choose=lambda names: names, prepare=lambda directory: None) -> bytes:
    """An archive by GNU cpio of the build's files, which `prepare` changes, as far as `choose` takes them."""
    directory = system.directory / "files"
    shutil.rmtree(directory, ignore_errors=True)
    shutil.copytree(system.build / "initrd/files", directory)
    prepare(directory)
    names = "\n".join(choose(sorted(path.name for path in directory.iterdir())))
    command = ["cpio", "--quiet", "-o", "-H", form]
    done = subprocess.run(command, cwd=directory, input=names.encode(), stdout=subprocess.PIPE, check=True)
    return done.stdout


def link_shell(directory) -> None:
    os.link(directory / "sh", directory / "zz")


def boots(system, archive: bytes) -> None:
    system.boot(initrd=inputs.write(system, "initrd.cpio", archive))
    system.wait_prompt()


@test(harts=(1,), boot=False)
def hard_links(system):
    # The content comes with the name that is last, and `sh` is empty.
    boots(system, made(system, "newc", prepare=link_shell))


@test(harts=(1,), boot=False)
def with_checksums(system):
    boots(system, made(system, "crc", prepare=link_shell))


@test(harts=(1,), boot=False)
def wrong_checksum(system):
    archive = bytearray(made(system, "crc"))
    at = archive.index(b"Any other word runs the program")
    archive[at] ^= 1
    system.boot(initrd=inputs.write(system, "initrd.cpio", bytes(archive)))
    system.expect("sh: program sh: the checksum of a file is wrong", 30)


@test(harts=(1,), boot=False)
def several_in_a_row(system):
    # The second has the shell that counts, the third what the first lacks.
    def damage(directory) -> None:
        (directory / "sh").write_bytes(b"no program")

    first = made(system, "newc", lambda names: [name for name in names if name != "console"], damage)
    second = made(system, "crc", lambda names: ["sh"])
    third = made(system, "newc", lambda names: ["console"])
    if len(first) % 512 or len(second) % 512:
        raise Failure("the tool does not fill its blocks")
    boots(system, first + second + third)
