"""The probability of backtest overfitting.

Combinatorially symmetric cross-validation: Bailey, Borwein, Lopez de Prado and Zhu, The Probability
of Backtest Overfitting, Journal of Computational Finance 2017.
"""

from dataclasses import dataclass
from itertools import combinations
from math import comb, nan

import numpy as np
from numpy.typing import NDArray

from flyball.errors import ConfigError
from flyball.research.selection.score import Score

__all__ = ["Overfitting", "cross_validated"]

Floats = NDArray[np.float64]
_CELLS = 32_768  # scores that are worked out at once: they stay in the cache, and on one thread


@dataclass(frozen=True, kw_only=True, slots=True)
class Overfitting:
    """What the best of one half of time was worth in the other half, over all such halves.

    Parameters
    ----------
    blocks, halves : int
        Parts that time was cut into, and ways to take half of them.
    probability : float
        How often the best of one half was not above the median of the other (PBO), 0 to 1.
    loss : float
        How often its score there was below zero.
    slope, intercept : float
        Of its score there over its score where it was chosen, by least squares; a slope below zero
        says that better means worse.
    logits : array, shape (halves,)
        Logarithm of its odds to be above others there; 0 is the median.
    inside, outside : array, shape (halves,)
        Its score where it was chosen, and in the other half.
    """

    blocks: int
    halves: int
    probability: float
    loss: float
    slope: float
    intercept: float
    logits: Floats
    inside: Floats
    outside: Floats


def cross_validated(
    returns: NDArray[np.floating], *, score: Score, blocks: int = 16
) -> Overfitting:
    """Measure how often the best of one half of time is no better than the rest in the other.

    Parameters
    ----------
    returns : array, shape (steps, trials)
        At least two trials and two steps a block; what is left over at the end is not used.
    score : Score
    blocks : int
        An even number, 2 to 20: 16 gives 12 870 halves.

    Raises
    ------
    ConfigError
        If that is not so.
    """
    steps, trials = returns.shape
    if blocks % 2 or not 2 <= blocks <= 20:
        raise ConfigError(f"blocks: an even number from 2 to 20 is wanted, got {blocks}")
    if trials < 2:
        raise ConfigError("overfitting: at least two trials are wanted")
    each = steps // blocks
    if each < 2:
        raise ConfigError(f"overfitting: {steps} steps are too few for {blocks} blocks")
    sums = _sums(returns[: each * blocks], score, blocks)
    halves = comb(blocks, blocks // 2)
    chunk = max(1, _CELLS // trials)
    logits, inside, outside = (np.empty(halves) for _ in range(3))
    taken = _members(blocks)
    count = float(each * blocks // 2)
    for first in range(0, halves, chunk):
        half = taken[first : first + chunk]
        mine = tuple(half @ part for part in sums)
        # Of blocks that are taken and the rest, not the difference of two large sums.
        other = tuple((1.0 - half) @ part for part in sums)
        here, there = score.value(mine, count), score.value(other, count)
        rows = np.arange(half.shape[0])
        best = np.argmax(here, axis=1)
        value = there[rows, best]
        below = np.count_nonzero(there < value[:, None], axis=1)
        equal = np.count_nonzero(there == value[:, None], axis=1)
        share = (below + (equal + 1) / 2) / (trials + 1)
        part_of = slice(first, first + half.shape[0])
        logits[part_of] = np.log(share / (1.0 - share))
        inside[part_of], outside[part_of] = here[rows, best], value
    slope, intercept = _line(inside, outside)
    return Overfitting(
        blocks=blocks,
        halves=halves,
        probability=float(np.mean(logits <= 1e-12)),
        loss=float(np.mean(outside < 0.0)),
        slope=slope,
        intercept=intercept,
        logits=logits,
        inside=inside,
        outside=outside,
    )


def _sums(returns: NDArray[np.floating], score: Score, blocks: int) -> tuple[Floats, ...]:
    """What the score needs, summed over each block: arrays of shape (blocks, trials)."""
    each = returns.shape[0] // blocks
    rows: list[tuple[Floats, ...]] = []
    for block in range(blocks):
        part = np.asarray(returns[block * each : (block + 1) * each], dtype=np.float64)
        rows.append(tuple(one.sum(axis=0) for one in score.parts(part)))
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


def _members(blocks: int) -> Floats:
    chosen = list(combinations(range(blocks), blocks // 2))
    taken = np.zeros((len(chosen), blocks))
    taken[np.arange(len(chosen))[:, None], np.array(chosen)] = 1.0
    return taken


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    away = x - x.mean()
    spread = float(away @ away)
    if spread <= 1e-24 * max(1.0, float(x @ x)):
        return nan, nan
    slope = float(away @ y) / spread
    return slope, float(y.mean()) - slope * float(x.mean())
