"""Where the strategy traded: symbols while they are few, thinned dots and a strip when many."""

from dataclasses import dataclass

import numpy as np

from flyball.ops.report import plot
from flyball.ops.report.formats import duration, plural
from flyball.ops.report.markup import NOTHING, Html, el
from flyball.ops.report.run import Fills, Run
from flyball.ops.report.scales import Axis, TimeAxis

__all__ = ["FillMarks", "fill_marks"]

_SYMBOLS_AT_MOST = 200  # of all sorts together
_CROWDED = 1.5  # fills that each column would hold
_COLUMNS = 280  # dots: at most one of a sort in each
_BARS = 96

_WORDS = {"buy": "buy", "sell": "sell", "exit": "exit", "liquidation": "liquidation by the venue"}


@dataclass(frozen=True, kw_only=True, slots=True)
class FillMarks:
    """What a chart of prices shows of fills."""

    dots: list[Html]
    symbols: list[Html]
    keys: list[Html]
    strip: Html
    note: str


def fill_marks(run: Run, *, x: TimeAxis, y: Axis) -> FillMarks:
    """Fills as marks: one symbol each, or dots, with a strip of bars that counts them all."""
    sorts = {role: run.fills(role) for role in _WORDS}
    shown = {role: fills for role, fills in sorts.items() if len(fills)}
    keys = [plot.key(_WORDS[role], symbol=role) for role in shown]
    if np.any((run.stop >= y.low) & (run.stop <= y.high)):
        keys.append(plot.key("stop at the venue", line="resting"))
    count = sum(len(fills) for fills in shown.values())
    if not count:
        return FillMarks(dots=[], symbols=[], keys=keys, strip=NOTHING, note="No order was filled.")
    thinned = {role: _thinned(fills, x) for role, fills in shown.items()}
    drawn = sum(len(fills) for fills in thinned.values())
    if count <= _SYMBOLS_AT_MOST and count <= _CROWDED * drawn:
        symbols = [
            plot.marks(fills.time_ns, fills.price, x=x, y=y, symbol=role)
            for role, fills in shown.items()
        ]
        return FillMarks(dots=[], symbols=symbols, keys=keys, strip=NOTHING, note="")
    return FillMarks(
        dots=[
            plot.dots(fills.time_ns, fills.price, x=x, y=y, css=role)
            for role, fills in thinned.items()
        ],
        symbols=[],
        keys=keys,
        strip=_strip(run, x),
        note=_note(count, drawn, x),
    )


def _note(count: int, drawn: int, x: TimeAxis) -> str:
    bars = f"Bars: all fills, bought up and sold down, {duration(x.span / _BARS)} each."
    if drawn == count:
        return bars
    apart = duration(x.span / _COLUMNS)
    return f"{plural(count, 'fill')}. Dots: at most one of a sort in {apart}. {bars}"


def _thinned(fills: Fills, x: TimeAxis) -> Fills:
    column = np.floor((fills.time_ns - x.first) / x.span * _COLUMNS)
    chosen = np.unique(column, return_index=True)[1]
    return Fills(fills.time_ns[chosen], fills.price[chosen])


def _strip(run: Run, x: TimeAxis) -> Html:
    times, sides = run.fill_sides
    place = np.floor((times - x.first) / x.span * _BARS).astype(np.int64)
    at = np.clip(place, 0, _BARS - 1)
    bought = np.bincount(at[sides > 0], minlength=_BARS)
    sold = np.bincount(at[sides < 0], minlength=_BARS)
    tallest = int(max(np.max(bought), np.max(sold)))
    drawn = el(
        "svg",
        plot.bars(bought, tallest=tallest, up=True, css="bar buy"),
        plot.bars(sold, tallest=tallest, up=False, css="bar sell"),
        viewBox=f"0 0 {plot.WIDE} {plot.HIGH}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
        role="img",
        aria_label=f"Fills over time: {int(np.sum(bought)):,} bought, {int(np.sum(sold)):,} sold, "
        f"at most {tallest:,} of a side in one bar",
    )
    tall = el("span", f"{tallest:,}", class_="tallest", aria_hidden="true")
    return el("div", el("div", tall, class_="ys"), el("div", drawn, class_="bars"), class_="strip")
