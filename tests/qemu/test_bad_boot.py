# SPDX-License-Identifier: MIT
"""What the kernel says when it has nothing to start, or the machine's description is no good."""

import inputs
from qemu import Failure, test


def ends_with_line(system, *lines: str) -> None:
    """The kernel prints one line with one of these texts, and ends the machine with a failure."""
    pattern = "cannot boot: [^\n]*(" + "|".join(lines) + ")"
    system.expect_regex(pattern, 30)
    status = system.wait_exit(30)
    if status == 0:
        raise Failure("the machine ended with status 0 after a boot that failed")
    if system.output.count("cannot boot") != 1:
        raise Failure("more than one line says why it cannot boot")


@test(harts=(1, 4), initrd=None, timeout=60)
def no_initrd(system):
    ends_with_line(system, "no initrd: pass one with -initrd")


def truncated(name: str, cut, expected: str) -> None:
    @test(harts=(1,), boot=False, timeout=60, id=name)
    def run(system):
        blob = inputs.archive(inputs.files_of_build(system))
        system.boot(initrd=inputs.write(system, "initrd", cut(blob)))
        ends_with_line(system, expected)


def with_init(name: str, data: bytes, expected: str) -> None:
    @test(harts=(1,), boot=False, timeout=60, id=name)
    def run(system):
        files = {"init": data} if data is not None else {"other": b"x"}
        system.boot(initrd=inputs.write(system, "initrd", inputs.archive(files)))
        ends_with_line(system, expected)


truncated("archive_of_noise", lambda blob: bytes(range(256)) * 64, "the initrd is no good archive: ")
truncated("archive_truncated", lambda blob: blob[:3000], "the initrd is no good archive: ")
truncated(
    "archive_that_lies_about_a_size",
    lambda blob: blob[: 54] + b"fffffff0" + blob[62:],
    "the initrd is no good archive: ",
)
truncated("archive_with_bad_digits", lambda blob: blob[:54] + b"zzzzzzzz" + blob[62:],
          "the initrd is no good archive: ")
with_init("archive_without_init", None, "no program 'init' in the initrd")
with_init("init_is_no_elf", b"#!/bin/sh\n" * 50, "'init' in the initrd is no good program: ")
with_init(
    "init_for_another_machine", inputs.elf([(0x10000, bytes(64), 5)], machine=62),
    "'init' in the initrd is no good program: "
)
with_init(
    "init_in_the_kernel_half",
    inputs.elf([(0xFFFFFFFF80200000, bytes(64), 5)]),
    "'init' in the initrd is no good program: ",
)


# QEMU passes a tree of ours to OpenSBI, which itself refuses one that it cannot read at all; what it does not
# look at is the kernel's to find.


def with_tree(name: str, edit, expected: str) -> None:
    @test(harts=(1,), boot=False, timeout=60, id=name)
    def run(system):
        blob = inputs.device_tree(system, edit)
        system.boot(dtb=inputs.write(system, "edited.dtb", blob))
        ends_with_line(system, expected)


with_tree("tree_without_memory_management", lambda t: t.replace("mmu-type", "other-type"), "no usable hart")


@test(harts=(1, 4), boot=False, timeout=60)
def interrupt_controller_missing(system):
    """Without one there are no drivers, and the kernel says so; the rest goes on as far as it can."""
    blob = inputs.device_tree(
        system, lambda t: t.replace("sifive,plic-1.0.0", "other,plic").replace("riscv,plic0", "other")
    )
    system.boot(dtb=inputs.write(system, "edited.dtb", blob))
    system.expect_regex("no interrupt controller", 30)


with_tree(
    "too_little_memory",
    lambda t: t.replace("/dts-v1/;", "/dts-v1/;\n/memreserve/ 0x80080000 0x1ff80000;"),
    "too little memory: init needs [0-9]+ KiB",
)
with_tree("tree_without_memory",
          lambda t: t.replace('device_type = "memory"', 'device_type = "attic"'), "no memory node")
with_tree(
    "initrd_outside_memory",
    lambda t: t.replace("0x80000000 0x00 0x20000000", "0x80000000 0x00 0x00400000"),
    "the initrd at 0x[0-9a-f]+-0x[0-9a-f]+ is not in memory",
)
with_tree(
    "kernel_outside_memory",
    lambda t: t.replace("0x80000000 0x00 0x20000000", "0x80400000 0x00 0x1fc00000"),
    "the kernel at 0x80200000-0x[0-9a-f]+ is not in the device tree's memory",
)


@test(harts=(1, 4), append="selftest=no-tree", timeout=60)
def no_tree(system):
    ends_with_line(system, "no device tree: the firmware passed address 0")


@test(harts=(1, 4), append="selftest=bad-tree", timeout=60)
def malformed_tree(system):
    ends_with_line(system, "malformed device tree at 0x[0-9a-f]+: bad magic")
