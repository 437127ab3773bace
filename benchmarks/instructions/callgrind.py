"""Instructions, counted by valgrind's callgrind: run a programme under it, read what it wrote."""

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from peers.environments import Unavailable

_TIMEOUT_S = 900


@dataclass
class Counted:
    """What callgrind counted.

    `own` holds instructions by context (callee first, then its callers) and source file; `calls`
    how often a function was called, and `inclusive` what all of its calls took with what they
    called.
    """

    own: dict[tuple[tuple[str, ...], str], int] = field(default_factory=lambda: defaultdict(int))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    inclusive: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def a_call(self, name: str) -> tuple[float, int]:
        """Instructions a call of the function with this name in its own, and how many calls."""
        found = [each for each in self.calls if re.search(rf"\b{name}\b", each)]
        calls = sum(self.calls[each] for each in found)
        if not calls:
            raise Unavailable(f"callgrind saw no call of {name}")
        return sum(self.inclusive[each] for each in found) / calls, calls


def run(words: Sequence[str | Path], out: Path, *options: str) -> tuple[Counted, str]:
    """Run a programme under callgrind.

    Returns
    -------
    Counted, str
        What was counted, and what the programme printed.

    Raises
    ------
    Unavailable
        If there is no valgrind, or the programme failed; it says how to install it.
    """
    if shutil.which("valgrind") is None:
        raise Unavailable("valgrind is not here: on Debian, apt-get install valgrind")
    asked = ["--tool=callgrind", f"--callgrind-out-file={out}", "--compress-strings=no"]
    asked += ["--compress-pos=no", *options]
    done = subprocess.run(
        ["valgrind", *asked, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line and not line.startswith("==")]
        raise Unavailable("valgrind: " + " ".join(said or ["no reason given"])[:300])
    with out.open(encoding="utf-8", errors="replace") as lines:
        return read(lines), done.stdout


def read(lines: Iterable[str]) -> Counted:
    """Read callgrind's format (valgrind manual, "Callgrind format specification"), uncompressed."""
    counted = Counted()
    here: tuple[str, ...] = ()
    file = called = ""
    times = 0
    for raw in lines:
        line = raw.rstrip("\n")
        key, equals, value = line.partition("=")
        if equals and key in ("fl", "fi", "fe"):
            file = value
        elif equals and key == "fn":
            here = tuple(value.split("'"))
        elif equals and key == "cfn":
            called = value.split("'")[0]
        elif equals and key == "calls":
            times = int(value.split()[0])
        elif line[:1].isdigit():
            cost = int(line.split()[1]) if " " in line else 0
            if called:
                counted.calls[called] += times
                # A function that calls itself is in what its first call took already.
                if called not in here:
                    counted.inclusive[called] += cost
                called = ""
            else:
                counted.own[here, file] += cost
    return counted
