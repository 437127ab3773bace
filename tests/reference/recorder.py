"""A strategy that writes down what it sees, and the comparison of that with naive numbers."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import flyball as fb

CASH = 10_000
RELATIVE = 1e-9

Row = Mapping[str, Any]


def alias_of(name: str, parameters: Mapping[str, float]) -> str:
    """A name under which a feature can be told from others of its kind."""
    return "_".join(["its", name, *(f"{value:g}" for value in parameters.values())])


class Recorder:
    """A strategy that wants nothing, and writes down what it sees.

    It is woken only when all its features have a value: a row that is missing says that one had
    none.
    """

    def __init__(self, *, bars: fb.Bars | str | None = None, wake: fb.Wake | None = None) -> None:
        if bars is not None:
            self.bars = bars
        if wake is not None:
            self.wake = wake
        self.kept: list[str] = ["time_ns"]
        self.rows: list[Row] = []
        self.limit = 10**9
        self.depth = 0

    def watch(self, name: str, **parameters: float) -> str:
        """Declare a feature; the name under which it is seen."""
        alias = alias_of(name, parameters)
        setattr(self, alias, fb.Feature(name, **parameters))
        self.kept.append(alias)
        return alias

    def decide(self, view: fb.View) -> None:
        if len(self.rows) < self.limit:
            self.rows.append({name: getattr(view, name) for name in self.kept})


def run(strategy: Recorder, data: fb.Dataset) -> list[Row]:
    result = fb.backtest(strategy, data=data, profile="emergency", cash=CASH)
    assert len(result.fills["time_ns"]) == 0
    return strategy.rows


def same_number(name: str, row: Row, wanted: object) -> bool:
    if not isinstance(wanted, float):
        return bool(row[name] == wanted)
    return math.isclose(row[name], wanted, rel_tol=RELATIVE, abs_tol=1e-12)


def assert_same(rows: Sequence[Row], expected: Sequence[Row]) -> int:
    """Both sequences are the same rows, floats to 1e-9; how many numbers were compared."""
    for row, wanted in zip(rows, expected, strict=True):
        for name, value in wanted.items():
            told = f"{name} at {row['time_ns']}: {row[name]!r}, by hand {value!r}"
            assert same_number(name, row, value), told
    return sum(len(row) for row in expected)
