"""Metrics of trading: orders, fills, what they brought, strategies."""

from collections.abc import Iterable
from typing import Any

from flyball.ops.telemetry.observed import Observed
from flyball.ops.telemetry.spec import Reading, Spec, counter, gauge, named, number, one

__all__ = ["TRADING"]

_ATTENTION = ("awake", "late", "gone")


def _totals(seen: Observed) -> Any:  # noqa: ANN401
    return seen.measures["totals"]


def _strategies(key: str) -> Any:  # noqa: ANN401
    return named(lambda seen: [(it["name"], it[key]) for it in (seen.status or {})["strategies"]])


def _attention(seen: Observed) -> Iterable[Reading]:
    for it in (seen.status or {}).get("strategies", []):
        for state in _ATTENTION:
            yield (it["name"], state), float(it["attention"] == state)


def _instruments(key: str) -> Any:  # noqa: ANN401
    return named(
        lambda seen: [(it["symbol"], it[key]) for it in (seen.status or {})["instruments"]]
    )


def _mark(seen: Observed) -> Iterable[Reading]:
    for traded, it in zip(
        seen.run.instruments, (seen.status or {}).get("instruments", []), strict=False
    ):
        yield (it["symbol"],), None if it["mark"] is None else float(it["mark"] * traded.tick_size)


def _unrealised(seen: Observed) -> Iterable[Reading]:
    for it in (seen.status or {}).get("instruments", []):
        yield (it["symbol"],), number(it["unrealised"])


TRADING: tuple[Spec, ...] = (
    counter(
        "orders_attempted_total",
        "Orders that went to the gate: sent or refused.",
        one(lambda seen: _totals(seen)["attempted"]),
    ),
    counter(
        "orders_submitted_total",
        "Orders that left the engine, by what they were for.",
        named(lambda seen: _totals(seen)["submitted"]),
        ("purpose",),
    ),
    counter(
        "cancels_submitted_total",
        "Cancels that left the engine.",
        one(lambda seen: _totals(seen)["cancels"]),
    ),
    counter(
        "orders_refused_total",
        "Orders that the gate refused, by rule: they never left.",
        named(lambda seen: _totals(seen)["refused"]),
        ("rule",),
    ),
    counter(
        "order_reports_total",
        "What was said of orders that had left, by status.",
        named(lambda seen: _totals(seen)["outcomes"]),
        ("status",),
    ),
    counter(
        "orders_rejected_total",
        "Orders that the venue, or the account's budget there, rejected, by reason.",
        named(lambda seen: _totals(seen)["rejected"]),
        ("reason",),
    ),
    counter(
        "orders_cancelled_unasked_total",
        "Orders that ended unfilled and were not cancelled by us.",
        one(lambda seen: _totals(seen)["cancelled_unasked"]),
    ),
    counter(
        "fills_total",
        "Fills, by whether our order rested (maker) or took (taker).",
        named(lambda seen: _totals(seen)["fills"]),
        ("liquidity",),
    ),
    counter(
        "volume_usd_total",
        "What was traded, in the settlement currency.",
        one(lambda seen: _totals(seen)["volume"]),
    ),
    gauge(
        "fees_usd",
        "Fees paid since the start, in the settlement currency; rebates are negative.",
        one(lambda seen: _totals(seen)["fees"]),
    ),
    gauge(
        "funding_usd",
        "Funding received since the start, in the settlement currency; negative was paid.",
        one(lambda seen: _totals(seen)["funding"]),
    ),
    gauge(
        "slippage_usd",
        "What taking cost since the start, against the middle of the book when orders were sent.",
        one(lambda seen: _totals(seen)["slippage"]),
    ),
    counter(
        "trades_closed_total",
        "Round trips that ended, by whether they gained after fees and funding.",
        named(lambda seen: _totals(seen)["trades"]),
        ("outcome",),
    ),
    gauge(
        "realised_pnl_usd",
        "What round trips brought since the start, after fees and funding.",
        one(lambda seen: _totals(seen)["realised"]),
    ),
    gauge(
        "unrealised_pnl_usd",
        "Gain or loss of the position at the mark.",
        _unrealised,
        ("instrument",),
    ),
    gauge("mark_price", "The mark, in the settlement currency.", _mark, ("instrument",)),
    gauge(
        "orders_open",
        "Orders that have not ended.",
        _instruments("orders"),
        ("instrument",),
    ),
    gauge(
        "orders_unknown",
        "Orders whose fate is unknown.",
        _instruments("unknown_orders"),
        ("instrument",),
    ),
    counter(
        "strategy_questions_total",
        "How often a strategy was asked to decide.",
        _strategies("asked"),
        ("strategy",),
    ),
    counter(
        "strategy_questions_replaced_total",
        "Questions that a newer one replaced before the strategy read them.",
        _strategies("replaced"),
        ("strategy",),
    ),
    counter(
        "strategy_overruns_total",
        "How often a strategy's answer was overdue.",
        _strategies("overruns"),
        ("strategy",),
    ),
    counter(
        "strategy_decisions_dropped_total",
        "Decisions that came too late and were dropped.",
        _strategies("dropped"),
        ("strategy",),
    ),
    gauge(
        "strategy_state",
        "1 for the state that a strategy is in: awake, late or gone.",
        _attention,
        ("strategy", "state"),
    ),
)
