"""What the page shows of a run, from its status: rows of numbers and names, nothing that acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyball.trading.runtime.latches import latched
from flyball.trading.runtime.runs import RunInfo

__all__ = ["Notices", "about", "gate", "latencies", "picture", "point", "switch_rows"]

Status = Mapping[str, Any]

_SWITCHES = ("drawdown", "emergency", "daily_loss", "position_loss", "leverage", "margin")
# A loss of all or a leverage that nothing reaches: the profile draws no line.
_NEVER = {"leverage": 1_000.0, "margin": 0.0}
_QUANTILES = (0.5, 0.99)


def about(run: RunInfo) -> dict[str, Any]:
    """Who trades what where; what does not change while a run goes on."""
    return {
        "venue": run.venue,
        "network": run.network,
        "simulated": run.simulated,
        "account": run.account,
        "strategies": list(run.strategies),
        "instruments": [
            {
                "symbol": it.symbol,
                "tick_size": float(it.tick_size),
                "lot_size": float(it.lot_size),
            }
            for it in run.instruments
        ],
        "profile": run.profile,
        "limits": dict(run.limits),
        "clock": list(run.clock),
        "started_ns": run.started_ns,
        "journal": run.journal,
        "folder": str(run.folder),
    }


def picture(run: RunInfo, status: Status, sentinel: Status | None) -> dict[str, Any]:
    """The newest of everything that the engine itself says."""
    connections = status["connections"]
    heard = int(connections["market_heard_ns"])
    return {
        "time_ns": status["time_ns"],
        "equity": status["equity"],
        "cash": status["cash"],
        "peak": status["peak"],
        "drawdown": status["drawdown"],
        "daily_loss": status["daily_loss"],
        "flat": status["flat"],
        "flattening": status["flattening"],
        "account_known": status["account_known"],
        "killed": bool(status["killed"]),
        "kills": status["kills"],
        "latched": latched(status),
        "sentinel_latched": bool(sentinel and sentinel["latched"]),
        "instruments": status["instruments"],
        "strategies": status["strategies"],
        "switches": switch_rows(run, status, sentinel),
        "gate": gate(status),
        "latencies": latencies(status),
        "feed": {
            "age_ms": None if not heard else max(0, run.now_ns - heard) / 1e6 / run.clock[2],
            "delay_ms": connections["market_delay_ns"] / 1e6 / run.clock[2] if heard else None,
            "reconnects": max(
                0, connections["market_connects"] + connections["account_connects"] - 2
            ),
            "messages": connections["market_messages"],
            "malformed": connections["market_malformed"],
        },
        "journal": {
            "failing": connections["journal_failing"],
            "waiting": connections["journal_lag"],
        },
        "weight_left": connections["weight_left"],
        "open_actions": connections["open_actions"],
        "lost_actions": connections["session"]["lost"],
        "sentinel": {"asked": sentinel, "heard": status.get("sentinel")},
    }


def point(status: Status) -> list[Any]:
    """A point of the curves: milliseconds, equity, peak, start of the day, the price of each.

    What is not known is `None`. The price is the middle of the book, or the mark where no book can
    be looked at, in ticks.
    """
    equity = None if status["equity"] == "unknown" else float(status["equity"])
    peak = None if status["peak"] == "unknown" else float(status["peak"])
    loss = status["daily_loss"]
    day = None if loss is None or equity is None or loss >= 1 else equity / (1 - loss)
    prices = [
        sum(it["best"]) / 2 if it["best"] is not None else it["mark"]
        for it in status["instruments"]
    ]
    return [status["time_ns"] // 1_000_000, equity, peak, day, prices]


def switch_rows(run: RunInfo, status: Status, sentinel: Status | None) -> list[dict[str, Any]]:
    """The six switches: where each fires, what is there now, and which part of the way is used.

    `used` is 0 when nothing was used and 1 where it fires; `None` while that is not known. `source`
    says who measured: the engine, or the sentinel where the engine does not tell.
    """
    measured = {it["switch"]: it for it in _measures(status, "account", "switches")}
    since = dict(status["tripped"])
    rows = []
    for name in _SWITCHES:
        limit = _number(run.limits.get(f"switches.{name}"))
        found = measured.get(name)
        if found is not None:
            value, source = _number(found["value"]), "engine"
        else:
            value, source = _value(name, status, sentinel)
        never = limit is not None and _is_never(name, limit)
        rows.append(
            {
                "name": name,
                "limit": None if never else limit,
                "never": never,
                "value": value,
                "used": None if never else _used(name, value, limit),
                "source": source,
                "tripped_ns": since.get(name),
            }
        )
    return rows


def _value(name: str, status: Status, sentinel: Status | None) -> tuple[float | None, str]:
    match name:
        case "drawdown" | "emergency":
            return _number(status["drawdown"]), "engine"
        case "daily_loss":
            return _number(status["daily_loss"]), "engine"
        case "position_loss":
            return _worst_loss(status), "engine"
    if status["flat"]:
        return (0.0 if name == "leverage" else None), "engine"
    key = {"leverage": "leverage", "margin": "margin_ratio"}[name]
    return (None if sentinel is None else _number(sentinel.get(key))), "sentinel"


def _worst_loss(status: Status) -> float | None:
    """The largest loss of a position against its entry, as a fraction; 0 where none loses."""
    worst = 0.0
    for it in status["instruments"]:
        if not it["position"]:
            continue
        if not it["entry"] or it["mark"] is None:
            return None
        side = 1 if it["position"] > 0 else -1
        worst = max(worst, side * (it["entry"] - it["mark"]) / it["entry"])
    return worst


def _is_never(name: str, limit: float) -> bool:
    if name == "margin":
        return limit <= _NEVER["margin"]
    return limit >= _NEVER.get(name, 1.0)


def _used(name: str, value: float | None, limit: float | None) -> float | None:
    if limit is None or not limit:
        return None
    if name == "margin":  # it fires below its limit; without a position there is no ratio
        return None if value is None or value <= 0 else min(1.0, limit / value)
    return None if value is None else min(1.0, max(0.0, value) / limit)


def gate(status: Status) -> dict[str, Any] | None:
    """What the gate let through and refused since the start; `None` where nobody counts it."""
    totals = _measures(status, "totals")
    if not totals:
        return None
    return {
        "attempted": totals["attempted"],
        "submitted": sum(dict(totals["submitted"]).values()),
        "refused": _counts(totals["refused"]),
        "rejected": _counts(totals["rejected"]),
    }


def _counts(named: Any) -> dict[str, int]:  # noqa: ANN401
    return {str(name): int(count) for name, count in dict(named).items() if count}


def latencies(status: Status) -> list[dict[str, Any]]:
    """How long each stage takes: how often it was timed, and quantiles in milliseconds.

    A quantile is the upper bound of the bucket that it lies in; `None` beyond the last bound.
    """
    found = _measures(status, "latencies")
    if not found:
        return []
    bounds = found["bounds_ns"]
    rows = []
    for name, counted in found["stages"]:
        counts = counted["counts"]
        total = sum(counts)
        if not total:
            continue
        p50, p99 = (_quantile(bounds, counts, total * share) for share in _QUANTILES)
        mean = counted["sum_ns"] / total / 1e6
        rows.append({"name": name, "count": total, "mean": mean, "p50": p50, "p99": p99})
    return rows


def _quantile(bounds: Sequence[int], counts: Sequence[int], wanted: float) -> float | None:
    seen = 0
    for bound, count in zip(bounds, counts, strict=False):
        seen += count
        if seen >= wanted:
            return bound / 1e6
    return None


def _measures(status: Status, *path: str) -> Any:  # noqa: ANN401
    found: Any = status.get("measures") or {}
    for name in path:
        found = found.get(name) or {}
    return found


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


@dataclass(slots=True)
class Notices:
    """Notices of a status that were not in the one before it, and what of them was refused."""

    refused: dict[str, int] = field(default_factory=dict)
    missed: bool = False
    _newest_ns: int | None = None
    _at_newest: int = 0

    def new(self, notices: Sequence[Any]) -> list[tuple[int, str, Mapping[str, Any]]]:
        """What is new: when, which kind, about what."""
        newest = self._newest_ns
        if newest is not None and notices and notices[0][0] > newest:
            # The engine keeps the last 256: all are new, so some may have gone by.
            self.missed = True
        found, skip = [], self._at_newest
        for time_ns, notice in notices:
            if newest is not None and (time_ns < newest or (time_ns == newest and skip > 0)):
                skip -= time_ns == newest
                continue
            ((kind, told),) = notice.items()
            found.append((time_ns, kind, told))
            if kind == "Refused":
                rule = str(told["refusal"]["rule"])
                self.refused[rule] = self.refused.get(rule, 0) + 1
        if notices:
            self._newest_ns = notices[-1][0]
            self._at_newest = sum(time_ns == self._newest_ns for time_ns, _ in notices)
        return found
