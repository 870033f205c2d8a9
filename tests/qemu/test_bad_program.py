# SPDX-License-Identifier: MIT
"""Files that are no programs for this machine: `run` says what is wrong with each, and nothing is started."""

import inputs
from qemu import Failure, test

TEXT = (0x10000, b"\x73\x00\x00\x00" * 16, 5)
PROGRAMS = {
    "text": (b"just some text\n" * 20, "not an ELF"),
    "empty": (b"", "shorter than an ELF header"),
    "short": (b"\x7fELF", "shorter than an ELF header"),
    "x86": (inputs.elf([TEXT], machine=62), "made for another machine than RISC-V"),
    "bits32": (inputs.elf([TEXT], bits=1), "not a 64-bit program"),
    "object": (inputs.elf([TEXT], kind=1), "not a statically linked executable"),
    "overlap": (inputs.elf([TEXT, (0x10010, bytes(64), 6)]), "overlap or share a page"),
    "kernel": (inputs.elf([(0xFFFFFFC000000000, bytes(64), 5)]), "outside user space"),
    "null": (inputs.elf([(0, bytes(64), 5)]), "outside user space"),
    "wx": (inputs.elf([(0x10000, bytes(64), 7)]), "both writable and executable"),
    "entry": (inputs.elf([TEXT], entry=0x90000), "entry point outside the code"),
    "cut": (inputs.elf([(0x10000, bytes(6000), 5)])[:3000], "past the end of the file"),
    "huge": (
        inputs.elf([TEXT])[:64 + 40] + (1 << 45).to_bytes(8, "little") + inputs.elf([TEXT])[64 + 48:],
        "outside user space",
    ),
}


@test(harts=(1, 4), boot=False, timeout=90)
def each_is_refused_with_its_cause(system):
    system.boot(disk=inputs.disk(system, {f"bin/{name}": data for name, (data, _) in PROGRAMS.items()}))
    system.wait_prompt()
    before = system.command("ps")
    for name, (_, cause) in PROGRAMS.items():
        shown = system.command(f"run /bin/{name}")
        if shown.count("\n") != 1 or f"/bin/{name}: " not in shown or cause not in shown:
            raise Failure(f"'run /bin/{name}' printed {shown!r}; the cause should say '{cause}'")
    after = system.command("ps")
    if len(before.splitlines()) != len(after.splitlines()):
        raise Failure(f"processes are left over:\n{after}")
    system.poweroff()


@test(harts=(1, 4), timeout=90)
def missing_program_and_directory(system):
    system.wait_prompt()
    for command, cause in (
        ("run /bin/none", "no such file"), ("run /bin", "is a directory"), ("run", "usage")
    ):
        shown = system.command(command)
        if cause not in shown or shown.count("\n") != 1:
            raise Failure(f"'{command}' printed {shown!r}")
    system.poweroff()


CRASHES = (
    ("read 0x10", "0x10"),
    ("write 0x10", "0x10"),
    ("jump 0x20", "0x20"),
    ("read 0xffffffff80200000", "0xffffffff80200000"),
    ("write 0xffffffc080000000", "0xffffffc080000000"),
    ("illegal", "illegal instruction"),
    ("overflow", "page fault"),
)


@test(harts=(1, 4), timeout=120)
def programs_that_crash_are_named_and_leave_nothing(system):
    system.wait_prompt()
    used = []
    for _ in range(4):
        for way, cause in CRASHES:
            shown = system.command(f"run /bin/crash {way}")
            if "crash" not in shown or cause not in shown:
                raise Failure(f"'run /bin/crash {way}' printed {shown!r}")
        used.append(system.command("mem").splitlines()[2])
    if used[-1] != used[1]:  # in the first rounds mm and the shell take what they keep
        raise Failure(f"memory is not given back: {used}")
    system.poweroff()
