"""Metrics of risk: the account, the switches, positions and their protection."""

from collections.abc import Callable, Iterable
from typing import Any

from flyball.ops.telemetry.observed import Observed
from flyball.ops.telemetry.spec import Reading, Spec, counter, gauge, named, number, one

__all__ = ["RISK"]

_MODES = ("normal", "reduce_only", "killed")


def _account(key: str) -> Callable[[Observed], list[Reading]]:
    return one(lambda seen: seen.measures["account"][key])


def _status(key: str) -> Callable[[Observed], list[Reading]]:
    return one(lambda seen: (seen.status or {})[key])


def _switches(read: Callable[[Any], Any]) -> Callable[[Observed], Any]:
    return named(
        lambda seen: [(it["switch"], read(it)) for it in seen.measures["account"]["switches"]]
    )


def _each(key: str) -> Callable[[Observed], Any]:
    return named(
        lambda seen: [(it["symbol"], it[key]) for it in seen.measures["account"]["instruments"]]
    )


def _budget_left(seen: Observed) -> float | None:
    account = seen.measures["account"]
    left, full = account["loss_budget"], account["loss_budget_full"]
    return None if left is None or not full else max(0.0, left) / full


def _unprotected(seen: Observed) -> Iterable[Reading]:
    for it in (seen.status or {}).get("instruments", []):
        age = seen.age_s(it["unprotected_since_ns"])
        yield (it["symbol"],), 0.0 if age is None else age


def _modes(seen: Observed) -> Iterable[Reading]:
    for it in (seen.status or {}).get("instruments", []):
        for mode in _MODES:
            yield (it["symbol"], mode), float(it["mode"] == mode)


def _held(seen: Observed) -> Iterable[Reading]:
    for traded, it in zip(
        seen.run.instruments, (seen.status or {}).get("instruments", []), strict=False
    ):
        yield (it["symbol"],), float(it["position"] * traded.lot_size)


def _sentinel_age(seen: Observed) -> float | None:
    found = (seen.status or {})["sentinel"]
    if found["heard_ms"] is not None:
        return float(found["heard_ms"]) / 1e3
    return seen.age_s(seen.run.started_ns) if found["expected"] else None


def _evaluated(seen: Observed) -> Iterable[Reading]:
    if seen.measures:
        yield (), seen.age_s(seen.measures["account"]["evaluated_ns"])


def _limits(seen: Observed) -> list[tuple[str, float | None]]:
    return [(it["switch"], number(it["limit"])) for it in seen.measures["account"]["switches"]]


RISK: tuple[Spec, ...] = (
    gauge("equity_usd", "What the account is worth.", _status("equity")),
    gauge("cash_usd", "Cash of the account.", _status("cash")),
    gauge("peak_usd", "The highest equity so far, moved by transfers.", _status("peak")),
    gauge("drawdown_ratio", "Loss from the peak, as a fraction of it.", _status("drawdown")),
    gauge(
        "daily_loss_ratio",
        "Loss since the start of the UTC day, as a fraction.",
        _status("daily_loss"),
    ),
    gauge("gross_exposure_usd", "What positions are worth, without sign.", _account("gross")),
    gauge(
        "net_exposure_usd",
        "What positions are worth; short ones count as negative.",
        _account("net"),
    ),
    gauge("leverage_ratio", "Gross exposure over equity.", _account("leverage")),
    gauge(
        "maintenance_margin_usd", "The margin that positions must keep.", _account("maintenance")
    ),
    gauge(
        "margin_ratio",
        "Equity over maintenance margin; absent without a position.",
        _account("margin_ratio"),
    ),
    gauge(
        "value_at_risk_usd",
        "What positions lose over their longest holding time is less with 95 %: normal returns, "
        "all positions at once.",
        _account("value_at_risk"),
    ),
    gauge(
        "loss_budget_usd",
        "What may still be lost before the drawdown or the daily loss reaches its line.",
        _account("loss_budget"),
    ),
    gauge("loss_budget_left_ratio", "The part of that budget that is left.", one(_budget_left)),
    gauge(
        "risk_evaluation_age_seconds",
        "Seconds since the switches were evaluated; without a position nothing moves them.",
        _evaluated,
    ),
    gauge(
        "switch_limit_ratio",
        "At what a switch fires; equity over margin for margin.",
        named(_limits),
        ("switch",),
    ),
    gauge(
        "switch_value_ratio",
        "What a switch looks at.",
        _switches(lambda it: it["value"]),
        ("switch",),
    ),
    gauge(
        "switch_distance_ratio",
        "The way that is left to where a switch fires: 1 when none was used, 0 where it fires.",
        _switches(lambda it: it["distance"]),
        ("switch",),
    ),
    gauge(
        "switch_tripped",
        "Whether a switch is latched.",
        _switches(lambda it: it["tripped_ns"] is not None),
        ("switch",),
    ),
    counter(
        "switch_trips_total",
        "How often a switch fired.",
        named(lambda seen: seen.measures["totals"]["trips"]),
        ("switch",),
    ),
    gauge(
        "killed", "Whether an operator, a file or a signal has killed trading.", _status("killed")
    ),
    gauge("flattening", "Whether the whole account is being closed.", _status("flattening")),
    gauge("flat", "Whether nothing is held.", _status("flat")),
    gauge(
        "kill_not_kept",
        "Whether a kill or a report could not be written.",
        one(lambda seen: (seen.status or {})["kills"]["not_kept"]),
    ),
    gauge(
        "account_known",
        "Whether the engine hears what happens to the account.",
        _status("account_known"),
    ),
    gauge(
        "position_units",
        "What is held, in units of the instrument; negative is short.",
        _held,
        ("instrument",),
    ),
    gauge(
        "position_usd", "What is held is worth; negative is short.", _each("value"), ("instrument",)
    ),
    gauge(
        "concentration_ratio",
        "The part of equity that is in one instrument.",
        _each("concentration"),
        ("instrument",),
    ),
    gauge(
        "position_loss_ratio",
        "Loss of the position against its entry; 0 when it gains.",
        _each("loss_of_entry"),
        ("instrument",),
    ),
    gauge(
        "assumed_gap_ratio",
        "The jump of the price that is assumed before anybody can act.",
        _each("assumed_gap"),
        ("instrument",),
    ),
    gauge(
        "position_unprotected_seconds",
        "For how long a position has had no confirmed stop at the venue; 0 when it has one.",
        _unprotected,
        ("instrument",),
    ),
    gauge(
        "instrument_mode",
        "1 for the mode that an instrument is in.",
        _modes,
        ("instrument", "mode"),
    ),
    gauge(
        "drill_age_seconds",
        "Seconds since the profile was drilled; absent when it never was.",
        one(lambda seen: seen.drill_age_s),
    ),
    gauge(
        "sentinel_expected",
        "Whether a sentinel is to watch over the run.",
        one(lambda seen: (seen.status or {})["sentinel"]["expected"]),
    ),
    gauge(
        "sentinel_heard_age_seconds",
        "Seconds since the sentinel was heard; since the start when it never was.",
        one(_sentinel_age),
    ),
    gauge(
        "sentinel_latched",
        "Whether the sentinel is latched: it has closed everything.",
        one(lambda seen: (seen.status or {})["sentinel"]["said"]["latched"]),
    ),
    counter(
        "sentinel_starts_total",
        "How often the run has started its sentinel.",
        one(lambda seen: (seen.status or {})["sentinel"]["starts"]),
    ),
)
