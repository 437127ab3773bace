"""Scores over parameters: a map of two of them, each by itself, and what is around the best."""

from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyball.ops.sweep.space import Axis, Space, Value
from flyball.ops.sweep.tried import Tried

__all__ = ["landscape", "marginals", "neighbours"]

Floats = NDArray[np.float64]

_CELLS = 40  # values of a grid's axis that are shown one by one
_BINS = 12  # where there are more, or they are drawn from a range
_NEAREST = 8


def _columns(tried: Tried, axis: Axis) -> list[Value]:
    return [trial.job.parameters[axis.name] for trial in tried.trials]


def _binned(values: Sequence[Value], axis: Axis) -> tuple[list[str], NDArray[np.int64]]:
    """Names of the cells of an axis, and the cell of each value."""
    distinct = list(dict.fromkeys(values))
    numbers = all(not isinstance(one, str | bool) for one in distinct)
    if axis.values:
        known = [value for value in axis.values if value in set(distinct)]
        distinct = known
    elif numbers:
        distinct = sorted(distinct, key=float)
    one_by_one = _CELLS if axis.values or axis.step is not None else _BINS
    if not numbers or len(distinct) <= one_by_one:
        place = {value: at for at, value in enumerate(distinct)}
        names = [f"{one:.6g}" if isinstance(one, float) else f"{one}" for one in distinct]
        return names, np.array([place[one] for one in values])
    plain = np.array([float(one) for one in values])
    scale = np.log(plain) if axis.logarithmic else plain
    edges = np.linspace(scale.min(), scale.max(), _BINS + 1)
    at = np.clip(np.searchsorted(edges, scale, side="right") - 1, 0, _BINS - 1)
    middles = (edges[:-1] + edges[1:]) / 2
    shown = np.exp(middles) if axis.logarithmic else middles
    return [f"{one:.4g}" for one in shown], at.astype(np.int64)


def landscape(tried: Tried, best: int, scores: Floats, space: Space) -> dict[str, Any] | None:
    """Scores by the two parameters with the most values; `None` where less than two vary.

    A cell holds the median of its trials, which differ in the other parameters; `None` where there
    is none.
    """
    varied = [axis for axis in space.axes if len(set(map(repr, _columns(tried, axis)))) > 1]
    if len(varied) < 2:
        return None
    ranked = sorted(varied, key=lambda axis: -len(set(map(repr, _columns(tried, axis)))))
    across, down = (axis for axis in varied if axis in ranked[:2])
    columns, x = _binned(_columns(tried, across), across)
    rows, y = _binned(_columns(tried, down), down)
    cells: list[list[float | None]] = [[None] * len(columns) for _ in rows]
    places = y * len(columns) + x
    for place in np.unique(places).tolist():
        row, column = divmod(place, len(columns))
        cells[row][column] = float(np.median(scores[places == place]))
    return {
        "x": across.name,
        "y": down.name,
        "columns": columns,
        "rows": rows,
        "cells": cells,
        "best": [int(y[best]), int(x[best])],
        "others": [axis.name for axis in varied if axis not in (across, down)],
    }


def marginals(tried: Tried, scores: Floats, space: Space) -> list[dict[str, Any]]:
    """Scores by each parameter alone: worst, median and best trial with each of its values."""
    found = []
    for axis in space.axes:
        names, at = _binned(_columns(tried, axis), axis)
        groups = [scores[at == place] for place in range(len(names))]
        found.append(
            {
                "name": axis.name,
                "values": [name for name, group in zip(names, groups, strict=True) if group.size],
                "low": [float(group.min()) for group in groups if group.size],
                "median": [float(np.median(group)) for group in groups if group.size],
                "high": [float(group.max()) for group in groups if group.size],
            }
        )
    return found


def neighbours(tried: Tried, best: int, scores: Floats, space: Space) -> dict[str, Any] | None:
    """What the trials next to the best one are worth: a best that stands alone is luck.

    On a grid those are the trials that differ by one place in one parameter; elsewhere, the eight
    nearest. `share` is their median score over the best one's, where that is above zero.
    """
    if len(tried.trials) < 2:
        return None
    places = [_places(tried, axis) for axis in space.axes]
    away = np.stack([np.abs(place - place[best]) for place in places])
    steps = [1.0 / max(1, len(np.unique(place)) - 1) for place in places]
    one_step = np.array(steps)[:, None] * 1.001
    next_to = (np.count_nonzero(away > 1e-12, axis=0) == 1) & np.all(away <= one_step, axis=0)
    kind = "one step away in one parameter"
    if not np.any(next_to) or any(axis.step is None and not axis.values for axis in space.axes):
        kind = "nearest"
        distance = np.sqrt(np.sum(away**2, axis=0))
        distance[best] = np.inf
        nearest = np.argsort(distance, kind="stable")[: min(_NEAREST, len(tried.trials) - 1)]
        next_to = np.zeros(len(tried.trials), dtype=np.bool_)
        next_to[nearest] = True
    around = scores[next_to]
    median = float(np.median(around))
    top = float(scores[best])
    return {
        "kind": kind,
        "count": int(around.size),
        "median": median,
        "worst": float(around.min()),
        "share": median / top if top > 0.0 else None,
    }


def _places(tried: Tried, axis: Axis) -> Floats:
    """Where each trial lies on an axis, 0 to 1: by rank on a grid, by value elsewhere."""
    values = _columns(tried, axis)
    if axis.values or axis.step is not None:
        grid = axis.values or axis.grid()
        known = set(map(repr, values))
        present = [repr(value) for value in grid if repr(value) in known]
        rank = {value: at for at, value in enumerate(present)}
        return np.array([rank[repr(v)] for v in values]) / max(1, len(present) - 1)
    plain = np.array([float(value) for value in values])
    if axis.logarithmic:
        low, high = log(float(axis.low)), log(float(axis.high))
        shares: Floats = (np.log(plain) - low) / (high - low)
        return shares
    return (plain - float(axis.low)) / float(axis.high - axis.low)
