"""The page: all parts of a report in one HTML document that needs nothing else."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from flyball.ops.report import tables, verdict
from flyball.ops.report.formats import places
from flyball.ops.report.markup import NOTHING, Html, el, join
from flyball.ops.report.panels import charts, closer_charts
from flyball.ops.report.run import Run, while_traded

__all__ = ["document", "page"]

# What marks a fill, drawn around its place.
_SYMBOLS = Html(
    '<svg width="0" height="0" aria-hidden="true" style="position:absolute"><defs>'
    '<path id="buy" d="M0 0L4.5 8H-4.5Z"></path>'
    '<path id="sell" d="M0 0L4.5 -8H-4.5Z"></path>'
    '<path id="exit" d="M0 -4.2L4.2 0L0 4.2L-4.2 0Z"></path>'
    '<path id="liquidation" d="M-4.5 -4.5L4.5 4.5M-4.5 4.5L4.5 -4.5"></path>'
    "</defs></svg>"
)


@cache
def _resource(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def document(title: str, body: Html, *, style: Html = NOTHING) -> str:
    """A page without a script, in the style of all reports."""
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("title", title),
        el("style", Html(_resource("page.css")), style),
    )
    return "<!DOCTYPE html>\n" + el("html", head, el("body", body), lang="en") + "\n"


def page(runs: Sequence[Run], *, title: str | None = None) -> str:
    """The document.

    Parameters
    ----------
    runs : sequence of Run
        At least one.
    title : str, optional
        Instead of strategy and instrument.
    """
    heading = title or _heading(runs)
    closer = while_traded(runs)
    script = _resource("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=policy),
        el("title", f"{heading} \u00b7 Flyball report"),
        el("style", Html(_resource("page.css"))),
    )
    values = el("script", Html(_values([*runs, *closer])), type="application/json", id="values")
    body = el(
        "body",
        _SYMBOLS,
        _top(runs, heading),
        el("main", *_sections(runs, closer)),
        el("footer", _closing()),
        values,
        el("script", Html(script)),
    )
    return "<!DOCTYPE html>\n" + el("html", head, body, lang="en") + "\n"


def _heading(runs: Sequence[Run]) -> str:
    subjects = dict.fromkeys(
        f"{run.result.strategy} on {run.result.data.instrument.symbol}" for run in runs
    )
    return ", ".join(subjects)


def _top(runs: Sequence[Run], heading: str) -> Html:
    said: list[Html] = []
    for run in runs:
        label = el("span", run.label, class_=f"label run{run.index}")
        parts = [label] if len(runs) > 1 else []
        said.append(el("p", join([*parts, verdict.sentences(run)], " "), class_="verdict"))
    about = dict.fromkeys(f"{run.result.data.name} \u00b7 {verdict.period(run)}" for run in runs)
    single = f" \u00b7 profile {runs[0].label}" if len(runs) == 1 else ""
    return el(
        "header",
        el("p", "Flyball report ", el("b", _kind(runs)), class_="kicker"),
        el("h1", heading),
        *(el("p", line + single, class_="meta") for line in about),
        *said,
        _figures(runs[0]) if len(runs) == 1 else _compared(runs),
    )


def _kind(runs: Sequence[Run]) -> str:
    """Whether money was at stake."""
    simulated = [run.result.simulated for run in runs]
    return "simulated" if all(simulated) else "partly simulated" if any(simulated) else "real"


def _figures(run: Run) -> Html:
    cells = [
        el(
            "div",
            el("dt", name),
            el("dd", el("span", value, class_=f"value {css}".strip()), el("small", more)),
        )
        for name, value, more, css in verdict.figures(run)
    ]
    return el("dl", *cells, class_="figures")


def _compared(runs: Sequence[Run]) -> Html:
    columns = [verdict.figures(run) for run in runs]
    heads = [el("th", run.label, scope="col", class_=f"label run{run.index}") for run in runs]
    rows = [
        el(
            "tr",
            el("th", columns[0][row][0], scope="row"),
            *(
                el("td", el("span", value, class_=css or None), el("small", more))
                for _, value, more, css in (column[row] for column in columns)
            ),
        )
        for row in range(len(columns[0]))
    ]
    table = el(
        "table",
        el("caption", "The runs side by side"),
        el("thead", el("tr", el("th", "", scope="col"), *heads)),
        el("tbody", *rows),
        class_="compared",
    )
    return el("div", table, class_="scroll", tabindex="0", role="group", aria_label="Runs")


def _section(name: str, *parts: str) -> Html:
    return el("section", el("h2", name), *parts)


def _panels(rows: Sequence[Sequence[Html]]) -> list[Html]:
    return [el("div", *figures, class_="panels") for figures in rows]


def _sections(runs: Sequence[Run], closer: Sequence[Run]) -> list[Html]:
    drawn = _panels(charts(runs))
    if closer:
        title = f"Closer, while it traded: {verdict.period(closer[0])}"
        drawn += [el("h3", title), *_panels(closer_charts(closer))]
    steps = dict.fromkeys(run.metrics.sampling.name for run in runs)
    step = " and ".join(steps)
    counts = " and ".join(dict.fromkeys(f"{run.metrics.returns:,}" for run in runs))
    sampled = f"Returns are those of a {step}, counted from the first sample: {counts} of them."
    return [
        _section("Charts", *drawn),
        _section("What protection did", *_per_run(runs, tables.events)),
        _section("Metrics", el("p", sampled, class_="note"), tables.metrics(runs)),
        _section("Worst round trips", *_per_run(runs, tables.worst_trips)),
        _section("Profile", tables.profile(runs)),
        _section(
            "Simulation",
            el("div", tables.assumptions(runs), tables.provenance(runs), class_="columns wide"),
        ),
    ]


def _per_run(runs: Sequence[Run], make: Callable[[Run], Html]) -> list[Html]:
    if len(runs) == 1:
        return [make(runs[0])]
    made: list[Html] = []
    for run in runs:
        label = el("h3", el("span", run.label, class_=f"label run{run.index}"))
        made.append(el("div", label, make(run)))
    return [el("div", *made, class_="columns each")]


def _closing() -> Html:
    text = (
        "Simulated: fills, fees, latency, funding and liquidation follow the assumptions above, "
        "not a venue. Times are UTC. Drawdown is 1 \u2212 equity \u00f7 peak equity."
    )
    return el("p", text)


def _values(runs: Sequence[Run]) -> str:
    """What the cursor reads out. No `<` is left in it, so nothing can end its element."""
    columns = [_columns(run) for run in runs]
    text = json.dumps(columns, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    return text.replace("<", "\\u003c")


def _columns(run: Run) -> dict[str, object]:
    first = int(run.time_ns[0]) // 10**6 if run.time_ns.size else 0
    lot = float(run.result.data.instrument.lot_size)
    held = np.asarray(run.position, dtype=np.float64) * lot
    money, quote, base = (f" {name}" if name else "" for name in (run.money, run.quote, run.base))
    if run.result.data.instrument.kind == "inverse":
        base = " contracts"
    return {
        "label": run.label,
        "colour": run.index,
        "first": first,
        "time": (run.time_ns // 10**6 - first).tolist(),
        "columns": {
            "equity": _column(run.equity, run.decimals, money),
            "drawdown": _column(-100.0 * run.drawdown, 2, "\u202f%"),
            "price": _column(run.price, run.price_decimals, quote),
            "exposure": _column(run.exposure, 3, "\u00d7"),
            "position": _column(held, min(10, places(lot)), base),
        },
    }


def _column(values: NDArray[np.float64], decimals: int, unit: str) -> dict[str, object]:
    rounded = [round(value, decimals) if np.isfinite(value) else None for value in values.tolist()]
    plain = [int(v) if v is not None and v == int(v) and abs(v) < 2**53 else v for v in rounded]
    return {"decimals": decimals, "unit": unit, "values": plain}
