"""The charts of a report: equity, drawdown, trades, exposure; the same axes for all its runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from flyball.ops.report import limits, plot
from flyball.ops.report.fillmarks import fill_marks
from flyball.ops.report.formats import amount, moment, multiple, percent, plural
from flyball.ops.report.markup import NOTHING, Html, el
from flyball.ops.report.plot import Figure, Flag
from flyball.ops.report.run import Run
from flyball.ops.report.scales import Axis, TimeAxis, axis
from flyball.ops.report.words import SWITCHES

__all__ = ["Axes", "charts", "closer_charts", "shared_axes"]

_FLAGS_AT_MOST = 60  # full lines; more are short
_WORDS_AT_MOST = 4

Floats = NDArray[np.float64]


class _Panel(Protocol):
    def __call__(self, run: Run, axes: "Axes", /, *, alone: bool) -> Html: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Axes:
    """The axes of one run's charts. Runs that can be compared have equal ones."""

    time: TimeAxis
    equity: Axis
    drawdown: Axis
    price: Axis
    exposure: Axis


def shared_axes(runs: Sequence[Run]) -> dict[int, Axes]:
    """Axes by the index of the run.

    Time is shared where all runs overlap, equity where the currency is the same, prices where the
    instrument is; drawdown and exposure always.
    """
    instruments = {run.index: run.result.data.instrument for run in runs}
    money = _by_kind(runs, lambda run: run.money, _money_axis)
    price = _by_kind(
        runs, lambda run: f"{instruments[run.index].venue} {instruments[run.index].symbol}", _prices
    )
    time, drawdown, exposure = _times(runs), _falls(runs), _exposures(runs)
    return {
        run.index: Axes(
            time=time.get(run.index, TimeAxis(run.first_ns, run.last_ns)),
            equity=money[run.index],
            drawdown=drawdown,
            price=price[run.index],
            exposure=exposure,
        )
        for run in runs
    }


def _by_kind(
    runs: Sequence[Run], kind: Callable[[Run], str], make: Callable[[Sequence[Run]], Axis]
) -> Mapping[int, Axis]:
    kinds = {kind(run) for run in runs}
    made = {name: make([run for run in runs if kind(run) == name]) for name in kinds}
    return {run.index: made[kind(run)] for run in runs}


def _times(runs: Sequence[Run]) -> Mapping[int, TimeAxis]:
    if max(run.first_ns for run in runs) > min(run.last_ns for run in runs):
        return {}
    one = TimeAxis(min(run.first_ns for run in runs), max(run.last_ns for run in runs))
    return {run.index: one for run in runs}


def _known(columns: Sequence[Floats]) -> list[float]:
    """Lowest and highest of what is known."""
    every = np.concatenate(columns)
    every = every[np.isfinite(every)]
    return [float(np.min(every)), float(np.max(every))] if every.size else []


def _money_axis(runs: Sequence[Run]) -> Axis:
    cash = [float(run.result.cash) for run in runs]
    lines = [line for run in runs for line in limits.of_equity(run)]
    return axis(_known([run.equity for run in runs]) + cash, wanted=limits.wanted(lines))


def _falls(runs: Sequence[Run]) -> Axis:
    lines = [line for run in runs for line in limits.below_peak(run)]
    deepest = max([0.0, *_known([run.drawdown for run in runs])])
    deepest = max([deepest, *(run.result.max_drawdown for run in runs)])
    found = axis([0.0, -100.0 * deepest], wanted=limits.wanted(lines), pad=0.0)
    return Axis(found.low * 1.08, 0.0)


def _prices(runs: Sequence[Run]) -> Axis:
    roles = ("buy", "sell", "exit", "liquidation")
    filled = [run.fills(role).price for run in runs for role in roles]
    return axis(_known([*(run.price for run in runs), *filled]))


def _exposures(runs: Sequence[Run]) -> Axis:
    lines = [line for run in runs for line in limits.of_exposure(run)]
    found = axis([0.0, *_known([run.exposure for run in runs])], wanted=limits.wanted(lines), pad=0)
    return Axis(0.0, found.high * 1.08)


def charts(runs: Sequence[Run]) -> list[list[Html]]:
    """Every chart, one figure a run; with several runs first the equity of all in one."""
    axes = shared_axes(runs)
    found: list[list[Html]] = []
    if len(runs) > 1 and len({(axes[run.index].time, run.money) for run in runs}) == 1:
        found.append([_together(runs, axes[runs[0].index])])
    return found + _rows(runs, axes, (_equity, _drawdown, _trades, _exposure))


def closer_charts(runs: Sequence[Run]) -> list[list[Html]]:
    """Equity and trades alone, of runs that show a part of themselves."""
    return _rows(runs, shared_axes(runs), (_equity, _trades))


def _rows(
    runs: Sequence[Run], axes: Mapping[int, Axes], panels: Sequence[_Panel]
) -> list[list[Html]]:
    alone = len(runs) == 1
    return [[panel(run, axes[run.index], alone=alone) for run in runs] for panel in panels]


def _label(run: Run, *, alone: bool) -> Html:
    return NOTHING if alone else el("span", run.label, class_=f"label run{run.index}")


def _flags(run: Run, x: TimeAxis, *, words: bool = False) -> list[Flag]:
    trips = run.of_kind("Tripped")
    seen: set[str] = set()
    found: list[Flag] = []
    for trip in trips:
        name = str(trip.about["switch"])
        new = name not in seen and len(seen) < _WORDS_AT_MOST
        seen.add(name)
        known = SWITCHES[name].name if name in SWITCHES else name
        short = len(trips) > _FLAGS_AT_MOST and not new
        word = known if words and new else ""
        found.append(Flag(at=x.at(trip.time_ns), word=word, short=short))
    return found


