# SPDX-License-Identifier: MIT
"""docs/TUTORIAL.md, built and typed from its text."""

import re
from pathlib import Path

import inputs
from qemu import Failure, test

TEXT = Path("docs/TUTORIAL.md").read_text()
SESSIONS = re.findall(r"```session\n(.*?)```", TEXT, re.S)
NODE = re.search(r"```dts\n(.*?)```", TEXT, re.S).group(1)
PAIR = re.search(r"one more pair,\n`(.*?)`", TEXT).group(1)
PROMPT = "cardea:/$ "


def steps(session: str) -> list:
    """(command, pattern of what it prints): `...` stands for anything in a line, or for lines."""
    found = []
    for part in session.split(PROMPT)[1:]:
        command, _, shown = part.partition("\n")
        pattern = "".join(
            r"(?:.*\n)*?" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + "\n"
            for line in shown.splitlines()
        )
        found.append((command, pattern))
    return found


def follow(system, session: str) -> None:
    for command, pattern in steps(session):
        shown = system.command(command)
        if not re.fullmatch(pattern, shown):
            raise Failure(f"'{command}' printed {shown!r}, not {pattern!r}")


@test(harts=(1, 4), boot=False, timeout=90)
def works_as_it_is_written(system):
    if [len(steps(session)) for session in SESSIONS] != [5, 2, 5]:
        raise Failure("the tutorial has other sessions than this test knows")
    built = system.build / "tutorial"
    programs = {f"bin/{name}": (built / name).read_bytes() for name in ("greet", "visit")}
    programs["bin/hello"] = (system.build / "user/apps/hello").read_bytes()

    def edit(text: str) -> str:
        at = text.index("        programs {")
        return text[:at].replace("    sh {\n", NODE + "    sh {\n", 1) + text[at:].replace(
            "uses = ", f"uses = {PAIR}, ", 1)

    system.boot(initrd=inputs.described(system, edit, visits=(built / "visits").read_bytes()),
                disk=inputs.disk(system, programs))
    system.wait_prompt()
    for session in SESSIONS:
        follow(system, session)
    system.poweroff()
