"""What trials are ranked by, as sums over steps: so that any set of steps has its score at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SCORES", "Score"]

Floats = NDArray[np.float64]
_TOGETHER = 2_048  # trials that are looked at in one piece: memory stays small


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

    def of(self, returns: NDArray[np.floating], *, rows: NDArray[np.int64] | None = None) -> Floats:
        """The score of each trial over these steps, or over all.

        Parameters
        ----------
        returns : array, shape (steps, trials)
        rows : array of int64, optional
            Numbers of the steps.
        """
        steps, trials = returns.shape
        count = steps if rows is None else rows.size
        found = np.empty(trials)
        for first in range(0, trials, _TOGETHER):
            part = returns[:, first : first + _TOGETHER]
            values = np.asarray(part if rows is None else part[rows], dtype=np.float64)
            sums = tuple(one.sum(axis=0) for one in self.parts(values))
            found[first : first + _TOGETHER] = self.value(sums, float(count))
        return found


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
