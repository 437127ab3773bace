"""Control charts: small shifts that last, found by adding up what is a little unusual."""

import math

import numpy as np

from flyball.ops.detection.streams import Floats, Shape

__all__ = ["Cusum", "Ewma"]


class Ewma:
    """An exponentially weighted mean of standardised values, in units of its own deviation.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.
    weight : float
        Of the newest value, 0 to 1.

    Notes
    -----
    Roberts, Technometrics 1, 1959. With weight 0.1 and an alarm beyond 2.814 there is one in 500
    independent normal values that is false, and a shift by 1 is found after 10.3 (Lucas and
    Saccucci, Technometrics 32, 1990).

    Examples
    --------
    >>> chart = Ewma((), weight=0.1)
    >>> round(float(chart.update(np.asarray(2.0))), 4)  # 0.2 / sqrt(0.1 / 1.9)
    0.8718
    """

    def __init__(self, shape: Shape, *, weight: float = 0.1) -> None:
        if not 0.0 < weight <= 1.0:
            raise ValueError("0 < weight <= 1 is wanted")
        self._weight = weight
        self._deviation = math.sqrt(weight / (2.0 - weight))
        self._mean = np.zeros(shape)

    def update(self, values: Floats) -> Floats:
        """Score these values, in standard deviations of their metric, then learn from them."""
        missing = np.isnan(values)
        moved = self._mean + self._weight * (values - self._mean)
        self._mean = np.where(missing, self._mean, moved)
        return np.where(missing, np.nan, self._mean / self._deviation)


class Cusum:
    """The larger of two sums: of what was above the usual by more than `slack`, and below.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.
    slack : float
        What is allowed in each observation, in standard deviations: half the shift that is sought.

    Notes
    -----
    Page, Biometrika 41, 1954. With slack 0.5 and an alarm beyond 5, one in 465 independent normal
    values is false, and a shift by 1 is found after 10.4 (Montgomery, "Introduction to statistical
    quality control", table of average run lengths). The score has the sign of its side.

    Examples
    --------
    >>> chart = Cusum((), slack=0.5)
    >>> [float(chart.update(np.asarray(z))) for z in (1.0, 2.0, -4.0)]
    [0.5, 2.0, -3.5]
    """

    def __init__(self, shape: Shape, *, slack: float = 0.5) -> None:
        self._slack = slack
        self._above, self._below = np.zeros(shape), np.zeros(shape)

    def update(self, values: Floats) -> Floats:
        """Score these values, in standard deviations of their metric, then learn from them."""
        missing = np.isnan(values)
        above = np.maximum(0.0, self._above + values - self._slack)
        below = np.maximum(0.0, self._below - values - self._slack)
        self._above = np.where(missing, self._above, above)
        self._below = np.where(missing, self._below, below)
        score = np.where(self._above >= self._below, self._above, -self._below)
        return np.where(missing, np.nan, score)

    def reset(self, where: np.ndarray) -> None:
        """Begin again where an alarm was told."""
        self._above[where] = 0.0
        self._below[where] = 0.0
