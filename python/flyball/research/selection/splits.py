"""Steps to choose by and steps to judge by, so that neither knows of the other.

Lopez de Prado, Advances in Financial Machine Learning, 2018, chapters 7 and 12.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb

import numpy as np
from numpy.typing import NDArray

from flyball.errors import ConfigError

__all__ = ["Split", "combinatorial", "paths", "purged_kfold", "walk_forward"]

Steps = NDArray[np.int64]
_SPLITS_AT_MOST = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """Steps by their numbers: those that choose (`train`) and those that judge (`test`)."""

    train: Steps
    test: Steps


def _blocks(count: int, blocks: int) -> list[tuple[int, int]]:
    if blocks < 2 or count < blocks:
        raise ConfigError(f"splits: {count} steps cannot be cut into {blocks} parts")
    edges = [round(part * count / blocks) for part in range(blocks + 1)]
    return list(pairwise(edges))


def _check(purge: int, embargo: int) -> None:
    if purge < 0 or embargo < 0:
        raise ConfigError(f"splits: purge and embargo count steps, got {purge} and {embargo}")


def _kept(train: Steps) -> Steps:
    if train.size < 2:
        raise ConfigError(
            "splits: nothing is left to choose by: fewer parts, or less purge and embargo"
        )
    return train


def walk_forward(
    count: int, folds: int, *, anchored: bool = True, purge: int = 0
) -> tuple[Split, ...]:
    """Choose by the past, judge by what came next; `folds` times.

    The steps are cut into folds + 1 equal parts. Part i + 1 judges what was chosen by all parts
    before it (`anchored`), or by part i alone (rolling).

    Parameters
    ----------
    count : int
        Steps.
    folds : int
    purge : int
        Steps before each test that are left out: positions that were open then may still be.

    Raises
    ------
    ConfigError
        If nothing would be left to choose by.

    Examples
    --------
    >>> [(s.train.tolist(), s.test.tolist()) for s in walk_forward(6, 2, anchored=False, purge=0)]
    [([0, 1], [2, 3]), ([2, 3], [4, 5])]
    """
    _check(purge, 0)
    blocks = _blocks(count, folds + 1)
    found = []
    for before, (first, last) in pairwise(blocks):
        start = 0 if anchored else before[0]
        train = np.arange(start, max(start, first - purge), dtype=np.int64)
        found.append(Split(train=_kept(train), test=np.arange(first, last, dtype=np.int64)))
    return tuple(found)


def _around(count: int, tests: Sequence[tuple[int, int]], *, purge: int, embargo: int) -> Split:
    """Everything outside the tests chooses, less what is close to them."""
    train = np.ones(count, dtype=np.bool_)
    test = np.zeros(count, dtype=np.bool_)
    for first, last in tests:
        test[first:last] = True
        train[max(0, first - purge) : min(count, last + embargo)] = False
    return Split(train=_kept(np.flatnonzero(train & ~test)), test=np.flatnonzero(test))


def purged_kfold(count: int, folds: int, *, purge: int = 0, embargo: int = 0) -> tuple[Split, ...]:
    """Each part judges once what was chosen by all others.

    Parameters
    ----------
    purge : int
        Steps before a test that do not choose.
    embargo : int
        Steps after a test that do not choose: what happened in the test echoes in them.

    Raises
    ------
    ConfigError
        If nothing would be left to choose by.
    """
    return combinatorial(count, folds, 1, purge=purge, embargo=embargo)


def combinatorial(
    count: int, groups: int, tests: int, *, purge: int = 0, embargo: int = 0
) -> tuple[Split, ...]:
    """Every choice of `tests` out of `groups` equal parts judges once; the others choose.

    Raises
    ------
    ConfigError
        If there would be no training steps, or more than 5 000 splits.
    """
    _check(purge, embargo)
    if not 1 <= tests < groups:
        raise ConfigError(f"splits: 1 to {groups - 1} of {groups} groups can judge, got {tests}")
    if comb(groups, tests) > _SPLITS_AT_MOST:
        raise ConfigError(
            f"splits: {comb(groups, tests):,} of them are more than {_SPLITS_AT_MOST:,}"
        )
    blocks = _blocks(count, groups)
    return tuple(
        _around(count, [blocks[one] for one in chosen], purge=purge, embargo=embargo)
        for chosen in combinations(range(groups), tests)
    )


def paths(groups: int, tests: int) -> NDArray[np.int64]:
    """Which split of `combinatorial` judges which group, in each whole path through time.

    Returns
    -------
    array, shape (tests / groups x splits, groups)
        Number of the split. Every split and group is used once.

    Examples
    --------
    >>> paths(4, 2).tolist()
    [[0, 0, 1, 2], [1, 3, 3, 4], [2, 4, 5, 5]]
    """
    judged: list[list[int]] = [[] for _ in range(groups)]
    for number, chosen in enumerate(combinations(range(groups), tests)):
        for group in chosen:
            judged[group].append(number)
    return np.array(judged, dtype=np.int64).T
