"""Returns as every measure of this room takes them: checked once, at the edge."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats

__all__ = ["Weights", "check_level", "matrix", "portfolio", "series"]

Weights: TypeAlias = Sequence[float] | Floats


def series(returns: ArrayLike, *, at_least: int = 2) -> Floats:
    """Simple returns of equal steps, shape (n,), all of them known.

    Raises
    ------
    DataError
        If they have another shape, one is not finite, or they are fewer than `at_least`.
    """
    found = np.asarray(returns, dtype=np.float64)
    if found.ndim != 1:
        raise DataError(f"returns: shape (n,) is wanted, got {found.shape}: give weights for more")
    return _known(found, at_least)


def matrix(returns: ArrayLike, *, at_least: int = 2) -> Floats:
    """Simple returns of several assets over the same steps, shape (n, assets).

    Raises
    ------
    DataError
        If they have another shape, one is not finite, or there are fewer steps than `at_least`.
    """
    found = np.asarray(returns, dtype=np.float64)
    if found.ndim != 2 or not found.shape[1]:
        raise DataError(f"returns: shape (n, assets) is wanted, got {found.shape}")
    return _known(found, at_least)


def portfolio(returns: ArrayLike, weights: Weights | None = None) -> Floats:
    """Returns of a portfolio whose weights are restored after every step, shape (n,).

    Parameters
    ----------
    returns : array, shape (n,) or (n, assets)
        Simple returns of equal steps.
    weights : sequence, shape (assets,), optional
        Value of each position ÷ equity, negative for a short one; they need not add up to 1.
        Wanted for returns of several assets.

    Raises
    ------
    DataError
        If shapes do not fit, or something is not finite.

    Examples
    --------
    >>> portfolio([[0.02, 0.01], [-0.04, 0.02]], [0.5, -1.0]).tolist()
    [0.0, -0.04]
    """
    found = np.asarray(returns, dtype=np.float64)
    if found.ndim == 1 and weights is None:
        return series(found)
    many = matrix(found)
    if weights is None:
        raise DataError(f"weights: {many.shape[1]} are wanted, one an asset, got none")
    share = np.asarray(weights, dtype=np.float64)
    if share.shape != many.shape[1:]:
        raise DataError(f"weights: {many.shape[1]} are wanted, one an asset, got {share.size}")
    if not np.all(np.isfinite(share)):
        raise DataError("weights: one is not finite")
    return many @ share


def check_level(level: float) -> float:
    """A confidence level such as 0.99.

    Raises
    ------
    ConfigError
        Unless it lies between one half and one.
    """
    if not 0.5 < level < 1.0:
        raise ConfigError(f"level: between 0.5 and 1 is wanted, such as 0.99, got {level}")
    return level


def _known(found: Floats, at_least: int) -> Floats:
    if len(found) < at_least:
        raise DataError(f"returns: at least {at_least} are wanted, got {len(found)}")
    if not np.all(np.isfinite(found)):
        at = int(np.argwhere(~np.isfinite(found))[0][0])
        raise DataError(f"returns: number {at} is not finite")
    return found
