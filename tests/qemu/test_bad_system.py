# SPDX-License-Identifier: MIT
"""Mistakes in the system description: one line says which, and the rest of the system goes on."""

import inputs
from qemu import Failure, test


def described(name: str, edit, expected: str, prompt: bool = True) -> None:
    @test(harts=(1, 4), boot=False, timeout=60, id=name)
    def run(system):
        inputs.boot_described(system, edit)
        system.expect(expected, 30)
        if prompt:
            system.wait_prompt()
            if "init" not in system.command("ps"):
                raise Failure("ps does not work")
            system.poweroff()


def add(node: str):
    return lambda text: text.rstrip()[: -len("};")] + node + "\n};\n"


described("unknown_program", add("ghost { priority = <50>; memory = <4096>; };"), "ghost: program ghost is not in the archive")
described(
    "phandle_that_points_nowhere",
    add('lost { program = "sh"; priority = <50>; memory = <4096>; uses = <0x7777 1>; };'),
    "lost: uses phandle 30583, which no process has",
)
described(
    "two_drivers_for_one_device",
    add(
        'twin { program = "virtio-blk"; priority = <50>; memory = <4096>; compatible = "virtio,mmio"; virtio-id = <2>; serves;'
        " uses = <&mm MM_USE>, <&init PROC_SELF>, <&dev DEV_DRIVE>; };"
    ),
    "twin: drives virtio,mmio",
)
described(
    "cycle_of_uses",
    add(
        'one: one { program = "sh"; serves; priority = <50>; memory = <4096>; uses = <&two 1>; };'
        ' two: two { program = "sh"; serves; priority = <50>; memory = <4096>; uses = <&one 1>; };'
    ),
    " -> ",
)
described("priority_out_of_range", add('high { program = "sh"; priority = <256>; };'), "high: priority 256 is not between")
described("unknown_property", add('odd { program = "sh"; colour = "red"; };'), "odd: unknown property 'colour'")
described(
    "a_process_without_what_it_uses_is_left_out_too",
    lambda text: text.replace('compatible = "virtio,mmio";\n        virtio-id = <2>;', 'compatible = "virtio,mmio";'
                              "\n        virtio-id = <2>;\n        colour = <1>;"),
    "fs: left out, because it uses virtio-blk",
    prompt=False,
)


@test(harts=(1,), boot=False, timeout=60)
def no_description(system):
    files = inputs.files_of_build(system)
    del files["system.dtb"]
    system.boot(initrd=inputs.write(system, "initrd", inputs.archive(files)))
    system.expect("system.dtb", 30)
    if system.wait_exit(30) == 0:
        raise Failure("the machine ended with status 0 without a system")


@test(harts=(1,), boot=False, timeout=60)
def malformed_description(system):
    files = inputs.files_of_build(system)
    files["system.dtb"] = files["system.dtb"][:200]
    system.boot(initrd=inputs.write(system, "initrd", inputs.archive(files)))
    system.expect("system.dtb", 30)
    if system.wait_exit(30) == 0:
        raise Failure("the machine ended with status 0 without a system")
