# SPDX-License-Identifier: MIT
"""The root file system on an SD card, in the slot of sifive_u, which is on an SPI controller."""

import os
import re
import shutil
import time

import inputs
from qemu import Failure, test

SIFIVE = {"machine": "sifive_u", "memory": "2G", "harts": (2, 5)}  # one of the harts cannot run the kernel
MIB = 1 << 20
ROUNDS = 4
LONG = 110  # seconds for a large file: five harts of an emulator are slow where others use the computer


def card(system, size: int, image=None) -> str:
    """A card of `size` bytes that begins with the image, by default the build's disk; sparse."""
    path = system.directory / "card.img"
    shutil.copyfile(image or system.build / "disk.img", path)
    os.truncate(path, size)
    return str(path)


def check_log(system, *patterns: str) -> None:
    system.command("ls /")  # fs has looked at the card when it answers
    log = system.command("dmesg")
    for pattern in patterns:
        if not re.search(pattern, log, re.MULTILINE):
            raise Failure(f"no line of the log matches {pattern!r}:\n{log}")


def read_everything(system) -> None:
    """Reads files of all sizes, a large one twice, and runs a program."""
    for name in ("poem", "README.txt", "big.txt"):
        expected = (system.build / "rootfs" / name).read_text()
        shown = system.command(f"cat /{name}", LONG)
        if shown != expected:
            raise Failure(f"cat /{name} printed {len(shown)} characters, expected were {len(expected)}")
    if "hello" not in system.command("ls /bin"):
        raise Failure("ls leaves out a file")
    if system.command("hello a") != "hello from hello\nargument 1: a\n":
        raise Failure("a program does not run from the card")
    big = (system.build / "rootfs/big.txt").read_bytes()
    if not system.command("wc /big.txt").startswith(f"{big.count(10)} {len(big.split())} {len(big)} "):
        raise Failure("wc counts something else")


@test(boot=False, timeout=300, **SIFIVE)
def small_card(system):
    """64 MiB: a card that counts bytes."""
    system.boot(disk=card(system, 64 * MIB))
    system.wait_prompt(60)
    check_log(system, r'sd-spi: mmc@0: SDSC card "QEMU!", 131072 sectors, 8333 kHz$',
              r'fs: mounted ext4 file system "cardea" on mmc@0, ')
    read_everything(system)
    used = int(re.search(r"^used +(\d+) KiB", system.command("mem"), re.MULTILINE).group(1))
    if used > 8192:
        raise Failure(f"{used} KiB of memory are in use")
    system.poweroff()


@test(boot=False, timeout=300, **SIFIVE)
def large_card(system):
    """4 GiB: a card that counts sectors, with a partition."""
    files = {"in": b"in a partition\n", "much": b"0123456789abcde\n" * 20000}
    image = inputs.disk(system, files, ["-g", "-L", "cardea"])
    system.boot(disk=card(system, 4096 * MIB, image))
    system.wait_prompt(60)
    check_log(system, r'sd-spi: mmc@0: SDHC card "QEMU!", 8388608 sectors, ',
              r"fs: mounted ext4 .* on mmc@0 partition 1, ")
    if system.command("cat /in") != "in a partition\n":
        raise Failure("the file in the partition cannot be read")
    if system.command("cat /much", LONG) != "0123456789abcde\n" * 20000:
        raise Failure("the large file was not read right")
    system.poweroff()


@test(disk=None, timeout=120, **SIFIVE)
def empty_slot(system):
    system.wait_prompt(60)
    check_log(system, r"sd-spi: mmc@0: no card$", r"fs: nothing mounted: no disk$")
    shown = system.command("ls /")
    if not shown.startswith("ls: ") or shown.count("\n") != 1:
        raise Failure(f"ls printed {shown!r}")
    time.sleep(3)  # it looks for a card meanwhile, and says nothing about it
    if system.command("dmesg").count("sd-spi: ") != 1:
        raise Failure("the log says more than once that there is no card")
    system.poweroff()


