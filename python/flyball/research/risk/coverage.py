"""Whether a VaR was right: exceptions counted, their clustering, zones, and how far they went."""

from dataclasses import dataclass
from math import erfc, exp, log, nan, sqrt
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flyball.errors import DataError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.extra import library

__all__ = [
    "Test",
    "Zone",
    "acerbi_szekely",
    "basel_multiplier",
    "basel_zone",
    "christoffersen",
    "christoffersen_independence",
    "kupiec",
    "mcneil_frey",
]

Exceptions: TypeAlias = NDArray[np.bool_]
Zone: TypeAlias = Literal["green", "yellow", "red"]

# Plus factors for 250 forecasts at 99 %: Basel Committee 1996 (base 3), and MAR99 (base 1.5).
_PLUS_1996 = (0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.5, 0.65, 0.75, 0.85, 1.0)
_PLUS_MAR99 = (0.0, 0.0, 0.0, 0.0, 0.0, 0.2, 0.26, 0.33, 0.38, 0.42, 0.5)


@dataclass(frozen=True, slots=True)
class Test:
    """A test's statistic, and how likely one at least as extreme is were the forecasts right."""

    __test__ = False  # not one of pytest's

    statistic: float
    p_value: float


def kupiec(exceptions: int, n: int, *, level: float) -> Test:
    """Proportion of failures: whether there were as many exceptions as the level says.

    Likelihood ratio against a χ² with one degree of freedom (Kupiec, Techniques for Verifying the
    Accuracy of Risk Measurement Models, 1995). Two-sided: too few reject as well.

    Examples
    --------
    >>> found = kupiec(5, 250, level=0.99)
    >>> round(found.statistic, 5), round(found.p_value, 6)
    (1.95681, 0.161855)
    """
    if not 0 <= exceptions <= n or n < 1:
        raise DataError(f"exceptions: 0 to {n} are possible, got {exceptions}")
    p, seen = 1.0 - level, exceptions / n
    ratio = 2.0 * (_bernoulli(exceptions, n, seen) - _bernoulli(exceptions, n, p))
    return _chi2(ratio, 1)


def christoffersen_independence(exceptions: Exceptions) -> Test:
    """Whether an exception makes one in the next step likelier: they should not cluster.

    Likelihood ratio of a first-order Markov chain against independence, χ² with one degree of
    freedom (Christoffersen, Evaluating Interval Forecasts, 1998). NaN without an exception.
    """
    before, after = exceptions[:-1], exceptions[1:]
    if not exceptions.any() or not before.size:
        return Test(nan, nan)
    n01, n11 = int(np.sum(~before & after)), int(np.sum(before & after))
    quiet, broken = int(np.sum(~before)), int(np.sum(before))
    chain = _bernoulli(n01, quiet, n01 / quiet if quiet else 0.0)
    chain += _bernoulli(n11, broken, n11 / broken if broken else 0.0)
    alike = _bernoulli(n01 + n11, before.size, (n01 + n11) / before.size)
    return _chi2(2.0 * (chain - alike), 1)


def christoffersen(exceptions: Exceptions, *, level: float) -> Test:
    """Conditional coverage: the right number, and no clusters.

    The sum of both likelihood ratios (Kupiec's over all n), χ² with two degrees of freedom.
    """
    apart = christoffersen_independence(exceptions)
    if apart.statistic != apart.statistic:
        return apart
    count = kupiec(int(np.sum(exceptions)), exceptions.size, level=level)
    return _chi2(count.statistic + apart.statistic, 2)


def _bernoulli(successes: int, n: int, p: float) -> float:
    """Log-likelihood, with 0 · log 0 = 0."""
    failures = n - successes
    known = successes * log(p) if successes else 0.0
    return known + (failures * log(1.0 - p) if failures else 0.0)


def _chi2(statistic: float, freedom: Literal[1, 2]) -> Test:
    above = max(0.0, statistic)
    return Test(above, erfc(sqrt(above / 2.0)) if freedom == 1 else exp(-above / 2.0))


def basel_zone(exceptions: int, n: int = 250, *, level: float = 0.99) -> Zone:
    """The traffic light: by how likely at most so many exceptions are were the forecasts right.

    Green below 95 %, yellow below 99.99 %, red from there on (Basel Committee, Supervisory
    Framework for the Use of "Backtesting", 1996, in its words for any n).

    Examples
    --------
    >>> [basel_zone(x) for x in (4, 5, 9, 10)]
    ['green', 'yellow', 'yellow', 'red']
    """
    at_most = float(library("scipy.stats").binom.cdf(exceptions, n, 1.0 - level))
    return "green" if at_most < 0.95 else "yellow" if at_most < 0.9999 else "red"


def basel_multiplier(exceptions: int, *, table: Literal["1996", "MAR99"] = "MAR99") -> float:
    """What capital is multiplied with after so many exceptions in 250 forecasts at 99 %.

    Examples
    --------
    >>> basel_multiplier(6, table="1996"), basel_multiplier(6), basel_multiplier(30)
    (3.5, 1.76, 2.0)
    """
    if exceptions < 0:
        raise DataError(f"exceptions: zero or more are possible, got {exceptions}")
    base, plus = (3.0, _PLUS_1996) if table == "1996" else (1.5, _PLUS_MAR99)
    return base + plus[min(exceptions, 10)]


def mcneil_frey(
    returns: Floats, value_at_risk: Floats, expected_shortfall: Floats, *, draws: int = 2_000
) -> Test:
    """Whether exceptions go further than expected shortfall says.

    The losses beyond VaR, each over its expected shortfall, less 1, should have mean zero; the
    statistic is that mean, its p-value one-sided from a bootstrap of the t statistic (McNeil and
    Frey, Estimation of Tail-Related Risk Measures, 2000; they divide by volatility, which not
    every method has). A small p-value: expected shortfall is too small. NaN below 5 exceptions.
    """
    worse = returns < -value_at_risk
    excess = -returns[worse] / expected_shortfall[worse] - 1.0
    excess = excess[np.isfinite(excess)]
    if excess.size < 5 or not np.std(excess) > 0.0:
        return Test(nan, nan)
    mean, root = float(np.mean(excess)), sqrt(excess.size)
    score = mean / float(np.std(excess, ddof=1)) * root
    drawn = np.random.default_rng(1).choice(excess - mean, (draws, excess.size))
    spread = np.std(drawn, axis=1, ddof=1)
    scores = np.mean(drawn, axis=1)[spread > 0.0] / spread[spread > 0.0] * root
    return Test(mean, (1.0 + float(np.sum(scores >= score))) / (1.0 + scores.size))


def acerbi_szekely(
    returns: Floats, value_at_risk: Floats, expected_shortfall: Floats, *, level: float
) -> float:
    """Z₂: 1 - Σ(loss beyond VaR ÷ expected shortfall) ÷ (n · (1 - level)).

    Expected is 0; negative is risk that was underestimated, in number or in size (Acerbi and
    Szekely, Backtesting Expected Shortfall, 2014; they reject below -0.7 at 97.5 % and n = 250).
    """
    worse = returns < -value_at_risk
    beyond = float(np.sum(-returns[worse] / expected_shortfall[worse]))
    return 1.0 - beyond / (returns.size * (1.0 - level))
