"""Flyball with a strategy in Python.

`python -m peers.flyball_python WANTS FOLDER BINARY SHARED WHAT`.

WANTS is `around`, `look`, `quiet`, `cycle` or `idle` on a book; on bars `bars` or `pairs` (and how
many) through the engine, `screen` or `screen-pairs` as signals over arrays, from the tape on, or
`signals` with the averages worked out in an earlier round. WHAT is the data, by its name in
`cases.data`: `feed:ROWS`, `recorded`, `ticks`, `bars:COUNT`.
"""

import os
import sys
import time
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

import flyball as fb
from cases.data import Data
from flyball.config.run import Sim
from peers.worker import serve
from sma_cross import SmaCross
from sma_signals import cross

CASH = 10_000_000
DAY_NS = 86_400_000_000_000
# fast and slow as the peers have them: 25 x 40.
PAIRS = [
    {"fast": fast, "slow": slow} for fast in range(10, 260, 10) for slow in range(300, 1_100, 20)
]
SIM = Sim(queue="probability", order_latency="5ms", report_latency="5ms")


class Around:
    """One bid and one ask, five ticks from the mid, looked at every 100 ms."""

    wake = fb.Wake(every="100ms")

    def decide(self, view: fb.View) -> fb.Quotes | None:
        if view.bid != view.bid:
            return None
        low, high = int(view.bid), int(view.ask)
        mid, held = (low + high) // 2, view.position
        bids = ((min(mid - 4, low), 10),) if held < 1_000 else ()
        asks = ((max(mid + 5, high), 10),) if held > -1_000 else ()
        return fb.Quotes(bids=bids, asks=asks)


class Look:
    """Is called at every update of the book, looks at the mid and wants nothing."""

    wake = fb.Wake(book=True)
    calls = 0

    def decide(self, view: fb.View) -> None:
        self.seen = view.mid
        self.calls += 1


class Quiet:
    """Is woken once a day: what a run costs without Python."""

    wake = fb.Wake(every="1d")

    def decide(self, view: fb.View) -> None:
        """Do nothing."""


class Cycle:
    """Another bid at every update, far from everything."""

    wake = fb.Wake(book=True)
    calls = 0

    def decide(self, view: fb.View) -> fb.Quotes | None:
        if view.bid != view.bid:
            return None
        self.calls += 1
        return fb.Quotes(bids=((int(view.bid) - 100 - self.calls % 200, 10),))


STRATEGIES: dict[str, type[Any]] = {
    "around": Around,
    "look": Look,
    "quiet": Quiet,
    "cycle": Cycle,
    "idle": Look,
}


def on_book(wants: str, dataset: fb.Dataset, rows: int) -> dict[str, Any]:
    strategy = STRATEGIES[wants]()
    cpu, wall = time.process_time(), time.perf_counter()
    done = fb.backtest(strategy, data=dataset, profile="emergency", cash=CASH, sim=SIM)
    told = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
    return told | {
        "rows": rows,
        "calls": getattr(strategy, "calls", done.decisions),
        "decisions": done.decisions,
        "orders": len(done.orders["time_ns"]),
        "fills": len(done.fills["time_ns"]),
        "refused": dict(done.refused),
    }


def on_bars(dataset: fb.Dataset, count: int) -> dict[str, Any]:
    """The run and the metrics of its report."""
    from flyball.ops.report.run import Run

    done = fb.backtest(SmaCross(), data=dataset, profile="unprotected", cash=10_000_000)
    metrics = Run(done, label="bars", index=0).metrics
    return {"bars": count, "trades": done.trades, "sharpe": metrics["sharpe"].value}


def on_pairs(dataset: fb.Dataset, pairs: int) -> dict[str, Any]:
    """One backtest after the other, as a sweep does it in one process."""
    trades = 0
    for at in range(pairs):
        cross = SmaCross(fast=10 + 10 * at % 250, slow=300 + 20 * (at // 25))
        done = fb.backtest(cross, data=dataset, profile="unprotected", cash=10_000_000)
        trades += done.trades
    return {"pairs": pairs, "trades": trades}


def desk(dataset: fb.Dataset) -> Any:  # noqa: ANN401
    """What walks over the bars with signals."""
    from flyball.config.profile import profile
    from flyball.ops.sweep.desk import Desk, Task

    task = Task.of(
        cross,
        fixed={},
        data=dataset,
        profile=profile("unprotected"),
        cash=Decimal(CASH),
        sizing=fb.Sizing.lots(1_000),
        sim=Sim(),
        step_ns=DAY_NS,
    )
    return Desk(task)


def on_signals(screening: Any, pairs: Sequence[dict[str, int]]) -> dict[str, Any]:  # noqa: ANN401
    """Walks over the bars, on all cores, each with its statistics."""
    from flyball.ops.sweep.hands import Here, Threads
    from flyball.ops.sweep.trial import Job
    from flyball.research.analytics.returns import sharpe

    jobs = [Job(parameters=dict(pair)) for pair in pairs]
    hands = Here(screening) if len(jobs) == 1 else Threads(screening, os.cpu_count() or 1)
    trials = list(hands.run(jobs))
    hands.close()
    best = max(sharpe(trial.returns.astype(np.float64), 365.0) for trial in trials)
    trades = sum(trial.trades for trial in trials)
    return {"pairs": len(jobs), "trades": trades, "sharpe": best}


def main() -> None:
    wants, folder, binary, shared, what = sys.argv[1:6]
    data = Data(Path(folder), Path(binary), Path(shared))
    kind, _, count = what.partition(":")
    if kind == "bars":
        _, bars = data.bars(int(count))
        one = [{"fast": 50, "slow": 200}]
        if wants == "pairs":
            serve(lambda: on_pairs(bars, int(sys.argv[6])))
        elif wants == "signals":
            kept = desk(bars)
            serve(lambda: on_signals(kept, one))
        elif wants in ("screen", "screen-pairs"):
            pairs = one if wants == "screen" else PAIRS
            serve(lambda: on_signals(desk(bars), pairs))
        else:
            serve(lambda: on_bars(bars, int(count)))
        return
    feed = data.feed(int(count)) if kind == "feed" else getattr(data, kind)
    serve(lambda: on_book(wants, feed.dataset, feed.count))


if __name__ == "__main__":
    main()