def _trip_key(run: Run) -> list[Html]:
    count = len(run.of_kind("Tripped"))
    return [plot.key("a switch tripped" if count == 1 else "switches tripped", line="trip")] * (
        count > 0
    )


def _span(values: Floats, write: Callable[[float], str]) -> str:
    known = values[np.isfinite(values)]
    if not known.size:
        return "never known"
    first, last, low, high = known[0], known[-1], np.min(known), np.max(known)
    if low == high:
        return f"{write(float(low))} throughout"
    return (
        f"{write(float(first))} to {write(float(last))}, "
        f"lowest {write(float(low))}, highest {write(float(high))}"
    )


def _equity(run: Run, axes: Axes, *, alone: bool) -> Html:
    x, y = axes.time, axes.equity
    none = "no switch on losses of the account in this profile"
    lines, keys = limits.drawn(limits.of_equity(run), run, x=x, y=y, none=none)
    cash = np.full(2, float(run.result.cash))
    ends = np.array([x.first, x.last])
    curves = [
        plot.curve(ends, cash, x=x, y=y, css="line start"),
        *lines,
        plot.curve(run.time_ns, run.equity, x=x, y=y, css="line main"),
    ]
    legend = [plot.key("equity", line="main"), *keys, plot.key("cash at the start", line="start")]
    about = Figure(
        name="Equity",
        unit=run.money,
        runs=(run.number,),
        colour=run.index,
        x=x,
        y=y,
        size="middle",
        curves=curves,
        legend=legend + _trip_key(run),
        summary=_span(run.equity, lambda value: amount(value, run.decimals)),
        show="equity drawdown",
        label=_label(run, alone=alone),
        flags=_flags(run, x, words=True),
    )
    return plot.figure(about)


def _together(runs: Sequence[Run], axes: Axes) -> Html:
    x, y = axes.time, axes.equity
    curves = [
        plot.curve(run.time_ns, run.equity, x=x, y=y, css=f"line main run{run.index}")
        for run in runs
    ]
    ends = [f"{run.label} {_last(run)}" for run in runs]
    about = Figure(
        name="Equity",
        unit=runs[0].money,
        runs=tuple(run.number for run in runs),
        colour=None,
        x=x,
        y=y,
        size="middle",
        curves=curves,
        legend=[plot.key(run.label, line=f"main run{run.index}") for run in runs],
        summary="at the end " + ", ".join(ends),
        show="equity",
    )
    return plot.figure(about)


def _last(run: Run) -> str:
    return amount(run.result.equity, run.decimals)


def _drawdown(run: Run, axes: Axes, *, alone: bool) -> Html:
    x, y = axes.time, axes.drawdown
    none = "no drawdown switch in this profile"
    lines, keys = limits.drawn(limits.below_peak(run), run, x=x, y=y, none=none)
    fallen = -100.0 * run.drawdown
    deepest = run.metrics.drawdown
    when = f" at {moment(deepest.trough_ns)}" if deepest else ""
    about = Figure(
        name="Drawdown",
        unit="% under the peak",
        runs=(run.number,),
        colour=run.index,
        x=x,
        y=y,
        size="low",
        curves=[
            plot.curve(run.time_ns, fallen, x=x, y=y, css="area-of main", down_to=0.0),
            plot.curve(run.time_ns, fallen, x=x, y=y, css="line main thin"),
            *lines,
        ],
        legend=[*keys, *_trip_key(run)],
        summary=f"deepest {percent(run.result.max_drawdown)}{when}",
        show="drawdown equity",
        label=_label(run, alone=alone),
        flags=_flags(run, x),
    )
    return plot.figure(about)


def _trades(run: Run, axes: Axes, *, alone: bool) -> Html:
    x, y = axes.time, axes.price
    found = fill_marks(run, x=x, y=y)
    about = Figure(
        name="Trades on price",
        unit=run.quote,
        runs=(run.number,),
        colour=run.index,
        x=x,
        y=y,
        size="tall",
        curves=[
            plot.curve(run.time_ns, run.price, x=x, y=y, css="line price"),
            plot.levels(run.time_ns, run.stop, x=x, y=y, css="line resting"),
            *found.dots,
        ],
        symbols=found.symbols,
        legend=[plot.key("mark price", line="price"), *found.keys, *_trip_key(run)],
        summary=f"{plural(run.fill_count, 'fill')}, price "
        + _span(run.price, lambda value: amount(value, run.price_decimals)),
        show="price position",
        label=_label(run, alone=alone),
        flags=_flags(run, x, words=True),
        strip=found.strip,
        note=found.note,
    )
    return plot.figure(about)


def _exposure(run: Run, axes: Axes, *, alone: bool) -> Html:
    x, y = axes.time, axes.exposure
    none = "no limit on exposure in this profile"
    lines, keys = limits.drawn(limits.of_exposure(run), run, x=x, y=y, none=none)
    known = run.exposure[np.isfinite(run.exposure)]
    held = run.metrics["exposure_time"].value
    largest = f"at most {multiple(float(np.max(known)))}" if known.size else "never known"
    css = "area-of main"
    about = Figure(
        name="Exposure",
        unit="value of positions \u00f7 equity",
        runs=(run.number,),
        colour=run.index,
        x=x,
        y=y,
        size="low",
        curves=[
            plot.curve(run.time_ns, run.exposure, x=x, y=y, css=css, step=True, down_to=0.0),
            plot.curve(run.time_ns, run.exposure, x=x, y=y, css="line main faint", step=True),
            *lines,
        ],
        legend=[*keys, *_trip_key(run)],
        summary=f"{largest}, held {percent(held, 1)} of the time",
        show="exposure position",
        label=_label(run, alone=alone),
        flags=_flags(run, x),
    )
    return plot.figure(about)
