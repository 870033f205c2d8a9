#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs the fuzzer of the kernel: every input of tests/fuzz/corpus once, then new ones for some time.

    tests/fuzz/fuzz.py --build build/release --seconds 60

What is found is kept in build/.../fuzz/corpus, so a later run goes on from there. An input that the kernel
fails is kept in build/.../fuzz/crashes. The last line is `N passed, N failed`.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
MAX_BYTES = 800
PROGRESS_SECONDS = 60
SLICE_SECONDS = 80  # at most, of a run that is counted in inputs


def recipes() -> dict:
    """The inputs that the files of tests/fuzz/corpus describe: name and bytes."""
    found = {}
    for path in sorted((HERE / "corpus").glob("*.txt")):
        name = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            text = line.split("#")[0].strip()
            if match := re.fullmatch(r"\[(\w+)\]", text):
                name = match.group(1)
                if name in found:
                    sys.exit(f"{path}:{number}: a second {name}")
                found[name] = b""
            elif text and name is None:
                sys.exit(f"{path}:{number}: bytes before the first [NAME]")
            elif text:
                found[name] += bytes.fromhex(text)
    return found


def write_seeds(directory: Path) -> list:
    directory.mkdir(parents=True, exist_ok=True)
    for stale in directory.iterdir():
        stale.unlink()
    paths = []
    for name, data in recipes().items():
        paths.append(directory / name)
        paths[-1].write_bytes(data)
    return paths


def command_of(program: Path, crashes: Path) -> list:
    limits = [f"-max_len={MAX_BYTES}", "-timeout=20", "-rss_limit_mb=2048"]
    return [str(program), f"-artifact_prefix={crashes}/", *limits]


def replay(program: Path, crashes: Path, seeds: list) -> tuple:
    """(passed, message) of some inputs, which one process takes one after the other."""
    command = [*command_of(program, crashes), *map(str, seeds)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=120)
    except subprocess.TimeoutExpired:
        return False, "not done after 120 s"
    return run.returncode == 0, what_failed(run.stderr)


def replay_all(program: Path, crashes: Path, seeds: list) -> list:
    """(name, passed, message) of all inputs together, or of each that fails."""
    passed, message = replay(program, crashes, seeds)
    if passed:
        return [(f"replay_of_{len(seeds)}_inputs", True, "")]
    each = [(seed.name, *replay(program, crashes, [seed])) for seed in seeds]
    return [result for result in each if not result[1]] or [("replay", False, message)]


def what_failed(output: str) -> str:
    """The lines that say what a fuzzer's end was about."""
    told = r"does not hold|runtime error|ERROR: |Test unit written|^    #\d+ .* in (?!fuzzer|__|main|_start)"
    lines = output.splitlines()
    found = [i for i, line in enumerate(lines) if re.search(told, line)]
    keep = sorted({i for i in found} | {i + 1 for i in found if "does not hold" in lines[i]})
    return "\n".join(lines[i] for i in keep[:16] if i < len(lines))


