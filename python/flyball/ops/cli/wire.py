"""`flyball proof --wire`: crash cells with real processes, sockets and files."""

import json as json_text
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from flyball.config.profile import profile
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.report.formats import percent
from flyball.ops.wire import trips
from flyball.ops.wire.cells import UNPROTECTED, Cell, Outcome, all_cells, few_cells
from flyball.ops.wire.faults import FAULTS
from flyball.ops.wire.runner import run_cells, spread, summary
from flyball.ops.wire.windows import RECORDED

__all__ = ["over_wire"]

_AT_ONCE = 6
_PARTS = ("p50", "p99", "max")
_MORE = _PARTS[1:]
_RUNS = 1  # that trip side by side: more would be in each other's way
# Trips by fault: in the whole, and in a few cells.
_TRIPS = {"none": (200, 8), "disk_full": (48, 4), "venue_5xx": (24, 2)}


def over_wire(
    wanted: Sequence[str], *, few: bool, at_once: int, bars: Path | None, json: str
) -> int:
    """Run the cells and the trips, and tell.

    Parameters
    ----------
    wanted : sequence of str
        What protects: names, or files.
    few : bool
        Whether only some cells are run.
    at_once : int
        Cells side by side; 0 is six.
    bars : Path, optional
        The folder of recorded bars; without it only made gaps are run.
    json : str
        A file for everything that was found; `-` prints it.

    Raises
    ------
    ConfigError
        If a profile makes no sense.
    """
    chosen = [(profile(name), _source(name)) for name in wanted]
    off = profile(UNPROTECTED)
    if any(item.name == off.name for item, _ in chosen):
        raise ConfigError("--profile unprotected: it is always run, as what is compared with")
    if bars is not None and not (bars / RECORDED).is_file():
        bars = None
        console.say(f"no {RECORDED} there: only made gaps are run")
    cells = (few_cells if few else all_cells)(chosen, off, data=bars)
    began = time.monotonic()
    found: dict[str, Any] = summary(_played(cells, at_once or _AT_ONCE))
    found["trips"] = _tripped(few=few)
    found["seconds"] = time.monotonic() - began
    found["recorded"] = bars is not None
    told = {"wire": found}
    if json == "-":
        console.print_json(told)
    else:
        if json:
            Path(json).write_text(json_text.dumps(told, indent=1), encoding="utf-8")
        _tell(found)
    return 1 if _failed(found) else 0


def _source(name: str) -> str:
    return str(Path(name).absolute()) if name.endswith(".toml") else name


