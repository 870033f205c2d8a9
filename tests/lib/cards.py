# SPDX-License-Identifier: MIT
"""Card images made by tools/card/make with firmware that is none, and U-Boot, which boots from them."""

import os
import subprocess
from pathlib import Path

from registry import Failure, Skip

UBOOT = Path("/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf")  # Debian's package u-boot-qemu
RECIPE = """title='A board for tests'
package=none suite=none architecture=none
spl=spl.bin uboot=u-boot.itb
append='{append}'
next='Put it in.'
"""


def uboot(_directory=None) -> str:
    """U-Boot for QEMU virt, to be started by OpenSBI."""
    if not UBOOT.exists():
        raise Skip(f"no {UBOOT}: the package u-boot-qemu has it")
    return str(UBOOT)


def firmware(directory: Path, spl: int = 80_000, uboot: int = 950_000) -> Path:
    """A directory with bytes in the place of the firmware, by their sizes."""
    place = directory / "firmware"
    place.mkdir(exist_ok=True)
    (place / "spl.bin").write_bytes((b"the SPL would be here\n" * (spl // 22 + 1))[:spl])
    (place / "u-boot.itb").write_bytes((b"and here OpenSBI and U-Boot\n" * (uboot // 28 + 1))[:uboot])
    return place


def make(build: Path, directory: Path, image, size="32", append: str = "", path: str = "", **sizes):
    """Runs tools/card/make; `path` is searched for commands first. Returns the finished process."""
    (directory / "board").mkdir(exist_ok=True)
    recipe = directory / "board/card"
    recipe.write_text(RECIPE.format(append=append))
    files = [recipe, firmware(directory, **sizes), build / "kernel/cardea.bin", build / "initrd.cpio"]
    command = ["tools/card/make", *files, build / "rootfs", build / "tools/mkfs", size, image]
    environment = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]}
    environment.pop("SOURCE_DATE_EPOCH", None)
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def card(system, **options) -> str:
    """The path of a card image of the system that was built."""
    image = system.directory / "card.img"
    result = make(system.build, system.directory, image, **options)
    if result.returncode != 0:
        raise Failure(f"no card was made: {result.stderr}")
    return str(image)