@test(boot=False, timeout=500, **SIFIVE)
def driver_killed_under_load(system):
    """While two programs read without end, the driver is killed again and again; every file is whole."""
    nodes = "".join(
        f'    {name} {{ restart = "never"; program = "stir"; priority = <100>; memory = <4096>;'
        f" uses = <&mm MM_USE>, <&init PROC_SELF>, <&fs FS_READ>; kernel = \"log\"; }};\n"
        for name in ("read1", "read2")
    )
    system.machine.disk = card(system, 64 * MIB)
    inputs.boot_described(system, lambda text: text.replace("    sh {\n", nodes + "    sh {\n", 1),
                          stir=(system.build / "user/apps/stir").read_bytes())
    system.wait_prompt(60)
    time.sleep(5)  # until they begin
    big = (system.build / "rootfs/big.txt").read_text()
    for round in range(ROUNDS):
        shown = system.command("kill sd-spi; cat /big.txt", LONG)
        if shown != big:
            raise Failure(f"in round {round} cat printed {len(shown)} characters instead of {len(big)}")
    log = system.command("dmesg")
    if log.count("sd-spi: killed; restarting") != ROUNDS or "instead of" in log:
        raise Failure(f"the log tells something else:\n{log}")


@test(boot=False, timeout=300, **SIFIVE)
def card_taken_out_and_put_in(system):
    """What is in no cache cannot be read while it is out, nor with another root in its place; then it can."""
    image = card(system, 64 * MIB)
    other = inputs.disk(system, {"other": b"another card\n"}, ["-L", "cardea"])
    os.truncate(other, 64 * MIB)
    system.boot(extra=("-drive", f"if=sd,format=raw,id=sd,file={image}"))
    system.wait_prompt(60)
    system.command("cat /README.txt")
    for name in (None, other):
        system.monitor("eject -f sd" if name is None else f"change sd {name} raw")
        time.sleep(2.5)
        shown = system.command("cat /docs/poem.txt /big.txt", LONG)
        if not shown.startswith("cat: ") or shown.count("\n") != 2:
            raise Failure(f"with {name or 'no card'} cat printed {shown[:200]!r}")
        system.command("echo still here")
    system.monitor(f"change sd {image} raw")
    time.sleep(2.5)
    read_everything(system)
    check_log(system, r"sd-spi: mmc@0: the card is gone \(no card\)$",
              "fs: nothing mounted: the disk with the root is gone$")
    system.poweroff()


@test(disk=None, boot=False, timeout=300, **SIFIVE)
def card_put_in_later(system):
    system.boot(extra=("-drive", "if=sd,id=sd"))
    system.wait_prompt(60)
    if "no file system" not in system.command("ls /"):
        raise Failure("ls does not say that there is no file system")
    system.monitor(f"change sd {card(system, 64 * MIB)} raw")
    time.sleep(2.5)
    read_everything(system)
    system.poweroff()


@test(boot=False, harts=(2,), machine="sifive_u", memory="512M", icount=True, timeout=180)
def instructions_of_a_read(system):
    """What the driver executes for 4 KiB, which come from the card in one request of the file server."""
    blocks = 200
    wc = (system.build / "user/apps/wc").read_bytes()
    files = {"data": os.urandom(blocks * 4096), "bin/wc": wc, "small": b"1\n"}
    image = inputs.disk(system, files, ["-L", "cardea"])
    system.boot(disk=card(system, 16 * MIB, image))
    system.wait_prompt(90)

    def milliseconds() -> int:
        row = re.search(r"^ *\d+ sd-spi .*$", system.command("ps"), re.MULTILINE).group()
        return int(re.search(r"(\d+)\.(\d{3})", row).group().replace(".", ""))

    system.command("wc /small", 60)  # the program is in the cache from here on
    before = milliseconds()
    shown = system.command("wc /data", 120)
    if f" {blocks * 4096} " not in shown:
        raise Failure(f"wc printed {shown!r}")
    cost = (milliseconds() - before) * 1000000 // blocks  # an instruction is a nanosecond
    system.note(f"{cost} instructions for 4 KiB")
    if not 50000 < cost < 600000:
        raise Failure(f"4 KiB from the card cost {cost} instructions")
