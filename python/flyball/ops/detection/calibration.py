"""Probabilities that mean what they say: of those of 0.8, eight in ten come true."""

from collections.abc import Mapping, Sequence

import numpy as np

from flyball.ops.detection.streams import Floats

__all__ = ["Calibrator", "brier", "calibration_error", "isotonic"]

_BINS = 20


def isotonic(values: Sequence[float], weights: Sequence[float]) -> Floats:
    """The rising sequence that is nearest to these values, weighed: pooling adjacent violators.

    Notes
    -----
    Ayer and others, Annals of Mathematical Statistics 26, 1955.

    Examples
    --------
    >>> isotonic([0.1, 0.5, 0.3, 0.9], [1.0, 1.0, 1.0, 1.0]).tolist()
    [0.1, 0.4, 0.4, 0.9]
    """
    pools: list[tuple[float, float, int]] = []
    for value, weight in zip(values, weights, strict=True):
        pool = (float(value), float(weight), 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, size = pools.pop()
            both = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / both, both, size + pool[2])
        pools.append(pool)
    return np.array([mean for mean, _, size in pools for _ in range(size)])


class Calibrator:
    """What became of raw probabilities, in twenty classes, as a rising curve.

    Parameters
    ----------
    trust : float
        As many outcomes as this, in a class, weigh as much as the raw probability itself.
    memory : float
        Outcomes of a class that weigh; older ones fade.

    Notes
    -----
    Isotonic calibration (Zadrozny and Elkan, KDD 2002) over fixed classes, so that an outcome costs
    the same however many came before. Before any outcome, a raw probability stays as it is.

    Examples
    --------
    >>> curve = Calibrator(trust=1.0)
    >>> curve.probability(0.92)
    0.92
    >>> for _ in range(99):
    ...     curve.update(0.92, came_true=False)
    >>> curve.probability(0.92) < 0.1
    True
    """

    def __init__(self, *, trust: float = 20.0, memory: float = 2_000.0) -> None:
        self._trust, self._memory = trust, memory
        self._raw, self._true, self._count = (np.zeros(_BINS) for _ in range(3))
        self._curve: tuple[Floats, Floats] | None = None

    def update(self, raw: float, *, came_true: bool) -> None:
        """Learn what became of a raw probability."""
        at = _class(raw)
        if self._count[at] >= self._memory:
            fade = 1.0 - 1.0 / self._memory
            for each in (self._raw, self._true, self._count):
                each[at] *= fade
        self._raw[at] += raw
        self._true[at] += float(came_true)
        self._count[at] += 1.0
        self._curve = None

    def probability(self, raw: float) -> float:
        """The calibrated probability; between the middles of classes on a straight line."""
        if np.isnan(raw) or not self._count.any():
            return raw
        if self._curve is None:
            self._curve = self._fit()
        return float(np.interp(raw, *self._curve))

    def state(self) -> dict[str, list[float]]:
        """What it has learnt, for `restore`."""
        known = {"raw": self._raw, "true": self._true, "count": self._count}
        return {name: each.tolist() for name, each in known.items()}

    def restore(self, state: Mapping[str, Sequence[float]] | None) -> None:
        """Go on from what was learnt before."""
        if state is None:
            return
        names = ("raw", "true", "count")
        self._raw, self._true, self._count = (np.array(state[name], dtype=float) for name in names)
        self._curve = None

    def _fit(self) -> tuple[Floats, Floats]:
        middles = (np.arange(_BINS) + 0.5) / _BINS
        count = np.maximum(self._count, 1e-12)
        centres = np.where(self._count > 0, self._raw / count, middles)
        shares = (self._true + self._trust * centres) / (self._count + self._trust)
        fitted = isotonic(shares.tolist(), (self._count + self._trust).tolist())
        return centres, np.clip(fitted, 0.0, 1.0)


def _class(probability: float) -> int:
    return min(_BINS - 1, max(0, int(probability * _BINS)))


def brier(probabilities: Floats, outcomes: Floats) -> float:
    """The mean squared difference of probabilities and outcomes (0 or 1): 0 is perfect.

    Notes
    -----
    Brier, Monthly Weather Review 78, 1950, for two classes counted once.

    Examples
    --------
    >>> round(brier(np.array([0.9, 0.2]), np.array([1.0, 0.0])), 6)
    0.025
    """
    return float(np.mean((probabilities - outcomes) ** 2))


def calibration_error(probabilities: Floats, outcomes: Floats, *, bins: int = 10) -> float:
    """The expected calibration error: how far shares are from probabilities, class by class.

    Notes
    -----
    Naeini, Cooper and Hauskrecht, AAAI 2015. Classes of equal width, weighed by their size.

    Examples
    --------
    >>> round(calibration_error(np.array([0.9, 0.9]), np.array([1.0, 0.0])), 6)
    0.4
    """
    at = np.minimum((probabilities * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        here = at == number
        if here.any():
            total += abs(float(probabilities[here].sum() - outcomes[here].sum()))
    return total / len(probabilities)
