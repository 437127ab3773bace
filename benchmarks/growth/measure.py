"""Instruments, strategies, levels, length of the tape: what a row costs at each size."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from cases.bench import Bench
from cases.data import LEVELS
from flyball.domain import Wake
from growth.law import fitted
from rows import Row, console, row

SIZES = {
    "instruments": (1, 3, 10, 30, 100, 300, 1_000),
    "strategies": (1, 3, 10, 30, 100),
    "depth": (20, 50, 200, 1_000, 5_000),
}
ABOUT = {
    "instruments": "20 levels a side, messages of all in turn, nobody decides",
    "strategies": (
        "100 instruments of 20 levels, so many of them quoted every 100 ms; the account's message "
        "rate is shared, so most of their orders are refused"
    ),
    "depth": "one instrument with so many levels a side, changes all over the book",
}
TAPE = (1_000_000, 10_000_000, 100_000_000, 1_000_000_000)
TAPE_USUAL = 100_000_000
MEMORY_MB = 150
BYTES_A_ROW = 30


def _told(bench: Bench, *words: str) -> dict[str, Any]:
    done = subprocess.run([bench.data.binary, *words], capture_output=True, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def growth_rows(bench: Bench) -> list[Row]:
    """All of them; BENCH_TAPE=1000000000 makes the longest tape longer (28 GB of disk)."""
    feed = bench.data.ticks
    engine, sim = bench.configured("growth", feed, Wake(every="100ms"))
    asleep, _ = bench.configured("growth-asleep", feed, Wake(every="1d"))
    rows = []
    for what, sizes in SIZES.items():
        console.print(f"growth by {what} …  (load {os.getloadavg()[0]:.1f})", style="dim")
        woken = asleep if what == "instruments" else engine
        told = [_told(bench, "growth", what, str(many), woken, sim) for many in sizes]
        rows += _grown(what, ABOUT[what], sizes, told)
    rows += _by_length(bench, engine, sim)
    return rows


def _grown(what: str, about: str, sizes: tuple[int, ...], told: list[dict[str, Any]]) -> list[Row]:
    costs = [each["cpu_s"] / each["rows"] * 1e9 for each in told]
    law = fitted(sizes, costs)
    data = f"growth by {what}: {about}. Law of a row's cost: {law}"
    return [
        row(
            f"a row with {many:,} {what}"
            if what != "depth"
            else f"a row of {many:,} levels a side",
            data,
            cost,
            "ns",
            f"{each['orders']:,} orders; peak memory {each['peak_mb']:,.0f} MB",
        )
        for many, cost, each in zip(sizes, costs, told, strict=True)
    ]


def _by_length(bench: Bench, engine: str, sim: str) -> list[Row]:
    """Tapes on disk, one after the other; each is removed when it was read."""
    most = int(os.environ.get("BENCH_TAPE", TAPE_USUAL))
    home = bench.data.folder / "long"
    sizes, told, skipped = [], [], ""
    for many in (it for it in TAPE if it <= most):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        if shutil.disk_usage(home).free < 2 * many * BYTES_A_ROW:
            skipped = f"; {many:,} rows want more disk than there is"
            break
        console.print(f"a tape of {many:,} rows …", style="dim")
        tape = str(Path(home, "tape.fbt"))
        made = _told(bench, "feed", str(many), str(LEVELS), tape)
        told.append(_told(bench, "growth", "tape", tape, engine, sim) | {"rows": made["rows"]})
        sizes.append(many)
    shutil.rmtree(home, ignore_errors=True)
    costs = [each["cpu_s"] / each["rows"] * 1e9 for each in told]
    law = f" Law of a row's cost: {fitted(sizes, costs)}" if len(sizes) >= 3 else ""
    data = f"growth by length of the tape, read from disk{skipped}.{law}"
    found = []
    for many, cost, each in zip(sizes, costs, told, strict=True):
        note = f"{each['events']:,} events in the engine, {each['orders']:,} orders"
        found.append(row(f"a row of {many:,} rows", data, cost, "ns", note))
        case = f"peak memory, a tape of {many:,} rows"
        found.append(row(case, data, each["peak_mb"], "MB", goal=MEMORY_MB))
    return found
