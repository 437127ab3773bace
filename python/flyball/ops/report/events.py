"""What protection did, from the engine's notices: trips, exits, refusals, other events."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from flyball.ops.report import words
from flyball.ops.report.run import Run
from flyball.trading.runtime.result import Notice

__all__ = ["Exits", "Refusals", "Trip", "exits", "incidents", "refusals", "trips"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Trip:
    """A switch that fired; `flat_ns` is how long it took until the venue confirmed it was flat."""

    time_ns: int
    switch: str
    limit: str
    actual: str
    flat_ns: int | None
    attempts: int


def trips(run: Run) -> list[Trip]:
    """All switches that fired, in order."""
    flats = run.of_kind("Flat")
    return [_trip(notice, flats) for notice in run.of_kind("Tripped")]


def _trip(notice: Notice, flats: Sequence[Notice]) -> Trip:
    about = notice.about
    switch = str(about["switch"])
    instrument = about.get("instrument")
    after = [flat for flat in flats if flat.time_ns >= notice.time_ns]
    mine = [flat for flat in after if flat.about["reason"] == {"Switch": switch}]
    if instrument is None:
        whole = [flat for flat in mine if flat.about["scope"] == "All"]
    else:
        whole = [flat for flat in mine if flat.about["scope"] == {"Instrument": instrument}]
    flat = next(iter(whole or mine), None)
    return Trip(
        time_ns=notice.time_ns,
        switch=switch,
        limit=words.switch_number(switch, int(about["limit"])),
        actual=words.switch_number(switch, int(about["actual"])),
        flat_ns=None if flat is None else flat.time_ns - notice.time_ns,
        attempts=0 if flat is None else int(flat.about["attempts"]),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Exits:
    """Positions that were closed for one reason; times from the decision to flat."""

    name: str
    words: str
    count: int
    confirmed: int
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
    left = list(run.of_kind("Exit"))
    flats = run.of_kind("Flat")
    for number, exit_ in enumerate(left):
        instrument = exit_.about["instrument"]
        again = (e.time_ns for e in left[number + 1 :] if e.about["instrument"] == instrument)
        flat = _confirmed(exit_, flats, until=next(again, None))
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
                confirmed=len(known),
                median_ns=median(known) if known else None,
                longest_ns=max(known) if known else None,
                attempts=attempts[key],
            )
        )
    return found


def _confirmed(exit_: Notice, flats: Sequence[Notice], *, until: int | None) -> Notice | None:
    """The first word after an exit that its position is closed, before the next exit."""
    scopes = ("All", {"Instrument": exit_.about["instrument"]})
    first = bisect_left(flats, exit_.time_ns, key=lambda flat: flat.time_ns)
    for flat in flats[first:]:
        if until is not None and flat.time_ns > until:
            return None
        if flat.about["scope"] in scopes:
            return flat
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
    newest: dict[str, str] = {}
    for notice in run.of_kind("Refused"):
        refusal = notice.about["refusal"]
        instrument = run.result.data.instrument
        newest[str(refusal["rule"])] = words.numbers_of_refusal(refusal, instrument, run.money)
    counted = sorted(run.result.refused.items(), key=lambda pair: -pair[1])
    return [
        Refusals(
            rule=rule, words=words.RULES.get(rule, rule), count=count, example=newest.get(rule, "")
        )
        for rule, count in counted
    ]


_INCIDENTS = {
    "Liquidated": "the venue liquidated a position",
    "FlattenLate": "closing took longer than it may",
    "PositionMismatch": "the venue held another position than the engine thought",
    "OutcomeUnknown": "no answer came for an order in time",
    "Unprotected": "a position had no confirmed stop at the venue",
    "Throttled": "the venue rejected orders in a row: no more were sent",
    "Gap": "messages of the order book were missing",
    "Healed": "the order book was whole again",
    "Released": "a switch was released",
    "ResetRefused": "a reset was refused",
}


def incidents(run: Run) -> list[tuple[str, int, int, int]]:
    """Other events: what, how often, when first and last; those that matter most first."""
    found: list[tuple[str, int, int, int]] = []
    for kind, said in _INCIDENTS.items():
        times = [notice.time_ns for notice in run.of_kind(kind)]
        if times:
            found.append((said, len(times), times[0], times[-1]))
    return found
