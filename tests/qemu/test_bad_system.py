# SPDX-License-Identifier: MIT
"""Mistakes in the system description: one line says which, and the rest of the system goes on."""

import inputs
from qemu import Failure, test


def described(name: str, edit, expected: str, absent: str = "") -> None:
    @test(harts=(1, 4), boot=False, timeout=60, id=name)
    def run(system):
        inputs.boot_described(system, edit)
        system.expect(expected, 30)
        system.wait_prompt()
        names = [line.split()[1] for line in system.command("ps").splitlines()[1:]]
        if not {"init", "mm", "sh"} <= set(names):
            raise Failure(f"ps does not show the processes: {names}")
        if absent and set(absent.split()) & set(names):
            raise Failure(f"what was refused runs: {names}")
        system.poweroff()


def add(node: str):
    return lambda text: text.rstrip()[: -len("};")] + node + "\n};\n"


described(
    "unknown_program",
    add("ghost { priority = <50>; memory = <4096>; };"),
    "ghost: program ghost is not in the archive",
    "ghost",
)
described(
    "phandle_that_points_nowhere",
    add('lost { program = "sh"; priority = <50>; memory = <4096>; uses = <0x7777 1>; };'),
    "lost: starts without phandle 30583, which no process has",
)
described(
    "two_drivers_for_one_device",
    add(
        'twin { program = "virtio-blk"; priority = <50>; memory = <4096>; compatible = "virtio,mmio";'
        ' virtio-id = <2>; serves = "x";'
        " uses = <&mm MM_USE>, <&init PROC_SELF>, <&dev DEV_DRIVE>; };"
    ),
    "twin: drives virtio,mmio, as virtio-blk does already",
    "twin",
)
described(
    "cycle_of_uses",
    add(
        'one: one { program = "sh"; serves = "x"; priority = <50>; memory = <4096>; uses = <&two 1>; };'
        ' two: two { program = "sh"; serves = "x"; priority = <50>; memory = <4096>; uses = <&one 1>; };'
    ),
    "cycle of uses: one -> two -> one",
    "one two",
)
described(
    "priority_out_of_range",
    add('high { program = "sh"; priority = <256>; };'),
    "high: priority 256 is not between 0 and 255",
    "high",
)
described(
    "unknown_property",
    add('odd { program = "sh"; colour = "red"; };'),
    "odd: unknown property 'colour'",
    "odd",
)
described(
    "a_process_starts_without_what_is_left_out",
    lambda text: text.replace('compatible = "virtio,mmio";\n        virtio-id = <2>;',
                              'compatible = "virtio,mmio";'
                              "\n        virtio-id = <2>;\n        colour = <1>;"),
    "fs: starts without virtio-blk, which is left out",
    "virtio-blk",
)
KV = (
    'kv: kv { program = "virtio-blk"; priority = <90>; memory = <1024>;'
    " uses = <&mm MM_USE>, <&init PROC_SELF>; %s };"
)


def with_kv(name: str, old: str, new: str, expected: str) -> None:
    """A server that the shell and its programs use has a mistake."""

    def edit(text: str) -> str:
        text = text.replace("    sh {", "    " + (KV % 'serves = "x";').replace(old, new) + "\n\n    sh {", 1)
        return text.replace("<&fs (FS_READ | FS_WRITE)>", "<&fs (FS_READ | FS_WRITE)>, <&kv 1>")

    described(name, edit, expected, "kv")


with_kv(
    "server_that_serves_nothing_it_says", "serves =", "srves =", "sh: starts without kv, which is left out"
)
with_kv(
    "server_without_priority", "priority = <90>;", "", "sh: programs: starts without kv, which is left out"
)


@test(harts=(1,), boot=False, timeout=60)
def no_description(system):
    files = inputs.files_of_build(system)
    del files["system.dtb"]
    system.boot(initrd=inputs.write(system, "initrd", inputs.archive(files)))
    system.expect("system.dtb: not in the archive\n", 30)
    if system.wait_exit(30) == 0:
        raise Failure("the machine ended with status 0 without a system")


@test(harts=(1,), boot=False, timeout=60)
def malformed_description(system):
    files = inputs.files_of_build(system)
    files["system.dtb"] = files["system.dtb"][:200]
    system.boot(initrd=inputs.write(system, "initrd", inputs.archive(files)))
    system.expect("system.dtb: truncated\n", 30)
    if system.wait_exit(30) == 0:
        raise Failure("the machine ended with status 0 without a system")
