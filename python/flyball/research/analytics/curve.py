"""Equity over time, put on a regular grid so that returns can be compared."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from flyball.errors import DataError

__all__ = ["DAY_NS", "YEAR_NS", "Curve", "Floats", "Sampling", "Times", "sampling"]

Floats: TypeAlias = NDArray[np.float64]
Times: TypeAlias = NDArray[np.int64]

MINUTE_NS = 60 * 10**9
HOUR_NS = 60 * MINUTE_NS
DAY_NS = 24 * HOUR_NS
YEAR_NS = 365 * DAY_NS  # these markets do not close


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How often equity is looked at: "day", "hour" or "minute", and how long that is."""

    name: str
    step_ns: int

    @property
    def per_year(self) -> float:
        """Steps in a year of 365 days."""
        return YEAR_NS / self.step_ns


def sampling(duration_ns: int) -> Sampling:
    """Daily from 30 days on, hourly from two days on, by the minute below.

    Parameters
    ----------
    duration_ns : int
        From the first to the last known equity, nanoseconds.

    Examples
    --------
    >>> sampling(45 * DAY_NS).name
    'day'
    """
    if duration_ns >= 30 * DAY_NS:
        return Sampling(name="day", step_ns=DAY_NS)
    if duration_ns >= 2 * DAY_NS:
        return Sampling(name="hour", step_ns=HOUR_NS)
    return Sampling(name="minute", step_ns=MINUTE_NS)


@dataclass(frozen=True, slots=True)
class Curve:
    """Equity at moments, unknown values left out.

    Parameters
    ----------
    time_ns : array of int64, shape (n,)
        UTC nanoseconds, never going back.
    equity : array of float64, shape (n,)
        Settlement currency; NaN where it was unknown.

    Raises
    ------
    DataError
        If the two differ in length, or time goes back.
    """

    time_ns: Times
    equity: Floats

    def __post_init__(self) -> None:
        if self.time_ns.shape != self.equity.shape or self.time_ns.ndim != 1:
            shapes = f"{self.time_ns.shape} and {self.equity.shape}"
            raise DataError(f"equity: one value a moment is wanted, got shapes {shapes}")
        if np.any(np.diff(self.time_ns) < 0):
            at = int(np.argmax(np.diff(self.time_ns) < 0))
            raise DataError(f"equity: time goes back after {int(self.time_ns[at])}")
        known = np.isfinite(self.equity)
        object.__setattr__(self, "time_ns", self.time_ns[known].astype(np.int64))
        object.__setattr__(self, "equity", self.equity[known].astype(np.float64))

    @property
    def duration_ns(self) -> int:
        """From the first to the last known value."""
        return int(self.time_ns[-1] - self.time_ns[0]) if self.time_ns.size else 0

    def on_grid(self, step_ns: int) -> tuple[Times, Floats]:
        """Equity at every `step_ns` from its first moment on: the newest value known by then.

        A part of a step at the end is left out. This is previous-tick interpolation (Dacorogna et
        al., An Introduction to High-Frequency Finance, 2001): it never looks ahead.

        Examples
        --------
        >>> curve = Curve(np.array([0, 7, 20, 29]), np.array([1.0, 2.0, 3.0, 4.0]))
        >>> curve.on_grid(10)[1].tolist()
        [1.0, 2.0, 3.0]
        """
        if not self.time_ns.size:
            return self.time_ns, self.equity
        steps = np.arange(self.duration_ns // step_ns + 1, dtype=np.int64)
        grid = self.time_ns[0] + steps * step_ns
        newest = np.searchsorted(self.time_ns, grid, side="right") - 1
        return grid, self.equity[newest]

    def returns(self, step_ns: int) -> Floats:
        """Simple returns from step to step, until equity is first at or below zero.

        Examples
        --------
        >>> Curve(np.array([0, 10, 20]), np.array([4.0, 5.0, 7.5])).returns(10).tolist()
        [0.25, 0.5]
        """
        equity = self.on_grid(step_ns)[1]
        if not equity.size:
            return equity
        lost = np.flatnonzero(equity <= 0.0)
        until = int(lost[0]) + 1 if lost.size else equity.size
        equity = equity[:until]
        before = equity[:-1]
        return equity[1:] / before - 1.0
