"""The crash matrix as one HTML document: what each profile came to, side by side."""

from collections.abc import Mapping, Sequence
from typing import Any

from flyball.ops.report.formats import duration, percent, plural
from flyball.ops.report.markup import Html, el, join
from flyball.ops.report.page import document

__all__ = ["BINS", "proof_page", "shares", "summary_rows"]

Found = Mapping[str, Any]

# Upper ends of what drawdowns are counted in; the last one is open.
BINS = (0.005, 0.01, 0.02, 0.05, 0.10, 0.15, 0.25, 0.40, 0.60, 1.0)
_LISTED = 12

_STYLE = Html(
    "table.bars td{min-width:110px;vertical-align:middle}"
    ".bar{display:block;height:8px;border-radius:2px;background:var(--run);min-width:1px}"
    "table.cells td:first-child{min-width:260px;white-space:normal}"
    "table.proof th,table.proof td{text-align:left;padding:4px 14px 4px 0;white-space:nowrap}"
    "table.proof{border-collapse:collapse}table.proof tr{border-top:1px solid var(--rule)}"
    "table.proof thead tr{border-top:0}table.proof th{font-weight:500}"
    "table.proof caption{text-align:left;color:var(--soft);padding:12px 0 4px}"
    "table.proof tbody th{white-space:normal;min-width:120px;max-width:360px}"
)


def _columns(found: Found) -> list[tuple[str, Found]]:
    return [*found["profile"].items(), ("unprotected", found["unprotected"])]


def shares(figures: Found) -> list[int]:
    """Cells by their drawdown, counted in `BINS`; the last count is of those beyond all of them."""
    counts = [0] * (len(BINS) + 1)
    width = figures["histogram"]["bin"]
    for step, count in figures["histogram"]["counts"]:
        middle = (step + 0.5) * width
        place = next((at for at, end in enumerate(BINS) if middle < end), len(BINS))
        counts[place] += count
    return counts


def _verified(figures: Found) -> str:
    return f"{figures['trips'] - figures['not_flat']['count']:,} of {figures['trips']:,}"


def summary_rows(found: Found) -> list[tuple[str, list[str]]]:
    """What each profile came to, one row a figure: its name, and a value for each column."""
    each = [figures for _, figures in _columns(found)]
    protected = [{} if at == len(each) - 1 else figures for at, figures in enumerate(each)]

    def shown(name: str, key: str) -> tuple[str, list[str]]:
        return name, [percent(figures[key]) for figures in each]

    def counted(name: str, key: str) -> tuple[str, list[str]]:
        return name, [
            f"{figures[key]['count']:,}" if figures else "\u2013" for figures in protected
        ]

    return [
        ("cells", [f"{figures['cells']:,}" for figures in each]),
        ("drawdown line", [percent(f["line"]) if f else "none" for f in protected]),
        shown("worst drawdown", "worst_drawdown"),
        shown("… where the move was within the assumed gap", "worst_drawdown_within_gap"),
        shown("… where the price was walked, not jumped", "worst_drawdown_continuous"),
        shown("… in windows with a wrong print", "worst_drawdown_outliers"),
        shown("median drawdown", "p50_drawdown"),
        shown("drawdown, 99 % of cells", "p99_drawdown"),
        ("largest overshoot", [percent(f["overshoot_max"]) if f else "\u2013" for f in protected]),
        counted("cells beyond the line", "over_line"),
        counted("… where the move was within the assumed gap", "over_line_within_gap"),
        counted("cells where only the engine measured more than the line", "engine_measured_more"),
        ("emergency breaches", [f"{f['breaches']:,}" if f else "\u2013" for f in protected]),
        (
            "stops of all trading, verified flat",
            [_verified(f) if f else "\u2013" for f in protected],
        ),
        counted("cells with risky orders after a stop", "orders_after_stop"),
        counted("cells where a position lost too much without a gap", "position_loss_not_by_gap"),
        ("longest without a stop", [duration(f["unprotected_s_max"] * 1e9) for f in each]),
        ("cells where engine and venue differ", [f"{f['disagree']['count']:,}" for f in each]),
    ]


def _label(name: str, at: int) -> Html:
    return el("th", name, scope="col", class_=f"label run{at}")


