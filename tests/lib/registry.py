# SPDX-License-Identifier: MIT
"""How a QEMU test is declared: the @test decorator and what it records."""

from dataclasses import dataclass, field
from typing import Callable, Optional, Sequence, Union

# None: nothing; "default": what the build made; a path; or a function that is given the test's own temporary
# directory (a pathlib.Path) and returns a path.
Input = Union[None, str, Callable]


@dataclass
class Machine:
    """The machine a test runs on, as QEMU is told of it."""

    harts: int = 1
    memory: str = "512M"
    append: str = ""
    disk: Input = "default"  # no default disk on machines other than virt
    initrd: Input = "default"
    kernel: Input = "default"  # None: whatever the firmware starts
    firmware: Input = "default"
    dtb: Input = None
    machine: str = "virt"  # may have options: "virt,aclint=on"
    cpu: str = ""  # the machine's own
    icount: bool = False  # one instruction is one nanosecond, and figures repeat exactly
    sleep: bool = False  # with icount: time passes with the host's while nothing runs, as disks need it
    count: bool = False  # count instructions; see System.instructions()
    reboot: bool = False  # False: QEMU ends when the system resets itself
    emulator: str = ""  # another QEMU than the one that is installed
    extra: Sequence[str] = ()


@dataclass
class Test:
    """One declared test; it runs once for each number of harts."""

    id: str
    function: Callable
    harts: Sequence[int]
    timeout: float
    panics: bool
    boot: bool
    options: dict = field(default_factory=dict)
    row: str = ""  # how it is shown in the boot matrix


_collected = []
_file = ""


def start_file(name: str) -> None:
    """The tests declared from now on belong to `name`, the first part of their ids."""
    global _file
    _file = name


def add(test: Test) -> None:
    """Declares a test that was made without the decorator."""
    test.id = f"{_file}.{test.id}"
    _collected.append(test)


def collected() -> list:
    return _collected


def test(
    harts: Sequence[int] = (1, 4),
    timeout: float = 60,
    panics: bool = False,
    boot: bool = True,
    id: Optional[str] = None,
    **machine,
):
    """
    Declares a test: a function that is given a System and raises when something is wrong.

    harts    numbers of harts to run on, one run each
    timeout  seconds until QEMU is killed from outside and the test has failed
    panics   whether a line `panic:` of the kernel is expected; it is a failure otherwise
    boot     False: the test starts the machine itself, with system.boot(...)
    id       name to use instead of the function's, for tests made in a loop
    machine  members of Machine: memory, append, disk, initrd, kernel, firmware, dtb, machine, cpu, ...

    The function may return a list of (name, passed, message): results that are reported one by one.
    """
    Machine(**machine)  # an unknown option is a mistake in the test, found when it is read

    def declare(function):
        name = id or function.__name__.removeprefix("test_")
        _collected.append(Test(f"{_file}.{name}", function, tuple(harts), timeout, panics, boot, machine))
        return function

    return declare


class Failure(AssertionError):
    """What a test found wrong."""


class Skip(Exception):
    """The test cannot run on this machine; the message says why."""
