"""Numbers about round trips: positions that were opened and closed, or turned over."""

from dataclasses import dataclass, field
from math import nan

import numpy as np

from flyball.errors import DataError
from flyball.research.analytics.curve import Floats, Times

__all__ = ["RoundTrips"]


def _nothing() -> Times:
    return np.empty(0, dtype=np.int64)


def _no_money() -> Floats:
    return np.empty(0, dtype=np.float64)


@dataclass(frozen=True, kw_only=True, slots=True)
class RoundTrips:
    """Round trips as columns.

    Parameters
    ----------
    net : array of float64, shape (n,)
        What each brought, all costs included, settlement currency.
    opened_ns, closed_ns : array of int64, shape (n,)
        UTC nanoseconds.

    Raises
    ------
    DataError
        If the columns differ in length.

    Examples
    --------
    >>> times = np.zeros(3, dtype=np.int64)
    >>> trips = RoundTrips(net=np.array([6.0, -2.0, -1.0]), opened_ns=times, closed_ns=times)
    >>> trips.profit_factor, trips.expectancy
    (2.0, 1.0)
    """

    net: Floats = field(default_factory=_no_money)
    opened_ns: Times = field(default_factory=_nothing)
    closed_ns: Times = field(default_factory=_nothing)

    def __post_init__(self) -> None:
        if not self.net.shape == self.opened_ns.shape == self.closed_ns.shape:
            raise DataError("round trips: the columns differ in length")

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.net.size)

    @property
    def won(self) -> Floats:
        """Those that brought money."""
        return self.net[self.net > 0.0]

    @property
    def lost(self) -> Floats:
        """Those that cost money, as negative amounts."""
        return self.net[self.net < 0.0]

    @property
    def win_rate(self) -> float:
        """The share that brought money; NaN without any."""
        return self.won.size / self.count if self.count else nan

    @property
    def profit_factor(self) -> float:
        """All gains over all losses; NaN where nothing was lost."""
        return float(np.sum(self.won)) / -float(np.sum(self.lost)) if self.lost.size else nan

    @property
    def average_win(self) -> float:
        """Mean of those that brought money."""
        return float(np.mean(self.won)) if self.won.size else nan

    @property
    def average_loss(self) -> float:
        """Mean of those that cost money, negative."""
        return float(np.mean(self.lost)) if self.lost.size else nan

    @property
    def expectancy(self) -> float:
        """Mean of all."""
        return float(np.mean(self.net)) if self.count else nan

    @property
    def largest_loss(self) -> float:
        """The worst, negative; NaN where none cost money."""
        return float(np.min(self.lost)) if self.lost.size else nan

    @property
    def mean_holding_ns(self) -> float:
        """Mean time from opening to closing, nanoseconds."""
        return float(np.mean(self.closed_ns - self.opened_ns)) if self.count else nan
