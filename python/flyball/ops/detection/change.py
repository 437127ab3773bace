"""Whether what makes the values has changed a moment ago."""

import math

import numpy as np

from flyball.ops.detection.streams import Floats, Shape

__all__ = ["ChangePoint"]

# Prior of a normal with unknown mean and variance: one observation's worth, after standardising.
_KAPPA, _ALPHA, _BETA = 1.0, 1.0, 1.0


class ChangePoint:
    """The probability that a change happened within the last few observations.

    Adams and MacKay's recursion over the length of the present run, with a normal of unknown mean
    and variance for the values of a run, and at most `longest` observations that are remembered: a
    run that is longer forgets slowly.

    Parameters
    ----------
    shape : tuple of int
        Of one observation.
    every : float
        How many observations a run lasts on average, before anything was seen.
    longest : int
        Lengths of a run that are told apart.
    recent : int
        How many observations ago counts as a moment ago.
    warm : int
        So many observations are wanted before there is a score.

    Notes
    -----
    Adams and MacKay, "Bayesian online changepoint detection", arXiv 0710.3742, 2007. Values should
    be standardised: the prior expects deviations around one. O(longest) an observation.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        every: float = 1_000.0,
        longest: int = 120,
        recent: int = 6,
        warm: int = 30,
    ) -> None:
        if not 0 < recent < longest:
            raise ValueError("0 < recent < longest is wanted")
        self._shape, self._recent, self._warm = shape, recent, warm
        self._log_hazard, self._log_stay = math.log(1.0 / every), math.log1p(-1.0 / every)
        runs = np.arange(longest + 1, dtype=float).reshape((-1, *(1 for _ in shape)))
        self._kappa, self._alpha = _KAPPA + runs, _ALPHA + runs / 2.0
        gammas = [math.lgamma(a + 0.5) - math.lgamma(a) for a in self._alpha.ravel()]
        self._norm = np.array(gammas).reshape(runs.shape)
        self._mean = np.zeros((longest + 1, *shape))
        self._beta = np.full((longest + 1, *shape), _BETA)
        self._log = np.full((longest + 1, *shape), -np.inf)
        self._log[0] = 0.0
        self._seen = np.zeros(shape, dtype=int)

    @property
    def runs(self) -> Floats:
        """The probability of each length of the present run, shape (longest + 1, *shape)."""
        return np.asarray(np.exp(self._log))

    def update(self, values: Floats) -> Floats:
        """The probability of a change a moment ago, with these values; then learn from them."""
        there = ~np.isnan(values)
        log, mean, beta = self._step(np.where(there, values, 0.0))
        self._log = np.where(there, log, self._log)
        self._mean = np.where(there, mean, self._mean)
        self._beta = np.where(there, beta, self._beta)
        self._seen = self._seen + there
        score = np.exp(self._log[: self._recent + 1]).sum(axis=0)
        return np.where(there & (self._seen > self._warm), score, np.nan)

    def _step(self, values: Floats) -> tuple[Floats, Floats, Floats]:
        away = values - self._mean
        # Student's t with 2 alpha degrees of freedom.
        scale = 2.0 * self._beta * (self._kappa + 1.0) / self._kappa
        tail = (self._alpha + 0.5) * np.log1p(away * away / scale)
        seen = self._log + self._norm - 0.5 * np.log(math.pi * scale) - tail
        log = np.empty_like(self._log)
        log[1:] = seen[:-1] + self._log_stay
        log[-1] = np.logaddexp(log[-1], seen[-1] + self._log_stay)
        peak = seen.max(axis=0)
        log[0] = peak + np.log(np.exp(seen - peak).sum(axis=0)) + self._log_hazard
        peak = log.max(axis=0)
        log -= peak + np.log(np.exp(log - peak).sum(axis=0))
        moved = self._mean + away / (self._kappa + 1.0)
        grown = self._beta + self._kappa * away * away / (2.0 * (self._kappa + 1.0))
        mean, beta = np.zeros_like(self._mean), np.full_like(self._beta, _BETA)
        mean[1:], beta[1:] = moved[:-1], grown[:-1]
        # The longest run goes on with its own count: it forgets as much as it learns.
        held = np.isfinite(self._log[-1])
        fade = self._alpha[-1] / (self._alpha[-1] + 0.5)
        mean[-1] = np.where(held, moved[-1], mean[-1])
        beta[-1] = np.where(held, grown[-1] * fade, beta[-1])
        return log, mean, beta
