"""How far equity fell from its peak, and how long it stayed there."""

from dataclasses import dataclass
from math import nan

import numpy as np

from flyball.research.analytics.curve import Curve, Floats

__all__ = ["Drawdown", "deepest", "drawdowns", "longest_under_water_ns", "ulcer_index"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawdown:
    """A fall from a peak. Times are UTC nanoseconds.

    `recovered_ns` is when equity was back at the peak: `None` where it never was, and then the fall
    lasted until `ended_ns`, the end of the curve.
    """

    depth: float
    peak_ns: int
    trough_ns: int
    recovered_ns: int | None
    ended_ns: int

    @property
    def duration_ns(self) -> int:
        """From the peak until equity was back there, or until the end."""
        until = self.ended_ns if self.recovered_ns is None else self.recovered_ns
        return until - self.peak_ns


def drawdowns(equity: Floats) -> Floats:
    """1 - equity / peak equity so far, a fraction; NaN until the peak is above zero.

    Examples
    --------
    >>> drawdowns(np.array([100.0, 80.0, 120.0, 90.0])).tolist()
    [0.0, 0.19999999999999996, 0.0, 0.25]
    """
    if not equity.size:
        return equity
    peak = np.maximum.accumulate(equity)
    fallen = np.full(equity.shape, nan)
    np.divide(equity, peak, out=fallen, where=peak > 0.0)
    return 1.0 - fallen


def deepest(curve: Curve) -> Drawdown | None:
    """The deepest fall of the curve; `None` where it never fell.

    Its peak is the newest moment at which the peak was reached.
    """
    fallen = drawdowns(curve.equity)
    if not fallen.size or not np.any(fallen > 0.0):
        return None
    trough = int(np.nanargmax(fallen))
    peak = trough - int(np.argmax(curve.equity[trough::-1]))
    back = np.flatnonzero(curve.equity[trough:] >= curve.equity[peak])
    return Drawdown(
        depth=float(fallen[trough]),
        peak_ns=int(curve.time_ns[peak]),
        trough_ns=int(curve.time_ns[trough]),
        recovered_ns=int(curve.time_ns[trough + int(back[0])]) if back.size else None,
        ended_ns=int(curve.time_ns[-1]),
    )


def longest_under_water_ns(curve: Curve) -> int:
    """The longest time between a peak and the moment that equity was back there, or the end.

    Examples
    --------
    >>> longest_under_water_ns(Curve(np.array([0, 5, 9, 12]), np.array([2.0, 1.0, 2.0, 1.0])))
    9
    """
    if not curve.equity.size:
        return 0
    at_peak = curve.equity >= np.maximum.accumulate(curve.equity)
    edges = np.append(curve.time_ns[at_peak], curve.time_ns[-1])
    fell = np.append(np.diff(np.flatnonzero(at_peak)) > 1, not at_peak[-1])
    return int(np.max(np.diff(edges)[fell], initial=0))


def ulcer_index(fallen: Floats) -> float:
    """Root of the mean of the squared drawdowns, a fraction: deep and long falls weigh most.

    Martin and McCann, The Investor's Guide to Fidelity Funds, 1989. NaN without a drawdown.

    Examples
    --------
    >>> ulcer_index(np.array([0.0, 0.3, 0.4, 0.0]))
    0.25
    """
    known = fallen[np.isfinite(fallen)]
    return float(np.sqrt(np.mean(known**2))) if known.size else nan
