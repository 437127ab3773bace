"""Sweeps: a cross of averages over a year of minutes, and how judging grows with trials.

The bars are those of the peers' benchmark: a walk of 525 600 minutes from one seed. Every trial is
a whole backtest with book, venue, gate and switches. A few pairs are run and the figure for 1 000
is scaled from them: pairs do not depend on each other. As signals over arrays all of them are run
(`screening.py`).
"""

import os
import resource
import tempfile
import time
from decimal import Decimal
from pathlib import Path

import numpy as np

import flyball as fb
from flyball.config.profile import profile
from flyball.config.run import Sim
from flyball.ops.sweep import Sweep
from flyball.ops.sweep.desk import Grid
from flyball.ops.sweep.judge import judged
from flyball.ops.sweep.plan import folding_of
from flyball.ops.sweep.space import Space
from flyball.ops.sweep.trial import Job, Trial
from flyball.ops.sweep.tried import Tried
from flyball.research.data import Catalogue
from flyball.research.selection import SCORES
from flyball.trading.runtime.backtest import Plan
from rows import Row, console, row
from screening import screening_rows
from sma_cross import Asleep, SmaCross

ROOT = Path(__file__).parents[1]
BARS = 525_600
SEED = 20_261_120
PAIRS = 8
PROCESSES = 2
GROWTH = (1, 10, 100, 1_000, 10_000, 100_000)
_START_MS = 1_735_689_600_000


def minutes(folder: Path) -> fb.Dataset:
    """A year of one-minute bars, as the peers' generator makes them, in a catalogue."""
    chance = np.random.default_rng(SEED)
    close = np.round(60_000 * np.exp(np.cumsum(chance.normal(0, 0.0006, BARS))), 1)
    first = np.concatenate([[60_000.0], close[:-1]])
    high = np.maximum(first, close) * (1 + np.abs(chance.normal(0, 0.0003, BARS)))
    low = np.minimum(first, close) * (1 - np.abs(chance.normal(0, 0.0003, BARS)))
    volume = np.round(chance.lognormal(3, 1, BARS), 3)
    times = _START_MS + np.arange(BARS) * 60_000
    path = folder / "BTCUSDT_1m.csv"
    columns = (times, first, np.round(high, 1), np.round(low, 1), close, volume)
    with path.open("w", encoding="ascii") as file:
        file.write("time_ms,open,high,low,close,volume\n")
        for line in zip(*(column.tolist() for column in columns), strict=True):
            file.write(",".join(map(str, line)) + "\n")
    (one,) = Catalogue(folder / "catalogue").import_path(
        path, name="minutes", venue="binance_usdm", kind="linear", symbol="BTCUSDT"
    )
    path.unlink()
    return one.dataset


def plan(strategy: fb.Strategy, data: fb.Dataset) -> Plan:
    return Plan(
        strategy=strategy,
        data=data,
        profile=profile("unprotected"),
        cash=Decimal(10_000_000),
        sizing=None,
        sim=Sim(),
    )


def cpu_s() -> float:
    """Of this process and the ones that it has seen end."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in (
            resource.getrusage(resource.RUSAGE_SELF),
            resource.getrusage(resource.RUSAGE_CHILDREN),
        )
    )


def parts_rows(data: fb.Dataset, title: str) -> list[Row]:
    """Where the time of one trial goes."""

    def cpu_of(strategy: fb.Strategy) -> tuple[float, int, int]:
        times = []
        for _ in range(2):
            before = time.process_time()
            raw = plan(strategy, data).outcome().raw
            times.append(time.process_time() - before)
        return min(times), raw["events"], raw["decisions"]

    whole, events, decisions = cpu_of(SmaCross())
    asleep, quiet, _ = cpu_of(Asleep())
    before = time.perf_counter()
    for _ in range(20):
        plan(SmaCross(), data)._asked()  # noqa: SLF001
    asked = (time.perf_counter() - before) / 20
    note = f"{quiet:,} events along the bars' paths: tape, venue, book, features, risk"
    return [
        row("a trial, CPU", title, whole * 1e3, "ms", f"{events:,} events"),
        row("of it without deciding", title, asleep * 1e3, "ms", note),
        row(
            "of it a decision in Python, with its order",
            title,
            (whole - asleep) * 1e9 / max(1, decisions),
            "ns",
            f"{decisions:,} decisions",
        ),
        row("of it made ready in Python", title, asked * 1e6, "µs"),
    ]


def pairs_rows(data: fb.Dataset, title: str) -> list[Row]:
    """Pairs through the sweep itself, in one process and in two."""
    found = []
    sweep = Sweep(
        strategy=f"{Path(__file__).with_name('sma_cross.py')}:SmaCross",
        grid=[f"fast=10..{10 * PAIRS // 2}:10", "slow=300,700"],
        data=data,
        profile="unprotected",
        cash=10_000_000,
        splits="none",
    )
    for count in (1, PROCESSES):
        used, started = cpu_s(), time.perf_counter()
        told = sweep.run(jobs=count)
        wall, used = time.perf_counter() - started, cpu_s() - used
        scale = 1_000 / PAIRS
        note = (
            f"scaled from {PAIRS} pairs: {wall:.1f} s wall, {used:.1f} s CPU; peers of "
            "../shared/bench, another day: raptorbt 16 s, vectorbt 93 s; goal 0.8 s"
        )
        name = f"1 000-pair sweep, {count} process{'es' if count > 1 else ''}"
        found.append(row(name, title, wall * scale, "s", note))
        found.append(row(f"{name}, CPU", title, used * scale, "s", told["hash"][:16]))
    return found


def judging_rows(data: fb.Dataset) -> list[Row]:
    """What judging costs, by the number of trials: made-up returns of a year of days."""
    found = []
    steps = Grid.over(data.first_ns, data.last_ns, 86_400 * 10**9)
    chance = np.random.default_rng(1)
    for count in GROWTH:
        side = max(1, round(count**0.5))
        space = Space.of([f"a=1..{side + 1}:1", f"b=1..{-(-count // side) + 1}:1"])
        trials = [
            Trial(
                job=Job(parameters={"a": 1 + at % side, "b": 1 + at // side}),
                returns=chance.normal(0.0, 0.01, steps.steps).astype(np.float32),
            )
            for at in range(count)
        ]
        folding = folding_of("kfold=5")
        splits = folding.splits(steps.steps)
        before = time.process_time()
        judged(
            Tried.of(trials, steps=steps),
            others=(),
            earlier=0,
            splits=splits,
            folding=folding,
            allowed=[None] * len(splits),
            anew=(),
            score=SCORES["sharpe"],
            space=space,
        )
        used = time.process_time() - before
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        note = f"{used / count * 1e6:,.0f} µs a trial; peak memory so far {peak:,.0f} MB"
        found.append(row(f"judging {count:,} trials", f"{steps.steps} steps", used, "s", note))
    return found


def sweep_rows() -> list[Row]:
    parent = ROOT / "runs"
    parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        console.print("measuring sweeps …", style="dim")
        data = minutes(Path(folder))
        title = f"SMA cross, {BARS:,} one-minute bars; load {os.getloadavg()[0]:.1f}"
        return [
            *screening_rows(data, title),
            *parts_rows(data, title),
            *pairs_rows(data, title),
            *judging_rows(data),
        ]
