"""The tables of a report. With several runs, one column each."""

from collections.abc import Callable, Iterable, Sequence
from math import isnan

from flyball.ops.report import words
from flyball.ops.report.events import Trip, exits, incidents, refusals, trips
from flyball.ops.report.formats import (
    UNKNOWN,
    amount,
    clock,
    day,
    duration,
    moment,
    percent,
    plain,
    plural,
    ratio,
    signed,
)
from flyball.ops.report.markup import NOTHING, Html, el, join
from flyball.ops.report.run import Run
from flyball.research.analytics import Metric

__all__ = ["assumptions", "events", "metrics", "profile", "provenance", "worst_trips"]

_TRIPS_AT_MOST = 40
_WORST = 8
_TWO_DAYS_NS = 2 * 86_400 * 10**9

Row = tuple[Html, Sequence[str]]


def _table(head: Sequence[str], rows: Iterable[Html], *, css: str, caption: str) -> Html:
    """A table that scrolls by itself where the screen is too narrow for it."""
    cells = [el("th", text, scope="col") for text in head]
    top = el("thead", el("tr", *cells)) if any(head) else NOTHING
    table = el("table", el("caption", caption), top, el("tbody", *rows), class_=css)
    return el("div", table, class_="scroll", tabindex="0", role="group", aria_label=caption)


def _beside(runs: Sequence[Run], rows: Sequence[Row], *, caption: str, css: str) -> Html:
    """Rows with a value a run."""
    head = ["", *(run.label for run in runs)] if len(runs) > 1 else [""]
    made = [
        el("tr", el("th", name, scope="row"), *(el("td", value) for value in values))
        for name, values in rows
    ]
    return _table(head, made, css=css, caption=caption)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moment(time_ns: int) -> Html:
    """A time that breaks between day and hour only."""
    parts = [el("span", part, class_="one") for part in moment(time_ns).split(" ")]
    return join(parts, " ")


def _named(name: str, about: str) -> Html:
    return join([el("span", name), el("small", about)]) if about else el("span", name)


# Metrics.

_GROUPS = (("return", "Return"), ("risk", "Risk"), ("trading", "Trading"))


def metrics(runs: Sequence[Run]) -> Html:
    """Every metric with its definition, in three tables."""
    tables: list[Html] = []
    for group, caption in _GROUPS:
        chosen = [metric for metric in runs[0].metrics if metric.group == group]
        rows: list[Row] = []
        for metric in chosen:
            values = [_value(run.metrics[metric.key], run) for run in runs]
            rows.append((_named(metric.name, metric.definition), values))
        tables.append(_beside(runs, rows, caption=caption, css="metrics"))
    return el("div", *tables, class_="columns" if len(runs) == 1 else "columns wide")


def _value(metric: Metric, run: Run) -> str:
    if isnan(metric.value):
        return join([UNKNOWN, el("small", metric.reason)])
    if metric.key == "drawdown_time" and run.metrics.drawdown:
        fall = run.metrics.drawdown
        at = day if metric.value > _TWO_DAYS_NS else clock
        back = ("never", "back")
        if fall.recovered_ns is not None:
            back = ("back", at(fall.recovered_ns))
        said = [("from", at(fall.peak_ns)), ("low", at(fall.trough_ns)), back]
        lines = [el("small", f"{word} {when}", class_="one") for word, when in said]
        return join([el("span", duration(metric.value), class_="one"), *lines])
    match metric.unit:
        case "fraction":
            return percent(metric.value)
        case "money":
            write = amount if metric.key == "fees" else signed
            return write(metric.value, run.decimals)
        case "count":
            return plain(metric.value)
        case "duration_ns":
            return el("span", duration(metric.value), class_="one")
        case _:
            return ratio(metric.value)


# What protection did.


def events(run: Run) -> Html:
    """Trips, exits, refusals and other events of one run."""
    parts = [_exits(run), _refusals(run), _incidents(run)]
    return el("div", el("div", _trips(run), class_="wide"), *parts, class_="events")


def _trips(run: Run) -> Html:
    found = trips(run)
    if not found:
        return el("p", "No switch tripped.", class_="none")
    rows: list[Html] = []
    for trip in found[:_TRIPS_AT_MOST]:
        known = words.SWITCHES.get(trip.switch)
        name = _named(known.name, f"{known.about}: {known.action}") if known else trip.switch
        cells = [join([trip.actual, el("small", f"limit {trip.limit}")]), _over(trip)]
        head = el("th", name, scope="row")
        rows.append(el("tr", el("td", _moment(trip.time_ns)), head, *(el("td", c) for c in cells)))
    more = len(found) - _TRIPS_AT_MOST
    rest = el("p", f"{plural(more, 'more trip')} followed.", class_="note") if more > 0 else NOTHING
    head_row = ("Time (UTC)", "Switch", "Actual", "It took")
    return join([_table(head_row, rows, css="list trips", caption="Switches that tripped"), rest])


def _over(trip: Trip) -> Html | str:
    if trip.over_ns is None:
        return "reduced" if trip.reduces else el("strong", "not confirmed", class_="bad")
    orders = f", with {plural(trip.orders, 'order')}" if trip.orders else ""
    what = "until released" if trip.reduces else f"until flat{orders}"
    return join([duration(trip.over_ns), el("small", what)])


