"""Forecasts of VaR made step by step from what was known, and how they fared."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.coverage import (
    Test,
    Zone,
    acerbi_szekely,
    basel_zone,
    christoffersen,
    christoffersen_independence,
    kupiec,
    mcneil_frey,
)
from flyball.research.risk.sample import check_level, series
from flyball.research.risk.tail import (
    Tail,
    cornish_fisher,
    ewma,
    filtered,
    historical,
    monte_carlo,
    normal,
)
from flyball.research.risk.volatility import Ewma, fit_garch

__all__ = ["METHODS", "BackTest", "Forecasts", "backtest", "forecasts", "judge"]

Forecast: TypeAlias = Callable[[Floats, float], Tail]


def _garch(past: Floats) -> Forecast:
    fitted = fit_garch(past, start="backcast")
    return lambda known, level: filtered(known, level=level, volatility=fitted)


def _always(method: Callable[..., Tail]) -> Callable[[Floats], Forecast]:
    return lambda _past: lambda known, level: method(known, level=level)


# What is fitted now and then, and gives what forecasts every step.
METHODS: Mapping[str, Callable[[Floats], Forecast]] = {
    "historical": _always(historical),
    "normal": _always(normal),
    "cornish_fisher": _always(cornish_fisher),
    "ewma": _always(ewma),
    "filtered_ewma": lambda _past: (
        lambda known, level: filtered(known, level=level, volatility=Ewma())
    ),
    "filtered_garch": _garch,
    "monte_carlo": _always(monte_carlo),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecasts:
    """VaR and expected shortfall of each step, made before it. NaN where there was no forecast.

    Parameters
    ----------
    returns, value_at_risk, expected_shortfall : array, shape (n,)
        What came, and what had been forecast of it.
    doubted : int
        Forecasts that the method itself doubts (`Tail.doubt`).
    failed : int
        Fits that did not converge: the last good one went on.
    """

    method: str
    level: float
    returns: Floats
    value_at_risk: Floats
    expected_shortfall: Floats
    doubted: int
    failed: int


def forecasts(
    returns: ArrayLike,
    *,
    method: str,
    level: float = 0.99,
    window: int = 1000,
    refit: int = 20,
) -> Forecasts:
    """Forecast each step from the `window` returns before it, and from nothing else.

    Parameters
    ----------
    returns : array, shape (n,)
        Simple returns of equal steps.
    method : str
        A key of `METHODS`.
    window : int
        Returns that a forecast is made of.
    refit : int
        Steps after which parameters are estimated again, where a method has any (GARCH).

    Raises
    ------
    ConfigError
        If the method is not known, or the window is too short for one.
    DataError
        If there are no more returns than the window.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = forecasts(rng.normal(size=300), method="normal", level=0.95, window=100)
    >>> found.returns.size
    200
    """
    known, of = series(returns), check_level(level)
    if method not in METHODS:
        raise ConfigError(f"method: {method!r} is not one of {', '.join(METHODS)}")
    if window < 40 or refit < 1:
        raise ConfigError(f"window: at least 40 (got {window}), refit: at least 1 (got {refit})")
    if known.size <= window:
        raise DataError(f"returns: more than the window of {window} are wanted, got {known.size}")
    n = known.size - window
    var, shortfall = np.full(n, nan), np.full(n, nan)
    forecast: Forecast | None = None
    doubted = failed = 0
    for k in range(n):
        past = known[k : k + window]
        if k % refit == 0:
            try:
                forecast = METHODS[method](past)
            except DataError:
                failed += 1
        if forecast is None:
            continue
        try:
            tail = forecast(past, of)
        except DataError:  # nothing moved in this window
            continue
        var[k], shortfall[k] = tail.value_at_risk, tail.expected_shortfall
        doubted += bool(tail.doubt)
    return Forecasts(
        method=method,
        level=of,
        returns=known[window:],
        value_at_risk=var,
        expected_shortfall=shortfall,
        doubted=doubted,
        failed=failed,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class BackTest:
    """How forecasts fared.

    Parameters
    ----------
    n, exceptions : int
        Forecasts with a number, and how often the loss was larger than the VaR.
    expected : float
        n · (1 - level).
    kupiec, independence, coverage : Test
        See `coverage`.
    zone : str
        Basel's traffic light for all n.
    years : mapping of zone to int
        The traffic light of each 250 forecasts in turn; what is left over at the end is not told.
    shortfall : Test
        McNeil and Frey's.
    z2 : float
        Acerbi and Szekely's.
    mean_var : float
        Mean VaR: of two that pass, the smaller is the sharper.
    without, doubted, failed : int
        Steps without a number; see `Forecasts`.
    """

    method: str
    level: float
    n: int
    exceptions: int
    expected: float
    kupiec: Test
    independence: Test
    coverage: Test
    zone: Zone
    years: Mapping[Zone, int]
    shortfall: Test
    z2: float
    mean_var: float
    without: int
    doubted: int
    failed: int

    @property
    def passes(self) -> bool:
        """Whether neither Kupiec's nor Christoffersen's test rejects at 5 %."""
        return self.kupiec.p_value >= 0.05 and not self.coverage.p_value < 0.05


def judge(found: Forecasts) -> BackTest:
    """Test forecasts against what came.

    Raises
    ------
    DataError
        If there is no forecast with a number.
    """
    there = np.isfinite(found.value_at_risk)
    if not there.any():
        raise DataError(f"{found.method}: there is no forecast to judge")
    returns, var = found.returns[there], found.value_at_risk[there]
    shortfall = found.expected_shortfall[there]
    worse = returns < -var
    count, n, level = int(np.sum(worse)), int(returns.size), found.level
    zones: dict[Zone, int] = {"green": 0, "yellow": 0, "red": 0}
    for year in range(n // 250):
        zones[basel_zone(int(np.sum(worse[year * 250 : year * 250 + 250])), level=level)] += 1
    return BackTest(
        method=found.method,
        level=level,
        n=n,
        exceptions=count,
        expected=n * (1.0 - level),
        kupiec=kupiec(count, n, level=level),
        independence=christoffersen_independence(worse),
        coverage=christoffersen(worse, level=level),
        zone=basel_zone(count, n, level=level),
        years=zones,
        shortfall=mcneil_frey(returns, var, shortfall),
        z2=acerbi_szekely(returns, var, shortfall, level=level),
        mean_var=float(np.mean(var)),
        without=int(np.sum(~there)),
        doubted=found.doubted,
        failed=found.failed,
    )


def backtest(
    returns: ArrayLike,
    *,
    methods: Sequence[str] = tuple(METHODS),
    levels: Sequence[float] = (0.95, 0.99),
    window: int = 1000,
    refit: int = 20,
) -> list[BackTest]:
    """Forecast with each method at each level, and judge. See `forecasts`."""
    return [
        judge(forecasts(returns, method=method, level=level, window=window, refit=refit))
        for level in levels
        for method in methods
    ]
