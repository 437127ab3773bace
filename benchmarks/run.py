"""The benchmark table: `make bench`, `make bench BENCH_JSON=FILE`.

Measures this build on recorded data (../shared/data, or FLYBALL_SHARED) and on a synthetic market
where the recordings are absent; and the live path over loopback, with the official SDK beside it
(`live.py`). One machine, one run: compare figures of one run with each other, not with figures from
elsewhere. `BENCH_ONLY=live`, `core` or `sweep` measures one
part; `sweep` (`sweeps.py`) needs no build.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

import flyball as fb
from flyball import _core
from flyball.config.profile import profile
from flyball.config.run import Sim
from flyball.research.data import Catalogue
from flyball.trading.runtime.demo import synthetic_market
from flyball.trading.runtime.plan import engine_config, recorded_market, sim_config
from live import live_rows
from rows import Row, console, row
from sweeps import sweep_rows

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("FLYBALL_SHARED", ROOT.parent / "shared" / "data"))
RECORDINGS = {
    "binance_usdm_btcusdt_20240808": ("BTC perpetual, liquid", 10, 1_000_000),
    "binance_spot_nexousdt_20240723": ("NEXO spot, 24 h, illiquid", 5_000, 100_000),
    "binance_coinm_btcusd_perp_20240808": ("BTC inverse perpetual", 10, 100),
}
BARS = "binance_usdm_5m_2025_oct10/XRPUSDT_5m"
RUNS = 5


class Quoter:
    """Quotes both sides of the mid at fixed times, as the native one does."""

    wake = fb.Wake(every="100ms")

    def __init__(self, size: int) -> None:
        self.size = size

    def decide(self, view: fb.View) -> fb.Quotes | None:
        """One bid and one ask, five ticks away."""
        if view.bid != view.bid:
            return None
        fair = int(view.mid) - view.position // self.size
        bid = min(fair - 5, int(view.ask) - 1)
        ask = max(fair + 5, int(view.bid) + 1)
        return fb.Quotes(bids=((bid, self.size),), asks=((ask, self.size),))


class Looker:
    """Is called at every update of the book, looks at the mid and wants nothing."""

    wake = fb.Wake(book=True)

    def decide(self, view: fb.View) -> None:
        """Look."""
        self.seen = view.mid


class Blind:
    """Is woken once a day: what a run costs without Python."""

    wake = fb.Wake(every="1d")

    def decide(self, view: fb.View) -> None:
        """Do nothing."""


def engine_json(data: fb.Dataset, cash: int) -> str:
    market = recorded_market(data)
    config = engine_config(
        Quoter(1), market=market, profile=profile("emergency"), cash=Decimal(cash), sizing=None
    )
    return json.dumps(config)


def native(binary: Path, data: fb.Dataset, size: int, cash: int) -> dict[str, Any]:
    """The engine alone, driven from Rust, on this tape."""
    with tempfile.TemporaryDirectory() as folder:
        engine, sim = Path(folder, "engine.json"), Path(folder, "sim.json")
        engine.write_text(engine_json(data, cash))
        sim.write_text(json.dumps(sim_config(Sim(queue="probability"), data)))
        done = subprocess.run(
            [binary, engine, sim, data.tape, str(size)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def seconds(strategy: fb.Strategy, data: fb.Dataset, cash: int) -> tuple[float, fb.Result]:
    """The quickest of some runs from Python, journal off."""
    runs = [
        fb.backtest(
            strategy, data=data, profile="emergency", cash=cash, sim=Sim(queue="probability")
        )
        for _ in range(RUNS)
    ]
    best = min(runs, key=lambda run: run.seconds)
    return best.seconds, best


def tape_rows(binary: Path, data: fb.Dataset, title: str, size: int, cash: int) -> list[Row]:
    told = native(binary, data, size, cash)
    ns, rows, latency = told["whole_core_ns"], told["rows"], told["latency"]
    floor = f"a clock around each event; it takes {latency['clock_itself']['p50']:.0f} ns itself"
    python, result = seconds(Quoter(size), data, cash)
    blind, _ = seconds(Blind(), data, cash)
    decisions = max(1, result.decisions)
    sending = latency["with_orders"]
    many = f"{latency['events_with_orders']:,} events that send or cancel orders"
    whole = f"{rows:,} rows, {told['commands']:,} commands; quickest {ns['min'] / rows:.1f}"
    per_message = f"{told['messages']:,} messages of {rows / told['messages']:.1f} rows"

    trip = told["trip"]
    flat = f"{trip['cancels']} cancels and {trip['closes']} closing orders come out of it"

    def one(case: str, value: float, unit: str = "ns", note: str = "") -> Row:
        return row(case, title, value, unit, note)

    return [
        one("whole core, a row", ns["p50"] / rows, note=whole),
        one("whole core, a message", ns["p50"] / told["messages"], note=per_message),
        one("allocations after start-up", told["allocations"], "count"),
        one("event in, p50", latency["all"]["p50"], note=floor),
        one("event in to orders out, p50", sending["p50"], note=many),
        one("event in to orders out, p99", sending["p99"]),
        one("event in to orders out, p99.9", sending["p999"]),
        one("gate approval, p50", told["gate_ns"]["approval"]["p50"]),
        one("gate approval, p99", told["gate_ns"]["approval"]["p99"]),
        one("line crossed to commands, p50", trip["ns"]["p50"], note=flat),
        one("line crossed to commands, p99", trip["ns"]["p99"]),
        one("line crossed to commands, p99.9", trip["ns"]["p999"]),
        one("Python strategy, a row", python * 1e9 / rows, note=f"{decisions:,} decisions"),
        one(
            "Python decision and its orders",
            (python - blind) * 1e9 / decisions,
            note="against a run without decisions",
        ),
    ]


def callback_row(data: fb.Dataset, title: str, cash: int) -> Row:
    """What a Python callback on every update costs."""
    looked = []
    calls = 1
    for _ in range(RUNS):
        quiet, _ = seconds(Blind(), data, cash)
        counted, result = seconds(Looker(), data, cash)
        calls = calls_of(data)
        looked.append((counted - quiet) * 1e9 / calls)
        del result
    note = f"{calls:,} calls, against a run without"
    return row("Python callback, a book update", title, statistics.median(looked), "ns", note)


def calls_of(data: fb.Dataset) -> int:
    """How often a strategy that is woken by the book is called."""

    class Counter:
        wake = fb.Wake(book=True)
        calls = 0

        def decide(self, view: fb.View) -> None:  # noqa: ARG002
            self.calls += 1

    counter = Counter()
    fb.backtest(counter, data=data, profile="emergency", cash=1000)
    return max(1, counter.calls)


def bars_row(data: fb.Dataset) -> Row:
    strategy = fb.Breakout()
    runs = [
        fb.backtest(
            strategy,
            data=data,
            profile="unprotected",
            cash=10_000,
            sizing=fb.Sizing.equity_fraction(0.5),
        )
        for _ in range(RUNS)
    ]
    took = min(run.seconds for run in runs)
    note = f"{runs[0].events:,} events along the bars' paths, {runs[0].trades} round trips"
    return row("breakout over 119 724 bars", "XRP, 5 m bars", took * 1e3, "ms", note)


def start_row() -> Row:
    """Import, as a user's first line does it."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "import flyball"], check=True)
        whole = time.perf_counter() - started
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", "pass"], check=True)
        times.append(whole - (time.perf_counter() - started))
    return row(
        "import flyball", "", statistics.median(times) * 1e3, "ms", "less an empty interpreter"
    )


