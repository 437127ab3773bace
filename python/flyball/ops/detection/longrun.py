"""The last few values together, against everything before them."""

import numpy as np

from flyball.ops.detection.streams import Floats, Shape

__all__ = ["LongRun", "Moments"]


class Moments:
    """Mean and variance of all that was seen, each value once.

    Notes
    -----
    Welford, Technometrics 4, 1962.
    """

    def __init__(self, shape: Shape) -> None:
        self.count = np.zeros(shape)
        self.mean = np.zeros(shape)
        self._squares = np.zeros(shape)

    def add(self, values: Floats) -> None:
        """Take in what is there of these values."""
        there = ~np.isnan(values)
        self.count = self.count + there
        away = np.where(there, values - self.mean, 0.0)
        self.mean = self.mean + away / np.maximum(self.count, 1.0)
        self._squares = self._squares + away * np.where(there, values - self.mean, 0.0)

    @property
    def deviation(self) -> Floats:
        """The standard deviation, with one degree of freedom less; 0 before there are two."""
        return np.asarray(np.sqrt(self._squares / np.maximum(self.count - 1.0, 1.0)))


class LongRun:
    """How far a statistic of the last `span` values is from the same of all earlier ones.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.
    span : int
        How many values the statistic is of.
    spread : bool
        Whether it is the logarithm of their standard deviation rather than their mean.
    warm : int
        So many earlier statistics are wanted before there is a score.

    Notes
    -----
    Earlier ones end `span` values ago: they share none with the last. To the spread 2 % of the
    deviation of all values is added, so that a metric that stands still has one. A score is in
    standard deviations of the statistic (at least 0.1 for a logarithm). A missing value is left
    out of the statistic.
    """

    def __init__(self, shape: Shape, *, span: int, spread: bool = False, warm: int = 100) -> None:
        self._span, self._spread, self._warm = span, spread, warm
        self._values = np.full((span, *shape), np.nan)
        self._statistics = np.full((span, *shape), np.nan)
        self._all, self._earlier = Moments(shape), Moments(shape)
        self._seen = 0

    def update(self, values: Floats) -> Floats:
        """Score these values, then learn from them."""
        at = self._seen % self._span
        self._earlier.add(self._statistics[at])
        self._values[at] = values
        self._seen += 1
        found = np.where(np.isnan(values), np.nan, self._statistic())
        self._statistics[at] = found
        self._all.add(values)
        deviation = np.maximum(self._earlier.deviation, 0.1 if self._spread else 1e-12)
        score = (found - self._earlier.mean) / deviation
        return np.where(self._earlier.count >= self._warm, score, np.nan)

    def _statistic(self) -> Floats:
        there = ~np.isnan(self._values)
        count = there.sum(axis=0)
        held = np.where(there, self._values, 0.0)
        mean = held.sum(axis=0) / np.maximum(count, 1)
        if not self._spread:
            return np.where(count > 0, mean, np.nan)
        squares = np.where(there, self._values - mean, 0.0) ** 2
        deviation = np.sqrt(squares.sum(axis=0) / np.maximum(count - 1, 1))
        usual = np.maximum(self._all.deviation, 1e-12)
        # A metric that has stood still so far has no deviation to measure by.
        return np.where(count == self._span, np.log(deviation + 0.02 * usual), np.nan)
