# SPDX-License-Identifier: MIT
"""
Firmware that offers the least there is (tests/firmware): no extension of SBI at all, a kernel that is entered
with junk everywhere, and device trees and archives that lie where no loader of QEMU puts them.
"""

import struct

import inputs
from qemu import Failure, test

RAM = 0x80000000
KERNEL = 0x80200000
IMAGE_SIZE = 0x10  # where the header of the kernel image has it
CONFIGURATION = 0x28  # behind what is written into the firmware
SCRATCH = 16  # at its end, where it puts registers
PROMPT = "cardea:/\\$ "
ALONE = "only the boot hart is used: the firmware cannot start, interrupt or fence others"


# Where the firmware lies, which the tree must say.
MEMRESERVE = ("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x80000000 0x80000;")


def reserved(*nodes: str) -> tuple:
    """The same in nodes of /reserved-memory, of start, size and more properties."""
    text = "reserved-memory { #address-cells = <2>; #size-cells = <2>; ranges; "
    for number, node in enumerate(nodes):
        start, size, more = node.split(" ", 2)
        text += f"part{number}@{start} {{ reg = <0 {start} 0 {size}>; {more} }}; "
    return ("\tchosen {", text + "};\n\tchosen {")


def tree_of(system, *edits) -> bytes:
    def edit(text: str) -> str:
        for old, new in edits:
            if old not in text:
                raise Failure(f"the tree has no {old!r}")
            text = text.replace(old, new, 1)
        return text

    return inputs.device_tree(system, edit)


def image(system) -> bytes:
    return (system.build / "kernel/cardea.bin").read_bytes()


def image_end(system) -> int:
    return KERNEL + struct.unpack_from("<Q", image(system), IMAGE_SIZE)[0]


def firmware(system, boot_hart: int = 0, tree: int = 0, junk: bool = True) -> tuple:
    """
    QEMU's option for the firmware: which hart is to boot, where the tree is (0: where QEMU puts it), and
    whether .bss and what else follows the file of the kernel is full of junk.
    """
    blob = bytearray((system.build / "firmware/bare.bin").read_bytes())
    end = image_end(system)
    start = KERNEL + len(image(system)) + 7 & ~7 if junk else end
    struct.pack_into("<4Q", blob, 8, boot_hart, tree, start, end)
    return ("-bios", inputs.write(system, "firmware", bytes(blob)))


def boot(system, *edits, options=(), **changes) -> None:
    """Boots with the firmware and a tree with these (old, new) pieces of text."""
    blob = tree_of(system, *(edits or (MEMRESERVE,)))
    system.boot(extra=options or firmware(system), dtb=inputs.write(system, "tree", blob), **changes)


def at(system, address: int, name: str, data: bytes) -> tuple:
    """QEMU's option for bytes that are in memory at power-on."""
    return ("-device", f"loader,file={inputs.write(system, name, data)},addr={address:#x},force-raw=on")


@test(harts=(1, 4), boot=False, timeout=120)
def no_extensions(system):
    """No DBCN, TIME, HSM, IPI, RFENCE nor SRST: one hart runs; what is missing is said."""
    boot(system)
    if system.machine.harts > 1:
        system.expect(ALONE)
    system.expect("hart 0 of 1, PLIC, FP, unknown firmware")
    system.wait_prompt()
    if system.command("echo still here").strip() != "still here":
        raise Failure("the shell does not answer")
    for command in ("poweroff", "reboot"):
        said = system.command(command)
        if said != f"{command}: machine: its firmware cannot do that\n":
            raise Failure(f"{command} says {said!r}")


@test(harts=(1, 4), boot=False, timeout=60, initrd=None)
def no_way_out(system):
    """A boot that fails where nothing can end the machine halts it."""
    boot(system, MEMRESERVE, ("sifive,test0", "sifive,none"))
    system.expect("cannot boot: no initrd")
    system.expect("halted\n")


@test(harts=(1, 4), boot=False, timeout=120, append="selftest", disk=None)
def entered_with_junk(system):
    """Registers, stvec, sscratch, FS, SUM, MXR, sie and .bss; the kernel's own tests find nothing wrong."""
    boot(system)
    passed, failed = map(int, system.expect_regex(r"selftest: (\d+) passed, (\d+) failed", 60).groups())
    if failed or passed < 10:
        raise Failure(f"{passed} self-tests passed, {failed} failed")


def boots_on(hart: int) -> None:
    @test(harts=(4,), boot=False, timeout=120, id=f"boots_on_hart_{hart}")
    def run(system):
        boot(system, options=firmware(system, boot_hart=hart))
        system.expect(f"hart {hart} of 1")
        system.wait_prompt()


