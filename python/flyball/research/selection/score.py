"""What trials are ranked by, as sums over steps: so that any set of steps has its score at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCORES", "Score"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """A number by which trials are ranked, higher is better.

    Parameters
    ----------
    name, text : str
        For options and for people.
    parts : callable
        Returns of shape (steps, trials) to arrays of that shape whose sums over steps are all that
        is needed.
    value : callable
        Those sums, each of shape (..., trials), and the number of steps, to the score.
    """

    name: str
    text: str
    parts: Callable[[Floats], tuple[Floats, ...]]
    value: Callable[[tuple[Floats, ...], float], Floats]

    def of(self, returns: NDArray[np.floating]) -> Floats:
        """The score of each trial over all steps given.

        Parameters
        ----------
        returns : array, shape (steps, trials)
        """
        values = np.asarray(returns, dtype=np.float64)
        sums = tuple(part.sum(axis=0) for part in self.parts(values))
        return self.value(sums, float(values.shape[0]))


def _sharpe(sums: tuple[Floats, ...], steps: float) -> Floats:
    total, squares = sums
    if steps < 2.0:
        return np.zeros_like(total)
    mean = total / steps
    variance = (squares - steps * mean * mean) / (steps - 1.0)
    # What is left of a difference of equal numbers is no variance.
    varies = variance > 1e-12 * (squares / steps)
    deviation = np.sqrt(np.where(varies, variance, 1.0))
    return np.where(varies, mean / deviation, 0.0)


SCORES: Mapping[str, Score] = {
    score.name: score
    for score in (
        Score(
            name="sharpe",
            text="mean return over standard deviation; 0 for a trial that did nothing",
            parts=lambda returns: (returns, returns * returns),
            value=_sharpe,
        ),
        Score(
            name="growth",
            text="mean logarithm of 1 + return",
            parts=lambda returns: (np.log1p(np.maximum(returns, -0.999999999)),),
            value=lambda sums, steps: sums[0] / max(steps, 1.0),
        ),
    )
}
