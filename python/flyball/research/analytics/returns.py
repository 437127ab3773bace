"""Ratios of returns. Every function takes simple returns of equal steps and knows no time.

Where a number cannot be formed, it is NaN: the caller says why.
"""

from math import ceil, floor, nan, sqrt

import numpy as np

from flyball.research.analytics.curve import Floats

__all__ = [
    "annualised_return",
    "downside_deviation",
    "expected_shortfall",
    "sharpe",
    "sharpe_error",
    "sortino",
    "total_return",
    "value_at_risk",
    "volatility",
]

_NOISE = 1e-9  # deviations this small beside the returns themselves are rounding
_TAIL_AT_LEAST = 20  # returns: with fewer, one in twenty has not been seen


def total_return(first: float, last: float) -> float:
    """Growth from the first to the last equity, a fraction; NaN unless the first is above zero.

    Examples
    --------
    >>> total_return(100.0, 110.0)
    0.10000000000000009
    """
    return last / first - 1.0 if first > 0.0 else nan


def annualised_return(total: float, years: float) -> float:
    """The constant yearly growth that gives `total`, a fraction; NaN below one year.

    Returns of less than a year are not annualised (GIPS Standards, 2020).

    Examples
    --------
    >>> round(annualised_return(0.21, 2.0), 12)
    0.1
    """
    if not years >= 1.0:
        return nan
    return float(max(0.0, 1.0 + total) ** (1.0 / years)) - 1.0


def volatility(returns: Floats) -> float:
    """Standard deviation (n - 1) of the returns, a fraction a step; NaN below two returns.

    Examples
    --------
    >>> volatility(np.array([0.01, 0.03]))
    0.01414213562373095
    """
    if returns.size < 2:
        return nan
    deviation = float(np.std(returns, ddof=1))
    largest = float(np.max(np.abs(returns)))
    return 0.0 if deviation <= _NOISE * largest else deviation


def sharpe(returns: Floats, per_year: float) -> float:
    """Mean over deviation of the returns, scaled to a year; NaN where they do not vary.

    Sharpe, The Sharpe Ratio, Journal of Portfolio Management, 1994. No risk-free rate is taken off.

    Examples
    --------
    >>> round(sharpe(np.array([0.01, 0.03]), 1.0), 12)
    1.414213562373
    """
    deviation = volatility(returns)
    if not deviation > 0.0:
        return nan
    return float(np.mean(returns)) / deviation * sqrt(per_year)


def sharpe_error(ratio: float, count: int, per_year: float) -> float:
    """Standard error of a Sharpe ratio that is scaled to a year, were the returns independent.

    Lo, The Statistics of Sharpe Ratios, Financial Analysts Journal, 2002.

    Examples
    --------
    >>> round(sharpe_error(0.0, 365, 365.0), 12)
    1.0
    """
    if count < 2:
        return nan
    a_step = ratio / sqrt(per_year)
    return sqrt((1.0 + a_step * a_step / 2.0) / count * per_year)


def downside_deviation(returns: Floats) -> float:
    """Root of the mean of the squared losses, gains counted as zero; NaN below two returns."""
    if returns.size < 2:
        return nan
    return float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))


def sortino(returns: Floats, per_year: float) -> float:
    """Mean over downside deviation, scaled to a year; NaN where no step lost.

    Sortino and Price, Performance Measurement in a Downside Risk Framework, 1994; target zero.

    Examples
    --------
    >>> round(sortino(np.array([0.03, -0.01]), 1.0), 12)
    1.414213562373
    """
    deviation = downside_deviation(returns)
    if not deviation > 0.0:
        return nan
    return float(np.mean(returns)) / deviation * sqrt(per_year)


def value_at_risk(returns: Floats, share: float = 0.05) -> float:
    """The loss that this share of the steps reached or exceeded, a fraction; a gain is negative.

    Historical: the sorted return of rank ⌈share · n⌉, one that was really seen (Jorion, Value at
    Risk, 2006). NaN below 20 returns.

    Examples
    --------
    >>> value_at_risk(np.arange(-10, 10) / 100)
    0.1
    """
    if returns.size < _TAIL_AT_LEAST:
        return nan
    rank = max(1, ceil(round(share * returns.size, 9)))
    return -float(np.sort(returns)[rank - 1])


def expected_shortfall(returns: Floats, share: float = 0.05) -> float:
    """The mean of the worst `share` of the returns as a loss, a fraction; never below VaR.

    Acerbi and Tasche, On the Coherence of Expected Shortfall, 2002: the return on the edge counts
    with the part that is still inside. NaN below 20 returns.

    Examples
    --------
    >>> expected_shortfall(np.arange(-20, 20) / 100)
    0.195
    """
    if returns.size < _TAIL_AT_LEAST:
        return nan
    worst = np.sort(returns)
    inside = share * returns.size
    whole = floor(round(inside, 9))
    part = max(0.0, inside - whole)
    edge = part * float(worst[whole]) if part > 1e-9 else 0.0
    return -(float(np.sum(worst[:whole])) + edge) / inside