boots_on(1)
boots_on(3)


# Where the tree and the archive lie. The archive is put there by QEMU as well, for the tree says where it is.


def check_firmware(system) -> None:
    """Nobody else has had the memory of the firmware."""
    before = (system.build / "firmware/bare.bin").read_bytes()[CONFIGURATION:-SCRATCH]
    after = system.directory / "memory"
    system.monitor(f'pmemsave {RAM + CONFIGURATION:#x} {len(before)} "{after}"')
    if after.read_bytes() != before:
        raise Failure("the firmware was overwritten")


def placed(name: str, tree, archive, *expected: str, memory="512M", one_cell=False, edits=(MEMRESERVE,)):
    """`tree` and `archive` are addresses, or functions of the end of the image and of the tree's size."""

    @test(harts=(1,), boot=False, timeout=120, memory=memory, initrd=None, id=name)
    def run(system):
        blob = (system.build / "initrd.cpio").read_bytes()

        def with_archive(start: int):
            cells = f"<{start:#x}>" if one_cell else f"<{start >> 32:#x} {start & 0xffffffff:#x}>"
            end = start + len(blob)
            stop = f"<{end:#x}>" if one_cell else f"<{end >> 32:#x} {end & 0xffffffff:#x}>"
            text = f"chosen {{ linux,initrd-start = {cells}; linux,initrd-end = {stop};"
            return tree_of(system, *edits, ("chosen {", text))

        place = (image_end(system), len(with_archive(RAM)))
        where = [value(*place) if callable(value) else value for value in (tree, archive)]
        options = (*firmware(system, tree=where[0]), *at(system, where[0], "tree", with_archive(where[1])))
        if not any("overlaps" in text for text in expected):
            options += at(system, where[1], "archive", blob)
        system.boot(extra=options)
        for text in expected:
            system.expect_regex(text, 60)
        if PROMPT in expected:
            check_firmware(system)


placed("tree_and_archive_unaligned", 0x87654328, 0x88888889, PROMPT)
placed("one_cell_for_the_archive", 0x87654328, 0x88888888, PROMPT, one_cell=True)
placed("archive_directly_behind_the_kernel", 0x87654320, lambda end, size: end, PROMPT)
placed("tree_directly_behind_the_kernel", lambda end, size: end, 0x88000000, PROMPT)
placed("tree_below_the_kernel", 0x80100008, 0x88000000, PROMPT)
placed("all_above_4_gib", 0x120000010, 0x140000003, PROMPT, memory="6G")


def keeps(name: str, *edits) -> None:
    """Tree and archive directly behind the kernel: then the memory below it is the first that is used."""
    placed(name, lambda end, size: end + 8, lambda end, size: end + 8 + size, PROMPT, edits=edits)


keeps("firmware_in_memreserve", MEMRESERVE)
keeps("firmware_in_one_node", reserved("0x80000000 0x80000 "))
keeps("firmware_in_one_node_without_map", reserved("0x80000000 0x80000 no-map;"))
keeps("firmware_in_two_nodes", reserved("0x80000000 0x200 ", "0x80000200 0x7fe00 no-map;"))
keeps("firmware_in_both", MEMRESERVE, reserved("0x80000000 0x40000 no-map;", "0x80040000 0x20000 no-map;"))

placed(
    "archive_over_the_tree",
    0x88000000,
    0x88000800,
    r"cannot boot: the initrd at 0x88000800 overlaps the device tree at 0x88000000-0x",
)
placed(
    "archive_over_the_kernel",
    0x88000000,
    lambda end, size: end - 1,
    r"cannot boot: the initrd at 0x[0-9a-f]+ overlaps the kernel at 0x80200000-0x",
)
placed(
    "tree_over_the_kernel",
    lambda end, size: end - 0x1000,
    0x88000000,
    r"cannot boot: the device tree at 0x[0-9a-f]+ overlaps the kernel at 0x80200000-0x",
)


@test(harts=(1,), boot=False, timeout=60)
def loaded_where_it_cannot_run(system):
    """The kernel wants to be at a multiple of 2 MiB; it says so with the one call that needs no probing."""
    stub = inputs.write(system, "stub", jump_ahead(0x1000))
    moved = at(system, KERNEL + 0x1000, "moved", image(system))
    system.boot(kernel=stub, extra=(*firmware(system, junk=False), *moved))
    system.expect("cannot boot: the kernel must be loaded at a multiple of 2 MiB")


def jump_ahead(offset: int) -> bytes:
    """The instruction `j .+offset`, a multiple of 4 KiB below 1 MiB."""
    return struct.pack("<I", offset | 0x6F)
