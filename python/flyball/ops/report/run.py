"""A result, made ready to be drawn: reduced columns, currencies, round trips, metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10, nan

import numpy as np
from numpy.typing import NDArray

from flyball.ops.report import words
from flyball.ops.report.formats import places
from flyball.ops.report.reduce import keep
from flyball.research.analytics import Metrics, RoundTrips, measure
from flyball.trading.runtime.result import Notice, Result

__all__ = ["Fills", "Run", "labels", "while_traded"]

_POINTS = 1500
_PART = 0.35  # trading in a smaller part of the run is shown closer, too
_DAY_NS = 86_400 * 10**9

Floats = NDArray[np.float64]
Times = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Fills:
    """Fills of one sort: when, and at which price in quote currency."""

    time_ns: Times
    price: Floats

    def __len__(self) -> int:
        return int(self.time_ns.size)


class Run:
    """One result in a report.

    Parameters
    ----------
    result : Result
        What the run left behind.
    label : str
        What it is called beside others.
    index : int
        Its place among them, from 0: it says which colour it has.
    number : int, optional
        Its place among the values of the page; its index by default.
    span : pair of int, optional
        From when to when it is shown, UTC nanoseconds; the whole by default.
    """

    def __init__(
        self,
        result: Result,
        *,
        label: str,
        index: int,
        number: int | None = None,
        span: tuple[int, int] | None = None,
    ) -> None:
        self.result = result
        self.label = label
        self.index = index
        self.number = index if number is None else number
        self.span = span
        instrument = result.data.instrument
        self.base, self.quote, self.money = words.currencies(instrument)
        self.tick = float(instrument.tick_size)
        self.price_decimals = min(12, places(self.tick))
        self.decimals = _money_decimals(float(result.cash))
        times: Times = np.asarray(result.samples["time_ns"], dtype=np.int64)
        shown = slice(None)
        if span is not None:
            first = max(0, int(np.searchsorted(times, span[0], side="right")) - 1)
            shown = slice(first, int(np.searchsorted(times, span[1], side="right")))
        samples = {name: np.asarray(column)[shown] for name, column in result.samples.items()}
        self._time = times[shown]
        self._equity = _floats(samples["equity"])
        self._peak = _floats(samples["peak"])
        self._gross = _floats(samples["gross"])
        self._position = np.asarray(samples["position"], dtype=np.int64)
        mark = _floats(samples["mark"])
        self._price = np.where(mark > 0.0, mark * self.tick, nan)
        self._exposure = self._share(self._gross, self._equity)
        fallen = self._share(self._peak - self._equity, self._peak)
        self._kept = keep([self._equity, fallen, self._price, self._exposure], most=_POINTS)

    @staticmethod
    def _share(part: Floats, whole: Floats) -> Floats:
        found = np.full(part.shape, nan)
        np.divide(part, whole, out=found, where=np.isfinite(whole) & (whole > 0.0))
        return found

    # What is drawn: columns at the same moments.

    @cached_property
    def time_ns(self) -> Times:
        """Moments that are drawn, UTC nanoseconds."""
        return self._time[self._kept]

    @cached_property
    def equity(self) -> Floats:
        """Settlement currency."""
        return self._equity[self._kept]

    @cached_property
    def peak(self) -> Floats:
        """The highest equity so far."""
        return self._peak[self._kept]

    @cached_property
    def drawdown(self) -> Floats:
        """1 - equity / peak."""
        return self._share(self.peak - self.equity, self.peak)

    @cached_property
    def price(self) -> Floats:
        """Mark price, quote currency."""
        return self._price[self._kept]

    @cached_property
    def exposure(self) -> Floats:
        """Σ|value| of positions over equity."""
        return self._exposure[self._kept]

    @cached_property
    def position(self) -> NDArray[np.int64]:
        """Lots held."""
        return self._position[self._kept]

    @cached_property
    def stop(self) -> Floats:
        """Trigger price of the stop that rests, quote currency; NaN without a position."""
        orders = self.result.orders
        chosen = _purposes(orders["purpose"], "stop") & (np.asarray(orders["instrument"]) == 0)
        when = np.asarray(orders["time_ns"], dtype=np.int64)[chosen]
        price = _floats(orders["price"])[chosen] * self.tick
        side = np.asarray(orders["side"], dtype=np.int64)[chosen]
        if not when.size:
            return np.full(self.time_ns.shape, nan)
        newest = np.searchsorted(when, self.time_ns, side="right") - 1
        at = np.maximum(newest, 0)
        rests = (newest >= 0) & (side[at] * np.sign(self.position) < 0)
        return np.where(rests, price[at], nan)

    def line_below(self, loss: float) -> Floats:
        """The equity at which so large a loss from the peak is reached."""
        return self.peak * (1.0 - loss)

    def line_of_day(self, loss: float) -> Floats:
        """The equity at which so large a loss since the start of the UTC day is reached.

        The day's start is the newest sample by midnight; the engine's own is exact.
        """
        equity = _floats(self.result.samples["equity"])
        known = np.isfinite(equity)
        if not known.any():
            return np.full(self.time_ns.shape, nan)
        times = np.asarray(self.result.samples["time_ns"], dtype=np.int64)[known]
        midnight = self.time_ns // _DAY_NS * _DAY_NS
        newest = np.maximum(np.searchsorted(times, midnight, side="right") - 1, 0)
        return equity[known][newest] * (1.0 - loss)

    # Fills.

    @cached_property
    def _fill_roles(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which fills left a position by an exit, and which were a liquidation."""
        orders, fills = self.result.orders, self.result.fills
        leaving = _purposes(orders["purpose"], "stop", "exit", "flatten")
        exits = np.isin(np.asarray(fills["order"]), np.asarray(orders["order"])[leaving])
        liquidated = np.asarray(fills["liquidation"], dtype=np.bool_)
        return exits & ~liquidated, liquidated

    @cached_property
    def venue_stops(self) -> Times:
        """When stops that rested at the venue were filled there: once for each."""
        orders, fills = self.result.orders, self.result.fills
        stops = np.asarray(orders["order"])[_purposes(orders["purpose"], "stop")]
        filled = np.asarray(fills["order"])
        first = np.unique(filled, return_index=True)[1]
        first = np.sort(first[np.isin(filled[first], stops)])
        return np.asarray(fills["time_ns"], dtype=np.int64)[first]

    def fills(self, role: str) -> Fills:
        """Fills of the first instrument: "buy", "sell", "exit" or "liquidation", each once."""
        fills = self.result.fills
        exits, liquidated = self._fill_roles
        side = np.asarray(fills["side"], dtype=np.int64)
        chosen = {
            "buy": ~exits & ~liquidated & (side > 0),
            "sell": ~exits & ~liquidated & (side < 0),
            "exit": exits,
            "liquidation": liquidated,
        }[role] & (np.asarray(fills["instrument"]) == 0)
        times = np.asarray(fills["time_ns"], dtype=np.int64)
        chosen &= self._shown(times)
        return Fills(times[chosen], _floats(fills["price"])[chosen] * self.tick)

    def _shown(self, times: Times) -> NDArray[np.bool_]:
        if self.span is None:
            return np.ones(times.shape, dtype=np.bool_)
        return (times >= self.span[0]) & (times <= self.span[1])

    @cached_property
    def fill_sides(self) -> tuple[Times, NDArray[np.int64]]:
        """All fills: when, and 1 for bought, -1 for sold."""
        times = np.asarray(self.result.fills["time_ns"], dtype=np.int64)
        shown = self._shown(times)
        return times[shown], np.asarray(self.result.fills["side"], dtype=np.int64)[shown]

    @property
    def fill_count(self) -> int:
        """All fills."""
        return int(self.fill_sides[0].size)

    @cached_property
    def traded(self) -> float:
        """Value of all fills, settlement currency."""
        instrument, fills = self.result.data.instrument, self.result.fills
        price = _floats(fills["price"]) * self.tick
        size = _floats(fills["qty"]) * float(instrument.lot_size * instrument.contract_size)
        return float(np.sum(size / price if instrument.kind == "inverse" else size * price))

    # Round trips, metrics, notices.

    @cached_property
    def trips(self) -> RoundTrips:
        """Positions that were opened and closed."""
        closed = self.of_kind("TradeClosed")
        return RoundTrips(
            net=np.array([float(trip.about["net"]) / words.MONEY for trip in closed]),
            opened_ns=np.array([trip.about["opened_ns"] for trip in closed], dtype=np.int64),
            closed_ns=np.array([trip.time_ns for trip in closed], dtype=np.int64),
        )

    @cached_property
    def metrics(self) -> Metrics:
        """Everything that can be said in numbers."""
        return measure(
            time_ns=self._time,
            equity=self._equity,
            trips=self.trips,
            exposed=self._gross > 0.0,
            traded=self.traded,
            fees=float(self.result.fees),
            max_drawdown=self.result.max_drawdown,
        )

    def of_kind(self, kind: str) -> tuple[Notice, ...]:
        """The engine's notices of one kind."""
        return self._notices.get(kind, ())

    @cached_property
    def _notices(self) -> dict[str, tuple[Notice, ...]]:
        found: dict[str, list[Notice]] = {}
        for notice in self.result.notices:
            if self.span is None or self.span[0] <= notice.time_ns <= self.span[1]:
                found.setdefault(notice.kind, []).append(notice)
        return {kind: tuple(notices) for kind, notices in found.items()}

    @property
    def first_ns(self) -> int:
        """When it began."""
        if self.span is not None:
            return self.span[0]
        return int(self._time[0]) if self._time.size else self.result.data.first_ns

    @property
    def last_ns(self) -> int:
        """When it ended."""
        if self.span is not None:
            return self.span[1]
        return int(self._time[-1]) if self._time.size else self.result.data.last_ns

    @property
    def traded_ns(self) -> tuple[int, int] | None:
        """From when to when positions were held; `None` where none was."""
        held = np.flatnonzero(self._gross > 0.0)
        if not held.size:
            return None
        after = min(int(held[-1]) + 1, self._time.size - 1)
        return int(self._time[held[0]]), int(self._time[after])

    @property
    def last_position(self) -> int:
        """Lots held at the end."""
        return int(self._position[-1]) if self._position.size else 0


