"""When a metric will reach a threshold, if it goes on as it does: a probability."""

import math

import numpy as np

from flyball.ops.detection.streams import Flags, Floats, Shape

__all__ = ["Passage", "first_passage"]

_SQRT2 = math.sqrt(2.0)
_FAR = -30.0


def _normal(value: float) -> float:
    return 0.5 * math.erfc(-value / _SQRT2)


def _log_normal(value: float) -> float:
    """The logarithm of the normal distribution, also far out where it is no float any more."""
    if value > _FAR:
        return math.log(_normal(value))
    return -0.5 * value * value - math.log(-value * math.sqrt(2.0 * math.pi))


def first_passage(distance: float, *, drift: float, deviation: float, horizon_s: float) -> float:
    """The probability that a walk goes up by `distance` at some time within the horizon.

    Parameters
    ----------
    distance : float
        To the threshold, in the metric's unit; nothing or less is there already.
    drift : float
        Units a second, towards the threshold.
    deviation : float
        Of the walk after one second, in units.
    horizon_s : float
        Seconds.

    Notes
    -----
    The distribution function of the inverse Gaussian law: Schrödinger, Physikalische Zeitschrift
    16, 1915; Folks and Chhikara, JRSS B 40, 1978.

    Examples
    --------
    >>> round(first_passage(1.0, drift=0.0, deviation=1.0, horizon_s=1.0), 6)  # 2 Φ(-1)
    0.317311
    >>> first_passage(0.0, drift=-1.0, deviation=1.0, horizon_s=1.0)
    1.0
    """
    if math.isnan(distance + drift + deviation):
        return math.nan
    if distance <= 0.0:
        return 1.0
    if deviation <= 0.0:
        return 1.0 if drift * horizon_s >= distance else 0.0
    width = deviation * math.sqrt(horizon_s)
    reached = _normal((drift * horizon_s - distance) / width)
    back = 2.0 * drift * distance / (deviation * deviation)
    log_mirror = back + _log_normal((-distance - drift * horizon_s) / width)
    return min(1.0, reached + math.exp(min(0.0, log_mirror)))


class Passage:
    """Streaming drift and deviation of metrics, and the probability of reaching their thresholds.

    The means of blocks are compared with each other, so that noise which comes and goes within a
    block does not count as a walk.

    Parameters
    ----------
    thresholds : array
        Of each metric; its shape is that of one observation.
    rising : array of bool
        Whether a threshold is dangerous from below; from above otherwise.
    horizons_s : array
        Seconds ahead.
    block : int
        Observations of a block.
    half_life : float
        Blocks after which an increment counts half.
    floor : array
        What the deviation of a walk is at least after one second, in the metric's unit.
    warm : int
        So many increments are wanted before there is a probability.

    Notes
    -----
    A drift that was measured over a time is itself uncertain: with `n` increments that count, the
    deviation is taken `sqrt(1 + horizon / (n block))` times as wide, and the drift is weighed down
    by `n / (n + 3)`.
    """

    def __init__(
        self,
        thresholds: Floats,
        *,
        rising: Flags,
        horizons_s: Floats,
        block: int = 10,
        half_life: float = 6.0,
        floor: Floats,
        warm: int = 6,
    ) -> None:
        shape: Shape = np.shape(thresholds)
        self._sign = np.where(rising, 1.0, -1.0)
        self.thresholds, self._horizons_s = thresholds, horizons_s
        self._block, self._warm = block, warm
        self._keep = 0.5 ** (1.0 / half_life)
        self._floor = np.broadcast_to(floor, shape)
        self._sum, self._count = np.zeros(shape), np.zeros(shape)
        self._seen = 0
        self._last = np.full(shape, np.nan)
        self._latest = np.full(shape, np.nan)
        self._weight, self._first, self._second = (np.zeros(shape) for _ in range(3))
        self._increments = np.zeros(shape)
        self._block_s = float(block)

    def update(self, values: Floats, /, *, seconds: float = 1.0) -> Floats | None:
        """Take one observation, `seconds` after the last; at the end of a block probabilities.

        NaN while too little is known of a metric, or where it is missing.
        """
        there = ~np.isnan(values)
        self._sum = self._sum + np.where(there, values, 0.0)
        self._count = self._count + there
        self._latest = values
        self._seen += 1
        if self._seen % self._block:
            return None
        self._learn(self._block * seconds)
        return self.probabilities()

    def forget(self, where: Flags) -> None:
        """Begin anew where a metric was reset: what it did before says nothing about it now."""
        for each in (self._sum, self._count, self._weight, self._first, self._second):
            each[where] = 0.0
        self._increments[where] = 0.0
        self._last[where] = np.nan

    def _learn(self, block_s: float) -> None:
        some = self._count > 0
        mean = np.where(some, self._sum / np.maximum(self._count, 1.0), np.nan)
        moved = self._sign * (mean - self._last) / block_s
        known = ~np.isnan(moved)
        moved = np.where(known, moved, 0.0)
        fade = np.where(known, self._keep, 1.0)
        self._weight = fade * self._weight + known
        self._first = fade * self._first + moved
        self._second = fade * self._second + moved * moved * block_s
        self._increments = self._increments + known
        self._last = np.where(some, mean, self._last)
        self._sum, self._count = np.zeros_like(self._sum), np.zeros_like(self._count)
        self._block_s = block_s

    @property
    def drift(self) -> Floats:
        """Units a second towards the threshold."""
        mean = self._first / np.maximum(self._weight, 1e-9)
        return np.asarray(mean * self._weight / (self._weight + 3.0))

    @property
    def deviation(self) -> Floats:
        """Units that a metric has walked after one second, without its drift."""
        weight = np.maximum(self._weight, 1e-9)
        mean = self._first / weight
        spread = np.maximum(self._second / weight - mean * mean * self._block_s, 0.0)
        return np.asarray(np.maximum(np.sqrt(spread), self._floor))

    def probabilities(self) -> Floats:
        """Of reaching each threshold within its horizon, from the last observation on."""
        distance = self._sign * (self.thresholds - self._latest)
        known = (self._increments >= self._warm) & ~np.isnan(distance)
        found = np.full(np.shape(distance), np.nan)
        horizons = np.broadcast_to(self._horizons_s, found.shape)
        measured_s = np.maximum(self._weight, 1.0) * self._block_s
        drift, deviation = self.drift, self.deviation * np.sqrt(1.0 + horizons / measured_s)
        for at in np.ndindex(found.shape):
            if known[at]:
                found[at] = first_passage(
                    float(distance[at]),
                    drift=float(drift[at]),
                    deviation=float(deviation[at]),
                    horizon_s=float(horizons[at]),
                )
        return found
