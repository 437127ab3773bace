"""Value at risk and expected shortfall of the next step, by seven methods.

Returns are simple returns of equal steps; risk is for one such step, a loss as a positive fraction
of what is held. At the level 0.99, value at risk is the loss that one step in a hundred reaches or
exceeds, expected shortfall the mean loss of those steps.
"""

from dataclasses import dataclass
from math import exp, nan, pi, sqrt
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats
from flyball.research.analytics.returns import expected_shortfall, value_at_risk
from flyball.research.risk.sample import Weights, check_level, matrix, portfolio, series
from flyball.research.risk.volatility import Ewma, Garch, fit_garch

__all__ = [
    "Tail",
    "cornish_fisher",
    "cornish_fisher_is_valid",
    "ewma",
    "filtered",
    "historical",
    "monte_carlo",
    "normal",
]

_NORMAL = NormalDist()
_FAR = 5.0  # deviations: one step in three million


@dataclass(frozen=True, kw_only=True, slots=True)
class Tail:
    """What the worst steps cost.

    Parameters
    ----------
    method : str
    level : float
        Such as 0.99.
    value_at_risk, expected_shortfall : float
        Losses of one step, fractions of what is held; a gain is negative. NaN where there is none.
    n : int
        Returns that it is made of.
    volatility : float
        Expected of the next step, where the method has one; else NaN.
    doubt : str
        Why the numbers should not be relied on; empty where nothing speaks against them.
    """

    method: str
    level: float
    value_at_risk: float
    expected_shortfall: float
    n: int
    volatility: float = nan
    doubt: str = ""


def historical(returns: ArrayLike, *, level: float = 0.99, weights: Weights | None = None) -> Tail:
    """The returns that were seen: `analytics.returns.value_at_risk` and `expected_shortfall`.

    The quantile is the sorted return of rank ⌈(1 - level) · n⌉: always one that was really seen,
    never one between two (Jorion 2006; type 1 of Hyndman and Fan 1996).

    Examples
    --------
    >>> historical(np.arange(-50, 50) / 100, level=0.95).value_at_risk
    0.46
    """
    known, share = portfolio(returns, weights), 1.0 - check_level(level)
    doubt = ""
    if known.size < 20:
        doubt = "fewer than 20 returns"
    elif known.size * share < 1.0:
        doubt = f"{known.size} returns say nothing about one step in {1.0 / share:.0f}"
    return Tail(
        method="historical",
        level=level,
        value_at_risk=value_at_risk(known, share),
        expected_shortfall=expected_shortfall(known, share),
        n=known.size,
        doubt=doubt,
    )


def normal(returns: ArrayLike, *, level: float = 0.99, weights: Weights | None = None) -> Tail:
    """As if returns were normal: VaR = -(mean - deviation · z), deviation with n - 1.

    Examples
    --------
    >>> round(normal([0.01, -0.01, 0.01, -0.01], level=0.95).value_at_risk, 4)
    0.019
    """
    known = portfolio(returns, weights)
    return _normal("normal", known, level, float(np.mean(known)), float(np.std(known, ddof=1)))


def ewma(
    returns: ArrayLike,
    *,
    level: float = 0.99,
    weights: Weights | None = None,
    decay: float = 0.94,
) -> Tail:
    """As if the next return were normal around zero with the volatility of `Ewma` (RiskMetrics)."""
    known = portfolio(returns, weights)
    sigma = float(Ewma(decay=decay).path(known)[-1])
    return _normal("ewma", known, level, 0.0, sigma)


def _normal(method: str, known: Floats, level: float, mean: float, sigma: float) -> Tail:
    z = _NORMAL.inv_cdf(1.0 - check_level(level))
    return Tail(
        method=method,
        level=level,
        value_at_risk=-(mean + sigma * z),
        expected_shortfall=-(mean - sigma * _density(z) / (1.0 - level)),
        n=known.size,
        volatility=sigma,
        doubt="fewer than 20 returns" if known.size < 20 else "",
    )


def _density(z: float) -> float:
    return exp(-0.5 * z * z) / sqrt(2.0 * pi)


def cornish_fisher_is_valid(skewness: float, kurtosis: float) -> bool:
    """Whether the expansion is a quantile function: it goes back nowhere within 5 deviations.

    Its slope in z is (K/8 - S²/6) z² + (S/3) z + 1 - K/8 + 5S²/36, K the excess kurtosis (Maillard,
    A User's Guide to the Cornish Fisher Expansion, 2012, who asks for it at every z: then returns
    with the least bit less kurtosis than the normal would be outside).

    Examples
    --------
    >>> cornish_fisher_is_valid(0.0, 3.0), cornish_fisher_is_valid(0.0, 9.0)
    (True, False)
    """
    return _rises(_FAR, skewness, kurtosis)


def _rises(until: float, s: float, k: float) -> bool:
    """Whether the expansion's slope is nowhere negative from 5 deviations below up to `until`."""
    a, b, c = k / 8 - s * s / 6, s / 3, 1 - k / 8 + 5 * s * s / 36
    turn = -b / (2 * a) if a != 0.0 else -_FAR
    places = [-_FAR, until, *([turn] if -_FAR < turn < until else [])]
    return min(a * z * z + b * z + c for z in places) >= -1e-12


