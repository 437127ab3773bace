"""The charts of a sweep: a map of two parameters, clouds, histograms, lines."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from flyball.ops.report.markup import Html, el
from flyball.ops.report.scales import Axis, axis

__all__ = ["curves", "halves", "heat_map", "inside_outside", "logits", "marginal"]

Found = Mapping[str, Any]

_WIDE, _HIGH, _LEFT, _BELOW = 480.0, 270.0, 52.0, 44.0
_LABELS = 10  # on an axis of cells


def _figure(title: str, about: str, *drawn: Html, wide: float = _WIDE, high: float = _HIGH) -> Html:
    canvas = el(
        "svg", *drawn, viewBox=f"0 0 {wide:g} {high:g}", role="img", aria_label=f"{title}: {about}"
    )
    caption = el("figcaption", el("span", title, class_="name"), el("span", about, class_="unit"))
    return el("figure", caption, canvas, class_="plain")


def _text(x: float, y: float, words: str, *, anchor: str = "middle") -> Html:
    return el("text", words, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor)


def _yearly(found: Found) -> Callable[[float], float]:
    """From a score of one step to a yearly one."""
    a_year = found["steps_a_year"]
    if found["score"] == "sharpe":
        return lambda value: value * a_year**0.5
    return lambda value: value * a_year


def _unit(found: Found) -> str:
    return "Sharpe a year" if found["score"] == "sharpe" else "growth a year, logarithm"


def _some(names: Sequence[str]) -> list[int]:
    every = -(-len(names) // _LABELS)
    return list(range(0, len(names), every))


def heat_map(place: Found, found: Found) -> Html:
    """Scores over two parameters: green above zero, red below, deeper for more."""
    columns, rows, cells = place["columns"], place["rows"], place["cells"]
    yearly = _yearly(found)
    known = [value for row in cells for value in row if value is not None]
    top, low = max(known), min(known)
    high = min(400.0, max(160.0, 24.0 * len(rows))) + _BELOW
    width, height = (_WIDE - _LEFT) / len(columns), (high - _BELOW) / len(rows)
    drawn: list[Html] = []
    for down, row in enumerate(reversed(cells)):
        for across, value in enumerate(row):
            if value is None:
                continue
            name = f"{place['x']} {columns[across]}, {place['y']} {rows[-1 - down]}"
            css = "up" if value > 0 else "down" if value < 0 else "zero"
            depth = value / top if value > 0 else value / low if value < 0 else 1.0
            drawn.append(
                el(
                    "rect",
                    el("title", f"{name}: {yearly(value):.2f}"),
                    class_=css,
                    x=f"{_LEFT + across * width:.2f}",
                    y=f"{down * height:.2f}",
                    width=f"{width:.2f}",
                    height=f"{height:.2f}",
                    opacity=f"{0.08 + 0.92 * depth:.2f}",
                )
            )
    y, x = place["best"]
    drawn.append(
        el(
            "rect",
            class_="best",
            x=f"{_LEFT + x * width + 1:.2f}",
            y=f"{(len(rows) - 1 - y) * height + 1:.2f}",
            width=f"{width - 2:.2f}",
            height=f"{height - 2:.2f}",
        )
    )
    below = high - _BELOW + 16
    drawn += [_text(_LEFT + (at + 0.5) * width, below, columns[at]) for at in _some(columns)]
    middles = {at: (len(rows) - 0.5 - at) * height + 4 for at in _some(rows)}
    drawn += [_text(_LEFT - 8, y, rows[at], anchor="end") for at, y in middles.items()]
    drawn.append(_text((_LEFT + _WIDE) / 2, high - 6, place["x"]))
    about = f"{_unit(found)}, {yearly(low):.2f} to {yearly(top):.2f}: green above zero, red below"
    if place["others"]:
        about += f"; medians over {', '.join(place['others'])}"
    title = f"{place['y']} over {place['x']}; the frame is the best"
    return _figure(title, about.replace("-", "\u2212"), *drawn, high=high)


class _Box:
    """A place for points, with its axes."""

    def __init__(self, x: Axis, y: Axis) -> None:
        self.x, self.y = x, y

    def across(self, value: float) -> float:
        return _LEFT + self.x.at(value) * (_WIDE - _LEFT - 8)

    def down(self, value: float) -> float:
        return 8 + (1 - self.y.at(value)) * (_HIGH - _BELOW - 8)

    def axes(self, below: str, *, numbers: bool = True) -> list[Html]:
        drawn = []
        for tick in self.y.ticks():
            y = 8 + (1 - tick.at) * (_HIGH - _BELOW - 8)
            drawn.append(
                el("line", class_="axis", x1=f"{_LEFT:g}", x2=f"{_WIDE:g}", y1=f"{y:.1f}",
                   y2=f"{y:.1f}")
            )  # fmt: skip
            drawn.append(_text(_LEFT - 8, y + 4, tick.label, anchor="end"))
        if numbers:
            for tick in self.x.ticks():
                x = _LEFT + tick.at * (_WIDE - _LEFT - 8)
                drawn.append(_text(x, _HIGH - _BELOW + 18, tick.label))
        drawn.append(_text((_LEFT + _WIDE) / 2, _HIGH - 6, below))
        return drawn

    def line(self, x1: float, y1: float, x2: float, y2: float, css: str) -> Html:
        return el(
            "line",
            class_=css,
            x1=f"{self.across(x1):.1f}",
            y1=f"{self.down(y1):.1f}",
            x2=f"{self.across(x2):.1f}",
            y2=f"{self.down(y2):.1f}",
        )


def _range(values: Sequence[float]) -> Axis:
    known = [value for value in values if isfinite(value)] or [0.0]
    return axis([*known, 0.0])


def _cloud(points: Sequence[Sequence[float]], title: str, about: str, *, dot: float) -> Html:
    """Outside over inside; on the dashed line nothing was lost by choosing."""
    box = _Box(_range([p[0] for p in points]), _range([p[1] for p in points]))
    low = max(box.x.low, box.y.low)
    high = min(box.x.high, box.y.high)
    drawn = box.axes("where it was chosen")
    if low < high:
        drawn.append(box.line(low, low, high, high, "even"))
    drawn.append(box.line(box.x.low, 0.0, box.x.high, 0.0, "even"))
    drawn += [
        el("circle", class_="dot", cx=f"{box.across(x):.1f}", cy=f"{box.down(y):.1f}", r=f"{dot:g}")
        for x, y in points
    ]
    return _figure(title, about, *drawn)


def inside_outside(found: Found) -> Html:
    """One point a split."""
    points = [(one["inside"], one["outside"]) for one in found["folds"]]
    return _cloud(points, "Where it was judged", "a point a split; dashed: the same", dot=5.0)


def halves(risk: Found, found: Found) -> Html:
    """One point a way to cut time into halves."""
    unit = "Sharpe" if found["score"] == "sharpe" else "growth"
    return _cloud(risk["cloud"], f"{unit} in the other half", "a point a pair of halves", dot=2.5)


def logits(risk: Found) -> Html:
    """How the best of one half ranks in the other."""
    shown = risk["histogram"]
    counts = shown["counts"]
    box = _Box(Axis(shown["low"], shown["high"]), axis([0.0, float(max(counts))]))
    width = (shown["high"] - shown["low"]) / len(counts)
    drawn = box.axes("logit of its rank: 0 is the median, left of it is overfit")
    for at, count in enumerate(counts):
        left = shown["low"] + at * width
        x, y = box.across(left), box.down(float(count))
        drawn.append(
            el(
                "rect",
                class_="bar bad" if left + width / 2 <= 0 else "bar",
                x=f"{x + 1:.1f}",
                y=f"{y:.1f}",
                width=f"{box.across(left + width) - x - 2:.1f}",
                height=f"{max(0.0, box.down(0.0) - y):.1f}",
            )
        )
    return _figure("Rank in the other half", "pairs of halves", *drawn)


def marginal(one: Found, found: Found) -> Html:
    """Worst to best, and the median, for each value of one parameter."""
    yearly = _yearly(found)
    low, middle, high = ([yearly(v) for v in one[key]] for key in ("low", "median", "high"))
    box = _Box(Axis(-0.5, len(middle) - 0.5), _range([*low, *high]))
    up = [f"{box.across(at):.1f} {box.down(value):.1f}" for at, value in enumerate(high)]
    back = [f"{box.across(at):.1f} {box.down(value):.1f}" for at, value in enumerate(low)]
    line = [f"{box.across(at):.1f} {box.down(value):.1f}" for at, value in enumerate(middle)]
    drawn = box.axes(one["name"], numbers=False)
    drawn.append(el("path", class_="band", d=f"M{'L'.join([*up, *reversed(back)])}Z"))
    drawn.append(el("path", class_="middle", d=f"M{'L'.join(line)}"))
    drawn += [
        _text(box.across(at), _HIGH - _BELOW + 18, one["values"][at]) for at in _some(one["values"])
    ]
    return _figure(f"{_unit(found)} by {one['name']}", "median; band: worst to best", *drawn)


def curves(shown: Sequence[Found]) -> Html:
    """Growth of 1 over time."""
    first = min(one["time_ns"][0] for one in shown)
    last = max(one["time_ns"][-1] for one in shown)
    values = [value for one in shown for value in one["worth"]]
    box = _Box(Axis(float(first), float(last)), axis(values))
    drawn = box.axes("", numbers=False)
    for share in (0.0, 1 / 3, 2 / 3, 1.0):
        at = first + share * (last - first)
        day = f"{datetime.fromtimestamp(at / 1e9, tz=UTC):%Y-%m-%d}"
        anchor = "start" if share == 0.0 else "end" if share == 1.0 else "middle"
        drawn.append(_text(box.across(at), _HIGH - _BELOW + 18, day, anchor=anchor))
    keys = []
    for number, one in enumerate(shown):
        points = [
            f"{box.across(at):.1f} {box.down(value):.1f}"
            for at, value in zip(one["time_ns"], one["worth"], strict=True)
        ]
        path = el("path", class_="line", d=f"M{'L'.join(points)}")
        drawn.append(el("g", path, class_=f"run{number}"))
        sample = el("span", class_=f"sample run{number}", aria_hidden="true")
        keys.append(el("li", sample, one["name"]))
    canvas = el(
        "svg", *drawn, viewBox=f"0 0 {_WIDE:g} {_HIGH - 18:g}", role="img", aria_label="Growth of 1"
    )
    caption = el("figcaption", el("span", "Growth of 1", class_="name"))
    return el("figure", caption, el("ul", *keys, class_="legend"), canvas, class_="plain")
