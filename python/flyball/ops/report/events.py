"""What protection did, from the engine's notices: trips, exits, refusals, other events."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from flyball.ops.report import words
from flyball.ops.report.run import Run
from flyball.trading.runtime.result import Notice

__all__ = ["Exits", "Refusals", "Trip", "exits", "incidents", "refusals", "trips"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trip:
    """A switch that fired.

    `over_ns` is how long it took until the venue confirmed that what it closes was flat; for the
    one on leverage, which only reduces, until it was released. `None` where that never came: an
    alarm where the position had to go. `orders` is how many closing orders it took.
    """

    time_ns: int
    switch: str
    limit: str
    actual: str
    over_ns: int | None
    orders: int

    @property
    def reduces(self) -> bool:
        """Whether it only makes a position smaller."""
        return self.switch == "leverage"

    @property
    def is_open(self) -> bool:
        """Whether nobody confirmed that it is over, though somebody must."""
        return self.over_ns is None and not self.reduces


_WHOLE = ("drawdown", "daily_loss", "emergency")


def trips(run: Run) -> list[Trip]:
    """All switches that fired, in order."""
    flats, released = run.of_kind("Flat"), run.of_kind("Released")
    return [_trip(notice, flats, released) for notice in run.of_kind("Tripped")]


def _trip(notice: Notice, flats: Sequence[Notice], released: Sequence[Notice]) -> Trip:
    about = notice.about
    switch = str(about["switch"])
    ends = released if switch == "leverage" else flats
    first = bisect_left(ends, notice.time_ns, key=lambda each: each.time_ns)
    last = next((at for at in range(first, len(ends)) if _ends(ends[at].about, about)), None)
    orders = 0
    if last is not None and ends is flats:
        closed = (flats[at].about for at in range(first, last + 1))
        orders = sum(int(each["attempts"]) for each in closed if each["scope"] != "All")
    return Trip(
        time_ns=notice.time_ns,
        switch=switch,
        limit=words.switch_number(switch, int(about["limit"])),
        actual=words.switch_number(switch, int(about["actual"])),
        over_ns=None if last is None else ends[last].time_ns - notice.time_ns,
        orders=orders,
    )


def _ends(end: Mapping[str, Any], trip: Mapping[str, Any]) -> bool:
    """Whether a word of the engine says that what a trip asked for is done."""
    if trip["switch"] == "leverage":
        return bool(end["switch"] == "leverage")
    if trip["switch"] in _WHOLE:
        return bool(end["scope"] == "All")
    if trip["instrument"] is not None:
        return end["scope"] in ("All", {"Instrument": trip["instrument"]})
    return bool(end["reason"] == {"Switch": trip["switch"]})


@dataclass(frozen=True, kw_only=True, slots=True)
class Exits:
    """Positions that were closed for one reason; times from the decision to flat.

    `unconfirmed` counts those of which the venue never said that they are flat, though it must.
    """

    name: str
    words: str
    count: int
    unconfirmed: int
    median_ns: float | None
    longest_ns: int | None
    attempts: int


def exits(run: Run) -> list[Exits]:
    """Exits by reason, the most frequent first.

    An exit is confirmed by the venue's next word that the position is closed, whatever it was
    closed for in the end: a switch may take over from a stop.
    """
    took: dict[tuple[str, str], list[int | None]] = {}
    attempts: Counter[tuple[str, str]] = Counter()
    left, flats = run.of_kind("Exit"), run.of_kind("Flat")
    again: dict[int, int] = {}
    closing: list[tuple[int, int]] = []
    for exit_ in reversed(left):
        instrument = int(exit_.about["instrument"])
        flat = _confirmed(exit_, flats, until=again.get(instrument))
        closing.append((exit_.time_ns, 2**63 if flat is None else flat.time_ns))
        again[instrument] = exit_.time_ns
        key = words.exit_key(exit_.about["reason"])
        took.setdefault(key, []).append(None if flat is None else flat.time_ns - exit_.time_ns)
        if flat is not None:
            attempts[key] = max(attempts[key], int(flat.about["attempts"]))
    found: list[Exits] = []
    for key, spans in sorted(took.items(), key=lambda pair: -len(pair[1])):
        known = [span for span in spans if span is not None]
        found.append(
            Exits(
                name=key[0],
                words=key[1],
                count=len(spans),
                unconfirmed=0 if key[0] == "leverage" else len(spans) - len(known),
                median_ns=median(known) if known else None,
                longest_ns=max(known) if known else None,
                attempts=attempts[key],
            )
        )
    closing.reverse()
    alone = sum(not _within(time_ns, closing) for time_ns in run.venue_stops.tolist())
    return found if not alone else [*found, _at_the_venue(alone)]


def _within(time_ns: int, closing: Sequence[tuple[int, int]]) -> bool:
    """Whether something was being closed then: spans in the order in which they began."""
    began = bisect_right(closing, time_ns, key=lambda span: span[0])
    return began > 0 and closing[began - 1][1] >= time_ns


def _at_the_venue(count: int) -> Exits:
    """Stops that the venue filled before the engine asked: there is nothing to time."""
    return Exits(
        name="at the venue",
        words="the stop that rested at the venue was filled",
        count=count,
        unconfirmed=0,
        median_ns=None,
        longest_ns=None,
        attempts=0,
    )


def _confirmed(exit_: Notice, flats: Sequence[Notice], *, until: int | None) -> Notice | None:
    """The first word after an exit that its position is closed, before the next exit."""
    scopes = ("All", {"Instrument": exit_.about["instrument"]})
    first = bisect_left(flats, exit_.time_ns, key=lambda flat: flat.time_ns)
    for at in range(first, len(flats)):
        if until is not None and flats[at].time_ns > until:
            return None
        if flats[at].about["scope"] in scopes:
            return flats[at]
    return None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusals:
    """Orders that one rule refused, and the newest of which numbers were kept."""

    rule: str
    words: str
    count: int
    example: str


def refusals(run: Run) -> list[Refusals]:
    """Refusals by rule, the most frequent first."""
    newest = {str(each.about["refusal"]["rule"]): each for each in run.of_kind("Refused")}
    instrument = run.result.data.instrument
    examples = {
        rule: words.numbers_of_refusal(each.about["refusal"], instrument, run.money)
        for rule, each in newest.items()
    }
    counted = sorted(run.result.refused.items(), key=lambda pair: -pair[1])
    return [
        Refusals(
            rule=rule,
            words=words.RULES.get(rule, rule),
            count=count,
            example=examples.get(rule, ""),
        )
        for rule, count in counted
    ]


_INCIDENTS = {
    "Liquidated": "the venue liquidated a position",
    "FlattenLate": "closing took longer than it may",
    "PositionMismatch": "the venue held another position than the engine thought",
    "PeakMismatch": "by the venue's records the account was worth more once",
    "OutcomeUnknown": "no answer came for an order in time",
    "Unprotected": "a position had no confirmed stop at the venue",
    "Dust": "less than the venue's smallest order was left",
    "Throttled": "the venue rejected orders in a row: no more were sent",
    "Gap": "messages of the order book were missing",
    "Healed": "the order book was whole again",
    "Doubted": "a fill was far from what the feed said: it was not believed until it changed",
    "Restrained": "less was to be risked, or all again",
    "Released": "a switch was released",
    "ResetRefused": "a reset was refused",
}
# Notices of one kind that say different things.
_INCIDENTS_BY: Mapping[tuple[str, str], Mapping[Any, str]] = {
    ("Account", "known"): {False: "what happens to the account was not heard: no new risk"},
    ("Sentinel", "state"): {
        "Lost": "the sentinel was not heard: no new risk",
        "Restrains": "the sentinel wanted no new risk",
    },
    ("Attention", "attention"): {
        "Late": "a strategy was late: it could only reduce",
        "Gone": "a strategy was asked nothing more: it failed, or the run ended",
    },
}


def incidents(run: Run) -> list[tuple[str, int, int, int]]:
    """Other events: what, how often, when first and last; those that matter most first."""
    found: list[tuple[str, int, int, int]] = []
    for kind, said in _INCIDENTS.items():
        times = [notice.time_ns for notice in run.of_kind(kind)]
        if times:
            found.append((said, len(times), times[0], times[-1]))
    for (kind, key), by in _INCIDENTS_BY.items():
        for value, said in by.items():
            times = [n.time_ns for n in run.of_kind(kind) if n.about[key] == value]
            if times:
                found.append((said, len(times), times[0], times[-1]))
    return found