def while_traded(runs: Sequence[Run]) -> list[Run]:
    """The runs again, closer: the time in which one traded, where that is a small part of all."""
    begin, end = min(run.first_ns for run in runs), max(run.last_ns for run in runs)
    most = (end - begin) * _PART
    spans = [span for run in runs if (span := run.traded_ns) and 0 < span[1] - span[0] < most]
    if not spans:
        return []
    first, last = min(span[0] for span in spans), max(span[1] for span in spans)
    if last - first >= most:
        return []
    around = (last - first) // 20
    span = max(begin, first - around), min(end, last + around)
    there = [run for run in runs if run.first_ns < span[1] and run.last_ns > span[0]]
    return [
        Run(run.result, label=run.label, index=run.index, number=len(runs) + at, span=span)
        for at, run in enumerate(there)
    ]


def labels(results: Sequence[Result]) -> list[str]:
    """What tells the results apart: profile, strategy or data; numbers where nothing does."""
    candidates = (
        [f"{result.profile.name} v{result.profile.version}" for result in results],
        [result.strategy for result in results],
        [result.data.name for result in results],
        [f"{result.strategy}, {result.profile.name}" for result in results],
        [f"{result.data.name}, {result.profile.name}" for result in results],
    )
    for found in candidates:
        if len(set(found)) == len(found):
            return found
    return [f"run {number}" for number in range(1, len(results) + 1)]


def _floats(column: object) -> Floats:
    return np.asarray(column, dtype=np.float64)


def _purposes(column: object, *wanted: str) -> NDArray[np.bool_]:
    return np.isin(np.asarray(column, dtype=np.str_), wanted)


def _money_decimals(cash: float) -> int:
    """Enough for a millionth of the cash, two at least."""
    if cash >= 100.0 or cash <= 0.0:
        return 2
    return max(2, min(8, 6 - floor(log10(cash))))
