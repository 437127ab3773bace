"""The live path over loopback: tick to signed order, reconnecting, starting.

The exchange is the local one and runs on the same machine: there is no network in these figures.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from flyball import config
from flyball.config.profile import profile
from rows import Row, console, row

SDK = Path(__file__).with_name("sdk.py")
TICKS = 2_000
EVERY_MS = 20
CUTS = 50
TRIPS = 150
STARTS = 20
PERCENTILES = ("p50", "p90", "p99")

Told = dict[str, Any]


def told(binary: Path, *arguments: str | Path) -> Told:
    """What the programme measured."""
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{binary.name} {arguments[0]}: {done.stderr.strip()}")
    answer: Told = json.loads(done.stdout)
    return answer


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def name_of(sdk: Told) -> str:
    """The official SDK as a peer: what it does for a tick, and what it signs with."""
    about = sdk["client"]
    if about["failed"]:
        raise SystemExit(f"the SDK's orders failed: {about['first failure']}")
    versions = about["versions"]
    does = "modify" if about["mode"] == "modify" else "cancel, order"
    native = versions["signs with"] == "NativeECCBackend"
    signs = "Python" if native else f"coincurve {versions['coincurve']}"
    return f"SDK {versions['hyperliquid-python-sdk']} ({does}; {signs})"


def tick_rows(engine: Told, sdks: list[Told], floor: Told, when: str) -> list[Row]:
    data = f"live, {1000 // EVERY_MS} ticks a second over loopback"
    rows = []
    for percentile in PERCENTILES:
        one = row(
            f"tick to signed order, {percentile}",
            data,
            engine["tick_to_order_us"][percentile],
            "µs",
        )
        one["peers"] = {name_of(sdk): sdk["tick_to_order_us"][percentile] for sdk in sdks}
        one["ratio_best_peer"] = min(one["peers"].values()) / one["flyball"]
        one["floor"] = floor[percentile]
        rows.append(one)
    count = engine["tick_to_order_us"]["count"]
    rows[0]["note"] = (
        f"{count:,} ticks, {when}; a cancel and an order, signed, kept and sent together; floor: "
        "a client that answers without looking"
    )
    write = engine["write_us"]
    note = f"p99 {write['p99']:,.0f}; included above"
    rows.append(row("of it: the proxy writes the tick, p50", data, write["p50"], "µs", note))
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
    note = f"{took['count']} trips, {when}; {trips['within_1ms']} within 1 ms; max {took['max']:,.0f}"
    return [
        row(f"message to closing order on the wire, {each}", data, took[each], "µs", note)
        for each in PERCENTILES
    ]


def live_rows(binary: Path, pythons: list[Path]) -> list[Row]:
    """Measure the live path, and the official SDK of each of these interpreters."""
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder, "profile.json")
        rules.write_text(json.dumps(profile("emergency").engine()))
        many, every = str(TICKS), str(EVERY_MS)
        console.print("measuring the live path …", style="dim")
        before = load()
        engine = told(binary, "ticks", rules, many, every, "flyball")
        console.print("measuring the official SDK …", style="dim")
        sdks = [
            told(binary, "ticks", rules, many, every, python, SDK, mode)
            for python in pythons
            for mode in ("modify", "cancel")
        ]
        console.print("measuring stages, pieces, recovery …", style="dim")
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
        *tick_rows(engine, sdks, floor, before),
        *stage_rows(traced),
        *piece_rows(pieces),
        *measuring_rows(measuring),
        *recovery_rows(recovery, later),
        *trip_rows(trips, before_trips),
    ]
