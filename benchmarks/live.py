"""The live path over loopback: tick to signed order, reconnecting, starting.

The exchange is the local one and runs on the same machine: there is no network in these figures.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from cases.bench import Bench
from flyball import config
from flyball.config.profile import profile
from peers.environments import Unavailable
from rows import Row, console, row

BENCHMARKS = Path(__file__).parent
SDK = BENCHMARKS / "sdk.py"
TICKS = 2_000
EVERY_MS = 20
CUTS = 50
TRIPS = 150
STARTS = 20
PERCENTILES = ("p50", "p90", "p99", "p999")
GOAL_US = 50

Told = dict[str, Any]


def told(binary: Path, *arguments: str | Path) -> Told:
    """What the programme measured."""
    place = {**os.environ, "PYTHONPATH": str(BENCHMARKS)}
    done = subprocess.run(
        [binary, *arguments], capture_output=True, text=True, env=place, check=False
    )
    if done.returncode != 0:
        raise Unavailable(f"{binary.name} {arguments[0]}: {done.stderr.strip()[-200:]}")
    answer: Told = json.loads(done.stdout)
    return answer


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def name_of(sdk: Told) -> str:
    """The official SDK as a peer: what it does for a tick, and what it signs with."""
    about = sdk["client"]
    if "picows" in about["versions"]:
        return f"picows {about['versions']['picows']}, orjson, coincurve (order)"
    if about["failed"]:
        raise Unavailable(f"its orders failed: {about['first failure']}")
    versions = about["versions"]
    does = "modify" if about["mode"] == "modify" else "cancel, order"
    native = versions["signs with"] == "NativeECCBackend"
    signs = "Python" if native else f"coincurve {versions['coincurve']}"
    return f"SDK {versions['hyperliquid-python-sdk']} ({does}; {signs})"


def middle(rounds: list[Told], percentile: str, of: str = "tick_to_order_us") -> float:
    """The median over the rounds."""
    return statistics.median(float(each[of][percentile]) for each in rounds)


def tick_rows(
    engine: list[Told], peers: dict[str, list[Told]], floor: Told, when: str
) -> list[Row]:
    data = f"live, {1000 // EVERY_MS} ticks a second over loopback"
    rows = []
    for percentile in PERCENTILES:
        others = {name: middle(rounds, percentile) for name, rounds in peers.items()}
        rows.append(
            row(
                f"tick to signed order, {percentile}",
                data,
                middle(engine, percentile),
                "µs",
                peers=others,
                floor=floor.get(percentile),
                goal=GOAL_US if percentile == "p50" else None,
            )
        )
    count = sum(each["tick_to_order_us"]["count"] for each in engine)
    rows[0]["note"] = (
        f"{count:,} ticks in {len(engine)} rounds, {when}; median of the rounds; a cancel and an "
        "order, signed, kept and sent together; floor: a client that answers without looking"
    )
    note = f"p99 {middle(engine, 'p99', 'write_us'):,.0f}; included above"
    write = middle(engine, "p50", "write_us")
    rows.append(row("of it: the proxy writes the tick, p50", data, write, "µs", note))
    return rows


def stage_rows(traced: Told) -> list[Row]:
    data = "live, where the time is (a run with clocks in it)"
    rows = [
        row(stage, data, took["p50"], "µs", f"p99 {took['p99']:,.0f}")
        for stage, took in traced["stages_us"].items()
    ]
    whole = traced["tick_to_order_us"]
    rows.append(row("whole, p50", data, whole["p50"], "µs", f"p99 {whole['p99']:,.0f}"))
    return rows


def piece_rows(pieces: Told) -> list[Row]:
    data = "live, pieces by themselves"
    return [
        row(piece, data, took["p50"], "µs", f"p99 {took['p99']:,.1f}")
        for piece, took in pieces.items()
    ]


def measuring_rows(measuring: Told) -> list[Row]:
    data = "live, an event from its frame through the engine"
    note = f"{measuring['added_ns']:.1f} ns of {measuring['event_ns']:,.0f}; in turns, median"
    return [row("what measuring itself adds", data, measuring["added_percent"], "%", note)]


def recovery_rows(recovery: Told, when: str) -> list[Row]:
    data = "live, reconnecting and starting"
    cut = recovery["cut"]

    def one(case: str, took: Told, note: str = "") -> Row:
        note = "; ".join(filter(None, [f"p99 {took['p99'] / 1e3:,.1f}", note]))
        return row(case, data, took["p50"] / 1e3, "ms", note)

    known = cut["known_again_us"]
    whole = f"{known['count']} cuts while it trades, {when}; looked at every 0.5 ms"
    start = recovery["start_fresh"]
    return [
        one("account cut off to known again, p50", known, whole),
        one("of it: until it is connected, p50", cut["connected_again_us"], "waits 250 ms first"),
        one("of it: resync, p50", cut["resync_us"], "orders, fills, funding, transfers, position"),
        one(
            "process start to account known, p50",
            start["known_us"],
            f"{start['known_us']['count']} starts",
        ),
        one("the same after a kill, p50", recovery["start_again"]["known_us"], "reads its journal"),
    ]


def falling() -> str:
    """A profile with a drawdown line of 2 % and hardly any other limit: a fall by 4 % crosses it.

    The stop at the venue finds nobody at its price, so that the engine has to close.
    """
    text = (Path(config.__file__).parent / "profiles" / "unprotected.toml").read_text("utf-8")
    for old, new in (
        ('name = "unprotected"', 'name = "falling"'),
        ("drawdown = 1000", "drawdown = 0.02"),
        ("position_loss = 0.99", "position_loss = 0.01"),
        ("stop_distance = 0.98", "stop_distance = 0.009"),
        ("stop_slippage = 0.10", "stop_slippage = 0.001"),
    ):
        text = text.replace(old, new, 1)
    return text


def trip_rows(trips: Told, when: str) -> list[Row]:
    data = "live, a fall through the drawdown line"
    took = trips["to_wire_us"]
    note = (
        f"{took['count']} trips, {when}; {trips['within_1ms']} within 1 ms; max {took['max']:,.0f}"
    )
    return [
        row(f"message to closing order on the wire, {each}", data, took[each], "µs", note)
        for each in PERCENTILES
        if each in took
    ]


def clients(bench: Bench) -> dict[str, list[str | Path]]:
    """Who answers ticks besides Flyball: commands by what they are called when they fail."""
    found: dict[str, list[str | Path]] = {
        "the official SDK, modify": [sys.executable, SDK, "modify"],
        "the official SDK, cancel": [sys.executable, SDK, "cancel"],
    }
    try:
        wire = bench.environments.python("wire")
    except Unavailable as error:
        bench.absent["live clients with coincurve"] = str(error)
    else:
        found["the official SDK with coincurve, modify"] = [wire, SDK, "modify"]
        found["picows"] = [wire, "-m", "peers.picows_client"]
    return found


def live_rows(binary: Path, bench: Bench) -> list[Row]:
    """The live path and the peers' clients in turns, then its stages, pieces, and recovery."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder, "profile.json")
        rules.write_text(json.dumps(profile("emergency").engine()))
        many, every = str(TICKS // bench.rounds), str(EVERY_MS)
        before = load()
        console.print(f"the live path and clients in turns …  ({before})", style="dim")
        engine: list[Told] = []
        peers: dict[str, list[Told]] = {}
        asked = clients(bench)
        for _ in range(bench.rounds):
            engine.append(told(binary, "ticks", rules, many, every, "flyball"))
            for name, words in asked.items():
                if name in bench.absent:
                    continue
                try:
                    said = told(binary, "ticks", rules, many, every, *words)
                    peers.setdefault(name_of(said), []).append(said)
                except Unavailable as error:
                    bench.absent[name] = str(error)
        console.print(f"stages, pieces, recovery …  ({load()})", style="dim")
        traced = told(binary, "ticks", rules, str(TICKS // 2), every, "traced")
        pieces = told(binary, "pieces", rules)
        measuring = told(binary, "measuring", rules)
        later = load()
        recovery = told(binary, "recovery", rules, str(CUTS), str(STARTS))
        console.print("measuring trips …", style="dim")
        fall = Path(folder, "falling.toml")
        fall.write_text(falling(), "utf-8")
        rules.write_text(json.dumps(profile(fall).engine()))
        before_trips = load()
        trips = told(binary, "trips", rules, str(TRIPS))
    floor = pieces["answering without looking"]
    return [
        *tick_rows(engine, peers, floor, before),
        *stage_rows(traced),
        *piece_rows(pieces),
        *measuring_rows(measuring),
        *recovery_rows(recovery, later),
        *trip_rows(trips, before_trips),
    ]
