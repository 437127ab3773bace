"""How many robust standard deviations a value is from what was usual."""

import numpy as np

from flyball.ops.detection.streams import Floats, Shape

__all__ = ["RobustZ"]

# A normal distribution's standard deviation over its median absolute deviation.
_NORMAL = 1.482602218505602


class RobustZ:
    """Distance from the median of a window, in units of its median absolute deviation.

    Half of the window may be wrong before the score is. The value itself is not yet in the window
    that it is measured by.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.
    window : int
        How many kept values the median is of.
    stride : int
        Every so many observations one is kept, and the median is taken anew.
    warm : int
        So many kept values are wanted before there is a score.
    floor : float or array
        What a standard deviation is at least, in the metric's unit: less is not worth a look.

    Notes
    -----
    Hampel, "The influence curve and its role in robust estimation", JASA 69, 1974. An observation
    costs O(window / stride), whatever came before.

    Examples
    --------
    >>> z = RobustZ((), window=5, warm=5, floor=1e-9)
    >>> for value in (1.0, 2.0, 3.0, 4.0, 5.0):
    ...     _ = z.update(np.asarray(value))
    >>> round(float(z.update(np.asarray(9.0))), 3)  # median 3, deviation 1
    4.047
    """

    def __init__(
        self,
        shape: Shape,
        *,
        window: int = 120,
        stride: int = 1,
        warm: int = 30,
        floor: float | Floats,
    ) -> None:
        if not 1 <= warm <= window or stride < 1:
            raise ValueError("1 <= warm <= window and stride >= 1 are wanted")
        self._ring = np.full((window, *shape), np.nan)
        self._stride, self._warm = stride, warm
        self._floor = np.broadcast_to(np.asarray(floor, dtype=float), shape)
        self._seen = 0
        self.median = np.full(shape, np.nan)
        self.deviation = np.full(shape, np.nan)

    def update(self, values: Floats) -> Floats:
        """Score these values, then learn from them."""
        with np.errstate(invalid="ignore"):
            score = (values - self.median) / self.deviation
        if self._seen % self._stride == 0:
            self._keep(values)
        self._seen += 1
        return np.asarray(score)

    def _keep(self, values: Floats) -> None:
        kept = self._seen // self._stride
        self._ring[kept % len(self._ring)] = values
        held = self._ring[: min(kept + 1, len(self._ring))]
        counts = (~np.isnan(held)).sum(axis=0)
        self.median = _median(held, counts)
        with np.errstate(invalid="ignore"):
            spread = _NORMAL * _median(np.abs(held - self.median), counts)
            spread = np.maximum(spread, self._floor)
        self.deviation = np.where(counts >= self._warm, spread, np.nan)


def _median(held: Floats, counts: np.ndarray) -> Floats:
    """The median over the first axis of what is there; NaN where nothing is."""
    ordered = np.sort(held, axis=0)  # what is missing comes last
    low = np.maximum(counts - 1, 0) // 2
    high = np.minimum(counts // 2, len(held) - 1)
    pair = [np.take_along_axis(ordered, at[None, ...], axis=0)[0] for at in (low, high)]
    return np.asarray((pair[0] + pair[1]) / 2.0)
