"""What is usual at this time of the day or of the week."""

import numpy as np

from flyball.ops.detection.streams import Floats, Shape

__all__ = ["Seasonal"]


class Seasonal:
    """Distance from the mean of the same time of earlier periods, in their standard deviations.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.
    period_s : float
        Seconds of a period: 86 400 is a day.
    buckets : int
        Into how many times a period is cut.
    memory : float
        How many observations of a bucket weigh; older ones fade.
    warm : int
        So many observations of a bucket are wanted before there is a score.
    floor : float or array
        What a standard deviation is at least, in the metric's unit.

    Examples
    --------
    >>> usual = Seasonal((), period_s=4, buckets=4, warm=2, floor=0.5)
    >>> for time_s, value in enumerate([0.0, 9.0, 0.0, 9.0] * 3):
    ...     _ = usual.update(np.asarray(value), time_s=time_s)
    >>> float(usual.update(np.asarray(9.0), time_s=12.0))  # 0 is usual at this time
    18.0
    """

    def __init__(
        self,
        shape: Shape,
        *,
        period_s: float = 86_400.0,
        buckets: int = 96,
        memory: float = 500.0,
        warm: int = 10,
        floor: float | Floats,
    ) -> None:
        self._period_s, self._buckets = period_s, buckets
        self._memory, self._warm = memory, warm
        self._floor = np.broadcast_to(np.asarray(floor, dtype=float), shape)
        self._mean = np.zeros((buckets, *shape))
        self._variance = np.zeros((buckets, *shape))
        self._counts = np.zeros((buckets, *shape))

    def bucket(self, time_s: float) -> int:
        """Which time of the period this is."""
        return int(time_s % self._period_s / self._period_s * self._buckets) % self._buckets

    def usual(self, time_s: float) -> Floats:
        """The mean at this time of the period; NaN until enough was seen of it."""
        at = self.bucket(time_s)
        return np.where(self._counts[at] >= self._warm, self._mean[at], np.nan)

    def update(self, values: Floats, /, *, time_s: float) -> Floats:
        """Score these values at their time (seconds since 1970), then learn from them."""
        at = self.bucket(time_s)
        mean, variance, counts = self._mean[at], self._variance[at], self._counts[at]
        deviation = np.maximum(np.sqrt(variance), self._floor)
        score = np.where(counts >= self._warm, (values - mean) / deviation, np.nan)
        there = ~np.isnan(values)
        grown = np.minimum(counts + 1.0, self._memory)
        away = np.where(there, values - mean, 0.0)
        step = away / grown
        # West, CACM 22, 1979: exact while the count grows, fading once it is capped.
        spread = (1.0 - 1.0 / grown) * (variance + away * step)
        self._variance[at] = np.where(there, spread, variance)
        self._mean[at] = mean + step
        self._counts[at] = np.where(there, grown, counts)
        return np.asarray(score)
