# SPDX-License-Identifier: MIT
"""Which file system is the root: the one that is named, else the first labelled cardea, else the first."""

import shutil

import inputs
from qemu import Failure, test

SECOND = "virtio_mmio@10007000"  # disks are numbered from the last slot down


def two_disks(system, first: list, second: list, append: str = "") -> str:
    """Boots with two disks made with those options; what the file /which says, which tells them apart."""
    images = []
    for name, options in (("first", first), ("second", second)):
        image = inputs.disk(system, {"which": name.encode() + b"\n"}, options)
        images.append(shutil.move(image, system.directory / f"{name}.img"))
    system.boot(disk=str(images[0]), append=append, extra=(
        "-drive", f"if=none,format=raw,id=disk1,file={images[1]}",
        "-device", "virtio-blk-device,drive=disk1"))
    system.wait_prompt()
    return system.command("cat /which").strip()


def chosen(name: str, expected: str, first=(), second=(), append="", line="") -> None:
    @test(harts=(1, 4), boot=False, id=name)
    def run(system):
        got = two_disks(system, list(first), list(second), append)
        if got != expected:
            raise Failure(f"the root is {got!r} instead of the {expected} disk:\n{system.command('dmesg')}")
        if line not in system.command("dmesg"):
            raise Failure(f"the log does not say {line!r}")
        system.command("kill virtio-blk")
        if system.command("cat /which").strip() != expected:
            raise Failure("after its driver had been killed it is another")


LABEL = ("-L", "cardea")
chosen("first", "first")
chosen("labelled", "second", second=LABEL)
chosen("labelled_in_a_partition", "second", second=("-g", *LABEL))
chosen("named_by_label", "second", first=LABEL, second=("-L", "mine"), append="quiet root=LABEL=mine")
chosen("named_by_device", "second", first=LABEL, append=f"root={SECOND}")
chosen("named_by_partition", "second", first=("-g", *LABEL), second=("-g",), append=f"root={SECOND}:1")
chosen("named_but_not_there", "first", first=LABEL, append="root=LABEL=other",
       line="no file system is root=LABEL=other; the root is another, on ")
