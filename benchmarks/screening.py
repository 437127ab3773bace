"""Signals over arrays: the peers' 1 000 pairs, really run, and how cost grows with combinations.

Each sweep is run in a process of its own, so that its peak memory is its own.
"""

import multiprocessing
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import flyball as fb
from flyball.ops.sweep import Sweep
from rows import Row, console, row

# fast and slow as the peers have them: 25 x 40; and more and more of both.
PEERS = ("fast=10..250:10", "slow=300..1080:20")
GROWTH = {
    1: ("fast=50", "slow=300"),
    10: ("fast=10..50:10", "slow=300,700"),
    100: ("fast=10..100:10", "slow=300..1020:80"),
    1_000: PEERS,
    10_000: ("fast=10..258:2", "slow=300..1090:10"),
    100_000: ("fast=2..251:1", "slow=300..1098:2"),
}
RUNS = 3


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one sweep took; seconds. `trials` and `judging` are parts of the wall time."""

    made: int
    cpu: float
    wall: float
    trials: float
    trials_cpu: float
    judging: float
    peak_mb: float
    found: str


def measured(data: fb.Dataset, grid: Sequence[str], jobs: int) -> Measured:
    """A sweep from nothing but the tape, without engine runs of the best."""
    sweep = Sweep(
        strategy=f"{Path(__file__).with_name('sma_signals.py')}:cross",
        grid=grid,
        data=data,
        profile="unprotected",
        cash=10_000_000,
        sizing=fb.Sizing.lots(1_000),
        splits="none",
        confirm=0,
    )
    ran: list[tuple[float, float]] = []

    def tell(done: int, total: int) -> None:
        if done == total:
            ran.append((time.perf_counter(), time.process_time()))

    wall, cpu = time.perf_counter(), time.process_time()
    told = sweep.run(jobs=jobs, progress=tell)
    ended, used = time.perf_counter(), time.process_time()
    return Measured(
        made=told["trials"]["made"],
        cpu=used - cpu,
        wall=ended - wall,
        trials=ran[-1][0] - wall,
        trials_cpu=ran[-1][1] - cpu,
        judging=told["speed"]["judging_seconds"],
        peak_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        found=told["hash"][:16],
    )


def alone(data: fb.Dataset, grid: Sequence[str], jobs: int) -> Measured:
    """The same in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measured, (data, grid, jobs))


def screening_rows(data: fb.Dataset, title: str) -> list[Row]:
    """The peers' case on one thread and two, and the growth."""
    found = []
    for jobs in (1, 2):
        console.print(f"measuring 1 000 pairs, {jobs} thread(s) …", style="dim")
        best = min((alone(data, PEERS, jobs) for _ in range(RUNS)), key=lambda one: one.trials)
        name = f"1 000-pair screening, {jobs} thread{'s' if jobs > 1 else ''}"
        note = (
            f"really run, tape read, best of {RUNS}; judging {best.judging:.2f} s more; peak "
            f"{best.peak_mb:,.0f} MB; {best.found}; peers of ../shared/bench, another day: "
            "raptorbt 16 s on 2 cores, native sketch 0.32 to 0.43 s on one; goal 0.8 s on two"
        )
        found.append(row(name, title, best.trials, "s", note))
        found.append(row(f"{name}, CPU", title, best.trials_cpu, "s", ""))
    for count, grid in GROWTH.items():
        console.print(f"measuring {count:,} combinations …", style="dim")
        one = alone(data, grid, 2)
        note = (
            f"{one.trials / one.made * 1e6:,.0f} µs a trial, CPU {one.trials_cpu:.2f} s; judging "
            f"{one.judging:.2f} s more; peak {one.peak_mb:,.0f} MB"
        )
        found.append(row(f"screening {one.made:,} trials, 2 threads", title, one.trials, "s", note))
    return found
