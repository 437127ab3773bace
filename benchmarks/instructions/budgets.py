"""A budget of instructions for each hot path: `budgets.json`, renewed by BENCH_RENEW=1.

Instructions do not depend on the machine's load or speed, and hardly on the machine: the build has
no flags of one processor, what is walked is seeded. What may differ is the C library's choice of a
copying routine, and the compiler: with another rustc than the budget's the tolerance is wider.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from cases.bench import Bench
from instructions import callgrind, paths
from peers.environments import Unavailable
from rows import Row, console, row

FILE = Path(__file__).with_name("budgets.json")
# What each counts by: how often it is called.
PATHS = {
    "path_market": "levels or a trade through book, features, equity, switches",
    "path_decision": "a decision: quotes reconciled, orders through the gate",
    "path_answer": "an answer of the venue",
    "path_approval": "a review of the gate that passes",
    "path_refusal": "a review of the gate that refuses",
    "path_decode": "a book message of 20 levels a side decoded and applied",
    "path_journal": "an event appended to the journal, without the disk",
}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a path took against its budget, in instructions a call."""

    path: str
    counted: float
    calls: int
    budget: float
    tolerance: float

    @property
    def held(self) -> bool:
        """Whether it is within the budget and its tolerance."""
        return self.counted <= self.budget * (1 + self.tolerance)


def rustc() -> str:
    """The compiler's version, without its date."""
    done = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True)
    return " ".join(done.stdout.split()[:2])


def counted(binary: Path, scratch: Path) -> dict[str, tuple[float, int]]:
    """Instructions a call of each path, and how many calls."""
    with paths.words(binary) as words:
        found, _ = callgrind.run(words, scratch / "callgrind.out")
    return {path: found.a_call(path) for path in PATHS}


def judged(
    found: dict[str, tuple[float, int]], kept: dict[str, object], compiler: str
) -> list[Verdict]:
    """Each path against its budget; a path without one, or a budget without a path, is an error."""
    budgets = kept["instructions"]
    if not isinstance(budgets, dict) or set(budgets) != set(found):
        raise ValueError(f"{FILE.name} and the paths do not name the same: renew it")
    same = kept["rustc"] == compiler
    tolerance = float(str(kept["tolerance" if same else "tolerance_other_compiler"]))
    return [
        Verdict(path=path, counted=took, calls=calls, budget=budgets[path], tolerance=tolerance)
        for path, (took, calls) in found.items()
    ]


def renew(found: dict[str, tuple[float, int]]) -> None:
    """Write what was counted as the budget."""
    told = {
        "rustc": rustc(),
        "tolerance": 0.03,
        "tolerance_other_compiler": 0.15,
        "instructions": {path: round(took) for path, (took, _) in found.items()},
    }
    FILE.write_text(json.dumps(told, indent=2) + "\n")


def budget_rows(bench: Bench) -> list[Row]:
    """The table; with BENCH_RENEW=1 the budget is written first."""
    try:
        found = counted(bench.data.binary, bench.scratch)
    except Unavailable as error:
        bench.absent["budgets"] = str(error)
        return []
    if os.environ.get("BENCH_RENEW"):
        renew(found)
        console.print(f"{FILE.name} is renewed")
    verdicts = judged(found, json.loads(FILE.read_text()), rustc())
    return [
        row(
            PATHS[it.path],
            "instructions a call, with all rules on",
            it.counted,
            "instr.",
            f"{it.path}, {it.calls:,} calls; tolerance {it.tolerance:.0%}",
            goal=it.budget * (1 + it.tolerance),
        )
        for it in verdicts
    ]
