"""Sharpe ratios that know how long, how crooked and how often tried a record is.

All ratios are of one step, not of a year. Bailey and Lopez de Prado, The Sharpe Ratio Efficient
Frontier, Journal of Risk 2012 (probabilistic ratio, minimum track record); The Deflated Sharpe
Ratio, Journal of Portfolio Management 2014; Harvey and Liu, Backtesting, the same 2015 (haircut).
They take returns for independent: of returns that follow each other they say too much.
"""

from dataclasses import dataclass
from math import e, erfc, inf, isfinite, nan, sqrt
from statistics import NormalDist
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from flyball.errors import ConfigError

__all__ = [
    "Shape",
    "deflated_sharpe",
    "expected_maximum",
    "haircut",
    "independent_trials",
    "mean_correlation",
    "minimum_track_record",
    "probabilistic_sharpe",
    "shape_of",
]

_NORMAL = NormalDist()
_EULER = 0.5772156649015329
Correction = Literal["sidak", "bonferroni", "holm", "bhy"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What a record of returns looks like: all that the ratios need of it.

    Parameters
    ----------
    sharpe : float
        Mean return over standard deviation, of one step; NaN where returns do not vary.
    skewness, kurtosis : float
        Of the sample; normal returns have 0 and 3.
    count : int
        Returns.
    """

    sharpe: float
    skewness: float = 0.0
    kurtosis: float = 3.0
    count: int

    @property
    def error(self) -> float:
        """Standard error of the ratio, for returns that need not be normal (Mertens 2002)."""
        if self.count < 2 or not isfinite(self.sharpe):
            return nan
        return sqrt(_variance(self) / (self.count - 1))


def _variance(shape: Shape) -> float:
    ratio = shape.sharpe
    found = 1.0 - shape.skewness * ratio + (shape.kurtosis - 1.0) / 4.0 * ratio * ratio
    # For a sample's own moments it cannot be below zero: kurtosis >= 1 + skewness squared.
    return max(found, 0.0)


def shape_of(returns: NDArray[np.floating]) -> Shape:
    """The shape of returns.

    Parameters
    ----------
    returns : array, shape (n,)
        Simple returns of equal steps.

    Examples
    --------
    >>> found = shape_of(np.array([0.01, 0.02, 0.03]))
    >>> round(found.sharpe, 9), round(found.kurtosis, 9)
    (2.0, 1.5)
    """
    values = np.asarray(returns, dtype=np.float64)
    if values.size < 2:
        return Shape(sharpe=nan, skewness=nan, kurtosis=nan, count=values.size)
    away = values - values.mean()
    variance = float(np.mean(away**2))
    if not variance > (1e-12 * max(1e-300, float(np.abs(values).max()))) ** 2:
        return Shape(sharpe=nan, skewness=nan, kurtosis=nan, count=values.size)
    return Shape(
        sharpe=float(values.mean() / np.std(values, ddof=1)),
        skewness=float(np.mean(away**3)) / variance**1.5,
        kurtosis=float(np.mean(away**4)) / variance**2,
        count=values.size,
    )


def probabilistic_sharpe(shape: Shape, *, benchmark: float = 0.0) -> float:
    """How sure it is that the true ratio is above `benchmark` (of one step): 0 to 1.

    Examples
    --------
    >>> round(probabilistic_sharpe(Shape(sharpe=0.1, count=101)), 4)
    0.8407
    """
    if shape.count < 2 or not isfinite(shape.sharpe):
        return nan
    error = shape.error
    if error == 0.0:
        return 1.0 if shape.sharpe > benchmark else 0.0
    return _NORMAL.cdf((shape.sharpe - benchmark) / error)


def minimum_track_record(
    shape: Shape, *, benchmark: float = 0.0, confidence: float = 0.95
) -> float:
    """How many steps a record of this shape must have to be that sure; infinite where none helps.

    Raises
    ------
    ConfigError
        If the confidence is not between 0 and 1.
    """
    if not 0.0 < confidence < 1.0:
        raise ConfigError(f"confidence: must lie between 0 and 1, got {confidence}")
    if not isfinite(shape.sharpe):
        return nan
    if shape.sharpe <= benchmark:
        return inf
    distance = _NORMAL.inv_cdf(confidence) / (shape.sharpe - benchmark)
    return 1.0 + _variance(shape) * distance * distance


def expected_maximum(trials: float, *, deviation: float) -> float:
    """The best ratio that so many trials without any skill are expected to show.

    Parameters
    ----------
    trials : float
        Independent trials, at least 1.
    deviation : float
        Standard deviation of the ratios over the trials, of one step.

    Examples
    --------
    >>> round(expected_maximum(100, deviation=1.0), 4)
    2.5306
    """
    if trials < 1.0:
        raise ConfigError(f"trials: at least one is wanted, got {trials}")
    if trials == 1.0:
        return 0.0
    first = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    second = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * e))
    return max(0.0, deviation * ((1.0 - _EULER) * first + _EULER * second))


def deflated_sharpe(shape: Shape, *, trials: float, deviation: float) -> float:
    """How sure it is that the true ratio of the best of so many trials is above zero: 0 to 1.

    The probabilistic ratio against what luck alone would have shown (`expected_maximum`).
    """
    return probabilistic_sharpe(shape, benchmark=expected_maximum(trials, deviation=deviation))


def mean_correlation(returns: NDArray[np.floating]) -> float:
    """Mean of the correlations between all pairs of columns; NaN below two that vary.

    Parameters
    ----------
    returns : array, shape (steps, trials)

    Examples
    --------
    >>> round(mean_correlation(np.array([[1.0, 2.0], [2.0, 4.0], [0.0, 0.0]])), 12)
    1.0
    """
    steps, trials = returns.shape
    total = np.zeros(steps)
    varied = 0
    for first in range(0, trials, 256):
        part = np.asarray(returns[:, first : first + 256], dtype=np.float64)
        away = part - part.mean(axis=0)
        size = np.sqrt(np.sum(away**2, axis=0))
        known = size > 1e-12
        total += np.sum(away[:, known] / size[known], axis=1)
        varied += int(np.count_nonzero(known))
    if varied < 2:
        return nan
    return (float(total @ total) - varied) / (varied * (varied - 1))


def independent_trials(trials: int, *, correlation: float) -> float:
    """How many independent trials so many correlated ones are worth, at least 1.

    Interpolated between one (all the same) and all (no correlation), as in the appendix of The
    Deflated Sharpe Ratio. A negative correlation counts as none.

    Examples
    --------
    >>> independent_trials(101, correlation=0.5)
    51.0
    """
    if not isfinite(correlation):
        return float(trials)
    share = min(1.0, max(0.0, correlation))
    return share + (1.0 - share) * trials


def _p_value(sharpe: float, count: int) -> float:
    """Two-sided, of the hypothesis that there is nothing."""
    return erfc(abs(sharpe) * sqrt(count) / sqrt(2.0))


def _sharpe_of(p_value: float, count: int) -> float:
    if p_value >= 1.0:
        return 0.0
    return -_NORMAL.inv_cdf(max(p_value, 1e-300) / 2.0) / sqrt(count)


def haircut(
    ratios: NDArray[np.float64], *, count: int, which: int, method: Correction, trials: int = 0
) -> float:
    """The ratio of a trial after its p-value was corrected for all that were tried.

    Parameters
    ----------
    ratios : array, shape (trials,)
        Ratios of one step of all trials; NaN counts as zero.
    count : int
        Returns that each is made of.
    which : int
        The trial that is wanted; a ratio at or below zero stays what it is.
    method : str
        "sidak" and "bonferroni" know only how many there are; "holm" and "bhy" (Benjamini,
        Hochberg and Yekutieli) look at all of them. Independence is taken for true by "sidak" only.
    trials : int, optional
        How many trials there were, where that is more than there are ratios. The others are taken
        to have shown nothing.

    Examples
    --------
    >>> one = np.array([0.75 / 12**0.5])
    >>> left = haircut(one, count=240, which=0, method="sidak", trials=200)
    >>> round(left * 12**0.5, 2)
    0.32
    """
    known = np.nan_to_num(np.asarray(ratios, dtype=np.float64), nan=0.0)
    mine = float(known[which])
    if mine <= 0.0 or count < 1:
        return mine
    tests = max(trials, known.size)
    single = _p_value(mine, count)
    if method == "sidak":
        corrected = -np.expm1(tests * np.log1p(-single)) if single < 1.0 else 1.0
        return _sharpe_of(float(corrected), count)
    if method == "bonferroni":
        return _sharpe_of(min(1.0, single * tests), count)
    values = np.array([_p_value(float(ratio), count) for ratio in known])
    order = np.argsort(values, kind="stable")
    ranks = np.arange(1, known.size + 1)
    if method == "holm":
        steps = np.maximum.accumulate((tests - ranks + 1) * values[order])
    else:
        harmonic = float(np.sum(1.0 / np.arange(1, tests + 1)))
        scaled = tests * harmonic / ranks * values[order]
        steps = np.minimum.accumulate(scaled[::-1])[::-1]
    adjusted = np.empty(known.size)
    adjusted[order] = np.minimum(steps, 1.0)
    return _sharpe_of(float(adjusted[which]), count)
