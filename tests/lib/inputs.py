# SPDX-License-Identifier: MIT
"""Inputs for the machine that the build did not make: archives, descriptions, trees, disks, programs."""

import struct
import subprocess
from pathlib import Path


def files_of_build(system) -> dict:
    """The files of the build's archive by name, in the archive's order."""
    directory = system.build / "initrd/files"
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir())}


def archive(files: dict) -> bytes:
    """A cpio archive in newc format."""
    blob = b""
    for number, (name, data) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        fields = [number, 0o100755, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0]
        blob += b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
        blob += bytes(-len(blob) % 4) + data
        blob += bytes(-len(blob) % 4)
    return blob


def write(system, name: str, data: bytes) -> str:
    path = system.directory / name
    path.write_bytes(data)
    return str(path)


def description(system, edit) -> bytes:
    """dts/system.dts with its text changed by `edit`, compiled."""
    text = edit(Path("dts/system.dts").read_text())
    command = ["riscv64-unknown-elf-gcc", "-E", "-P", "-nostdinc", "-undef", "-x", "assembler-with-cpp",
               "-Iinclude", "-"]
    plain = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, check=True).stdout
    return subprocess.run(
        ["dtc", "-q", "-f", "-a", "8", "-I", "dts", "-O", "dtb"],
        input=plain, stdout=subprocess.PIPE, check=True
    ).stdout


def described(system, edit, **files) -> str:
    """An archive with a changed description, and with more files."""
    content = files_of_build(system)
    content["system.dtb"] = description(system, edit)
    content.update(files)
    return write(system, "initrd", archive(content))


def boot_described(system, edit, **files) -> None:
    """Boots with such an archive."""
    system.boot(initrd=described(system, edit, **files))


def device_tree(system, edit=None) -> bytes:
    """The tree that QEMU would give this machine, its source text changed by `edit`."""
    blob = system.directory / "machine.dtb"
    machine = system.machine
    emulator = machine.emulator or "qemu-system-riscv64"
    command = [emulator, "-M", f"{machine.machine},dumpdtb={blob}", "-display", "none"]
    command += ["-smp", str(machine.harts), "-m", machine.memory]
    command += ["-cpu", machine.cpu] if machine.cpu else []
    subprocess.run(command, check=True, capture_output=True)
    text = subprocess.run(
        ["dtc", "-q", "-I", "dtb", "-O", "dts", blob], stdout=subprocess.PIPE, check=True
    ).stdout
    text = edit(text.decode()) if edit else text.decode()
    return subprocess.run(
        ["dtc", "-q", "-f", "-I", "dts", "-O", "dtb"], input=text.encode(), stdout=subprocess.PIPE, check=True
    ).stdout


def tree_of(source: str, edit=None):
    """For Machine.dtb: the tree that is made of a source file, its text changed by `edit`."""

    def compile(directory: Path) -> Path:
        text = Path(source).read_text()
        blob = directory / (Path(source).stem + ".dtb")
        command = ["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", blob]
        subprocess.run(command, input=(edit(text) if edit else text).encode(), check=True)
        return blob

    return compile


def disk(system, files: dict, options=()) -> str:
    """An image made by mkfs of files by path."""
    root = system.directory / "tree"
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    image = system.directory / "made.img"
    subprocess.run(
        [system.build / "tools/mkfs", *options, "-o", image, root], check=True, capture_output=True
    )
    return str(image)


def elf(segments, machine=243, kind=2, bits=2, entry=None) -> bytes:
    """An ELF file of (address, data, flags) segments; the defaults are a RISC-V executable of 64 bits."""
    offset = 64 + 56 * len(segments)
    entry = segments[0][0] if entry is None and segments else entry or 0
    blob = b"\x7fELF" + bytes([bits, 1, 1, 0]) + bytes(8)
    blob += struct.pack("<HHIQQQIHHHHHH", kind, machine, 1, entry, 64, 0, 0, 64, 56, len(segments), 0, 0, 0)
    body = b""
    for address, data, flags in segments:
        blob += struct.pack(
            "<IIQQQQQQ", 1, flags, offset + len(body), address, address, len(data), len(data), 1
        )
        body += data
    return blob + body
