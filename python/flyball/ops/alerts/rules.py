"""The rules: data, evaluated within a run and written for Prometheus from the same lines."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from flyball.config.channels import Severity
from flyball.ops.alerts.expression import (
    Abs,
    Always,
    And,
    Compare,
    Down,
    Expression,
    Increase,
    Metric,
    Quantile,
    Ratio,
)

__all__ = ["RULES", "WATCHDOG", "Rule", "rule"]

Unit: TypeAlias = Literal["ratio", "seconds", "usd", "bytes", "count"]

_MINUTE, _HOUR = 60.0, 3_600.0
_DAY = 24 * _HOUR
# Fewer than these say nothing about a rate.
_ORDERS_MIN, _TRADES_MIN = 20, 20
_TEMPLATE = re.compile(r"\{(\w+)\}")
_HUMAN = {"ratio": "humanizePercentage", "seconds": "humanizeDuration", "bytes": "humanize1024"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """When somebody is told, what, and what they can do.

    Attributes
    ----------
    expression : Expression
        Gives something while it holds, by labels: each an alert of its own.
    for_s : float
        For how many seconds it must hold.
    summary : str
        One sentence; `{value}` and `{label}` are put in.
    action : str
        What a person can do.
    unit : str
        What the value is, for people.
    """

    name: str
    severity: Severity
    expression: Expression
    for_s: float
    summary: str
    action: str
    unit: Unit = "count"

    def said(self, labels: Mapping[str, str], value: float) -> str:
        """The summary of one alert."""
        words = {**labels, "value": _human(value, self.unit)}
        return _TEMPLATE.sub(lambda found: words.get(found[1], "?"), self.summary)

    def template(self) -> str:
        """The summary as Prometheus fills it in."""
        shown = f"$value | {_HUMAN.get(self.unit, 'humanize')}"

        def place(found: "re.Match[str]") -> str:
            name = found[1]
            return "{{ " + (shown if name == "value" else f"$labels.{name}") + " }}"

        return _TEMPLATE.sub(place, self.summary)


def _human(value: float, unit: Unit) -> str:
    if unit == "ratio":
        return f"{value * 100:.4g}%"
    if unit == "seconds":
        return f"{value:.3g} s" if value < 2 * _MINUTE else f"{value / _MINUTE:.3g} min"
    if unit == "bytes":
        return f"{value / (1 << 20):,.0f} MiB"
    return f"{value:,.2f}" if unit == "usd" else f"{value:g}"


def _flag(name: str) -> Expression:
    return Compare(Metric(f"flyball_{name}"), ">", 0)


def _notices(kind: str, over_s: float) -> Expression:
    found = Metric("flyball_notices_total", {"kind": (kind,)})
    return Compare(Increase(found, over_s), ">", 0)


_SENT = Increase(Metric("flyball_orders_submitted_total"), 5 * _MINUTE)
_REJECTED = Increase(Metric("flyball_orders_rejected_total"), 5 * _MINUTE)
_WON = Increase(Metric("flyball_trades_closed_total", {"outcome": ("won",)}), _DAY)
_CLOSED = Increase(Metric("flyball_trades_closed_total"), _DAY)

WATCHDOG = Rule(
    name="Watchdog",
    severity="info",
    expression=Always(),
    for_s=0,
    summary="Alerts arrive: this one always fires",
    action="When it does not arrive any more, the way of alerts is broken: mend that first.",
)

_MONEY = (
    Rule(
        name="HighDrawdown",
        severity="critical",
        expression=Compare(Metric("flyball_drawdown_ratio"), ">", 0.05),
        for_s=0,
        summary="The account is {value} below its peak",
        action="Look at positions and stops (flyball status); flyball kill closes everything.",
        unit="ratio",
    ),
    Rule(
        name="LowWinRate",
        severity="warning",
        expression=And(
            Compare(Ratio(_WON, _CLOSED), "<", 0.4), Compare(_CLOSED, ">=", _TRADES_MIN)
        ),
        for_s=0,
        summary="{value} of the round trips of a day gained",
        action="Compare with the backtest: the market, or what fills cost, may have changed.",
        unit="ratio",
    ),
    Rule(
        name="SwitchNear",
        severity="warning",
        expression=Compare(Metric("flyball_switch_distance_ratio"), "<", 0.2),
        for_s=5,
        summary="The switch {switch} has {value} of its way left",
        action="Nothing has to be done: the switch acts by itself. Less size keeps it away.",
        unit="ratio",
    ),
    Rule(
        name="SwitchTripped",
        severity="critical",
        expression=_flag("switch_tripped"),
        for_s=0,
        summary="The switch {switch} has tripped",
        action="Look at the account; when it is flat: flyball resume --switch {switch}.",
    ),
    Rule(
        name="Killed",
        severity="critical",
        expression=_flag("killed"),
        for_s=0,
        summary="Trading is killed",
        action="Look at the account; when it is flat: flyball resume --scope all.",
    ),
    Rule(
        name="UnprotectedPosition",
        severity="critical",
        expression=Compare(Metric("flyball_position_unprotected_seconds"), ">", 5),
        for_s=0,
        summary="The position in {instrument} has had no confirmed stop for {value}",
        action="The engine closes it when that lasts. flyball kill closes it now.",
        unit="seconds",
    ),
    Rule(
        name="FlattenLate",
        severity="critical",
        expression=_notices("flatten_late", 5 * _MINUTE),
        for_s=0,
        summary="Closing takes longer than it may",
        action="Look at the venue: close by hand there if nothing trades.",
    ),
    Rule(
        name="Liquidated",
        severity="critical",
        expression=_notices("liquidated", _HOUR),
        for_s=0,
        summary="The venue has liquidated a position",
        action="Look at the account's margin before anything else.",
    ),
    Rule(
        name="ReconciliationDifference",
        severity="critical",
        expression=_notices("position_mismatch", 10 * _MINUTE),
        for_s=0,
        summary="The venue held another position than we thought; the venue's was taken over",
        action="Find who else trades on the account, or which fill was never told.",
    ),
    Rule(
        name="LedgerDifference",
        severity="critical",
        expression=Compare(Metric("flyball_restraint_share", {"source": ("ledger",)}), "<", 1),
        for_s=0,
        summary="The venue's records are not what we counted: money, or a higher peak",
        action="Look at the venue's ledger, and whether the run's state is an old copy; then "
        "flyball restrict 1 --source ledger.",
    ),
)

_REACH = (
    Rule(
        name="SystemDown",
        severity="critical",
        expression=Down(Metric("flyball_engine_up")),
        for_s=300,
        summary="The engine has not answered for five minutes",
        action="The sentinel closes everything. Look at the account, then at the process.",
    ),
    Rule(
        name="HighErrorRate",
        severity="warning",
        expression=And(
            Compare(Ratio(_REJECTED, _SENT), ">", 0.05), Compare(_SENT, ">=", _ORDERS_MIN)
        ),
        for_s=0,
        summary="{value} of the orders of five minutes were rejected",
        action="flyball_orders_rejected_total says why, by reason.",
        unit="ratio",
    ),
    Rule(
        name="HighLatency",
        severity="warning",
        expression=Compare(
            Quantile(
                0.99,
                Metric("flyball_latency_seconds", {"stage": ("queue", "react", "send", "answer")}),
                5 * _MINUTE,
                ("stage",),
            ),
            ">",
            1.0,
        ),
        for_s=10,
        summary="The slowest hundredth of {stage} took more than {value}",
        action="queue: the machine; react, send: the strategy; answer: the venue or the network.",
        unit="seconds",
    ),
    Rule(
        name="StaleFeed",
        severity="warning",
        expression=Compare(
            Metric("flyball_feed_age_seconds", {"stream": ("book", "touch")}), ">", 10
        ),
        for_s=0,
        summary="{stream} of {instrument} has been silent for {value}",
        action="Look at the network and at the venue's status page. No new risk is taken.",
        unit="seconds",
    ),
    Rule(
        name="AccountUnknown",
        severity="critical",
        expression=Compare(Metric("flyball_account_known"), "<", 1),
        for_s=30,
        summary="The account has not been known for half a minute",
        action="Look at the venue's status page; closing goes on over HTTP.",
    ),
    Rule(
        name="SentinelLost",
        severity="critical",
        expression=And(
            Compare(Metric("flyball_sentinel_heard_age_seconds"), ">", 5),
            _flag("sentinel_expected"),
        ),
        for_s=0,
        summary="The sentinel has not been heard for {value}: no new risk",
        action="It is started again by itself; read sentinel.log in the run's folder.",
        unit="seconds",
    ),
    Rule(
        name="SentinelLatched",
        severity="critical",
        expression=_flag("sentinel_latched"),
        for_s=0,
        summary="The sentinel is latched: it has closed everything",
        action="Look at the account; when it is flat: flyball resume --sentinel --state FOLDER.",
    ),
    Rule(
        name="StrategyGone",
        severity="critical",
        expression=Compare(Metric("flyball_strategy_state", {"state": ("gone",)}), ">", 0),
        for_s=0,
        summary="The strategy {strategy} is gone",
        action="Its position keeps stop and exits. Mend it and start the run again.",
    ),
    Rule(
        name="StrategyLate",
        severity="warning",
        expression=Compare(
            Increase(Metric("flyball_strategy_overruns_total"), 5 * _MINUTE, ("strategy",)), ">", 3
        ),
        for_s=0,
        summary="The strategy {strategy} was late {value} times within five minutes",
        action="Make it faster, wake it less often, or raise --deadline.",
    ),
)

_HOUSE = (
    Rule(
        name="DrillOverdue",
        severity="warning",
        expression=Compare(Metric("flyball_drill_age_seconds"), ">", 30 * _DAY),
        for_s=0,
        summary="The profile was drilled {value} ago",
        action="flyball drill makes every switch and every kill act at a local exchange.",
        unit="seconds",
    ),
    Rule(
        name="JournalFailing",
        severity="critical",
        expression=_flag("journal_failing"),
        for_s=2,
        summary="The journal cannot be written",
        action="Make room on the disk; records wait in memory meanwhile.",
    ),
    Rule(
        name="JournalLagging",
        severity="warning",
        expression=Compare(Metric("flyball_journal_lag_records"), ">", 10_000),
        for_s=5,
        summary="{value} records wait to be written to the journal",
        action="The disk is slow: look at what else writes to it.",
    ),
    Rule(
        name="JournalBehind",
        severity="warning",
        expression=Compare(Metric("flyball_journal_lag_seconds"), ">", 5),
        for_s=0,
        summary="The journal is {value} behind",
        action="The disk is slow or full: what is not written is lost if the process dies.",
        unit="seconds",
    ),
    Rule(
        name="StorageLow",
        severity="warning",
        expression=Compare(Metric("flyball_disk_free_bytes"), "<", 2 * 2**30),
        for_s=60,
        summary="{value} are left on the disk of the run",
        action="Remove old journals, or give it more room.",
        unit="bytes",
    ),
    Rule(
        name="KillNotKept",
        severity="critical",
        expression=_flag("kill_not_kept"),
        for_s=2,
        summary="A kill or a report could not be written to the disk",
        action="Look at the run's folder: it may not survive a restart.",
    ),
    Rule(
        name="RateBudgetLow",
        severity="warning",
        expression=Compare(
            Ratio(Metric("flyball_rate_weight_left"), Metric("flyball_rate_weight_limit")), "<", 0.1
        ),
        for_s=10,
        summary="{value} of this minute's requests to the venue are left",
        action="Trade less often, or find who else asks from this address.",
        unit="ratio",
    ),
    Rule(
        name="RequestsLow",
        severity="warning",
        expression=Compare(Metric("flyball_rate_requests_left"), "<", 1_000),
        for_s=60,
        summary="{value} requests of the account are left",
        action="The venue allows more as more is traded: quote less, trade more.",
    ),
    Rule(
        name="QueueFilling",
        severity="warning",
        expression=Compare(
            Ratio(Metric("flyball_queue_depth"), Metric("flyball_queue_capacity")), ">", 0.5
        ),
        for_s=2,
        summary="{value} of the engine's queue is full",
        action="The machine is too slow for this market, or busy with something else.",
        unit="ratio",
    ),
    Rule(
        name="MarketBehind",
        severity="warning",
        expression=Compare(Metric("flyball_market_behind_seconds"), ">", 2),
        for_s=0,
        summary="More comes of the market than is read, for {value} now",
        action="The machine is too slow for this market, or busy with something else.",
        unit="seconds",
    ),
    Rule(
        name="ClockSkew",
        severity="warning",
        expression=Compare(Abs(Metric("flyball_clock_skew_seconds")), ">", 1),
        for_s=60,
        summary="The venue's clock and ours are {value} apart",
        action="Set this machine's clock: chrony, or systemd-timesyncd.",
        unit="seconds",
    ),
)

RULES: tuple[Rule, ...] = (*_MONEY, *_REACH, *_HOUSE, WATCHDOG)


def rule(name: str) -> Rule:
    """The rule of this name."""
    return next(it for it in RULES if it.name == name)