def _played(cells: Sequence[Cell], at_once: int) -> list[Outcome]:
    console.say(
        f"{len(cells)} cells at local exchanges, {at_once} side by side: processes, sockets and "
        "files are real, market, venue and money simulated"
    )
    done = 0

    def tell(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        if outcome.failure:
            said = f"FAILED: {outcome.failure}"
        else:
            said = f"drawdown {outcome.drawdown:.2%} of {_line(outcome.line)}"
        console.say(f"  {done} of {len(cells)} {outcome.cell}: {said}")

    return run_cells(cells, at_once=at_once, tell=tell)


def _tripped(*, few: bool) -> dict[str, Any]:
    known = {fault.name: fault for fault in FAULTS}
    found = {}
    for name, counts in _TRIPS.items():
        times = counts[1 if few else 0]
        console.say(f"{times} trips of a line with the fault {name}")
        found[name] = trips.figures(trips.measure(known[name], times=times, at_once=_RUNS))
    return found


def _failed(found: dict[str, Any]) -> bool:
    bad = ("over_line_within_gap", "not_flat", "orders_after_stop", "failed", "unnoticed")
    return any(
        figures["breaches"] or any(figures[key]["count"] for key in bad)
        for figures in found["profile"].values()
    )


def _line(value: float | None) -> str:
    return "none" if value is None or value > 1 else percent(value)


def _rows(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    protected = list(found["profile"].values())
    each = [*protected, found["unprotected"]]

    def counted(name: str, key: str) -> tuple[str, list[str]]:
        return name, [*(f"{it[key]['count']:,}" for it in protected), "\u2013"]

    def shown(name: str, key: str) -> tuple[str, list[str]]:
        return name, [percent(it[key]) for it in each]

    return [
        ("cells", [f"{it['cells']:,}" for it in each]),
        ("drawdown line", [_line(it["line"]) for it in each]),
        shown("worst drawdown", "worst_drawdown"),
        (
            "… where the move was within the assumed gap",
            [*(percent(it["worst_drawdown_within_gap"]) for it in protected), "\u2013"],
        ),
        shown("median drawdown", "p50_drawdown"),
        shown("drawdown, 99 % of cells", "p99_drawdown"),
        ("largest overshoot", [*(percent(it["overshoot_max"]) for it in protected), "\u2013"]),
        counted("cells beyond the line", "over_line"),
        counted("… where the move was within the assumed gap", "over_line_within_gap"),
        ("emergency breaches", [*(f"{it['breaches']:,}" for it in protected), "\u2013"]),
        (
            "ended verified flat",
            [
                *(f"{it['judged'] - it['not_flat']['count']:,} of {it['judged']:,}" for it in each),
            ],
        ),
        counted("cells with risky orders after a stop", "orders_after_stop"),
        counted("cells whose fault nobody noticed", "unnoticed"),
        counted("cells that could not be judged", "failed"),
    ]


def _tell(found: dict[str, Any]) -> None:
    shown = Table(
        title="Crash cells over the wire (market, venue and money simulated)",
        box=None,
        title_justify="left",
        pad_edge=False,
    )
    shown.add_column("", overflow="fold")
    for name in (*found["profile"], UNPROTECTED):
        shown.add_column(name, justify="right", overflow="fold", min_width=min(12, len(name)))
    for name, values in _rows(found):
        shown.add_row(name, *values)
    console.out.print(shown)
    _tell_faults(found)
    _tell_trips(found)


def _times(times: dict[str, Any]) -> list[str]:
    if not times["count"]:
        return ["\u2013"] * 3
    return [f"{times[key]:,.0f}" if times[key] >= 10 else f"{times[key]:.1f}" for key in _PARTS]


def _tell_faults(found: dict[str, Any]) -> None:
    closed = Table(title="By fault", box=None, title_justify="left", pad_edge=False)
    heads = ("fault", "cells", "noticed", "worst of line", "closed at the venue, ms: p50", *_MORE)
    later = Table(box=None, pad_edge=False)
    others = ("said to be flat after its end, ms: p50", *_MORE)
    for table, titles in (
        (closed, heads),
        (later, ("fault", "sentinel acts, ms: p50", *_MORE, *others)),
    ):
        for title in titles:
            first = title == "fault"
            table.add_column(title, justify="left" if first else "right", no_wrap=first)
    rows = [row for row in found["outcomes"] if row["profile"] != UNPROTECTED]
    for fault in FAULTS:
        group = [row for row in rows if row["fault"] == fault.name and not row["failure"]]
        if not group:
            continue
        noticed = sum(bool(row["signs"]) for row in group)
        worst = percent(max(row["drawdown"] / row["line"] for row in group))
        after = [row["ms_after_fault"] for row in group if (row["ms_after_fault"] or 0.0) > 0]
        times = _times(spread([row["ms_to_closed"] for row in group]))
        closed.add_row(fault.name, f"{len(group)}", f"{noticed}", worst, *times)
        acts = _times(spread([row["ms_to_act"] for row in group]))
        later.add_row(fault.name, *acts, *_times(spread(after)))
    for table in (closed, later):
        console.out.print()
        console.out.print(table)


def _tell_trips(found: dict[str, Any]) -> None:
    title = "A line is crossed → closing order on the wire → verified flat"
    table = Table(title=title, box=None, title_justify="left", pad_edge=False)
    table.add_column("fault")
    heads = ("engine → wire, µs: p50", "wire → wire, µs: p50", "flat, ms: p50")
    for name in ("trips", *(part for head in heads for part in (head, *_MORE))):
        table.add_column(name, justify="right")
    for fault, figures in found["trips"].items():
        keys = ("event_to_wire_us", "wire_to_wire_us", "to_flat_ms")
        times = [each for key in keys for each in _times(figures[key])]
        table.add_row(fault, f"{figures['trips']}", *times)
    console.out.print()
    console.out.print(table)
    console.out.print()
    console.out.print(f"{found['cells']} cells in {found['seconds']:,.0f} s", markup=False)
