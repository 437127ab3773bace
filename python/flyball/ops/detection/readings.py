"""What is looked at of a live run: numbers from its status, and from the machine it runs on."""

import math
import os
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from flyball.ops.detection.streams import Floats

__all__ = ["METRICS", "Machine", "Metric", "Readings", "index", "machine"]

Side = Literal["high", "low", "both"]
_STRANGE = ("PositionMismatch", "PeakMismatch", "Liquidated")
# Whoever quotes is told that an order would trade; whoever takes, that nothing is there.
_USUAL_REJECTS = ("would_trade", "no_liquidity")
# A limit on what is held or risked, or on what rests, is at work: a strategy that leans on one is
# refused with every decision, for minutes.
_USUAL_REFUSALS = frozenset(
    {
        "governor",
        "max_concentration",
        "max_depth_share",
        "max_leverage",
        "max_net_exposure",
        "max_open_orders",
        "max_position",
        "max_trade_var",
        "min_liquidation_distance",
        "min_margin_ratio",
        "min_notional",
        "reduce_only",
        "self_trade",
    }
)
# Records that wait when none is written any more.
_NEVER = 1e9


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """One number of a run.

    Attributes
    ----------
    name, unit, about : str
        What it is, for people.
    floor : float
        A deviation below this, in the unit, is never worth an alarm: the least that matters.
    side : "high", "low" or "both"
        Where trouble lies.
    drifts : bool
        Whether small shifts that last are looked for: its noise is free of memory.
    """

    name: str
    unit: str
    about: str
    floor: float
    side: Side = "high"
    drifts: bool = False


def _metric(name: str, unit: str, floor: float, about: str, **more: Any) -> Metric:  # noqa: ANN401
    return Metric(name=name, unit=unit, about=about, floor=floor, **more)


METRICS: tuple[Metric, ...] = (
    _metric("feed_age", "s", 0.4, "since a book or best prices were heard"),
    _metric("feed_delay", "s", 0.04, "the way of a market message", side="both", drifts=True),
    _metric("feed_way", "s", 0.08, "the way of market messages: mean of ten seconds"),
    _metric("answer_way", "s", 0.11, "until actions were answered: mean of ten seconds"),
    _metric("messages", "log 1/s", 0.33, "market messages, over ten seconds", side="both"),
    _metric("malformed", "in 60 s", 0.3, "market messages that are none"),
    _metric("reconnects", "in 60 s", 0.35, "connections made anew"),
    _metric("weight_left", "share", 0.04, "of the rate budget", side="low"),
    _metric("open_actions", "", 1.0, "actions without an answer"),
    _metric("waiting", "s", 0.5, "for which no action was answered, while one waits"),
    _metric("actions", "1/s", 0.6, "actions sent, over ten seconds"),
    _metric("lost", "in 60 s", 0.6, "actions lost or sent again"),
    _metric("journal_lag", "records", 15.0, "that wait to be written"),
    _metric("unknown_orders", "", 0.2, "orders of unknown fate"),
    _metric("orders", "", 3.0, "orders that have not ended"),
    _metric("refusals", "in 60 s", 2.5, "orders refused for another reason than what is held"),
    _metric("odd_rejects", "in 60 s", 0.5, "orders rejected for another reason than their price"),
    _metric("mismatches", "in 60 s", 0.1, "positions, fills, orders that are not ours"),
    _metric("late_fills", "in 60 s", 0.3, "fills that only reading the account told of"),
    _metric("fills", "in 60 s", math.inf, "fills: markets have their bursts"),
    _metric("fees", "bp in 60 s", 0.7, "of the equity paid for fills"),
    _metric("spread", "log bp", 0.4, "between the best prices"),
    _metric("price_step", "bp", 4.0, "of the middle price in a second", side="both"),
    _metric("basis", "bp", 8.0, "mark against the middle price", side="both"),
    _metric("equity_step", "bp", 4.0, "of the equity in ten seconds", side="low"),
    _metric("funding", "bp", 0.25, "of the equity paid in ten seconds", side="both"),
    _metric("late", "", 0.1, "strategies that are late or gone"),
    _metric("asked", "log 1/s", 0.3, "questions to strategies, over ten seconds", side="low"),
    _metric("sentinel_age", "s", 0.3, "since the sentinel was heard"),
    _metric("memory_step", "MB", 2.0, "of the process in ten seconds"),
    _metric("disk_step", "%", 0.1, "of what is free on the disk, in ten seconds", side="low"),
    _metric("cpu", "share", 0.15, "of a core that the process uses"),
    _metric("wake_lag", "s", 0.04, "how late a cold thread woke of late"),
    _metric("clock_step", "s", 0.004, "of the wall clock against a steady one", side="both"),
    _metric("clock_gain", "s", 0.003, "of the wall clock in a minute", side="both"),
    _metric("memory", "MB", math.inf, "of the process"),
    _metric("disk_free", "MB", math.inf, "where the journal lies"),
    _metric("drawdown", "share", math.inf, "loss from the peak"),
    _metric("margin_used", "share", math.inf, "maintenance margin of the equity"),
)
_INDEX = {metric.name: at for at, metric in enumerate(METRICS)}


