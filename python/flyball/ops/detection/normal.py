"""Simulated: the metrics of runs in which nothing is wrong, many runs side by side.

The market's part (messages, steps of the price, spreads) is a recording, put together anew from
pieces of an hour; a position that turns over now and then makes equity of it. Everything else is
one row of a table for each metric: what it is around, how much it varies, for how long, and how
often it jumps by itself. The rows were fitted to live runs at the local exchange (a maker and a
mean reversion, five minutes each at real time, measured once a second); what a local exchange does
not have and a venue over the internet has, is assumed and marked so.
"""

import gzip
import json
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flyball.errors import DataError
from flyball.ops.detection.readings import METRICS, index
from flyball.ops.detection.streams import Floats

__all__ = ["ROWS", "Market", "Normal", "Row", "read_market"]

_HOUR = 3_600
_CHUNK = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """How a metric varies: around `level`, by `deviation`, for about `lasts` seconds.

    `jumps` times a day it jumps by up to `jump`, and comes back within `back` seconds (1/e).
    `whole` numbers are rounded; nothing is below `least`. `wave` is a daily one's height.
    """

    level: float = 0.0
    deviation: float = 0.0
    lasts: float = 1.0
    jumps: float = 0.0
    jump: float = 0.0
    back: float = 1.0
    wave: float = 0.0
    least: float = 0.0
    whole: bool = False


# Assumed, since a local exchange has none: the internet's delay with its daily wave and its jumps,
# pauses of the feed, reconnects twice a day, strategies that are late, lost actions.
ROWS: dict[str, Row] = {
    "feed_age": Row(level=0.12, deviation=0.16, jumps=8, jump=2.5, back=1.0),
    "feed_delay": Row(
        level=0.045, deviation=0.003, lasts=2, jumps=24, jump=0.15, back=2, wave=0.01
    ),
    "malformed": Row(jumps=0.2, jump=1.0, back=60),
    "reconnects": Row(jumps=2, jump=1.0, back=60),
    "weight_left": Row(level=0.45, deviation=0.07, lasts=20, least=0.06),
    "open_actions": Row(level=0.1, deviation=0.3, jumps=24, jump=2.0, back=2, whole=True),
    "actions": Row(level=1.5, deviation=0.8, lasts=10),
    "lost": Row(jumps=1, jump=1.0, back=60),
    "journal_lag": Row(level=0.0, deviation=0.3, jumps=48, jump=60.0, back=2, whole=True),
    "unknown_orders": Row(jumps=2, jump=1.0, back=1, whole=True),
    "orders": Row(level=2.5, deviation=0.8, lasts=2, whole=True),
    "refusals": Row(jumps=2, jump=1.0, back=60),
    "mismatches": Row(),
    "fills": Row(level=3.0, deviation=1.5, lasts=60),
    "basis": Row(level=0.0, deviation=1.0, lasts=2, least=-math.inf),
    "funding": Row(jumps=24, jump=0.2, back=10),
    "late": Row(jumps=1, jump=1.0, back=1, whole=True),
    "asked": Row(level=1.8, deviation=0.1, lasts=30),
    "sentinel_age": Row(level=0.05, deviation=0.03, jumps=4, jump=0.8, back=1),
    "memory_step": Row(level=0.08, deviation=0.1, lasts=10, jumps=24, jump=8.0, back=10),
    "disk_step": Row(
        level=-0.0002, deviation=0.002, lasts=10, jumps=24, jump=-0.5, back=10, least=-math.inf
    ),
    "clock_gain": Row(
        level=0.0, deviation=0.0004, lasts=60, jumps=1, jump=0.008, back=60, least=-math.inf
    ),
    "feed_way": Row(level=0.045, deviation=0.004, lasts=10, jumps=24, jump=0.1, back=10, wave=0.01),
    "answer_way": Row(level=0.1, deviation=0.02, lasts=10, jumps=24, jump=0.1, back=10),
    "fees": Row(level=0.4, deviation=0.2, lasts=60),
    "cpu": Row(level=0.05, deviation=0.02, lasts=5, jumps=48, jump=0.5, back=2),
    "wake_lag": Row(level=0.0003, deviation=0.0006, jumps=96, jump=0.12, back=1),
    "clock_step": Row(level=0.0, deviation=0.0002, jumps=1, jump=0.01, back=0.5, least=-math.inf),
    "memory": Row(level=150.0, deviation=2.0, lasts=600),
    "disk_free": Row(level=20_000.0, deviation=5.0, lasts=600),
    "margin_used": Row(level=0.08, deviation=0.002, lasts=300),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Market:
    """A recorded market, second by second.

    Attributes
    ----------
    messages : array, shape (seconds,)
        Messages that came in each second.
    spread : array, shape (seconds,)
        Between the best prices, in basis points.
    step : array, shape (seconds,)
        Of the middle price, in basis points.
    """

    messages: Floats
    spread: Floats
    step: Floats

    def part(self, first: float, last: float) -> "Market":
        """From one share of it to another: what limits are chosen on is not scored on."""
        rows = slice(int(first * len(self.step)), int(last * len(self.step)))
        return Market(messages=self.messages[rows], spread=self.spread[rows], step=self.step[rows])


def read_market(folder: Path) -> Market:
    """Read a recording of Binance's best prices: all `*.gz` of a folder, in their order.

    Raises
    ------
    DataError
        If it is not there or holds less than three hours.
    """
    counts: dict[int, int] = {}
    best: dict[int, tuple[float, float]] = {}
    try:
        for path in sorted(folder.glob("*.gz")):
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                for line in lines:
                    _take(line, counts, best)
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder}: is not a recording of best prices: {error}") from error
    if len(best) < 100 or max(best) - min(best) < 3 * _HOUR:
        raise DataError(f"{folder}: less than three hours of best prices")
    seconds = range(min(best), max(best) + 1)
    shown = best[min(best)]
    bids, asks = [], []
    for second in seconds:
        shown = best.get(second, shown)
        bids.append(shown[0])
        asks.append(shown[1])
    bid, ask = np.array(bids), np.array(asks)
    middle = (bid + ask) / 2.0
    return Market(
        messages=np.array([float(counts.get(second, 0)) for second in seconds]),
        spread=1e4 * (ask - bid) / middle,
        step=1e4 * np.diff(np.log(middle), prepend=math.log(middle[0])),
    )


