# SPDX-License-Identifier: MIT
"""Devices that are missing, of the wrong kind or failing, and drivers that die."""

import re

import inputs
from qemu import Failure, test


def one_line(text: str, pattern: str) -> str:
    lines = [line for line in text.splitlines() if re.search(pattern, line)]
    if len(lines) != 1:
        raise Failure(f"{len(lines)} lines match {pattern!r} instead of one:\n{text}")
    return lines[0]


def read_poem(system) -> None:
    poem = (system.build / "rootfs/poem").read_text()
    shown = system.command("cat /poem")
    if shown != poem:
        raise Failure(f"cat /poem printed {shown!r}")


@test(extra=("-global", "virtio-mmio.force-legacy=true"))
def legacy_disk(system):
    """QEMU's default; the line says what to do about it."""
    system.wait_prompt()
    one_line(system.command("ls /"), "no disk")
    line = one_line(system.command("dmesg"), "virtio-blk: virtio,mmio at ")
    if "legacy device; start QEMU with -global virtio-mmio.force-legacy=false" not in line:
        raise Failure(f"it says: {line}")


@test(boot=False)
def two_disks(system):
    empty = inputs.write(system, "empty.img", bytes(1 << 20))
    system.boot(extra=("-drive", f"if=none,format=raw,id=disk1,readonly=on,file={empty}",
                       "-device", "virtio-blk-device,drive=disk1"))
    system.wait_prompt()
    system.command("ls /")  # fs has looked at the disks when it answers
    log = system.command("dmesg")
    one_line(log, r"virtio-blk: disk 0: virtio_mmio@10008000, \d+ sectors$")
    one_line(log, r"virtio-blk: disk 1: virtio_mmio@10007000, 2048 sectors, read-only$")
    one_line(system.command("irq"), r"^ +7 virtio_mmio@10007000 +virtio-blk ")
    read_poem(system)


@test(boot=False)
def disk_that_cannot_be_read(system):
    image = inputs.write(system, "image", bytes(1 << 20))
    drive = (f"driver=raw,node-name=failing,file.driver=blkdebug,"
             f"file.image.driver=file,file.image.filename={image},"
             "file.inject-error.0.event=read_aio,file.inject-error.0.errno=5")
    system.boot(disk=None, extra=("-blockdev", drive, "-device", "virtio-blk-device,drive=failing"))
    system.wait_prompt()
    system.command("ls /")
    line = one_line(system.command("dmesg"), "fs: nothing mounted")
    if "cannot be read" not in line:
        raise Failure(f"it says: {line}")
    one_line(system.command("echo still here"), "^still here$")


def boot_noncoherent(system, edit) -> str:
    """What virtio-blk logs when DMA is not coherent and the tree is changed further."""
    blob = inputs.device_tree(system, lambda t: edit(t.replace("\tsoc {", "\tsoc { dma-noncoherent;", 1)))
    system.boot(dtb=inputs.write(system, "edited.dtb", blob))
    system.wait_prompt()
    one_line(system.command("ls /"), "no disk")
    return one_line(system.command("dmesg"), "virtio-blk: virtio_mmio")


@test(boot=False)
def disk_that_is_not_coherent(system):
    """Where caches cannot be cleaned such a device is not used; the terminal, which has no DMA, is."""
    line = boot_noncoherent(system, lambda t: t)
    if "10008000: its DMA is not coherent, and not all harts can clean their caches (Zicbom)" not in line:
        raise Failure(f"it says: {line}")


@test(boot=False)
def disk_behind_large_cache_blocks(system):
    line = boot_noncoherent(
        system, lambda t: t.replace("riscv,isa = ", "riscv,cbom-block-size = <512>; riscv,isa = ").replace(
            "_zihintpause", "_zicbom_zihintpause"))
    if "its DMA is not coherent, and cache blocks of 512 bytes are too large" not in line:
        raise Failure(f"it says: {line}")


@test(boot=False, timeout=60)
def no_terminal(system):
    """Without a UART there is no shell, but the log stays on the firmware's console and the rest goes on."""
    blob = inputs.device_tree(
        system,
        lambda t: t.replace('compatible = "ns16550a";', 'compatible = "ns16550a"; status = "disabled";'))
    system.boot(dtb=inputs.write(system, "edited.dtb", blob))
    system.expect("console: no UART that this driver knows: there is no terminal\n")
    system.expect("console: exited with status 1")
    system.expect("fs: mounted ext4 file system")


@test(timeout=120)
def drivers_that_die_leave_nothing(system):
    """Each time the next one finds its devices silent and free, and the memory of the last comes back."""
    system.wait_prompt()

    def memory_of_dev() -> int:
        return int(re.search(r"^ *\d+ dev .* (\d+)K +\d+$", system.command("ps"), re.MULTILINE).group(1))

    before = memory_of_dev()
    for victim in ("virtio-blk", "fs", "virtio-blk", "fs", "console"):
        system.command(f"kill {victim}")
        read_poem(system)
    after = memory_of_dev()
    if after > before + 256:
        raise Failure(f"dev used {before} KiB, and {after} KiB after its clients had died")
    system.command("kill dev")
    read_poem(system)
    shown = system.command("irq")
    one_line(shown, r"^ +10 serial@10000000 +console ")
    one_line(shown, r"^ +8 virtio_mmio@10008000 +virtio-blk ")
