"""A line of the benchmark table, the table, and its JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flyball import _core

Row = dict[str, Any]
console = Console()


def row(
    case: str,
    data: str,
    value: float | None,
    unit: str,
    note: str = "",
    *,
    peers: Mapping[str, float] | None = None,
    floor: float | None = None,
    goal: float | None = None,
) -> Row:
    """One figure of Flyball's, and what others need for the same; less is better.

    `floor` is what a native sketch of the same work needed in the same run; `None` where there is
    none. `goal` is the figure to be reached.
    """
    named = dict(peers or {})
    best = min(named.values(), default=None)
    ratio = None if best is None or not value else best / value
    return {
        "case": case,
        "data": data,
        "flyball": value,
        "unit": unit,
        "peers": named,
        "ratio_best_peer": ratio,
        "floor": floor,
        "goal": goal,
        "reached": None if goal is None or value is None else value <= goal,
        "note": note,
    }


def circumstances() -> Row:
    """Machine and versions, the same for every row."""
    machine = platform.processor() or platform.machine()
    load = os.getloadavg()[0]
    return {
        "machine": f"{machine}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "load": load,
        "versions": {
            "flyball": f"{_core.VERSION}, build {_core.BUILD}",
            "python": platform.python_version(),
        },
    }


def write(path: Path, rows: Sequence[Row], versions: Mapping[str, str]) -> None:
    """The figures as a list of objects."""
    here = circumstances()
    here["versions"] |= versions
    path.write_text(json.dumps([one | here for one in rows], indent=1) + "\n")


def figure(value: float | None) -> str:
    """Digits that matter: 0.0123, 1.23, 12.3, 1,234."""
    if value is None:
        return "-"
    size = abs(value)
    return f"{value:,.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4}f}"


def _lines(one: Row) -> list[tuple[str, str, str, str, str, str]]:
    """A row of the table, and one below it for each peer and the floor."""
    value, unit = one["flyball"], one["unit"]
    goal = "" if one["goal"] is None else f"≤ {figure(one['goal'])}"
    reached = {None: "", True: "reached", False: "[bold]not reached[/]"}[one["reached"]]
    lines = [(one["case"], figure(value), unit, "", f"{goal} {reached}".strip(), one["note"])]
    best = min(one["peers"].values(), default=None)
    for name, other in one["peers"].items():
        times = "" if not value else f"{figure(other / value)} x"
        lines.append((f"  {name}", figure(other), unit, times, "", "best" if other == best else ""))
    if one["floor"] is not None:
        times = "" if not value else f"{figure(one['floor'] / value)} x"
        lines.append(("  floor: a native sketch", figure(one["floor"]), unit, times, "", ""))
    return lines


def show(rows: Sequence[Row], versions: Mapping[str, str], absent: Mapping[str, str]) -> None:
    """Print all of it."""
    console.print(f"Flyball {_core.VERSION}, build {_core.BUILD}", style="bold")
    for data, some in groupby(rows, key=lambda one: str(one["data"])):
        table = Table(title=data, title_justify="left", title_style="bold", expand=True)
        table.add_column("case", overflow="fold", ratio=5)
        table.add_column("figure", justify="right", no_wrap=True)
        table.add_column("unit", no_wrap=True)
        table.add_column("of ours", justify="right", no_wrap=True)
        table.add_column("goal", no_wrap=True)
        table.add_column("note", style="dim", overflow="fold", ratio=6)
        for one in some:
            for line in _lines(one):
                table.add_row(*line)
        console.print(table)
    here = circumstances()
    console.print(
        f"{here['machine']}, Python {here['versions']['python']}, load {here['load']:.1f}"
    )
    if versions:
        console.print("peers: " + ", ".join(f"{it} {at}" for it, at in sorted(versions.items())))
    for name, reason in absent.items():
        console.print(f"not measured: {name}: {reason}", style="bold")
