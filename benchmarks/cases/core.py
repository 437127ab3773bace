"""The core on recordings: rows, latencies, the gate, a trip, allocations."""

import json
import statistics
import subprocess
import tempfile
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import flyball as fb
from flyball.config.profile import profile
from flyball.config.run import Sim
from flyball.research.data import Catalogue
from flyball.trading.runtime.demo import synthetic_market
from flyball.trading.runtime.plan import engine_config, recorded_market, sim_config
from rows import Row, console, row

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
            [binary, "core", engine, sim, data.tape, str(size)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def seconds(strategy: fb.Strategy, data: fb.Dataset, cash: int) -> tuple[float, fb.Result]:
    """The quickest of some runs from Python, by processor time; journal off."""
    runs = []
    for _ in range(RUNS):
        before = time.process_time()
        result = fb.backtest(
            strategy, data=data, profile="emergency", cash=cash, sim=Sim(queue="probability")
        )
        runs.append((time.process_time() - before, result))
    return min(runs, key=lambda run: run[0])


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

    trip, approval = told["trip"], told["gate_ns"]["approval"]
    flat = f"{trip['cancels']} cancels and {trip['closes']} closing orders come out of it"

    def one(
        case: str, value: float, unit: str = "ns", note: str = "", goal: float | None = None
    ) -> Row:
        return row(case, title, value, unit, note, goal=goal)

    return [
        one("whole core, a row", ns["p50"] / rows, note=whole),
        one("whole core, a message", ns["p50"] / told["messages"], note=per_message),
        one("allocations after start-up", told["allocations"], "count"),
        one("event in, p50", latency["all"]["p50"], note=floor),
        one("event in to orders out, p50", sending["p50"], note=many, goal=150),
        one("event in to orders out, p99", sending["p99"], goal=500),
        one("event in to orders out, p99.9", sending["p999"], goal=2_000),
        one("gate approval, p50", approval["p50"], note="means of hundreds"),
        one("gate approval, p99", approval["each_with_clock"]["p99"], note=floor, goal=250),
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


def core_rows(binary: Path, shared: Path) -> list[Row]:
    """Every recording, or a synthetic market where they are absent."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        catalogue = Catalogue(Path(folder, "catalogue"))
        if shared.is_dir():
            for name, (title, size, cash) in RECORDINGS.items():
                console.print(f"measuring {name} …", style="dim")
                (one,) = catalogue.import_path(shared / "books" / name)
                rows += tape_rows(binary, one.dataset, title, size, cash)
                if name == next(iter(RECORDINGS)):
                    rows.append(callback_row(one.dataset, title, cash))
            path = shared / "bars" / BARS.split("/")[0] / f"{BARS.split('/')[1]}.csv.gz"
            (one,) = catalogue.import_path(path)
            rows.append(bars_row(one.dataset))
        else:
            console.print(
                f"{shared} is absent: recordings are skipped, a synthetic market measured"
            )
        market = synthetic_market(Path(folder), seed=1, hours=12)
        console.print("measuring the synthetic market …", style="dim")
        rows += tape_rows(binary, replace(market, quiet_ns=0), "synthetic", 50, 10_000)
    return rows
