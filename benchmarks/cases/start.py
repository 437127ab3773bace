"""Import, and from nothing to a first result: processes of their own, in turns."""

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from cases.bench import Bench
from peers.environments import Unavailable
from rows import Row, console, row

IMPORTS = {
    "nautilus_trader": ("nautilus_v2", "nautilus_trader.backtest, nautilus_trader.trading"),
    "nautilus_trader v1": ("nautilus_v1", "nautilus_trader.backtest.engine"),
    "hftbacktest": ("hftbacktest", "hftbacktest"),
    "raptorbt": ("raptorbt", "raptorbt"),
    "vectorbt": ("vectorbt", "vectorbt"),
    "backtesting": ("backtesting", "backtesting"),
}
FIRST = {
    "nautilus_trader": ("nautilus_v2", "peers.nautilus_v2", ("bars",)),
    "raptorbt": ("raptorbt", "peers.crosses", ("raptorbt", "bars")),
    "vectorbt": ("vectorbt", "peers.crosses", ("vectorbt", "bars")),
    "backtesting": ("backtesting", "peers.crosses", ("backtesting", "bars")),
}
FEW_BARS = 5_000
Words = Mapping[str, list[str]]


def _seconds(words: list[str]) -> tuple[float, float]:
    """Wall and processor time of a process that does one round."""
    place = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONWARNINGS": "ignore"}
    before, wall = os.times(), time.perf_counter()
    done = subprocess.run(
        words, input="go\n", text=True, capture_output=True, env=place, check=False
    )
    wall, after = time.perf_counter() - wall, os.times()
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise Unavailable(said[-1][:200] if said else f"ended: {done.returncode}")
    cpu = after.children_user + after.children_system
    return wall, cpu - before.children_user - before.children_system


def _in_turns(
    bench: Bench, title: str, all_words: Words
) -> tuple[dict[str, float], dict[str, float]]:
    """The quickest wall and processor time of each, ms."""
    walls: dict[str, list[float]] = {}
    cpus: dict[str, list[float]] = {}
    console.print(f"{title} …  (load {os.getloadavg()[0]:.1f})", style="dim")
    for _ in range(max(5, bench.rounds)):
        for name, words in all_words.items():
            if name in bench.absent:
                continue
            try:
                wall, cpu = _seconds(words)
            except Unavailable as error:
                bench.absent[f"{name} ({title})"] = str(error)
                continue
            walls.setdefault(name, []).append(wall * 1e3)
            cpus.setdefault(name, []).append(cpu * 1e3)
    return {it: min(at) for it, at in walls.items()}, {it: min(at) for it, at in cpus.items()}


def _rows(
    case: str, data: str, found: tuple[dict[str, float], ...], goal: float, note: str
) -> list[Row]:
    rows = []
    for kind, times in zip(("wall", "CPU"), found, strict=True):
        peers = {name: took for name, took in times.items() if name not in ("flyball", "python")}
        floor, value = times.get("python"), times.get("flyball")
        wanted = goal if kind == "wall" else None
        rows.append(
            row(f"{case}, {kind}", data, value, "ms", note, peers=peers, floor=floor, goal=wanted)
        )
    return rows


def _pythons(bench: Bench, names: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name, environment in names.items():
        try:
            found[name] = str(bench.environments.python(environment))
        except Unavailable as error:
            bench.absent[name] = str(error)
    return found


def start_rows(bench: Bench) -> list[Row]:
    """With the interpreter's own start; the floor is an interpreter that does nothing."""
    pythons = _pythons(bench, {name: it[0] for name, it in IMPORTS.items()})
    imports = {name: [at, "-c", f"import {IMPORTS[name][1]}"] for name, at in pythons.items()}
    ours = {
        "flyball": [bench.python, "-c", "import flyball"],
        "python": [bench.python, "-c", "pass"],
    }
    found = _in_turns(bench, "import", ours | imports)
    note = "floor: an interpreter that does nothing; each with its interpreter's start"
    rows = _rows("import", "fresh processes", found, 50, note)

    arrays, _ = bench.data.bars(FEW_BARS)
    first = {
        name: [pythons[name], "-m", module, *words, str(arrays)]
        for name, (_, module, words) in FIRST.items()
        if name in pythons
    }
    ours["flyball"] = [
        bench.python,
        "-m",
        "peers.flyball_first",
        str(arrays.with_name("catalogue")),
    ]
    found = _in_turns(bench, "first result", ours | first)
    note = f"SMA cross over {FEW_BARS:,} bars, with its statistics; data is read, not made"
    return rows + _rows("process start to first result", "fresh processes", found, 100, note)
