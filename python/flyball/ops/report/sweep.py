"""A sweep as one HTML document: the best, luck, what was worth something elsewhere, the map."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flyball.ops.report import sweepplots as plots
from flyball.ops.report.formats import percent, plural
from flyball.ops.report.markup import Html, el, join
from flyball.ops.report.page import document

__all__ = ["named", "sweep_page", "verdict"]

Found = Mapping[str, Any]

_LISTED = 30
_NONE = "\u2013"

_STYLE = Html(
    "table.sweep{border-collapse:collapse;width:100%}table.sweep.two{max-width:640px}"
    "table.sweep th,table.sweep td{text-align:right;padding:4px 0 4px 16px;white-space:nowrap}"
    "table.sweep th:first-child,table.sweep td:first-child{text-align:left;padding-left:0;"
    "white-space:normal;min-width:130px}"
    "table.sweep tr{border-top:1px solid var(--rule)}table.sweep thead tr{border-top:0}"
    "table.sweep th{font-weight:500}table.sweep caption{text-align:left;color:var(--soft);"
    "padding:12px 0 4px}table.sweep td.text{text-align:left;white-space:normal;min-width:180px}"
    "figure.plain{margin:0 0 14px;padding:12px 16px;border:1px solid var(--rule);"
    "border-radius:8px;background:var(--panel);min-width:0}"
    "figure.plain figcaption{margin-bottom:8px}figure.plain svg{display:block;width:100%;"
    "height:auto;max-width:620px}"
    "figure.plain text{fill:var(--soft);font-size:11.5px}"
    "figure.plain .axis{stroke:var(--rule);stroke-width:1}"
    "figure.plain .dot{fill:var(--c0);opacity:.5}figure.plain .bar{fill:var(--c0);opacity:.7}"
    "figure.plain .bar.bad{fill:var(--stop)}figure.plain .even{stroke:var(--daily);"
    "stroke-width:1;stroke-dasharray:4 4}"
    "figure.plain .line{fill:none;stroke:var(--run);stroke-width:1.8}"
    "figure.plain .band{fill:var(--c0);opacity:.16}"
    "figure.plain .middle{fill:none;stroke:var(--c0);stroke-width:1.8}"
    "figure.plain .best{fill:none;stroke:var(--ink);stroke-width:2}"
    "figure.plain .up{fill:var(--good)}figure.plain .down{fill:var(--stop)}"
    "figure.plain .zero{fill:var(--grid)}"
)


def named(parameters: Mapping[str, Any]) -> str:
    """Parameters in one line.

    Examples
    --------
    >>> named({"fast": 5, "stop": 2.5})
    'fast 5, stop 2.5'
    """
    return ", ".join(
        f"{key} {value:.6g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in parameters.items()
    )


def ratio(value: float | None) -> str:
    """A ratio, or that there is none."""
    return _NONE if value is None else f"{value:.2f}".replace("-", "\u2212")


def sure(value: float | None) -> str:
    """A probability."""
    return _NONE if value is None else percent(value, 1)


def scored(found: Found, value: float | None) -> str:
    """A yearly score: a ratio, or a growth."""
    if value is None or found["score"] == "sharpe":
        return ratio(value)
    return percent(value, 1)


def verdict(found: Found) -> list[str]:
    """What a person should take home, one sentence each, the worst news first."""
    best, luck, outside = found["best"], found["luck"], found["outside"]
    told = [
        f"The best of {plural(luck['trials'], 'trial')} is {named(best['parameters'])}: Sharpe "
        f"{ratio(best['sharpe'])} a year, chosen with all of the data. Luck alone would show "
        f"{ratio(luck['expected_maximum'])}."
    ]
    if luck["deflated"] is not None:
        told.append(
            f"That its true Sharpe is above zero is {sure(luck['deflated'])} sure (deflated), "
            f"{sure(luck['probabilistic'])} if one forgets how often was tried."
        )
    risk = found["overfitting"]
    if not risk["reason"]:
        told.append(
            f"The best of one half of time is no better than the median in the other half "
            f"{sure(risk['probability'])} of the time (PBO)."
        )
    if outside is not None:
        told.append(
            f"Chosen by one part and judged by another: {scored(found, outside['inside'])} where "
            f"it was chosen, {scored(found, outside['outside'])} where it was not; at "
            f"{percent(outside['rank'], 0)} of the ranking there (50 % is chance)."
        )
        if outside["anew"] is not None:
            told.append(
                f"Walking forward with an account anew for each part: Sharpe "
                f"{ratio(outside['anew']['sharpe'])}, "
                f"{percent(outside['anew']['total_return'], 1)} in all."
            )
    else:
        told.append("Nothing was judged by data that had not chosen it: give --splits.")
    told += _engine_verdict(found)
    still = found["trials"]["standstill"]
    if still:
        told.append(
            f"{plural(still, 'trial')} came to a standstill before the end: what protects let "
            "nothing through any more, and what followed counts as zero."
        )
    return told


def _engine_verdict(found: Found) -> list[str]:
    screening = found["screening"]
    if screening is None:
        return []
    told = "Screened over bars, without book, venue, gate and governor"
    if not screening["again"]:
        return [f"{told}; nothing was run through the whole engine: give --confirm."]
    first = screening["again"][0]
    if first["engine"]["error"]:
        return [f"{told}. Through the whole engine the best failed: {first['engine']['error']}"]
    here, there = (scored(found, first[way]["score"]) for way in ("screened", "engine"))
    return [f"{told}: {here} for the best. Through the whole engine, with every rule: {there}."]


def sweep_page(found: Found) -> str:
    """The document. `found` is what `flyball sweep --json` prints."""
    first = _day(found["first_ns"])
    last = _day(found["first_ns"] + found["steps"] * found["step_ns"])
    about = (
        f"{found['data']} · {first} to {last} · {found['steps']:,} steps of "
        f"{_span(found['step_ns'])} · {found['search']} · splits {found['splits']} · profile "
        f"{found['profile']} · seed {found['seed']}"
    )
    lines = verdict(found)
    header = el(
        "header",
        el("p", "Flyball sweep ", el("b", "simulated"), class_="kicker"),
        el("h1", f"{found['strategy']}: {', '.join(found['space'])}"),
        el("p", about, class_="meta"),
        *(el("p", line, class_="verdict") for line in lines),
        _figures(found),
    )
    screened = [] if found["screening"] is None else _screening(found, found["screening"])
    parts: list[tuple[str, Sequence[str]]] = [
        *([("Screened, and through the whole engine", screened)] if screened else []),
        ("Where the best lies", _map(found)),
        ("In and out of sample", _splits(found)),
        ("Overfitting", _overfitting(found)),
        ("Luck", [_luck(found)]),
        ("Trials", _trials(found)),
        ("How it was run", [_settings(found)]),
    ]
    main = el("main", *(el("section", el("h2", name), *inner) for name, inner in parts))
    closing = (
        "Simulated: fills, fees and latency are assumptions. Sharpe ratios are of steps times the "
        "root of steps a year, without a risk-free rate; they take steps for independent. A sweep "
        "knows only of the trials in its own folder: what was tried elsewhere must be told with "
        "--earlier."
    )
    body = join([header, main, el("footer", el("p", closing))])
    return document(f"Flyball sweep of {found['strategy']}", body, style=_STYLE)


def _day(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns / 1e9, tz=UTC):%Y-%m-%d}"


def _span(ns: int) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if ns % (size * 10**9) == 0:
            return f"{ns // (size * 10**9)} {unit}"
    return f"{ns} ns"


def _figures(found: Found) -> Html:
    luck, risk, outside = found["luck"], found["overfitting"], found["outside"]
    pbo = None if risk["reason"] else risk["probability"]
    shown = [
        ("Sharpe of the best", ratio(found["best"]["sharpe"]), "in sample"),
        ("Deflated: sure of it", sure(luck["deflated"]), f"{luck['trials']:,} trials"),
        ("Overfitting (PBO)", sure(pbo), "50 % is chance"),
    ]
    if outside is not None:
        value = outside["anew"] or outside["joined"]
        what = "accounts anew" if outside["anew"] else "all tests joined"
        shown.append(("Sharpe out of sample", ratio(value["sharpe"]), what))
    wanted, years = luck["minimum_track_record"], found["steps_a_year"]
    shown.append(
        (
            "Record that it needs",
            _NONE if wanted is None else f"{wanted / years:,.1f} years",
            f"it has {luck['steps'] / years:,.1f}",
        )
    )
    cells = [
        el("div", el("dt", name), el("dd", el("span", value, class_="value"), el("small", more)))
        for name, value, more in shown
    ]
    return el("dl", *cells, class_="figures")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """A table that scrolls by itself; its first column is text."""
    made = el(
        "table",
        el("caption", caption),
        el("thead", el("tr", *(el("th", name, scope="col") for name in head))),
        el("tbody", *(el("tr", *(el("td", cell) for cell in row)) for row in rows)),
        class_="sweep two" if len(head) == 2 else "sweep",
    )
    return el("div", made, class_="scroll", tabindex="0", role="group", aria_label=caption)


def _map(found: Found) -> list[Html]:
    place, around = found["landscape"], found["stability"]
    each = [plots.marginal(one, found) for one in found["marginals"] if len(one["values"]) > 1]
    drawn = [] if place is None else [plots.heat_map(place, found)]
    parts = [el("div", *drawn, *each, class_="panels")]
    if around is not None:
        share = "" if around["share"] is None else f", {percent(around['share'], 0)} of the best's"
        a_year = found["steps_a_year"]
        times = a_year**0.5 if found["score"] == "sharpe" else a_year
        text = (
            f"Around the best ({plural(around['count'], 'trial')}, {around['kind']}): median "
            f"{ratio(around['median'] * times)}{share}; worst {ratio(around['worst'] * times)}. A "
            "best that stands alone is luck."
        )
        parts.append(el("p", text, class_="note"))
    return parts


def _screening(found: Found, screening: Found) -> list[Html]:
    """The best that were screened, each beside itself with every rule."""
    rows = []
    for one in screening["again"]:
        cells = [named(one["parameters"])]
        for key in ("score", "total_return", "max_drawdown", "trades"):
            for way in ("screened", "engine"):
                value = one[way][key]
                if one[way]["error"]:
                    cells.append(_NONE)
                elif key == "score":
                    cells.append(scored(found, value))
                else:
                    cells.append(f"{value:,}" if key == "trades" else percent(value, 2))
        rows.append((*cells, ", ".join(one["engine"]["tripped"]).replace("_", " ") or _NONE))
    names = (found["score"], "return", "drawdown", "trips")
    heads = [f"{name}, {way}" for name in names for way in ("screened", "engine")]
    assumed = "; ".join(f"{name}: {text}" for name, text in screening["assumed"].items())
    left_out = "; ".join(screening["left_out"])
    drawn = [table("The best", ("parameters", *heads, "switches"), rows)] if rows else []
    return [
        *drawn,
        el(
            "p",
            f"Every other figure on this page is of the screening. Assumed: {assumed}.",
            class_="note",
        ),
        el("p", f"Left out, and part of the engine's columns alone: {left_out}.", class_="note"),
    ]


def _splits(found: Found) -> list[Html]:
    if found["outside"] is None:
        none = "No splits were asked for: nothing here was out of sample."
        return [el("p", none, class_="bad"), plots.curves(found["curves"])]
    rows, anew = [], found["outside"]["anew"] is not None
    for one in found["folds"][:_LISTED]:
        cells = [
            " and ".join(f"{_day(a)} to {_day(b)}" for a, b in one["test"]),
            named(one["parameters"]),
            scored(found, one["inside"]),
            scored(found, one["outside"]),
            scored(found, one["best_outside"]),
            percent(one["rank"], 0),
        ]
        if anew:
            fresh = one["anew"]
            cells += [scored(found, fresh["score"]), percent(fresh["total_return"], 2)]
        rows.append(cells)
    head = ["judged by", "chosen", "inside", "outside", "best there", "rank"]
    head += ["anew", "return anew"] if anew else []
    more = len(found["folds"]) - _LISTED
    caption = f"Splits {found['splits']}; purge {found['purge']}, embargo {found['embargo']} steps"
    if more > 0:
        caption += f"; {more} more are in the JSON"
    drawn = el("div", plots.inside_outside(found), plots.curves(found["curves"]), class_="panels")
    parts = [drawn, table(caption, head, rows)]
    note = (
        "inside, outside: the chosen trial's yearly score where it was chosen and where it was "
        "judged, cut from one run over all of the data. rank: its place there among all, 50 % is "
        "chance."
    )
    if anew:
        note += " anew: the same parameters run over the test alone, with a fresh account."
    parts.append(el("p", note, class_="note"))
    ways = found["paths"]
    if ways is not None:
        text = (
            f"{plural(ways['count'], 'path')} through all of time, each step judged by what did "
            f"not choose by it: Sharpe {ratio(ways['sharpe'][0])} to {ratio(ways['sharpe'][-1])}, "
            f"median {ratio(ways['median'])}; {ways['losing']} lose."
        )
        parts.append(el("p", text, class_="note"))
    return parts


def _overfitting(found: Found) -> list[Html]:
    risk = found["overfitting"]
    if risk["reason"]:
        return [el("p", f"Not measured: {risk['reason']}.", class_="note")]
    note = (
        f"{risk['halves']:,} ways to cut {risk['blocks']} blocks of time into two halves: the best "
        f"of one half is at or below the median of the other in {sure(risk['probability'])}, and "
        f"loses in {sure(risk['loss'])}. Slope of outside over inside: {ratio(risk['slope'])}."
    )
    return [
        el("p", note, class_="note"),
        el("div", plots.halves(risk, found), plots.logits(risk), class_="panels"),
    ]


def _luck(found: Found) -> Html:
    luck = found["luck"]

    def years(steps: float | None) -> str:
        if steps is None:
            return "no record is long enough"
        return f"{steps / found['steps_a_year']:,.2f} years ({steps:,.0f} steps)"

    cut = luck["haircut"]
    rows = [
        ("Trials that count", f"{luck['trials']:,}"),
        ("… worth so many independent ones", f"{luck['independent_trials']:,.1f}"),
        ("Deviation of Sharpe over trials, a year", ratio(luck["deviation"])),
        ("Best that luck would show, a year", ratio(luck["expected_maximum"])),
        ("… of independent trials alone", ratio(luck["expected_maximum_independent"])),
        ("Probabilistic Sharpe ratio (above zero)", sure(luck["probabilistic"])),
        ("Deflated Sharpe ratio", sure(luck["deflated"])),
        ("… with independent trials", sure(luck["deflated_independent"])),
        ("Record that there is", years(luck["steps"])),
        ("Record that 95 % need, above zero", years(luck["minimum_track_record"])),
        ("… above luck", years(luck["minimum_track_record_deflated"])),
        ("Sharpe after a haircut: independent tests", ratio(cut["sidak"])),
        ("… Bonferroni", ratio(cut["bonferroni"])),
        ("… Holm", ratio(cut["holm"])),
        ("… Benjamini, Hochberg and Yekutieli", ratio(cut["bhy"])),
    ]
    return table("What is left when one knows how often was tried", ("", "best"), rows)


def _trials(found: Found) -> list[Html]:
    rows = [
        (
            named(one["parameters"]),
            scored(found, one["score"]),
            percent(one["total_return"], 2),
            percent(one["max_drawdown"], 2),
            f"{one['trades']:,}",
            ", ".join(one["tripped"]).replace("_", " ") or _NONE,
            "yes" if one["standstill"] else _NONE,
        )
        for one in found["table"][:_LISTED]
    ]
    head = ("parameters", found["score"], "return", "drawdown", "trips", "switches", "standstill")
    made = found["trials"]
    parts = [table(f"The best {len(rows)} of {made['made']:,}, in sample", head, rows)]
    if made["failed"]:
        first = made["first_failure"]
        text = (
            f"{plural(made['failed'], 'trial')} failed and are not ranked; the first "
            f"({named(first['parameters'])}): {first['error']}"
        )
        parts.append(el("p", text, class_="bad"))
    return parts


def _settings(found: Found) -> Html:
    keys = (
        "build", "strategy", "set", "data", "tape", "profile", "cash", "sizing", "space", "where",
        "search", "asked", "seed", "splits", "score", "sim", "hash",
    )  # fmt: skip
    rows = [(key, _plain(found[key])) for key in keys if found[key] not in (None, {}, [])]
    body = [el("tr", el("td", name), el("td", value, class_="text")) for name, value in rows]
    return el("div", el("table", el("tbody", *body), class_="sweep"), class_="scroll")


def _plain(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {inner}" for key, inner in value.items() if inner is not None)
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