def _take(line: str, counts: dict[int, int], best: dict[int, tuple[float, float]]) -> None:
    """One line: `<receive time> <json>`."""
    received, _, text = line.partition(" ")
    # Some of these recordings count nanoseconds, some microseconds.
    second = int(received) // (10**9 if len(received) > 16 else 10**6)
    counts[second] = counts.get(second, 0) + 1
    if "bookTicker" in text:
        data = json.loads(text)["data"]
        best[second] = (float(data["b"]), float(data["a"]))


class Normal:
    """Observations of runs side by side, second after second.

    Parameters
    ----------
    market : Market
        Where its part comes from.
    runs : int
        How many.
    seed : int
        Everything that is chance follows from it.
    """

    def __init__(self, market: Market, *, runs: int, seed: int) -> None:
        self._market, self._runs = market, runs
        self._chance = np.random.default_rng(seed)
        rows = [ROWS.get(metric.name, Row()) for metric in METRICS]
        # Each run is a little different: another machine, another line, another strategy.
        scale = np.exp(0.25 * self._chance.normal(size=(runs, len(rows))))

        def column(name: str) -> Floats:
            return np.array([float(getattr(row, name)) for row in rows])

        self._level = column("level") * scale
        self._deviation = column("deviation") * scale
        self._keep = np.exp(-1.0 / column("lasts"))
        self._fade = np.exp(-1.0 / column("back"))
        self._often, self._jump = column("jumps") / 86_400.0, column("jump")
        self._wave, self._least = column("wave"), column("least")
        self._whole = column("whole") > 0
        self._state = self._deviation * self._chance.normal(size=scale.shape)
        self._jumped = np.zeros(scale.shape)
        self._position = np.zeros(runs)
        self._rate = np.full(runs, float(market.messages.mean()))
        self._moved = np.zeros(runs)
        self.equity = np.zeros(runs)
        self._peak = np.zeros(runs)
        self._at = self._chance.integers(len(market.step), size=runs)
        self.second = 0
        self._noise: Floats = np.zeros((0, *scale.shape))
        self._luck: Floats = np.zeros((0, *scale.shape))

    def step(self) -> Floats:
        """The next second of each run; shape (runs, metrics)."""
        at = self.second % _CHUNK
        if at == 0:
            self._noise = self._chance.normal(size=(_CHUNK, *self._state.shape))
            self._luck = self._chance.random(size=(_CHUNK, *self._state.shape))
        fresh = self._deviation * np.sqrt(1.0 - self._keep**2) * self._noise[at]
        self._state = self._keep * self._state + fresh
        luck = self._luck[at]
        often = luck < self._often
        # What is left of the luck is how large a jump is: half of it at least.
        size = 0.5 + 0.5 * luck / np.maximum(self._often, 1e-12)
        jumped = np.where(often, self._jump * np.minimum(size, 1.0), 0.0)
        self._jumped = self._fade * self._jumped + jumped
        wave = self._wave * math.sin(2.0 * math.pi * self.second / 86_400.0)
        values = np.maximum(self._level + wave + self._state + self._jumped, self._least)
        values = np.where(self._whole, np.round(values), values)
        self._trade(values)
        self.second += 1
        return values

    def _trade(self, values: Floats) -> None:
        """The market's part, and what a position makes of it."""
        market = self._market
        again = self.second % _HOUR == 0
        if again:
            self._at = self._chance.integers(len(market.step), size=self._runs)
        at = self._at = (self._at + 1) % len(market.step)
        step = market.step[at]
        self._rate += (market.messages[at] + 8.0 - self._rate) / 10.0
        turns = self._chance.random(self._runs) < 1.0 / 300.0
        sides = self._chance.choice([-0.2, 0.0, 0.2], size=self._runs)
        gained = self._position * step
        self._position = np.where(turns, sides, self._position)
        self._moved = self._moved * math.exp(-0.1) + gained
        self.equity += gained / 1e4
        self._peak = np.maximum(self._peak, self.equity)
        values[:, index("messages")] = np.log1p(self._rate)
        values[:, index("spread")] = np.log(np.maximum(market.spread[at], 0.01))
        values[:, index("price_step")] = step
        values[:, index("equity_step")] = self._moved
        values[:, index("drawdown")] = 1.0 - np.exp(self.equity - self._peak)