def index(name: str) -> int:
    """The place of a metric in an observation."""
    return _INDEX[name]


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """The process and its machine: bytes, and seconds."""

    steady_s: float
    wall_s: float
    cpu_s: float
    memory: float
    disk_free: float


def machine(folder: Path) -> Machine:
    """How the process and the disk of a folder are now; what the system does not say is NaN."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        memory = float(pages * os.sysconf("SC_PAGE_SIZE"))
    except (OSError, ValueError, IndexError):
        memory = math.nan
    try:
        free = float(shutil.disk_usage(folder).free)
    except OSError:
        free = math.nan
    return Machine(
        steady_s=time.monotonic(),
        wall_s=time.time(),
        cpu_s=time.process_time(),
        memory=memory,
        disk_free=free,
    )


class Readings:
    """Turns statuses into observations: counters into rates, notices into counts.

    Parameters
    ----------
    speed : int
        How many times as fast as ours the run's clock is. What is about the machine stays in its
        own seconds.
    weight : float
        The whole rate budget of a minute.
    """

    def __init__(self, *, speed: int = 1, weight: float = 1_200.0) -> None:
        self._speed, self._weight = speed, weight
        self._last: dict[str, float] = {}
        self._smooth: dict[str, float] = {}
        self._told_ns = 0
        self._machine: Machine | None = None

    def read(self, status: Mapping[str, Any], *, now_ns: int, at: Machine) -> Floats:
        """One observation, shape (metrics,); what a status does not say is NaN.

        `now_ns` is the run's clock: the engine's own stands still when nothing happens.
        """
        before, self._machine = self._machine, at
        passed_s = 1.0 if before is None else max(1e-3, at.steady_s - before.steady_s)
        found = self._engine(status, passed_s)
        found |= self._connections(status, now_ns, passed_s)
        found |= self._market(status, passed_s)
        found |= self._stages(status, passed_s)
        found |= self._host(at, before, passed_s)
        return np.array([found.get(metric.name, math.nan) for metric in METRICS])

    def _step(self, name: str, value: float) -> float:
        """How much a number has changed since the last status."""
        before = self._last.get(name, value)
        self._last[name] = value
        return value - before

    def _fading(self, name: str, added: float, passed_s: float, over_s: float) -> float:
        """A sum in which what is `over_s` old counts a third (1/e)."""
        kept = self._smooth.get(name, 0.0) * math.exp(-passed_s / over_s)
        self._smooth[name] = kept + added
        return self._smooth[name]

    def _rate(self, name: str, counter: float, passed_s: float) -> float:
        return self._fading(name, self._step(name, counter), passed_s, 10.0) / 10.0

    def _engine(self, status: Mapping[str, Any], passed_s: float) -> dict[str, float]:
        fresh = [(at, one) for at, one in status["notices"] if at > self._told_ns]
        self._told_ns = max([self._told_ns, *(at for at, _ in fresh)])
        kinds = [next(iter(one)) for _, one in fresh]
        equity = _number(status["equity"])
        totals = (status.get("measures") or {}).get("totals", {})
        account = (status.get("measures") or {}).get("account", {})
        refused = float(sum(kind == "Throttled" for kind in kinds))
        refused += self._step("refused", _but(totals.get("refused"), _USUAL_REFUSALS))
        odd = _but(totals.get("rejected"), _USUAL_REJECTS)
        session = status["connections"]["session"]
        strange = float(sum(kind in _STRANGE for kind in kinds))
        others = (session.get(key, 0) for key in ("foreign_orders", "foreign_fills"))
        strange += self._step("strange", sum(others))
        found = {
            "orders": float(sum(it["orders"] for it in status["instruments"])),
            "unknown_orders": float(sum(it["unknown_orders"] for it in status["instruments"])),
            "refusals": self._fading("refusals", refused, passed_s, 60.0),
            "odd_rejects": self._fading("odd", self._step("odd", odd), passed_s, 60.0),
            "mismatches": self._fading("mismatches", strange, passed_s, 60.0),
            "late": float(sum(it["attention"] != "awake" for it in status["strategies"])),
            "asked": math.log1p(
                self._rate("asked", sum(it["asked"] for it in status["strategies"]), passed_s)
            ),
            "drawdown": _float(status["drawdown"]),
            "margin_used": _float(account.get("maintenance")) / equity if equity > 0 else math.nan,
            "equity_step": math.nan,
        }
        if not math.isnan(equity) and equity > 0:
            stepped = 1e4 * self._step("equity", math.log(equity))
            found["equity_step"] = self._fading("equity_step", stepped, passed_s, 10.0)
        if "fills" in totals:
            filled = self._step("fills", _total(totals["fills"]))
            found["fills"] = self._fading("fills", filled, passed_s, 60.0)
        if "fees" in totals and equity > 0:
            cost = 1e4 * self._step("fees", _number(totals["fees"])) / equity
            found["fees"] = self._fading("fees", cost, passed_s, 60.0)
        if "funding" in totals and equity > 0:
            paid = 1e4 * self._step("funding", _number(totals["funding"])) / equity
            found["funding"] = self._fading("funding", paid, passed_s, 10.0)
        return found

    def _connections(
        self, status: Mapping[str, Any], now_ns: int, passed_s: float
    ) -> dict[str, float]:
        lines, session = status["connections"], status["connections"]["session"]
        heard_ns, speed = _heard_ns(status), self._speed
        made = self._step("made", lines["market_connects"] + lines["account_connects"])
        bad = self._step("malformed", lines["market_malformed"] + session["malformed"])
        lost = self._step("lost", session["lost"] + session["sent_again"])
        late = self._step("late fills", session.get("late_fills", 0))
        sentinel = status["sentinel"]
        heard_ms = sentinel["heard_ms"] if sentinel["expected"] else None
        return {
            "feed_age": max(0, now_ns - heard_ns) / 1e9 / speed if heard_ns else math.nan,
            "feed_delay": lines["market_delay_ns"] / 1e9 / speed if heard_ns else math.nan,
            "messages": math.log1p(self._rate("messages", lines["market_messages"], passed_s)),
            "malformed": self._fading("malformed", bad, passed_s, 60.0),
            "reconnects": self._fading("reconnects", made, passed_s, 60.0),
            "weight_left": lines["weight_left"] / self._weight,
            "open_actions": float(lines["open_actions"]),
            "waiting": self._waiting(status, passed_s),
            "late_fills": self._fading("late fills", late, passed_s, 60.0),
            "actions": self._rate("actions", session["actions"], passed_s),
            "lost": self._fading("lost", lost, passed_s, 60.0),
            "journal_lag": _NEVER if lines["journal_failing"] else float(lines["journal_lag"]),
            "sentinel_age": _float(heard_ms) / 1e3,
        }

    def _waiting(self, status: Mapping[str, Any], passed_s: float) -> float:
        """For how long an action has waited while none was answered."""
        latencies = (status.get("measures") or {}).get("latencies") or {}
        answers = dict(latencies.get("stages", ())).get("answer", {"counts": ()})
        answered = self._step("answers", float(sum(answers["counts"]))) > 0.0
        waits = status["connections"]["open_actions"] > 0 and not answered
        # One that was sent since the last look may not have waited at all.
        since = self._last.get("waiting", -passed_s) + passed_s if waits else -passed_s
        self._last["waiting"] = since
        return max(0.0, since)

    def _market(self, status: Mapping[str, Any], passed_s: float) -> dict[str, float]:
        first = status["instruments"][0]
        if first["best"] is None:
            return {}
        bid, ask = first["best"]
        middle = (bid + ask) / 2.0
        step = 1e4 * self._step("middle", math.log(middle)) / max(1.0, passed_s)
        mark = first["mark"]
        return {
            "spread": math.log(max(1e4 * (ask - bid) / middle, 0.01)),
            "price_step": step,
            "basis": 1e4 * math.log(mark / middle) if mark else math.nan,
        }

    def _stages(self, status: Mapping[str, Any], passed_s: float) -> dict[str, float]:
        """How long stages took of late: what they took together, over how often they came."""
        latencies = (status.get("measures") or {}).get("latencies") or {}
        stages = dict(latencies.get("stages", ()))
        found: dict[str, float] = {}
        for name, metric in (("feed", "feed_way"), ("answer", "answer_way")):
            if name not in stages:
                continue
            took = self._step(f"{name} s", stages[name]["sum_ns"] / 1e9)
            came = self._step(f"{name} count", float(sum(stages[name]["counts"])))
            took = self._fading(f"{name} s", took, passed_s, 10.0)
            came = self._fading(f"{name} count", came, passed_s, 10.0)
            # While nothing comes the last that is known holds: whether it comes is told elsewhere.
            if came > 1e-2:
                self._last[metric] = took / came
            found[metric] = self._last.get(metric, math.nan)
        return found

    def _host(self, at: Machine, before: Machine | None, passed_s: float) -> dict[str, float]:
        memory, disk = at.memory / 1e6, at.disk_free / 1e6
        found = {"memory": memory, "disk_free": disk}
        grown = self._step("memory", memory)
        # Others write to the disk as well: what matters is how soon it would be full.
        freed = 100.0 * self._step("disk", disk) / max(disk, 1.0)
        if not math.isnan(grown):
            found["memory_step"] = self._fading("memory_step", grown, passed_s, 10.0)
        if not math.isnan(freed):
            found["disk_step"] = self._fading("disk_step", freed, passed_s, 10.0)
        if before is not None:
            gained_s = at.wall_s - before.wall_s - (at.steady_s - before.steady_s)
            found |= {
                "cpu": (at.cpu_s - before.cpu_s) / passed_s,
                "wake_lag": self._wake_lag(passed_s),
                "clock_step": gained_s,
                "clock_gain": self._fading("clock", gained_s, passed_s, 60.0),
            }
        return found

    def _wake_lag(self, passed_s: float) -> float:
        """How late the thread that looks once a second woke of late: the worst, fading.

        A look that comes late makes the time until the next shorter.
        """
        late = min(1.0, max(0.0, self._last.get("late", 0.0) + passed_s - 1.0))
        self._last["late"] = late
        held = max(late, self._last.get("wake lag", 0.0) * math.exp(-passed_s / 10.0))
        self._last["wake lag"] = held
        return held


def _heard_ns(status: Mapping[str, Any]) -> int:
    """When the market itself was heard last: an answer to a ping is none of it."""
    measures = status.get("measures") or {}
    streams = [dict(it["heard_ns"]) for it in measures.get("account", {}).get("instruments", ())]
    heard = [max(each.get("book", 0), each.get("touch", 0)) for each in streams]
    # Of several instruments the one that is silent for longest.
    return min(heard, default=int(status["connections"]["market_heard_ns"]))


def _number(text: object) -> float:
    """An amount as a float, for looking only; what is no number is NaN."""
    try:
        return float(str(text))
    except ValueError:
        return math.nan


def _float(value: object) -> float:
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def _but(counts: object, usual: Collection[str]) -> float:
    """The sum of counts by name without those of these names."""
    named = counts if isinstance(counts, list) else []
    return float(sum(count for name, count in named if name not in usual))


def _total(counts: object) -> float:
    """A count, or the sum of counts by name."""
    if isinstance(counts, Mapping):
        return float(sum(_total(each) for each in counts.values()))
    if isinstance(counts, list):
        return float(sum(_total(each[1]) for each in counts))
    return _float(counts) if isinstance(counts, int | float) else 0.0