def cornish_fisher(
    returns: ArrayLike, *, level: float = 0.99, weights: Weights | None = None
) -> Tail:
    """The normal quantile, bent by skewness and excess kurtosis (Cornish and Fisher 1938).

    z + (z² - 1) S/6 + (z³ - 3z) K/24 - (2z³ - 5z) S²/36, with all moments over n; expected
    shortfall is its mean over the tail. Outside its domain (`cornish_fisher_is_valid`) `doubt`
    says so; where it even falls within the tail that is asked for, there is no number.

    Examples
    --------
    >>> cornish_fisher([0.0] * 99 + [-0.5]).doubt
    'skewness -9.8 and excess kurtosis 95.0 are outside the domain of the expansion'
    """
    known, share = portfolio(returns, weights), 1.0 - check_level(level)
    mean, sigma = float(np.mean(known)), float(np.std(known))
    if not sigma > 0.0:
        return _normal("cornish_fisher", known, level, mean, sigma)
    scores = (known - mean) / sigma
    s, k = float(np.mean(scores**3)), float(np.mean(scores**4)) - 3.0
    z = _NORMAL.inv_cdf(share)
    bent = z + (z * z - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s * s / 36
    beyond = 1 + z * s / 6 + (z * z - 1) * k / 24 - (2 * z * z - 1) * s * s / 36
    doubt = "fewer than 20 returns" if known.size < 20 else ""
    if not cornish_fisher_is_valid(s, k):
        doubt = (
            f"skewness {s:.1f} and excess kurtosis {k:.1f} are outside the domain of the expansion"
        )
    rises = _rises(z, s, k)
    return Tail(
        method="cornish_fisher",
        level=level,
        value_at_risk=-(mean + sigma * bent) if rises else nan,
        expected_shortfall=-(mean - sigma * beyond * _density(z) / share) if rises else nan,
        n=known.size,
        volatility=sigma,
        doubt=doubt,
    )


def filtered(
    returns: ArrayLike,
    *,
    level: float = 0.99,
    weights: Weights | None = None,
    volatility: Ewma | Garch | None = None,
) -> Tail:
    """Filtered historical: past returns, each over its own volatility, times the next one's.

    Hull and White 1998; Barone-Adesi, Giannopoulos and Vosper 1999. `volatility` is `Ewma()`,
    a fitted `Garch`, or GARCH(1,1) fitted now, the default. The quantile is that of `historical`.

    Raises
    ------
    DataError
        If returns are too few for the filter, or GARCH does not converge.
    """
    known, share = portfolio(returns, weights), 1.0 - check_level(level)
    model = fit_garch(known) if volatility is None else volatility
    if isinstance(model, Garch):
        name, mean, skip = "filtered_garch", model.mean, 0
    else:
        name, mean, skip = "filtered_ewma", 0.0, 20
    if known.size < skip + 20:
        raise DataError(f"returns: at least {skip + 20} are wanted, got {known.size}")
    path = model.path(known)
    if not np.all(path[skip:] > 0.0):
        raise DataError("returns: do not vary, so that there is no volatility to filter with")
    scores = (known[skip:] - mean) / path[skip:-1]
    following = float(path[-1])
    return Tail(
        method=name,
        level=level,
        value_at_risk=following * value_at_risk(scores, share) - mean,
        expected_shortfall=following * expected_shortfall(scores, share) - mean,
        n=known.size,
        volatility=following,
        doubt="" if scores.size * share >= 1.0 else "too few returns for that level",
    )


def monte_carlo(
    returns: ArrayLike,
    *,
    level: float = 0.99,
    weights: Weights | None = None,
    steps: int = 1,
    draws: int = 20_000,
    seed: int = 1,
) -> Tail:
    """Drawn: a multivariate Student t with the sample's means, covariances and fat tails.

    Degrees of freedom are 4 + 6 / k, k the mean excess kurtosis of the assets: the t with that
    kurtosis. Without excess it is normal. A path is the sum of `steps` drawn steps.

    Parameters
    ----------
    steps : int
        Steps that the loss is over.
    draws, seed : int
        The same seed gives the same number.

    Raises
    ------
    ConfigError
        If there are fewer draws than 100 beyond the level.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> round(monte_carlo(rng.normal(0.0, 0.01, 5000), level=0.95).value_at_risk, 3)
    0.016
    """
    share = 1.0 - check_level(level)
    if draws * share < 100:
        raise ConfigError(
            f"draws: at least {100 / share:,.0f} are wanted at this level, got {draws}"
        )
    many = np.asarray(returns, dtype=np.float64)
    many = series(many)[:, None] if many.ndim == 1 else matrix(many)
    held = np.ones(1) if weights is None and many.shape[1] == 1 else weights
    past = portfolio(many, held)
    deviations = np.std(many, axis=0)
    scores = (many - np.mean(many, axis=0)) / np.where(deviations > 0.0, deviations, 1.0)
    excess = float(np.mean(np.mean(scores**4, axis=0) - 3.0))
    freedom = 4.0 + 6.0 / excess if excess > 1e-3 else nan
    # A weighted sum of a multivariate t is a univariate t with the portfolio's mean and variance.
    mean, sigma = float(np.mean(past)), float(np.std(past, ddof=1))
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((draws, steps))
    if freedom == freedom:
        drawn *= np.sqrt((freedom - 2.0) / rng.chisquare(freedom, (draws, steps)))
    outcomes = mean * steps + sigma * np.sum(drawn, axis=1)
    return Tail(
        method="monte_carlo",
        level=level,
        value_at_risk=value_at_risk(outcomes, share),
        expected_shortfall=expected_shortfall(outcomes, share),
        n=past.size,
        volatility=sigma * sqrt(steps),
        doubt="fewer than 20 returns" if past.size < 20 else "",
    )
