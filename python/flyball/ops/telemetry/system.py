"""Metrics of the system: events, queues, connections, the journal, budgets, the disk."""

from collections.abc import Callable, Iterable
from typing import Any

from flyball.ops.telemetry.observed import Observed
from flyball.ops.telemetry.spec import Reading, Spec, counter, gauge, named, one

__all__ = ["SYSTEM"]


def _joined(key: str) -> Callable[[Observed], list[Reading]]:
    return one(lambda seen: (seen.status or {})["connections"][key])


def _session(key: str) -> Callable[[Observed], list[Reading]]:
    return one(lambda seen: (seen.status or {})["connections"]["session"][key])


def _both(market: Callable[[Any], Any], account: Callable[[Any], Any]) -> Callable[[Observed], Any]:
    def pairs(seen: Observed) -> list[tuple[str, Any]]:
        found = (seen.status or {})["connections"]
        return [("market", market(found)), ("account", account(found))]

    return named(pairs)


def _feeds(seen: Observed) -> Iterable[Reading]:
    for it in seen.measures.get("account", {}).get("instruments", []):
        for stream, heard_ns in it["heard_ns"]:
            yield (it["symbol"], stream), seen.age_s(heard_ns)


def _account_feed(seen: Observed) -> Iterable[Reading]:
    yield (), seen.age_s(seen.measures.get("account_heard_ns"))


def _skew(seen: Observed) -> float | None:
    found = (seen.status or {})["connections"]
    return float(found["market_delay_ns"]) / 1e9 if found["market_messages"] else None


SYSTEM: tuple[Spec, ...] = (
    gauge(
        "engine_up",
        "Whether the engine answered when it was asked for this.",
        lambda seen: [((), float(seen.status is not None))],
    ),
    gauge(
        "start_time_seconds",
        "When the run began, by its clock: seconds since 1970.",
        lambda seen: [((), seen.run.started_ns / 1e9)],
    ),
    counter(
        "events_total",
        "Events that the engine took in, by kind.",
        named(lambda seen: seen.measures["totals"]["events"]),
        ("kind",),
    ),
    counter(
        "events_refused_total",
        "Events about something that is not configured.",
        one(lambda seen: (seen.status or {})["refused_events"]),
    ),
    counter(
        "notices_total",
        "What the engine said of itself, by kind.",
        named(lambda seen: seen.measures["totals"]["notices"]),
        ("kind",),
    ),
    gauge(
        "queue_depth", "Inputs that wait for the engine.", one(lambda seen: seen.measures["queued"])
    ),
    gauge(
        "queue_capacity",
        "Inputs that may wait; whoever brings one more waits too.",
        one(lambda seen: seen.measures["queue_room"]),
    ),
    gauge(
        "feed_age_seconds",
        "Seconds since a market stream was heard; absent before.",
        _feeds,
        ("instrument", "stream"),
    ),
    gauge(
        "account_feed_age_seconds",
        "Seconds since the account's connection was heard; absent while it does not stand.",
        _account_feed,
    ),
    counter(
        "connections_total",
        "Connections that were made: the first, and again.",
        _both(lambda it: it["market_connects"], lambda it: it["account_connects"]),
        ("connection",),
    ),
    counter("market_messages_total", "Messages of the market.", _joined("market_messages")),
    counter(
        "messages_malformed_total",
        "Messages that could not be decoded.",
        _both(lambda it: it["market_malformed"], lambda it: it["session"]["malformed"]),
        ("connection",),
    ),
    gauge(
        "market_behind_seconds",
        "Seconds for which the market's connection has always had something more to read.",
        one(lambda seen: (seen.status or {})["connections"]["market_behind_ns"] / 1e9),
    ),
    gauge(
        "clock_skew_seconds",
        "The shortest way of a market message in the last minute by the venue's clock and ours: "
        "their difference and the shortest latency. Negative when ours is behind.",
        one(_skew),
    ),
    gauge("journal_lag_records", "Records that wait to be written.", _joined("journal_lag")),
    gauge(
        "journal_lag_seconds",
        "Seconds for which the oldest record that waits is known to have waited; 0 when none does.",
        one(lambda seen: seen.journal_wait_s),
    ),
    gauge(
        "journal_failing", "Whether the journal's last write failed.", _joined("journal_failing")
    ),
    counter(
        "journal_records_total",
        "Records that the journal's thread has taken in.",
        one(lambda seen: seen.measures["journal_written"]),
    ),
    gauge(
        "rate_weight_left",
        "Weight that may still be asked for in this minute.",
        _joined("weight_left"),
    ),
    gauge(
        "rate_weight_limit",
        "Weight that may be asked for in a minute.",
        one(lambda seen: seen.measures["weight_a_minute"]),
    ),
    gauge(
        "rate_requests_left",
        "Requests that the account has left; absent where not told.",
        _joined("requests_left"),
    ),
    gauge(
        "message_budget_left",
        "Messages that strategies could send now, by the profile.",
        one(lambda seen: seen.measures["account"]["messages_left"]),
    ),
    counter("actions_total", "Actions that were signed.", _session("actions")),
    counter(
        "actions_resent_total",
        "Actions that were sent again, byte for byte.",
        _session("sent_again"),
    ),
    counter("actions_lost_total", "Actions whose fate was unknown for a while.", _session("lost")),
    counter(
        "actions_not_kept_total",
        "Actions that could not be kept before sending.",
        _session("not_kept"),
    ),
    gauge(
        "restraint_share",
        "Share of the risk budget that a restraint leaves, while it is in force.",
        named(lambda seen: (seen.status or {})["restraints"]),
        ("source",),
    ),
    counter(
        "account_histories_total",
        "Times the venue's history of the account was read and compared with the peak.",
        _session("histories"),
    ),
    counter(
        "money_differed_total",
        "Times the venue's money was not what was told of it.",
        _session("money_differed"),
    ),
    counter(
        "margins_refused_total",
        "Times the venue refused to set money aside for a position as the profile wants.",
        _session("margins_refused"),
    ),
    gauge("actions_open", "Actions whose fate is not known.", _joined("open_actions")),
    counter("nonces_burnt_total", "Nonces that were burnt.", _session("burnt")),
    counter("account_reads_total", "Times the account was read.", _session("reads")),
    counter(
        "orphan_orders_total",
        "Orders of ours that no engine remembered, cancelled.",
        _session("orphans"),
    ),
    gauge(
        "foreign_orders", "Orders of others that rest on the account.", _session("foreign_orders")
    ),
    counter(
        "foreign_fills_total",
        "Fills of nobody's order here: others trade on the account, or the venue has.",
        _session("foreign_fills"),
    ),
    counter(
        "late_fills_total",
        "Fills that were found by reading the account: their message did not come before.",
        _session("late_fills"),
    ),
    gauge(
        "disk_free_bytes",
        "Bytes that are free where the run's folder lies.",
        one(lambda seen: seen.disk_free),
    ),
)
