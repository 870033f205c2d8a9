# SPDX-License-Identifier: MIT
"""The width of the terminal: asked of it at each prompt, and followed."""

from qemu import Failure, test
from terminal import clean

QUERY = "\x1b[6n"


def answer(system, columns: int) -> None:
    """Plays a terminal of that width, once."""
    system.expect(QUERY)
    system.send(f"\x1b[24;{columns}R")


@test()
def width_is_asked_and_followed(system):
    answer(system, 40)
    system.wait_prompt()
    for columns, following in ((40, 132), (132, 20), (20, 80)):
        start = len(system.output)
        system.send_line("ls -a /bin")
        answer(system, following)
        system.wait_prompt()
        shown = [line for line in clean(system.output[start:]).split("\n")[1:-1] if line]
        widest = max(map(len, shown))
        if widest > columns or (columns == 132 and len(shown) > 2):
            raise Failure(f"with {columns} columns ls shows\n" + "\n".join(shown))


@test(harts=(1,))
def programs_do_not_see_the_answer(system):
    system.expect(QUERY)
    system.wait_prompt()
    system.send_line("crash spin")
    system.expect("crash spin")
    system.quiet()
    system.send("\x1b[24;99Rtyped")
    system.send("\x03")
    system.wait_prompt()
    if system.command("echo a") != "a\n" or "99R" in system.output:
        raise Failure("the answer was taken for input")