def _table(head: Sequence[Html], rows: Sequence[Html], caption: str, css: str = "") -> Html:
    table = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", *head)),
        el("tbody", *rows),
        class_=f"proof {css}".strip(),
    )
    return el("div", table, class_="scroll", tabindex="0", role="group", aria_label=caption)


def _summary(found: Found) -> Html:
    head = [el("th", "", scope="col")]
    head += [_label(name, at) for at, (name, _) in enumerate(_columns(found))]
    rows = [
        el("tr", el("th", name, scope="row"), *(el("td", value) for value in values))
        for name, values in summary_rows(found)
    ]
    return _table(head, rows, "All cells, side by side")


def _distributions(found: Found) -> Html:
    columns = _columns(found)
    counts = [shares(figures) for _, figures in columns]
    head = [el("th", "drawdown", scope="col")]
    head += [_label(name, at) for at, (name, _) in enumerate(columns)]
    rows = []
    for place in range(len(BINS) + 1):
        low = BINS[place - 1] if place else 0.0
        name = (
            f"beyond {percent(low, 1)}"
            if place == len(BINS)
            else f"{percent(low, 1)} to {percent(BINS[place], 1)}"
        )
        cells = []
        for at, column in enumerate(counts):
            share = column[place] / max(1, sum(column))
            bar = el("span", class_="bar", style=f"width:{100 * share:.2f}%") if share else ""
            cells.append(el("td", bar, el("small", f"{column[place]:,}"), class_=f"run{at}"))
        rows.append(el("tr", el("th", name, scope="row"), *cells))
    return _table(head, rows, "Cells by their worst drawdown; a bar is a share of a column", "bars")


def _by(found: Found, key: str, caption: str) -> Html:
    columns = _columns(found)
    names = list(columns[0][1][key])
    head = [el("th", "", scope="col")]
    head += [_label(name, at) for at, (name, _) in enumerate(columns)]
    rows = []
    for name in names:
        cells = [
            el("td", percent(figures[key][name]["worst"]) if name in figures[key] else "\u2013")
            for _, figures in columns
        ]
        rows.append(el("tr", el("th", name.replace("_", " "), scope="row"), *cells))
    return _table(head, rows, caption)


_CELL_HEAD = ("cell", "drawdown", "move met", "assumed", "tripped", "flat after")


def _cells(listed: Found, caption: str) -> Html:
    rows = []
    for cell in listed["worst"][:_LISTED]:
        out = cell["outcome"]
        after = "\u2013" if out["flat_s"] is None else duration(out["flat_s"] * 1e9)
        values = [
            percent(out["drawdown"]),
            percent(out["gap_met"]),
            percent(out["gap_assumed"]),
            (out["tripped"] or "\u2013").replace("_", " "),
            after,
        ]
        rows.append(el("tr", el("td", cell["cell"]), *(el("td", value) for value in values)))
    head = [el("th", name, scope="col") for name in _CELL_HEAD]
    return _table(head, rows, f"{caption}: {plural(listed['count'], 'cell')}", "cells")


def _failures(found: Found) -> list[Html]:
    parts: list[Html] = []
    for at, (name, figures) in enumerate(_columns(found)[:-1]):
        parts.append(el("h3", el("span", name, class_=f"label run{at}")))
        shown = [
            ("over_line_within_gap", "Beyond the line although the move was within the gap"),
            ("over_line", "Beyond the line"),
            ("breaches_listed", "Beyond the emergency line"),
            ("not_flat", "Stopped and not verified flat"),
            ("orders_after_stop", "Risky orders after a stop"),
            ("position_loss_not_by_gap", "A position lost too much without a gap"),
            ("disagree", "Engine and venue differ at the end"),
        ]
        bad = [(key, caption) for key, caption in shown if figures[key]["count"]]
        parts += [_cells(figures[key], caption) for key, caption in bad]
        if not bad:
            parts.append(el("p", "None.", class_="good"))
    return parts


def _predecessor(found: Found) -> list[Html]:
    case = found["predecessor"]
    if case is None:
        return [el("p", "Not run: the recording of XRP of 2025-10-10 is not there.")]
    head = [el("th", name, scope="col") for name in ("profile", "path", "drawdown", "tripped")]
    rows = [
        el(
            "tr",
            el("td", profile),
            el("td", path),
            el("td", percent(out["drawdown"])),
            el("td", (out["tripped"] or "\u2013").replace("_", " ")),
        )
        for profile, path, out in case["outcomes"]
    ]
    note = (
        "A reconstruction: its trading log is not in the data. A long position of "
        f"{case['leverage']:.3f} times equity is held over {case['window']}: the leverage at which "
        "the recorded bars bring a loss of 40.21 % without protection. Then each profile gets the "
        "same market and the same strategy."
    )
    return [el("p", note, class_="note"), _table(head, rows, "The run that loses 40.21 %")]