class Fuzzing:
    """
    One run of the fuzzer, for some time or for a number of inputs: these are the same every time. Tells every
    minute how far it is.
    """

    def __init__(self, program: Path, crashes: Path, directories: list, seconds: int, inputs: int):
        self.seconds = seconds
        self.name = f"fuzzing_with_{inputs}_inputs" if inputs else f"fuzzing_for_{seconds}_s"
        self.figures = {"executions": 0, "edges": 0, "inputs": 0}
        self.output = []
        self.command = command_of(program, crashes)
        self.command += [f"-runs={inputs}", "-seed=1"] if inputs else [f"-max_total_time={seconds}"]
        self.command += ["-print_final_stats=1", *map(str, directories)]

    def run(self, quiet: bool) -> tuple:
        told = start = time.monotonic()
        process = subprocess.Popen(
            ["timeout", "-k", "1", str(self.seconds + 120), *self.command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        for line in process.stderr:
            self.read(line)
            if not quiet and time.monotonic() > told + PROGRESS_SECONDS:
                told = time.monotonic()
                print(f"  {told - start:5.0f} s: {self.summary()}", flush=True)
        status = process.wait()
        message = self.summary() if status == 0 else what_failed("".join(self.output)) or f"status {status}"
        return self.name, status == 0, message

    def read(self, line: str) -> None:
        if match := re.match(r"#(\d+)\s.*\bcov: (\d+).*\bcorp: (\d+)", line):
            for name, value in zip(self.figures, match.groups()):
                self.figures[name] = int(value)
        elif not line.startswith(("INFO", '"')):
            self.output.append(line)
        if match := re.match(r"stat::number_of_executed_units: (\d+)", line):
            self.figures["executions"] = int(match.group(1))

    def summary(self) -> str:
        text = "{executions} executions, {edges} edges covered, {inputs} inputs in the corpus"
        return text.format(**self.figures)


def run(build: Path, seconds: int, inputs: int = 0, corpus: Path = None, quiet: bool = False) -> list:
    """
    Replays the seeds and fuzzes for `seconds`, or with so many `inputs` if that is not 0; returns (name,
    passed, message) of each. What is new goes to `corpus`.
    """
    program, home = build / "fuzz/kernel_fuzz", build / "fuzz"
    crashes, corpus = home / "crashes", corpus or home / "corpus"
    for directory in (crashes, corpus):
        directory.mkdir(parents=True, exist_ok=True)
    seeds = write_seeds(home / "seeds")
    results = replay_all(program, crashes, seeds)
    results.append(Fuzzing(program, crashes, [corpus, home / "seeds"], seconds, inputs).run(quiet))
    return results


def slice(build: Path, inputs: int) -> list:
    """A short run that starts from the seeds alone, with the same result whenever the kernel is the same."""
    with tempfile.TemporaryDirectory() as directory:
        return run(build, seconds=SLICE_SECONDS, inputs=inputs, corpus=Path(directory), quiet=True)


def distil(build: Path) -> None:
    """Writes found.txt anew: of all that is in the corpus, the fewest inputs that reach the same edges."""
    with tempfile.TemporaryDirectory() as directory:
        command = [str(build / "fuzz/kernel_fuzz"), "-merge=1", "-use_counters=0", directory]
        sources = [str(build / "fuzz/seeds"), str(build / "fuzz/corpus")]
        subprocess.run([*command, *sources], check=True, capture_output=True)
        seeds = {data for name, data in recipes().items() if not name.startswith("found_")}
        reached = {path.read_bytes() for path in Path(directory).iterdir()}
    inputs = sorted(reached - seeds, key=lambda data: (len(data), data))
    text = "# Inputs that long runs of the fuzzer have found, by `fuzz.py --distil`: see messages.txt.\n"
    for number, data in enumerate(inputs):
        lines = [data[i : i + 32].hex(" ") for i in range(0, len(data), 32)]
        text += f"\n[found_{number}]\n" + "\n".join(lines) + "\n"
    (HERE / "corpus/found.txt").write_text(text)
    print(f"{len(inputs)} inputs")


def main() -> int:
    parser = argparse.ArgumentParser(description="Runs the fuzzer of the kernel.")
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--distil", action="store_true", help="renew tests/fuzz/corpus/found.txt")
    arguments = parser.parse_args()
    if arguments.distil:
        distil(arguments.build)
        return 0
    results = run(arguments.build, arguments.seconds)
    for name, passed, message in results:
        print(f"{'ok' if passed else 'not ok'} - {name}" + (f": {message}" if passed and message else ""))
        if not passed:
            print("\n".join("#   " + line for line in message.splitlines()))
    failed = sum(not passed for _, passed, _ in results)
    if failed:
        program = arguments.build / "fuzz/kernel_fuzz"
        print(f"#   again, event by event: FUZZ_VERBOSE=1 {program} {arguments.build}/fuzz/crashes/NAME")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
