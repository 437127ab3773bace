"""What happened, in a few sentences and figures, for those who read no further."""

from flyball.ops.report.events import trips
from flyball.ops.report.formats import (
    amount,
    date,
    duration,
    fraction,
    percent,
    plural,
    second,
    signed,
)
from flyball.ops.report.markup import Html, el, join
from flyball.ops.report.run import Run
from flyball.ops.report.words import SWITCHES

__all__ = ["figures", "period", "sentences"]

_HOURS_NS = 4 * 3600 * 10**9


def sentences(run: Run) -> Html:
    """The verdict: result, deepest fall, switches, whether the account is flat."""
    parts: list[str] = [_result(run), _fall(run), *_switches(run), *_liquidations(run), *_end(run)]
    if run.result.interrupted:
        parts.append(_alarm("It was interrupted: this is the part until then."))
    if run.result.not_ready and not run.result.decisions:
        parts.append("The strategy never decided: a feature that it declares had no value.")
    elif not run.fill_count:
        parts.append("No order was filled.")
    return join((part for part in parts if part), " ")


def _alarm(text: str) -> Html:
    return el("strong", text, class_="bad")


def _result(run: Run) -> str:
    result = run.result
    cash = f"{amount(result.cash, run.decimals)} {run.money}".strip()
    if not result.equity.is_finite():
        return f"What became of {cash} is not known: a position had no price at the end."
    pnl = float(result.pnl)
    if pnl == 0.0:
        return f"The account ended as it began, with {cash}."
    verb = "gained" if pnl > 0.0 else "lost"
    lost, share = amount(abs(pnl), run.decimals), percent(abs(pnl) / float(result.cash))
    return f"The account {verb} {lost} of {cash}, or {share}."


def _fall(run: Run) -> str:
    deepest = run.result.max_drawdown
    return f"Its deepest drawdown was {percent(deepest)}." if deepest > 0.0 else ""


def _switches(run: Run) -> list[str]:
    found = trips(run)
    if not found:
        none = run.result.profile.switches.drawdown >= 1
        return [
            "No switch tripped"
            + (": the profile has none on the account's losses." if none else ".")
        ]
    first, more = found[0], len(found) - 1
    name = SWITCHES[first.switch].name if first.switch in SWITCHES else first.switch
    said = f"The {name.lower()} switch tripped at {first.actual} on {date(first.time_ns)} UTC"
    parts: list[str] = [el("strong", f"{said}.")]
    if first.over_ns is not None and not first.reduces:
        parts.append(f"{duration(first.over_ns)} later the venue confirmed that it was flat.")
    if more:
        parts.append(f"{plural(more, 'more trip')} followed.")
    late = sum(trip.is_open for trip in found)
    if late:
        parts.append(_alarm(f"{plural(late, 'trip')} without a confirmed flat position."))
    return parts


def _end(run: Run) -> list[str]:
    if run.result.flat:
        return ["At the end the account was flat, as engine and venue agree."]
    held = run.last_position
    lots = plural(abs(held), "lot")
    side = f": {'long' if held > 0 else 'short'} {lots}" if held else ""
    return [_alarm(f"At the end it was not flat{side}.")]


def _liquidations(run: Run) -> list[str]:
    count = len(run.of_kind("Liquidated"))
    return [_alarm(f"The venue liquidated {plural(count, 'position')}.")] if count else []


def period(run: Run) -> str:
    """From when to when, and how long."""
    took = run.last_ns - run.first_ns
    write = date if took > _HOURS_NS else second
    return f"{write(run.first_ns)} to {write(run.last_ns)} UTC, {duration(took)}"


def figures(run: Run) -> list[tuple[str, str, str, str]]:
    """The numbers that are asked for first: name, value, a word more, and how to colour it."""
    result = run.result
    pnl, known = float(result.pnl), result.equity.is_finite()
    limit = result.profile.switches.drawdown
    switch = f"switch at {fraction(limit)}" if limit < 1 else "no switch"
    names = [SWITCHES[name].name if name in SWITCHES else name for name in result.tripped]
    count = len(run.of_kind("Tripped"))
    won = percent(run.trips.win_rate, 0) + " won" if run.trips.count else ""
    fees = f"{percent(run.metrics['fees_share'].value)} of the cash"
    flat = "good" if result.flat else "bad"
    return [
        (
            "Profit and loss",
            signed(pnl, run.decimals),
            ("+" if pnl > 0.0 else "") + percent(pnl / float(result.cash)) if known else "unknown",
            ("good" if pnl > 0.0 else "bad") if known and pnl else "",
        ),
        ("Deepest drawdown", percent(result.max_drawdown), switch, ""),
        (
            "Switches tripped",
            ", ".join(names) or "none",
            plural(count, "trip") if count else "",
            "warn" if names else "",
        ),
        ("Round trips", f"{run.trips.count:,}", won, ""),
        ("Fees", amount(result.fees, run.decimals), fees, ""),
        (
            "At the end",
            "flat" if result.flat else "not flat",
            "engine and venue agree" if result.flat else "a position was open",
            flat,
        ),
    ]