def _quiet(found: Found) -> list[Html]:
    quiet = found["quiet"]
    head = [
        el("th", name, scope="col")
        for name in ("profile", "hours", "trips", "for each 1 000 hours")
    ]
    rows, trips = [], []
    for name, figures in quiet["profile"].items():
        count, hours = len(figures["trips"]), figures["hours"]
        rate = f"{1000 * count / hours:.2f}" if hours else "\u2013"
        values = (name, f"{hours:,.0f}", f"{count}", rate)
        rows.append(el("tr", *(el("td", value) for value in values)))
        trips += [
            el(
                "li",
                f"{name}: {trip['switch']} at {trip['at']}, {trip['strategy']} on "
                f"{trip['stretch']}: {trip['actual']:.4f} of {trip['limit']:.4f}",
            )
            for trip in figures["trips"][:_LISTED]
        ]
    bar, day = quiet["threshold"]["bar"], quiet["threshold"]["day"]
    note = (
        f"Breakout, mean reversion and a maker over stretches in which no bar moved beyond "
        f"{percent(bar, 0)} and no day beyond {percent(day, 0)}."
    )
    listed = [el("ul", *trips)] if trips else []
    return [el("p", note, class_="note"), _table(head, rows, "Trips in quiet markets"), *listed]


def _not_run(found: Found) -> Html:
    missing = found["not_run"]
    items = [el("li", f"{missing['not_drawn']:,} cells were not drawn into the sample.")]
    for row in missing["no_such_world"]:
        text = f"{row['fault'].replace('_', ' ')}: {row['cells']:,} cells: {row['reason']}."
        items.append(el("li", text))
    return el("ul", *items)


def proof_page(found: Found) -> str:
    """The document. `found` is what `flyball proof --json` prints."""
    windows = ", ".join(f"{count:,} {name}" for name, count in found["windows"]["count"].items())
    about = (
        f"{found['cells']:,} of {found['cells_total']:,} cells · windows: {windows} · "
        f"seed {found['seed']} · table {found['table_hash'][:16]}"
    )
    header = el(
        "header",
        el("p", "Flyball proof ", el("b", "simulated"), class_="kicker"),
        el("h1", "The crash matrix"),
        el("p", about, class_="meta"),
        el("p", _verdict(found), class_="verdict"),
    )
    sections = (
        ("Side by side", [_summary(found)]),
        ("How deep", [_distributions(found)]),
        (
            "Worst drawdown by what was wrong",
            [
                _by(found, "by_fault", "By fault"),
                _by(found, "by_strategy", "By strategy"),
                _by(found, "by_path", "By path within a bar"),
                _by(found, "by_class", "By kind of window"),
            ],
        ),
        ("The predecessor's case", _predecessor(found)),
        ("Cells that failed", _failures(found)),
        ("False trips", _quiet(found)),
        ("Not run", [_not_run(found)]),
    )
    main = el("main", *(el("section", el("h2", name), *parts) for name, parts in sections))
    text = (
        "Simulated: the engine against the simulated venue over recorded and made bars, each "
        "walked along the path that hurts most. Drawdown is 1 \u2212 equity ÷ peak equity, as "
        "the venue's account measured it. An outage in which the engine can do nothing is one gap."
    )
    footer = el("footer", el("p", text))
    return document("Flyball proof", join([header, main, footer]), style=_STYLE)


def _verdict(found: Found) -> str:
    said = []
    for name, figures in found["profile"].items():
        over = figures["over_line_within_gap"]["count"]
        said.append(
            f"{name}: at worst {percent(figures['worst_drawdown_within_gap'])} within the assumed "
            f"gap (line {percent(figures['line'])}, {plural(over, 'cell')} beyond it), "
            f"{percent(figures['worst_drawdown'])} in all."
        )
    worst = percent(found["unprotected"]["worst_drawdown"])
    return " ".join([*said, f"Unprotected: {worst}."])