def build() -> Path:
    """The folder of this build's programmes."""
    subprocess.run(
        ["cargo", "build", "--release", "--locked", "--quiet", "-p", "flyball-benchmarks"],
        cwd=ROOT,
        check=True,
    )
    return ROOT / "target" / "release"


def core_rows(binary: Path) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(Path(folder, "catalogue"))
        if SHARED.is_dir():
            for name, (title, size, cash) in RECORDINGS.items():
                console.print(f"measuring {name} …", style="dim")
                (one,) = catalogue.import_path(SHARED / "books" / name)
                rows += tape_rows(binary, one.dataset, title, size, cash)
                if name == next(iter(RECORDINGS)):
                    rows.append(callback_row(one.dataset, title, cash))
            path = SHARED / "bars" / BARS.split("/")[0] / f"{BARS.split('/')[1]}.csv.gz"
            (one,) = catalogue.import_path(path)
            rows.append(bars_row(one.dataset))
        else:
            console.print(
                f"{SHARED} is absent: recordings are skipped, a synthetic market measured"
            )
        market = synthetic_market(Path(folder), seed=1, hours=12)
        console.print("measuring the synthetic market …", style="dim")
        rows += tape_rows(binary, replace(market, quiet_ns=0), "synthetic", 50, 10_000)
    rows.append(start_row())
    return rows


def circumstances() -> Row:
    """Machine and versions, the same for every row."""
    machine = platform.processor() or platform.machine()
    return {
        "machine": f"{machine}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "versions": {
            "flyball": f"{_core.VERSION}, build {_core.BUILD}",
            "python": platform.python_version(),
        },
    }


def show(rows: list[Row]) -> None:
    table = Table(title=f"Flyball {_core.VERSION}, build {_core.BUILD}", title_justify="left")
    table.add_column("case", no_wrap=True)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("note", style="dim")
    data = ""
    for one in rows:
        if one["data"] != data:
            data = one["data"]
            table.add_section()
            table.add_row(f"[bold]{data}[/]", "", "", "")
        table.add_row(one["case"], f"{one['flyball']:,.1f}", one["unit"], one["note"])
        for name, value in one["peers"].items():
            table.add_row(f"  {name}", f"{value:,.1f}", one["unit"], "")
        if one["floor"] is not None:
            table.add_row("  floor", f"{one['floor']:,.1f}", one["unit"], "")
    console.print(table)
    here = circumstances()
    console.print(f"{here['machine']}, Python {here['versions']['python']}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument("--only", choices=["core", "live", "sweep"], help="measure one part")
    parser.add_argument(
        "--sdk-python",
        type=Path,
        action="append",
        default=[],
        metavar="PYTHON",
        help="another interpreter that has the official SDK: with coincurve, say",
    )
    arguments = parser.parse_args()
    rows: list[Row] = []
    folder = Path() if arguments.only == "sweep" else build()
    if arguments.only in (None, "core"):
        rows += core_rows(folder / "flyball-bench")
    if arguments.only in (None, "sweep"):
        rows += sweep_rows()
    if arguments.only in (None, "live"):
        pythons = [Path(sys.executable), *arguments.sdk_python]
        rows += live_rows(folder / "flyball-bench-live", pythons)
    show(rows)
    if arguments.json is not None:
        told = [one | circumstances() for one in rows]
        arguments.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
