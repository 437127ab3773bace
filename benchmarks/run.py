"""The benchmark table: `make bench`, `make bench BENCH_JSON=FILE BENCH_ONLY=maker,decode`.

Flyball and its peers do the same work in turns in one run, each peer in an environment of its own
that is made the first time (`peers/`). Throughput is processor time; latency is wall time. Compare
figures of one run with each other, not with figures from elsewhere. Recordings come from
../shared/data, or FLYBALL_SHARED; where they are absent, what is synthetic is measured alone.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from cases.bars import bar_rows, sweep_rows
from cases.bench import Bench
from cases.books import callback_rows, maker_rows, order_rows
from cases.core import core_rows
from cases.data import Data
from cases.start import start_rows
from cases.wire import decode_rows
from growth.measure import growth_rows
from instructions.budgets import budget_rows
from instructions.stages import stage_rows
from live import live_rows
from peers.environments import Environments, interpreter, optimised
from rows import Row, console, show, write
from sweeps import sweep_rows as own_sweep_rows

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("FLYBALL_SHARED", ROOT.parent / "shared" / "data"))
KEPT = Path(os.environ.get("FLYBALL_BENCH", ROOT / ".benchmarks"))
LIVE = "flyball-bench-live"

CASES: dict[str, Callable[[Bench], list[Row]]] = {
    "maker": maker_rows,
    "callback": callback_rows,
    "orders": order_rows,
    "bars": bar_rows,
    "pairs": sweep_rows,
    "decode": decode_rows,
    "start": start_rows,
    "core": lambda bench: core_rows(bench.data.binary, bench.data.shared),
    "live": lambda bench: live_rows(bench.data.binary.with_name(LIVE), bench),
    "sweep": lambda _: own_sweep_rows(),
    "growth": growth_rows,
    "budgets": budget_rows,
    "stages": stage_rows,
}
# What is long, or is for developers, is measured when it is asked for.
USUAL = ("maker", "callback", "orders", "bars", "pairs", "decode", "start", "core", "live")


def build() -> Path:
    """The folder of this build's programmes."""
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--quiet", "-p", "flyball-benchmarks"],
        cwd=ROOT,
        check=True,
    )
    return ROOT / "target" / "release"


def chosen(only: str | None) -> tuple[str, ...]:
    """The names of the cases."""
    if not only:
        return USUAL
    names = tuple(name.strip() for name in only.split(",") if name.strip())
    for name in names:
        if name not in CASES:
            sys.exit(f"there is no case {name!r}: {', '.join(CASES)}")
    return names


def about_interpreters(python: str) -> str:
    """Whether interpreters were built in the slow way: what runs in CPython is slower for it."""
    slow = [it for it in (python, interpreter()) if it is not None and not optimised(it)]
    if not slow:
        return ""
    return (
        "these interpreters were built without profile-guided optimisation: divide what runs in "
        "Python (ours and the peers') by 1.2 to 1.3 before quoting it"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", help=f"measure these: {', '.join(CASES)}")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("BENCH_ROUNDS", "3")))
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the synthetic feed")
    arguments = parser.parse_args()
    names = chosen(arguments.only)
    folder = Path() if names == ("sweep",) else build()
    (KEPT / "data").mkdir(parents=True, exist_ok=True)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(dir=KEPT) as scratch:
        bench = Bench(
            data=Data(KEPT / "data", folder / "flyball-bench", SHARED),
            environments=Environments(KEPT / "peers"),
            scratch=Path(scratch),
            rounds=arguments.rounds,
            python=sys.executable,
            rows_of_feed=arguments.rows,
        )
        for name in names:
            rows += CASES[name](bench)
            if arguments.json is not None:  # A long run that is stopped leaves what it had.
                write(arguments.json, rows, bench.versions)
    show(rows, bench.versions, bench.absent)
    if said := about_interpreters(sys.executable):
        console.print(said)


if __name__ == "__main__":
    main()
