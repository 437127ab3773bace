"""Prices over time, from bars or trades: spans with a high and a low, and when they were known."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from flyball.domain import Dataset, duration_text
from flyball.errors import DataError
from flyball.research.analytics.curve import Curve, Floats, Times
from flyball.research.data.query import connect

__all__ = ["Prices", "aligned", "read_prices"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Prices:
    """What an instrument traded at. All arrays have shape (n,); times are UTC nanoseconds.

    A bar is a span; a trade is one that begins when it ends.

    Parameters
    ----------
    symbol : str
    start_ns, end_ns : array of int64
        A bar is known at its end.
    high, low, close : array of float64
        Quote currency, above zero.
    volume : array of float64
        Base currency.
    interval_ns : int or None
        Length of the bars; `None` for trades.
    """

    symbol: str
    start_ns: Times
    end_ns: Times
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    interval_ns: int | None

    def __post_init__(self) -> None:
        sizes = {
            len(each)
            for each in (self.start_ns, self.end_ns, self.high, self.low, self.close, self.volume)
        }
        if len(sizes) != 1 or not sizes.pop():
            raise DataError(f"{self.symbol}: there are no prices, or columns differ in length")
        if np.any(np.diff(self.end_ns) < 0) or np.any(self.end_ns < self.start_ns):
            raise DataError(f"{self.symbol}: time goes back")
        good = (self.low > 0.0) & (self.high >= self.low) & np.isfinite(self.high)
        good &= (self.close >= self.low) & (self.close <= self.high)
        if not np.all(good):
            at = int(np.argmin(good))
            raise DataError(f"{self.symbol}: price number {at} is not possible: see data check")

    @classmethod
    def bars(
        cls,
        symbol: str,
        *,
        open_ns: ArrayLike,
        high: ArrayLike,
        low: ArrayLike,
        close: ArrayLike,
        volume: ArrayLike | None = None,
        interval_ns: int,
    ) -> Self:
        """Bars of one length, by the time at which they open."""
        start = np.asarray(open_ns, dtype=np.int64)
        traded = np.zeros(start.size) if volume is None else np.asarray(volume, dtype=np.float64)
        return cls(
            symbol=symbol,
            start_ns=start,
            end_ns=start + interval_ns,
            high=np.asarray(high, dtype=np.float64),
            low=np.asarray(low, dtype=np.float64),
            close=np.asarray(close, dtype=np.float64),
            volume=traded,
            interval_ns=interval_ns,
        )

    @classmethod
    def trades(
        cls, symbol: str, *, time_ns: ArrayLike, price: ArrayLike, qty: ArrayLike | None = None
    ) -> Self:
        """Single trades, in the order of their time."""
        time, paid = np.asarray(time_ns, dtype=np.int64), np.asarray(price, dtype=np.float64)
        traded = np.zeros(time.size) if qty is None else np.asarray(qty, dtype=np.float64)
        return cls(
            symbol=symbol, start_ns=time, end_ns=time, high=paid, low=paid, close=paid,
            volume=traded, interval_ns=None,
        )  # fmt: skip

    def __len__(self) -> int:
        return len(self.end_ns)

    def until(self, time_ns: int | None) -> Self:
        """What was known at a moment: bars that had closed, trades that had happened.

        Raises
        ------
        DataError
            If nothing was.
        """
        if time_ns is None:
            return self
        count = int(np.searchsorted(self.end_ns, time_ns, side="right"))
        if not count:
            raise DataError(f"{self.symbol}: there are no prices until that moment")
        columns = ("start_ns", "end_ns", "high", "low", "close", "volume")
        return replace(self, **{name: getattr(self, name)[:count] for name in columns})

    def returns(self, step_ns: int | None = None) -> Floats:
        """Simple returns from bar to bar, or every `step_ns` with the newest price known by then.

        Raises
        ------
        DataError
            If the step is shorter than the bars, or trades are given none.
        """
        if step_ns is None or step_ns == self.interval_ns:
            if self.interval_ns is None:
                raise DataError(f"{self.symbol}: trades have no step of their own: give one")
            return self.close[1:] / self.close[:-1] - 1.0
        self._fits(step_ns)
        return Curve(self.end_ns, self.close).returns(step_ns)

    def _fits(self, step_ns: int) -> None:
        if self.interval_ns is not None and step_ns < self.interval_ns:
            bars, step = duration_text(self.interval_ns), duration_text(step_ns)
            raise DataError(f"{self.symbol}: bars of {bars} have no returns of {step}")


def aligned(prices: Sequence[Prices], step_ns: int | None = None) -> tuple[Times, Floats]:
    """Closes of several instruments at the same moments: times (n,) and closes (n, instruments).

    Without a step: the moments at which a bar of each ended. With one: every step over the time
    that all have in common, the newest price known by then.

    Raises
    ------
    DataError
        If they have no moment in common.
    """
    names = ", ".join(each.symbol for each in prices)
    if step_ns is None:
        times = prices[0].end_ns
        for each in prices[1:]:
            times = np.intersect1d(times, each.end_ns)
    else:
        for each in prices:
            each._fits(step_ns)  # noqa: SLF001
        first = max(int(each.end_ns[0]) for each in prices)
        last = min(int(each.end_ns[-1]) for each in prices)
        times = np.arange(first, last + 1, step_ns, dtype=np.int64)
    if times.size < 2:
        raise DataError(f"{names}: they have no time in common")
    columns = [each.close[np.searchsorted(each.end_ns, times, side="right") - 1] for each in prices]
    return times, np.column_stack(columns)


def read_prices(dataset: Dataset) -> Prices:
    """The bars of a dataset, or its trades where it has no bars.

    Raises
    ------
    DataError
        If it has neither, or duckdb is not installed.
    """
    connection = connect(dataset)
    tables = {row[0] for row in connection.execute("show tables").fetchall()}
    symbol = dataset.instrument.symbol
    if "bars" in tables:
        found = connection.execute(
            "select open_ns, high, low, close, volume, interval_ns from bars order by open_ns"
        ).fetchnumpy()
        return Prices.bars(
            symbol,
            open_ns=found["open_ns"],
            high=found["high"],
            low=found["low"],
            close=found["close"],
            volume=found["volume"],
            interval_ns=int(found["interval_ns"][0]),
        )
    if "trades" in tables:
        found = connection.execute(
            "select time_ns, price, qty from trades order by time_ns, event"
        ).fetchnumpy()
        return Prices.trades(
            symbol, time_ns=found["time_ns"], price=found["price"], qty=found["qty"]
        )
    raise DataError(f"{dataset.name}: has neither bars nor trades")
