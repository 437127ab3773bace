"""What the engine says of itself while a run goes on, a line each."""

from collections.abc import Mapping
from typing import Any

from flyball.ops.report.formats import duration, signed
from flyball.ops.report.words import MONEY, RATE, RULES, SWITCHES, exit_key, switch_number
from flyball.trading.runtime.runs import RunInfo

__all__ = ["is_alarm", "sentence"]

_ALARMS = {
    "Tripped",
    "FlattenLate",
    "Liquidated",
    "PositionMismatch",
    "PeakMismatch",
    "Unprotected",
    "Throttled",
    "Dust",
    "Doubted",
    "ResetRefused",
}
_ATTENTION = {
    "Awake": "answers in time again",
    "Late": "is late: it may only reduce until it answers in time",
    "Gone": "is asked nothing more",
}
_SENTINEL = {
    "Watching": "the sentinel watches",
    "Lost": "the sentinel is not heard: no new risk",
    "Restrains": "the sentinel wants no new risk",
}
_OPERATOR = "operator's kill"


def is_alarm(kind: str) -> bool:
    """Whether somebody should look."""
    return kind in _ALARMS


def sentence(kind: str, about: Mapping[str, Any], run: RunInfo) -> str:
    """A notice in words."""
    make = _SENTENCES.get(kind)
    return kind if make is None else make(about, run)


def _symbol(about: Mapping[str, Any], run: RunInfo) -> str:
    at = about.get("instrument")
    return run.instruments[at].symbol if isinstance(at, int) and at < len(run.instruments) else "?"


def _scope(scope: Any, run: RunInfo) -> str:  # noqa: ANN401
    if isinstance(scope, Mapping) and "Instrument" in scope:
        return _symbol({"instrument": scope["Instrument"]}, run)
    return "the account"


def _reason(reason: Any) -> str:  # noqa: ANN401
    return exit_key(reason)[1]


def _asked(reason: Any) -> str:  # noqa: ANN401
    if isinstance(reason, Mapping):
        return f"the {_switch(str(reason['Switch']))} tripped"
    return "an operator asked for it" if reason == "Operator" else _reason(reason)


def _switch(name: str | None) -> str:
    return _OPERATOR if name is None else SWITCHES[name].name.lower() + " switch"


def _refused(about: Mapping[str, Any], run: RunInfo) -> str:
    order, rule = about["order"], str(about["refusal"]["rule"])
    return f"an order in {_symbol(order, run)} was refused: {RULES.get(rule, rule)}"


def _tripped(about: Mapping[str, Any], _run: RunInfo) -> str:
    name = str(about["switch"])
    actual, limit = (switch_number(name, int(about[key])) for key in ("actual", "limit"))
    return f"TRIPPED: {_switch(name)} at {actual}, limit {limit}: {SWITCHES[name].action}"


def _exit(about: Mapping[str, Any], run: RunInfo) -> str:
    return f"closing {about['position']:+,} {_symbol(about, run)}: {_reason(about['reason'])}"


def _flat(about: Mapping[str, Any], run: RunInfo) -> str:
    took = duration(int(about["took_ns"]))
    return f"{_scope(about['scope'], run)} is flat, says the venue, after {took}"


def _late(about: Mapping[str, Any], run: RunInfo) -> str:
    age = duration(int(about["age_ns"]))
    return f"LATE: {_scope(about['scope'], run)} is not flat after {age}, {about['attempts']} tries"


def _mismatch(about: Mapping[str, Any], run: RunInfo) -> str:
    ours, venue = about["ours"], about["venue"]
    return f"{_symbol(about, run)}: we thought {ours:+,}, the venue holds {venue:+,}: it is right"


def _peak(about: Mapping[str, Any], _run: RunInfo) -> str:
    ours, venue = (int(about[whose]) / MONEY for whose in ("ours", "venue"))
    return f"the highest we knew was {ours:,.2f}; the venue's records say {venue:,.2f}: no new risk"


def _unprotected(about: Mapping[str, Any], run: RunInfo) -> str:
    return f"{_symbol(about, run)} has had no confirmed stop for {duration(int(about['for_ns']))}"


def _closed(about: Mapping[str, Any], run: RunInfo) -> str:
    return f"a round trip in {_symbol(about, run)} brought {signed(int(about['net']) / MONEY)}"


def _released(about: Mapping[str, Any], run: RunInfo) -> str:
    if about["switch"] is None and about["instrument"] is not None:
        return f"the kill of {_symbol(about, run)} was released"
    return f"{_switch(about['switch'])} was released"


def _dust(about: Mapping[str, Any], run: RunInfo) -> str:
    left = f"{about['position']:+,} {_symbol(about, run)}"
    return f"DUST: {left} is less than the venue's smallest order: it cannot be closed by one"


def _attention(about: Mapping[str, Any], run: RunInfo) -> str:
    at = int(about["strategy"])
    name = run.strategies[at] if at < len(run.strategies) else "a strategy"
    return f"{name} {_ATTENTION.get(str(about['attention']), '?')}"


def _sentinel(about: Mapping[str, Any], _run: RunInfo) -> str:
    return _SENTINEL.get(str(about["state"]), "?")


def _doubted(about: Mapping[str, Any], run: RunInfo) -> str:
    away = abs(about["filled"] / about["seen"] - 1)
    return f"{_symbol(about, run)} was filled {away:.1%} away from what the feed says: not believed"


def _restrained(about: Mapping[str, Any], _run: RunInfo) -> str:
    by, own = str(about["restraint"]["by"]).lower(), int(about["restraint"]["share"]) / RATE
    if by == "ledger" and own == 0:
        return "the venue's records differ: flyball restrict 1 --source ledger"
    if int(about["share"]) == 0:
        return f"reduce-only: the {by} wants it"
    return f"{int(about['share']) / RATE:.0%} of the risk budget: the {by} leaves {own:.0%}"


_SENTENCES = {
    "Refused": _refused,
    "Tripped": _tripped,
    "Released": _released,
    "Dust": _dust,
    "ResetRefused": lambda about, _run: f"a reset of the {_switch(about['switch'])} was refused",
    "Exit": _exit,
    "FlattenStarted": lambda about, run: (
        f"closing all of {_scope(about['scope'], run)}: {_asked(about['reason'])}"
    ),
    "Flat": _flat,
    "FlattenLate": _late,
    "Gap": lambda about, run: f"messages of {_symbol(about, run)}'s book are missing",
    "Healed": lambda about, run: f"{_symbol(about, run)}'s book is whole again",
    "OutcomeUnknown": lambda about, run: (
        f"no answer came in time for an order in {_symbol(about, run)}"
    ),
    "PositionMismatch": _mismatch,
    "PeakMismatch": _peak,
    "Unprotected": _unprotected,
    "Liquidated": lambda about, run: f"LIQUIDATED: the venue closed {_symbol(about, run)}",
    "Throttled": lambda _about, _run: "the venue rejected orders in a row: no more are sent",
    "TradeClosed": _closed,
    "Account": lambda about, _run: (
        "the account is known" if about["known"] else "the account is not heard: no new risk"
    ),
    "Attention": _attention,
    "Sentinel": _sentinel,
    "Restrained": _restrained,
    "Doubted": _doubted,
}
