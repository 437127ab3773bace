"""Branch coverage of the gate, the switches and what they protect with.

Builds the core's tests with coverage, runs those of `risk` and `engine`, and finds every branch of
the files below that was never taken one way. The property test of a million orders is left out:
what counts is what the examples reach.
"""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CORE = ROOT / "crates" / "core" / "src"
COVERED = ("risk", "engine/protect.rs", "engine/clock.rs", "engine/doubt.rs")
TESTS = ("tests.rs", "testing.rs")
FILTERS = ("risk::", "engine::", "--skip", "nothing_escapes")
BUILD = {
    "RUSTC_BOOTSTRAP": "1",
    "RUSTFLAGS": "-C instrument-coverage -Z coverage-options=branch",
    "CARGO_INCREMENTAL": "0",
    "CARGO_PROFILE_TEST_DEBUG": "0",
    "CARGO_PROFILE_TEST_OPT_LEVEL": "0",
}

Place = tuple[str, int, int, int, int]


def tool(name: str) -> str:
    """An LLVM tool that reads what this compiler writes."""
    told = subprocess.run(["rustc", "-vV"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"LLVM version: (\d+)", told)
    major = found[1] if found else ""
    for candidate in (f"{name}-{major}", f"/usr/lib/llvm-{major}/bin/{name}"):
        if path := shutil.which(candidate):
            return path
    raise FileNotFoundError(
        f"{name} of LLVM {major} is needed: on Debian, apt-get install llvm-{major}"
    )


def build() -> Path:
    """The core's tests, with coverage."""
    command = ["cargo", "test", "-p", "flyball-core", "--lib", "--locked", "--no-run"]
    target = ROOT / "target" / "coverage"
    environment = {**os.environ, **BUILD, "CARGO_TARGET_DIR": str(target)}
    # Build scripts are covered too, and would leave their counts where they run.
    environment["LLVM_PROFILE_FILE"] = str(target / "build-%p.profraw")
    done = subprocess.run(
        [*command, "--message-format=json"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    (binary,) = (line["executable"] for line in lines if line.get("executable"))
    return Path(binary)


def covered(path: str) -> bool:
    """Whether a file is one of those that count."""
    file = Path(path)
    if not file.is_relative_to(CORE) or path.endswith(TESTS) or "tests" in file.parts:
        return False
    return any(file.is_relative_to(CORE / each) for each in COVERED)


def branches(exported: dict[str, Any]) -> Iterator[tuple[Place, int, int]]:
    """Each branch of each copy of a function: where, how often true, how often false."""
    for function in exported["functions"]:
        for branch in function.get("branches", []):
            where, (true, false) = branch[:4], branch[4:6]
            file = function["filenames"][branch[6]]
            if covered(file):
                yield (file, *where), true, false


def before_tests(path: str) -> tuple[list[str], int]:
    """A file's lines, and the first one of its tests."""
    lines = Path(path).read_text("utf-8").splitlines()
    tests = (at for at, line in enumerate(lines, 1) if line.strip() == "#[cfg(test)]")
    return lines, next(tests, len(lines) + 1)


def never_taken() -> tuple[int, list[str]]:
    """How many branches there are, and which ways of them no test took."""
    profdata, cov = tool("llvm-profdata"), tool("llvm-cov")
    binary = build()
    with tempfile.TemporaryDirectory() as folder:
        raw, merged = Path(folder, "tests.profraw"), Path(folder, "tests.profdata")
        environment = {**os.environ, "LLVM_PROFILE_FILE": str(raw)}
        run = [str(binary), *FILTERS, "--quiet"]
        subprocess.run(run, cwd=ROOT / "crates" / "core", env=environment, check=True)
        subprocess.run([profdata, "merge", "-sparse", str(raw), "-o", str(merged)], check=True)
        export = [cov, "export", "--format=text", str(binary), f"-instr-profile={merged}"]
        told = subprocess.run(export, capture_output=True, text=True, check=True).stdout
    taken: dict[Place, list[int]] = defaultdict(lambda: [0, 0])
    for place, true, false in branches(json.loads(told)["data"][0]):
        taken[place][0] += true
        taken[place][1] += false
    return missing(taken)


def missing(taken: dict[Place, list[int]]) -> tuple[int, list[str]]:
    """Those of the code itself, not of its tests, that were never taken one way."""
    missed, total = [], 0
    for (path, line, column, *_), counts in sorted(taken.items()):
        lines, tests = before_tests(path)
        if line >= tests:
            continue
        total += len(counts)
        for way, count in zip(("true", "false"), counts, strict=True):
            if count == 0:
                file = Path(path).relative_to(CORE)
                text = lines[line - 1].strip()
                missed.append(f"{file}:{line}:{column} is never {way}: {text}")
    return total, missed
