# SPDX-License-Identifier: MIT
"""What the kernel prints when it fails itself, and that the machine then ends with a failure."""

import inputs
from qemu import Failure, test

FAILURES = {
    "fault": ("store page fault in the kernel, address 0x1000", "store_to_nowhere"),
    "overflow": ("overflow", "overflow_the_stack"),
    "text": ("store page fault in the kernel", "store_to_text"),
    "data": ("fetch page fault in the kernel", "selftest_crash"),
    "panic": ("asked for on the command line", "selftest_crash"),
}


def fails(name: str, cause: str, function: str) -> None:
    @test(harts=(1, 4), append=f"selftest={name}", panics=True, timeout=40, id=name)
    def run(system):
        system.expect_regex(f"panic: [^\n]*{cause}", 30)
        status = system.wait_exit(30)
        if status == 0:
            raise Failure("the machine ended with status 0 after a panic")
        after = system.output.split("panic:", 1)[1]
        caller = function if name == "overflow" else "kernel_main"  # that backtrace is too long to get there
        for what in (function, caller, "hart "):
            if what not in after:
                raise Failure(f"'{what}' is not in what the panic printed")
        if name != "panic" and "scause" not in after:
            raise Failure("the panic does not print the cause and the registers")
        if system.output.count("panic:") != 1:
            raise Failure("there is more than one panic")


for name, (cause, function) in FAILURES.items():
    fails(name, cause, function)


@test(harts=(1, 4), boot=False, panics=True, timeout=60)
def stays_readable(system):
    """A board has no device that ends emulators: the message stands, whatever the firmware can do."""
    tree = inputs.device_tree(system, lambda text: text.replace("sifive,test0", "no,test0"))
    blob = inputs.write(system, "board.dtb", tree)
    for append in ("selftest=panic", "selftest=fault"):
        system.boot(dtb=blob, append=append)
        system.expect("panic: ", 30)
        system.expect("halted\n", 30)
        system.quiet(2)
        if system.process.poll() is not None:
            raise Failure("the machine has ended")
    system.boot(dtb=blob, append="selftest=panic panic=poweroff")
    system.expect("panic: ", 30)
    system.wait_exit(30)
    if "halted" in system.output:
        raise Failure("it was to be switched off")
