"""One chart as HTML around SVG: it stretches with the page, its letters do not.

Curves are paths in a box of their own that is stretched to the width that there is, with strokes
that keep theirs; everything else is placed by per cent. So one drawing serves every screen, and
paper, without a script.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from flyball.ops.report.markup import NOTHING, Html, el, join
from flyball.ops.report.scales import Axis, TimeAxis

__all__ = ["Figure", "Flag", "bars", "curve", "dots", "figure", "key", "levels", "marks"]

WIDE, HIGH = 8000, 2000  # units of the stretched box: finer than any screen
_MIDDLE = {"buy": "3", "sell": "11"}  # where a symbol is drawn so that it stands in the middle
_EDGE = 0.05  # labels nearer to an edge than this stay inside it

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Flag:
    """A moment across the chart; with a word beside it where there is one."""

    at: float
    word: str = ""
    short: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """A chart.

    `curves` are drawn in the box that stretches, `symbols` over it; `legend` says what they are.
    `summary` is what somebody who does not see the chart must know, and what stands beside the
    title until a cursor asks for more. `show` names the columns that the cursor reads out, `runs`
    their numbers among the values of the page; `colour` is that of the one run, if it is one.
    """

    name: str
    unit: str
    runs: tuple[int, ...]
    colour: int | None
    x: TimeAxis
    y: Axis
    size: str
    curves: Sequence[Html]
    legend: Sequence[Html]
    summary: str
    show: str
    symbols: Sequence[Html] = ()
    label: Html = NOTHING
    flags: Sequence[Flag] = ()
    strip: Html = NOTHING
    note: str = ""


def figure(about: Figure) -> Html:
    """The chart as one `figure` element."""
    title = [about.label, el("span", about.name, class_="name")]
    if about.unit:
        title.append(el("span", about.unit, class_="unit"))
    title.append(el("output", about.summary, class_="read", aria_live="off"))
    keys = el("ul", *about.legend, class_="legend") if about.legend else ""
    note = el("p", about.note, class_="note") if about.note else ""
    return el(
        "figure",
        el("figcaption", *title),
        keys,
        _plot(about),
        about.strip,
        note,
        class_="chart" if about.colour is None else f"chart run{about.colour}",
        data_runs=" ".join(map(str, about.runs)),
        data_show=about.show,
    )


def _plot(about: Figure) -> Html:
    rows = about.y.ticks(5 if about.size != "low" else 3)
    columns = about.x.ticks()
    grid = [_across(1.0 - tick.at) for tick in rows]
    grid += [_down(tick.at, "grid") for tick in columns]
    drawn = el(
        "svg",
        *about.curves,
        class_="curves",
        viewBox=f"0 0 {WIDE} {HIGH}",
        preserveAspectRatio="none",
        width="100%",
        height="100%",
    )
    flags = [_down(flag.at, "trip short" if flag.short else "trip") for flag in about.flags]
    words = [_flag(flag, row) for row, flag in enumerate(f for f in about.flags if f.word)]
    canvas = el(
        "svg",
        *grid,
        *flags,
        drawn,
        *about.symbols,
        role="img",
        aria_label=f"{about.name}: {about.summary}",
        width="100%",
        height="100%",
    )
    area = el(
        "div",
        canvas,
        *words,
        class_="area",
        data_first=f"{about.x.first / 1e6:.3f}",
        data_last=f"{about.x.last / 1e6:.3f}",
        data_low=repr(about.y.low),
        data_high=repr(about.y.high),
    )
    ys = [el("span", tick.label, style=f"top:{_place(1.0 - tick.at)}") for tick in rows]
    return el(
        "div",
        el("div", *ys, class_="ys", aria_hidden="true"),
        area,
        el("div", *_times(about.x), class_="xs", aria_hidden="true"),
        class_=f"plot {about.size}",
    )


def _times(x: TimeAxis) -> list[Html]:
    found: list[Html] = []
    for tick in x.ticks():
        edge = "first" if tick.at < _EDGE else "last" if tick.at > 1.0 - _EDGE else ""
        css = " ".join(filter(None, (edge, "minor" if tick.minor else "")))
        found.append(el("span", tick.label, class_=css or None, style=f"left:{_place(tick.at)}"))
    return found


def _place(share: float) -> str:
    return f"{share * 100:.2f}".rstrip("0").rstrip(".") + "%"


def _across(at: float) -> Html:
    y = _place(at)
    return el("line", class_="grid", x1="0", x2="100%", y1=y, y2=y)


def _down(at: float, css: str) -> Html:
    x = _place(at)
    return el("line", class_=css, x1=x, x2=x, y1="0", y2="7" if "short" in css else "100%")


def _flag(flag: Flag, row: int) -> Html:
    side = "right" if flag.at > 0.6 else "left"
    place = 1.0 - flag.at if side == "right" else flag.at
    style = f"{side}:{_place(place)};top:{row * 1.2:.1f}em"
    return el("span", flag.word, class_=f"flag {side}", style=style)


def _points(times: Times, values: Floats, x: TimeAxis, y: Axis) -> tuple[NDArray[np.int64], ...]:
    known = np.isfinite(values)
    across = np.round((times - x.first) / x.span * WIDE).astype(np.int64)
    down = (1.0 - (np.where(known, values, y.low) - y.low) / (y.high - y.low)) * HIGH
    return across, np.round(np.clip(down, -HIGH, 2 * HIGH)).astype(np.int64), known


def curve(
    times: Times,
    values: Floats,
    *,
    x: TimeAxis,
    y: Axis,
    css: str,
    step: bool = False,
    down_to: float | None = None,
) -> Html:
    """A line; where a value is unknown it breaks.

    Parameters
    ----------
    times, values : array, shape (n,)
        UTC nanoseconds; NaN where unknown.
    css : str
        Its class.
    step : bool
        Whether a value holds until the next one.
    down_to : float, optional
        Fill the area between the line and this value.
    """
    across, down, known = _points(times, values, x, y)
    base = None if down_to is None else round((1.0 - y.at(down_to)) * HIGH)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], known, [False]]).astype(np.int8)))
    written: list[str] = []
    for first, last in edges.reshape(-1, 2).tolist():
        until = min(last, across.size - 1) if step else last - 1
        piece = zip(across[first:last].tolist(), down[first:last].tolist(), strict=True)
        written.append(_piece(list(piece), until=int(across[until]), step=step, base=base))
    return el("path", class_=css, d="".join(written))


def _piece(points: list[tuple[int, int]], *, until: int, step: bool, base: int | None) -> str:
    (start, height), *rest = points
    written = [f"M{start} {height}" if base is None else f"M{start} {base}V{height}"]
    before = (start, height)
    for place, height in rest:
        if step and height != before[1]:
            written.append(f"H{place}V{height}")
        elif not step and (place, height) != before:
            written.append(f"L{place} {height}")
        before = (place, height)
    if step or not rest:
        written.append(f"H{until}")
    if base is not None:
        written.append(f"V{base}Z")
    return "".join(written)


def levels(times: Times, values: Floats, *, x: TimeAxis, y: Axis, css: str) -> Html:
    """Values that hold until the next moment, as pieces that are not joined.

    What lies beyond the axis is left out.
    """
    inside = np.where((values >= y.low) & (values <= y.high), values, nan)
    across, down, known = _points(times, inside, x, y)
    written: list[str] = []
    end = (-1, 0)
    for at in np.flatnonzero(known[:-1]).tolist():
        start, until, height = int(across[at]), int(across[at + 1]), int(down[at])
        written.append(f"H{until}" if end == (start, height) else f"M{start} {height}H{until}")
        end = (until, height)
    return el("path", class_=css, d="".join(written))


def dots(times: Times, values: Floats, *, x: TimeAxis, y: Axis, css: str) -> Html:
    """Points that stay round in the stretched box."""
    across, down, known = _points(times, values, x, y)
    places = sorted(set(zip(across[known].tolist(), down[known].tolist(), strict=True)))
    return el("path", class_=f"dots {css}", d="".join(f"M{a} {b}h0" for a, b in places))


def marks(times: Times, values: Floats, *, x: TimeAxis, y: Axis, symbol: str) -> Html:
    """Symbols at points, placed by per cent."""
    return join(
        el("use", href=f"#{symbol}", x=_place(x.at(time)), y=_place(1.0 - y.at(value)))
        for time, value in zip(times.tolist(), values.tolist(), strict=True)
    )


def bars(counts: NDArray[np.int64], *, tallest: int, up: bool, css: str) -> Html:
    """Bars side by side over the whole width, from the middle up or down."""
    width, middle = WIDE / max(1, counts.size), HIGH // 2
    written: list[str] = []
    for number, count in enumerate(counts.tolist()):
        if count:
            height = max(80, round(count / max(1, tallest) * middle * 0.96))
            left, right = round((number + 0.1) * width), round((number + 0.9) * width)
            written.append(f"M{left} {middle}v{-height if up else height}H{right}V{middle}Z")
    return el("path", class_=css, d="".join(written))


def key(words: str, *, line: str = "", symbol: str = "", off: bool = False) -> Html:
    """An entry of a legend: a piece of the line, or the symbol, and what it is."""
    sample: str = el("span", class_=f"sample {line}", aria_hidden="true")
    if symbol:
        sample = el(
            "svg",
            el("use", href=f"#{symbol}", x="7", y=_MIDDLE.get(symbol, "7")),
            class_="symbol",
            width="14",
            height="14",
            aria_hidden="true",
        )
    return el("li", sample, words, class_="off" if off else None)
