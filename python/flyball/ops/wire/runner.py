"""Cells side by side, and what they came to, in the crash matrix's words."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from flyball.ops.wire.cells import UNPROTECTED, Cell, Outcome
from flyball.ops.wire.play import play

__all__ = ["run_cells", "share", "spread", "summary"]

_LISTED = 12


def run_cells(
    cells: Sequence[Cell], *, at_once: int = 6, tell: Callable[[Outcome], None] = lambda _it: None
) -> list[Outcome]:
    """Play cells, so many side by side; in their own order, whatever ended first.

    Parameters
    ----------
    cells : sequence of Cell
        What is played.
    at_once : int
        How many go on at a time: each is three processes and an exchange.
    tell : callable
        Hears of each as it ends.
    """
    found: dict[str, Outcome] = {}
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="cell") as pool:
        waiting = [pool.submit(play, cell) for cell in cells]
        try:
            for done in as_completed(waiting):
                outcome = done.result()
                found[outcome.cell] = outcome
                tell(outcome)
        except BaseException:
            # Those that go on end in order; no other begins.
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [found[cell.name] for cell in cells]


def share(values: Sequence[float], part: float) -> float:
    """The value that this part of the values does not exceed; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else 0.0


def _listed(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    worst = sorted(outcomes, key=lambda each: -each.drawdown)[:_LISTED]
    return {"count": len(outcomes), "worst": [each.row() for each in worst]}


def spread(values: Sequence[float | None]) -> dict[str, float | int]:
    """How many are known, their median, what 99 % do not exceed, and the most; 0 of none."""
    known = [value for value in values if value is not None]
    return {
        "count": len(known),
        "p50": share(known, 0.50),
        "p99": share(known, 0.99),
        "max": max(known, default=0.0),
    }


def _by(outcomes: Sequence[Outcome], key: str) -> dict[str, Any]:
    names = list(dict.fromkeys(getattr(each, key) for each in outcomes))
    groups = {name: [each for each in outcomes if getattr(each, key) == name] for name in names}
    return {
        name: {
            "cells": len(group),
            "worst": max(each.drawdown for each in group),
            "held": sum(each.held for each in group),
            "noticed": sum(bool(each.signs) for each in group),
            "ms_to_closed": spread([each.ms_to_closed for each in group]),
            "ms_to_act": spread([each.ms_to_act for each in group]),
            "ms_after_fault": spread([each.ms_after_fault for each in group]),
            "ms_to_flat": spread([each.ms_to_flat for each in group]),
        }
        for name, group in groups.items()
    }


def _figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    played = [each for each in outcomes if not each.failure]
    drawdowns = [each.drawdown for each in played]
    within = [each for each in played if each.within]
    over = [each for each in played if each.overshoot > 0]
    return {
        "cells": len(outcomes),
        "line": played[0].line if played else None,
        "worst_drawdown": max(drawdowns, default=0.0),
        "worst_drawdown_within_gap": max((each.drawdown for each in within), default=0.0),
        "p50_drawdown": share(drawdowns, 0.50),
        "p99_drawdown": share(drawdowns, 0.99),
        "overshoot_max": max((each.overshoot for each in played), default=0.0),
        "over_line": _listed(over),
        "over_line_within_gap": _listed([each for each in over if each.within]),
        "breaches": sum(each.drawdown >= each.emergency for each in played),
        "beyond_gap": _listed([each for each in played if not each.within]),
        "judged": len(played),
        "stops": sum(bool(each.stopped_by) for each in played),
        "not_flat": _listed([each for each in played if not (each.flat and each.said_flat)]),
        "orders_after_stop": _listed([each for each in played if each.orders_after_stop]),
        "failed": _listed([each for each in outcomes if each.failure]),
        "unnoticed": _listed([each for each in played if each.kind != "none" and not each.signs]),
        "by_fault": _by(played, "fault"),
        "by_strategy": _by(played, "strategy"),
        "by_window": _by(played, "window"),
    }


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """What the cells came to: by profile, and without protection."""
    names = dict.fromkeys(each.profile for each in outcomes if each.profile != UNPROTECTED)
    return {
        "simulated": True,
        "cells": len(outcomes),
        "profile": {
            name: _figures([each for each in outcomes if each.profile == name]) for name in names
        },
        "unprotected": _figures([each for each in outcomes if each.profile == UNPROTECTED]),
        "outcomes": [each.row() for each in outcomes],
    }
