"""Simulated: what twenty classes of faults do to the metrics of a run.

A fault is a function of how long it has lasted, of its size (0 to 1, drawn by chance, from hardly
worth a look to gross) and of what was seen last; it changes an observation as the fault itself
would change what the engine, its connections and its machine tell.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flyball.ops.detection.readings import index
from flyball.ops.detection.streams import Floats

__all__ = ["FAULTS", "Fault"]

# Takes the observation to change, seconds since it began, its size, and draws of its own.
Effect = Callable[[Floats, float, float, Floats], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """A class of faults.

    Attributes
    ----------
    name : str
        What it is called.
    shows : tuple of str
        Metrics that it changes: only an alarm about one of them is a detection.
    effect : callable
        Changes an observation, shape (metrics,), in place.
    """

    name: str
    shows: tuple[str, ...]
    effect: Effect


def _between(low: float, high: float, size: float) -> float:
    """On a logarithmic scale."""
    return low * math.exp(size * math.log(high / low))


def _faded(rate: float, since: float, over: float) -> float:
    """What a fading sum has become of `rate` a second."""
    return rate * over * (1.0 - math.exp(-since / over))


def _feed_freeze(x: Floats, t: float, _size: float, _luck: Floats) -> None:
    x[index("feed_age")] += t
    x[index("messages")] = math.log1p(math.expm1(x[index("messages")]) * math.exp(-t / 10.0))
    x[index("asked")] = math.log1p(math.expm1(x[index("asked")]) * math.exp(-t / 10.0))
    x[index("price_step")] = 0.0


def _slow_venue(x: Floats, t: float, size: float, _luck: Floats) -> None:
    slow = _between(2.0, 20.0, size)
    x[index("open_actions")] += np.round(min(t, slow) * max(x[index("actions")], 0.5))
    x[index("lost")] += _faded(0.3, max(0.0, t - 3.0), 60.0)


def _memory_leak(x: Floats, t: float, size: float, _luck: Floats) -> None:
    rate = _between(1.0, 20.0, size)
    x[index("memory_step")] += _faded(rate, t, 10.0)
    x[index("memory")] += rate * t


def _creeping_latency(x: Floats, t: float, size: float, _luck: Floats) -> None:
    x[index("feed_delay")] += _between(0.001, 0.02, size) * t


def _loss_streak(x: Floats, t: float, size: float, _luck: Floats) -> None:
    rate = _between(1.0, 10.0, size)
    x[index("equity_step")] -= _faded(rate, t, 10.0)
    x[index("drawdown")] += rate * t / 1e4
    x[index("fills")] += _faded(0.05, t, 60.0)


def _reject_storm(x: Floats, t: float, size: float, _luck: Floats) -> None:
    rate = _between(0.5, 5.0, size)
    x[index("odd_rejects")] += _faded(rate, t, 60.0)
    x[index("actions")] += _faded(rate, t, 10.0) / 10.0


def _clock_drift(x: Floats, t: float, size: float, luck: Floats) -> None:
    rate = _between(0.0005, 0.05, size) * (1.0 if luck[0] < 0.5 else -1.0)
    x[index("clock_step")] += rate
    x[index("feed_delay")] += rate * t


def _disk_filling(x: Floats, t: float, size: float, _luck: Floats) -> None:
    rate = _between(10.0, 200.0, size)
    free = x[index("disk_free")] = max(0.0, x[index("disk_free")] - rate * t)
    x[index("disk_step")] -= 100.0 * _faded(rate, t, 10.0) / max(free, 1.0)


def _stuck_strategy(x: Floats, t: float, _size: float, _luck: Floats) -> None:
    # Its deadline is a second, and the engine says so then.
    x[index("late")] = max(x[index("late")], 1.0) if t >= 1.0 else x[index("late")]


def _wrong_price(x: Floats, t: float, size: float, luck: Floats) -> None:
    off = 1e4 * _between(0.01, 0.5, size) * (1.0 if luck[0] < 0.5 else -1.0)
    x[index("price_step")] += off if t < 1.0 else 0.0
    # The mark comes on a line of its own, and is right.
    x[index("basis")] -= off


def _missing_fills(x: Floats, t: float, _size: float, luck: Floats) -> None:
    # Found when the account is read again: every 20 seconds.
    x[index("mismatches")] += _found(t, 20.0 * luck[0])


def _duplicate_fills(x: Floats, t: float, size: float, luck: Floats) -> None:
    x[index("fills")] += _faded(_between(0.1, 1.0, size), t, 60.0)
    x[index("mismatches")] += _found(t, 20.0 * luck[0])


def _found(t: float, at: float) -> float:
    return math.exp(-(t - at) / 60.0) if t >= at else 0.0


def _spread_blowout(x: Floats, _t: float, size: float, _luck: Floats) -> None:
    x[index("spread")] += math.log(_between(6.0, 60.0, size))


def _message_flood(x: Floats, t: float, size: float, _luck: Floats) -> None:
    more = _between(10.0, 100.0, size)
    rate = math.expm1(x[index("messages")])
    x[index("messages")] = math.log1p(rate * (1.0 + (more - 1.0) * (1.0 - math.exp(-t / 10.0))))
    x[index("cpu")] += min(0.9, 0.01 * more)


def _reconnect_loop(x: Floats, t: float, size: float, luck: Floats) -> None:
    every = 1.0 / _between(0.1, 1.0, size)
    x[index("reconnects")] += _faded(1.0 / every, t, 60.0)
    x[index("feed_age")] += every * luck[1]
    x[index("weight_left")] -= min(0.3, 0.01 * t / every)


def _journal_lag(x: Floats, t: float, size: float, _luck: Floats) -> None:
    x[index("journal_lag")] += np.round(_between(20.0, 1_000.0, size) * t)


def _rate_drain(x: Floats, t: float, size: float, _luck: Floats) -> None:
    rate = _between(0.01, 0.1, size)
    x[index("weight_left")] = max(0.0, x[index("weight_left")] - rate * t)
    x[index("actions")] += _faded(20.0 * rate, t, 10.0) / 10.0


def _funding_spike(x: Floats, t: float, size: float, _luck: Floats) -> None:
    paid = _between(15.0, 150.0, size) * math.exp(-t / 10.0)
    x[index("funding")] -= paid
    x[index("equity_step")] -= paid
    x[index("drawdown")] += _between(15.0, 150.0, size) / 1e4


def _sentinel_lost(x: Floats, t: float, _size: float, _luck: Floats) -> None:
    x[index("sentinel_age")] = x[index("sentinel_age")] + t if t < 30.0 else math.nan


def _starved(x: Floats, _t: float, size: float, luck: Floats) -> None:
    share = _between(0.2, 3.0, size)
    x[index("wake_lag")] += share * luck[1]
    x[index("feed_age")] += 0.5 * share * luck[1]
    x[index("journal_lag")] += np.round(100.0 * share * luck[1])


FAULTS: tuple[Fault, ...] = (
    Fault(name="feed_freeze", shows=("feed_age", "messages", "asked"), effect=_feed_freeze),
    Fault(name="slow_venue", shows=("open_actions", "lost"), effect=_slow_venue),
    Fault(name="memory_leak", shows=("memory_step", "memory"), effect=_memory_leak),
    Fault(name="creeping_latency", shows=("feed_delay",), effect=_creeping_latency),
    Fault(name="loss_streak", shows=("equity_step", "drawdown"), effect=_loss_streak),
    Fault(name="reject_storm", shows=("odd_rejects", "actions"), effect=_reject_storm),
    Fault(name="clock_drift", shows=("clock_step", "feed_delay"), effect=_clock_drift),
    Fault(name="disk_filling", shows=("disk_step", "disk_free"), effect=_disk_filling),
    Fault(name="stuck_strategy", shows=("late",), effect=_stuck_strategy),
    Fault(name="wrong_price", shows=("price_step", "basis"), effect=_wrong_price),
    Fault(name="missing_fills", shows=("mismatches",), effect=_missing_fills),
    Fault(name="duplicate_fills", shows=("mismatches",), effect=_duplicate_fills),
    Fault(name="spread_blowout", shows=("spread",), effect=_spread_blowout),
    Fault(name="message_flood", shows=("messages", "cpu"), effect=_message_flood),
    Fault(
        name="reconnect_loop",
        shows=("reconnects", "feed_age", "weight_left"),
        effect=_reconnect_loop,
    ),
    Fault(name="journal_lag", shows=("journal_lag",), effect=_journal_lag),
    Fault(name="rate_drain", shows=("weight_left", "actions"), effect=_rate_drain),
    Fault(name="funding_spike", shows=("funding", "equity_step"), effect=_funding_spike),
    Fault(name="sentinel_lost", shows=("sentinel_age",), effect=_sentinel_lost),
    Fault(name="starved", shows=("wake_lag", "feed_age", "journal_lag"), effect=_starved),
)
