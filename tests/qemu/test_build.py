# SPDX-License-Identifier: MIT
"""What `make` makes again, and what it leaves alone."""

import os
import subprocess
from pathlib import Path

from qemu import Failure, test

REMEMBER = """
B := {directory}
include mk/remember.mk
blank := $(subst x,,x x)
text = $(subst $(blank),,$(foreach n,$(shell seq $1),t))
$(foreach n,$(shell seq 1 7 1500),$(call remember,flags-$n,$(call text,$n)))
all: ;
"""


def make(system, *options: str, makefile: str = "", **environment) -> str:
    command = ["make", *(["-f", "-"] if makefile else []), *options]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    run = subprocess.run(
        command, input=makefile, capture_output=True, text=True, env={**inherited, **environment}, timeout=100
    )
    if run.returncode != 0:
        raise Failure(f"{' '.join(command)}: {run.stderr}")
    return run.stdout


@test(harts=(1,), boot=False, timeout=120)
def flags_that_did_not_change_are_left_alone(system):
    """Of whatever length they are: the names of directories are in them."""
    makefile = REMEMBER.format(directory=system.directory)
    flags = system.directory / "flags"
    flags.mkdir(exist_ok=True)
    make(system, makefile=makefile)
    first = {path: path.stat().st_mtime_ns for path in flags.iterdir()}
    make(system, makefile=makefile)
    changed = sorted(path.name for path, time in first.items() if path.stat().st_mtime_ns != time)
    if len(first) != 215 or changed:
        raise Failure(f"of {len(first)} files these were written again: {changed}")


@test(harts=(1,), boot=False, timeout=120)
def a_dry_run_writes_nothing(system):
    """Neither in a tree that was never built nor with other flags; and it says what it would make."""
    build = system.directory / "new"
    for goal in ("all", "test-host"):
        said = make(system, "-n", f"B={build}", goal)
        if "user/console/uart.c" not in said or "kernel/cap.c" not in said:
            raise Failure(f"it does not say what `make {goal}` would do")
    if build.exists():
        raise Failure(f"it wrote {sorted(str(path) for path in build.rglob('*'))[:5]}")
    before = {path: path.stat().st_mtime_ns for path in system.build.rglob("flags/*")}
    if "user/console/uart.c" not in make(system, "-n", "CROSS=other-", f"B={system.build}"):
        raise Failure("other flags, and nothing to be made")
    if before != {path: path.stat().st_mtime_ns for path in Path(system.build).rglob("flags/*")}:
        raise Failure("it wrote down flags")


APT = """#!/bin/sh
case "$*" in
*indextargets*) echo http://mirror/debian/ ;;
*update*) mkdir "$FAKE/busy" && sleep 0.5 && rmdir "$FAKE/busy" ;;
*download*) cp "$FAKE/one.deb" . ;;
esac
"""


@test(harts=(1,), boot=False, timeout=60)
def two_that_fetch_the_same_do_not_disturb_each_other(system):
    """The cards of two boards need one package, and are made at the same time."""
    fake = system.directory.resolve()
    (fake / "package/DEBIAN").mkdir(parents=True, exist_ok=True)
    (fake / "package/DEBIAN/control").write_text(
        "Package: one\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: none\n"
    )
    (fake / "package/file").write_text("fetched")
    subprocess.run(["dpkg-deb", "-b", fake / "package", fake / "one.deb"], check=True, capture_output=True)
    (fake / "apt-get").write_text(APT)
    (fake / "apt-get").chmod(0o755)
    environment = {**os.environ, "PATH": f"{fake}:{os.environ['PATH']}", "FAKE": str(fake)}
    command = ["tools/fetch", fake / "there", "suite", "all", "one"]
    both = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=30)[1] for process in both]
    if any(process.returncode for process in both) or (fake / "there/root/file").read_text() != "fetched":
        raise Failure(f"one of them failed: {said}")
    if sum("fetch: one of Debian" in text for text in said) != 1:
        raise Failure(f"both have fetched it: {said}")
