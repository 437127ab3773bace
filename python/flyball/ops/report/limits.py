"""The lines that a profile draws into the charts."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flyball.ops.report import plot
from flyball.ops.report.formats import fraction, plain
from flyball.ops.report.markup import Html
from flyball.ops.report.run import Run
from flyball.ops.report.scales import Axis, TimeAxis

__all__ = ["Line", "below_peak", "drawn", "of_equity", "of_exposure", "wanted"]

_SHORT_NS = 14 * 86_400 * 10**9
_NONE_FROM = 100.0  # times equity: nothing reaches it

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A limit at the moments of its run, in the unit of its chart."""

    css: str
    values: Floats
    words: str


def of_equity(run: Run) -> list[Line]:
    """The equity at which the switches on losses fire. Those that follow the peak follow it."""
    switches = run.result.profile.switches
    found: list[Line] = []
    for name, css in (("drawdown", "warn"), ("emergency", "stop")):
        loss = float(getattr(switches, name))
        if loss < 1.0:
            words = f"{name} switch, {fraction(loss)} under the peak"
            found.append(Line(css=css, values=run.line_below(loss), words=words))
    loss = float(switches.daily_loss)
    if loss < 1.0 and (
        "daily_loss" in run.result.tripped or run.last_ns - run.first_ns <= _SHORT_NS
    ):
        words = f"daily loss switch, {fraction(loss)} under the day\u2019s start"
        found.append(Line(css="daily", values=run.line_of_day(loss), words=words))
    return found


def below_peak(run: Run) -> list[Line]:
    """The drawdown switches, in per cent below zero."""
    switches = run.result.profile.switches
    limits = (("drawdown", "warn", switches.drawdown), ("emergency", "stop", switches.emergency))
    return [
        Line(css=css, values=_level(run, -100.0 * float(loss)), words=f"{name} {fraction(loss)}")
        for name, css, loss in limits
        if loss < 1
    ]


def of_exposure(run: Run) -> list[Line]:
    """What bounds gross exposure, as multiples of equity."""
    profile = run.result.profile
    limits = (
        ("one instrument", "daily", profile.gate.max_concentration),
        ("leverage after a trade", "warn", profile.gate.max_leverage),
        ("leverage switch", "stop", profile.switches.leverage),
    )
    return [
        Line(css=css, values=_level(run, float(most)), words=f"{name} {plain(float(most))}\u00d7")
        for name, css, most in limits
        if float(most) < _NONE_FROM
    ]


def _level(run: Run, value: float) -> Floats:
    return np.full(run.time_ns.shape, value)


def wanted(lines: Sequence[Line]) -> list[float]:
    """What an axis should reach so that these lines are seen."""
    return [float(np.nanmin(line.values)) for line in lines if np.isfinite(line.values).any()]


def drawn(
    lines: Sequence[Line], run: Run, *, x: TimeAxis, y: Axis, none: str
) -> tuple[list[Html], list[Html]]:
    """Their curves, and their entries in the legend; a line beyond the chart is said to be."""
    curves: list[Html] = []
    keys: list[Html] = []
    for line in lines:
        seen = (line.values >= y.low) & (line.values <= y.high)
        if seen.any():
            css = f"line {line.css}"
            curves.append(plot.curve(run.time_ns, line.values, x=x, y=y, css=css, step=True))
            keys.append(plot.key(line.words, line=line.css))
        elif np.isfinite(line.values).any():
            keys.append(plot.key(f"{line.words}: beyond this chart", line=line.css, off=True))
    if not lines:
        keys.append(plot.key(none, off=True))
    return curves, keys