def _exits(run: Run) -> Html:
    rows: list[Html] = []
    for found in exits(run):
        took = UNKNOWN if found.median_ns is None else duration(found.median_ns)
        longest = UNKNOWN if found.longest_ns is None else duration(found.longest_ns)
        count: Html | str = f"{found.count:,}"
        if found.unconfirmed:
            warning = el("small", f"{found.unconfirmed:,} not confirmed", class_="bad")
            count = join([count, warning])
        name = _named(_capital(found.words), found.name)
        cells = [count, took, longest, f"{found.attempts:,}" if found.attempts else UNKNOWN]
        rows.append(el("tr", el("th", name, scope="row"), *(el("td", cell) for cell in cells)))
    if not rows:
        return el("p", "No position was closed by an exit.", class_="none")
    head = ("Why a position was closed", "Times", "To flat, median", "Longest", "Most orders")
    return _table(head, rows, css="list", caption="Exits")


def _refusals(run: Run) -> Html:
    found = refusals(run)
    if not found:
        return el("p", "The gate refused no order.", class_="none")
    rows = [
        el(
            "tr",
            el("th", _named(_capital(each.words), each.rule), scope="row"),
            el("td", f"{each.count:,}"),
            el("td", each.example or UNKNOWN),
        )
        for each in found
    ]
    head = ("Why the gate refused", "Times", "The last, for example")
    return _table(head, rows, css="list", caption="Refusals by rule")


def _incidents(run: Run) -> Html:
    rows = [
        el(
            "tr",
            el("th", _capital(said), scope="row"),
            el("td", f"{count:,}"),
            el("td", _moment(first)),
            el("td", _moment(last)),
        )
        for said, count, first, last in incidents(run)
    ]
    if not rows:
        return NOTHING
    head = ("What else", "Times", "First", "Last")
    return _table(head, rows, css="list loose", caption="Other events")


def worst_trips(run: Run) -> Html:
    """The round trips that cost most."""
    trips_ = run.trips
    order = [int(at) for at in trips_.net.argsort(kind="stable")[:_WORST]]
    rows = [
        el(
            "tr",
            el("td", _moment(int(trips_.opened_ns[at]))),
            el("td", duration(float(trips_.closed_ns[at] - trips_.opened_ns[at]))),
            el("td", signed(float(trips_.net[at]), run.decimals)),
        )
        for at in order
        if trips_.net[at] < 0.0
    ]
    if not rows:
        return el("p", "No round trip cost money.", class_="none")
    caption = "Round trips that cost most"
    return _table(
        ("Opened (UTC)", "Held", f"Net {run.money}"), rows, css="list narrow", caption=caption
    )


# What was assumed, and where it comes from.


def profile(runs: Sequence[Run]) -> Html:
    """Every number of the profiles; one column where they are all the same."""
    runs = runs[:1] if _same(runs, lambda run: run.result.profile) else runs
    columns = [dict(run.result.profile.rows()) for run in runs]
    keys = list(dict.fromkeys(key for column in columns for key in column))
    tables: list[Html] = []
    for table in dict.fromkeys(key.partition(".")[0] for key in keys):
        rows: list[Row] = []
        for key in (key for key in keys if key.startswith(f"{table}.")):
            about = words.PROFILE.get(key, ("", ""))[1]
            name = key.partition(".")[2]
            values = [_number(key, column, run) for column, run in zip(columns, runs, strict=True)]
            rows.append((_named(name.replace("_", " "), about), values))
        tables.append(_beside(runs, rows, caption=table.capitalize(), css="metrics"))
    return el("div", *tables, class_="columns" if len(runs) == 1 else "columns wide")


def _number(key: str, column: dict[str, str], run: Run) -> str:
    return words.limit(key, column[key], run.money) if key in column else UNKNOWN


def assumptions(runs: Sequence[Run]) -> Html:
    """What the simulation took for granted; of a live run, what was real and what was not."""
    live = any(run.result.live for run in runs)
    caption = "What was real and what was not" if live else "Assumptions of the simulation"
    runs = runs[:1] if _same(runs, lambda run: dict(run.result.assumptions)) else runs
    keys = dict.fromkeys(key for run in runs for key in run.result.assumptions)
    rows: list[Row] = [
        (el("span", _capital(key)), [run.result.assumptions.get(key, UNKNOWN) for run in runs])
        for key in keys
    ]
    return _beside(runs, rows, caption=caption, css="facts")


def provenance(runs: Sequence[Run]) -> Html:
    """What was run on what, and how to check it."""
    made = [_origin(run) for run in runs]
    rows: list[Row] = [(el("span", key), [column[key] for column in made]) for key in made[0]]
    return _beside(runs, rows, caption="Where it comes from", css="facts")


_CONTENTS = {
    "book": "order book and trades",
    "trades": "trades",
    "bars": "bars",
    "live": "as it came",
}


def _origin(run: Run) -> dict[str, str]:
    result, data = run.result, run.result.data
    contents = _CONTENTS[data.contents]
    if data.interval_ns:
        contents += f" of {duration(data.interval_ns)}"
    instrument = data.instrument
    code = "code"
    return {
        "Strategy": result.strategy,
        "Profile": f"{result.profile.name} v{result.profile.version}",
        "Data": el(code, data.name),
        "Market": f"{data.instrument.venue}, {contents}",
        "From": moment(data.first_ns),
        "To": moment(data.last_ns),
        "Instrument": f"{instrument.symbol}, {instrument.kind}, tick {instrument.tick_size}, "
        f"lot {instrument.lot_size}",
        "Events": f"{result.events:,} in {result.seconds:.2f} s",
        "Decisions": f"{result.decisions:,}",
        "Orders and fills": f"{len(result.orders['time_ns']):,} and {run.fill_count:,}",
        "Funding": signed(result.funding, run.decimals),
        "State hash": el(code, result.state_hash),
        "Journal": el(code, str(result.journal)) if result.journal else "none was written",
    }


def _same(runs: Sequence[Run], what: Callable[[Run], object]) -> bool:
    return all(what(run) == what(runs[0]) for run in runs)
