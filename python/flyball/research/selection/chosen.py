"""Choosing by some steps and judging by others: what selection was worth."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flyball.errors import ConfigError
from flyball.research.selection.score import Score
from flyball.research.selection.splits import Split

__all__ = ["Chosen", "choose", "rank_share"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chosen:
    """What one split came to.

    Parameters
    ----------
    trial : int
        The trial that its training steps chose.
    inside, outside : float
        Its score over the training steps and over the test.
    rank : float
        Its place in the test among all that could be chosen, 0 (worst) to 1 (best); 0.5 is chance.
    best_outside : float
        What the best trial of the test had there: nobody could have known it.
    returns : array, shape (test steps,)
        Its returns in the test.
    """

    trial: int
    inside: float
    outside: float
    rank: float
    best_outside: float
    returns: NDArray[np.float64]


def rank_share(values: NDArray[np.float64], which: int) -> float:
    """The place of a value among all, equal ones sharing theirs: rank / (count + 1).

    Examples
    --------
    >>> rank_share(np.array([1.0, 3.0, 2.0]), 1)
    0.75
    """
    mine = values[which]
    below = int(np.count_nonzero(values < mine))
    equal = int(np.count_nonzero(values == mine))
    return (below + (equal + 1) / 2) / (values.size + 1)


def choose(
    returns: NDArray[np.floating],
    splits: Sequence[Split],
    *,
    score: Score,
    allowed: Sequence[NDArray[np.int64]] | None = None,
) -> tuple[Chosen, ...]:
    """Choose the best trial of each split by its training steps, and judge it by its test.

    Parameters
    ----------
    returns : array, shape (steps, trials)
    splits : sequence of Split
    score : Score
        Of equal trials the first is taken.
    allowed : sequence of arrays, optional
        The trials that each split may choose from: those that its own search had made. All by
        default.

    Raises
    ------
    ConfigError
        If there is nothing to choose from.
    """
    everything = np.arange(returns.shape[1], dtype=np.int64)
    found = []
    for number, split in enumerate(splits):
        among = everything if allowed is None else allowed[number]
        if among.size == 0:
            raise ConfigError(f"split {number + 1}: there is no trial to choose from")
        seen = returns if among.size == everything.size else returns[:, among]
        inside = score.of(seen, rows=split.train)
        outside = score.of(seen, rows=split.test)
        best = int(np.argmax(inside))
        found.append(
            Chosen(
                trial=int(among[best]),
                inside=float(inside[best]),
                outside=float(outside[best]),
                rank=rank_share(outside, best),
                best_outside=float(outside.max()),
                returns=seen[split.test, best].astype(np.float64),
            )
        )
    return tuple(found)
