"""Each method against numbers that somebody else computed, or that follow from a formula."""

from math import isnan
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.errors import FlyballError
from flyball.research.analytics.curve import Floats
from flyball.research.risk import extra
from flyball.research.risk.sample import portfolio, series
from flyball.research.risk.tail import (
    cornish_fisher,
    cornish_fisher_is_valid,
    ewma,
    filtered,
    historical,
    monte_carlo,
    normal,
)
from flyball.research.risk.volatility import Ewma, Garch, fit_garch


def _garch_returns(n: int, *, seed: int = 1) -> Floats:
    rng, variance, found = np.random.default_rng(seed), 1e-4, []
    for _ in range(n):
        found.append(float(np.sqrt(variance) * rng.standard_normal()))
        variance = 2e-6 + 0.1 * found[-1] ** 2 + 0.88 * variance
    return np.array(found)


@pytest.mark.parametrize(
    "method", [historical, normal, cornish_fisher, ewma, filtered, monte_carlo]
)
def test_every_method_finds_the_quantile_of_normal_returns(method: object) -> None:
    returns = np.random.default_rng(3).normal(0.0, 0.01, 4_000)
    found = method(returns, level=0.95)  # type: ignore[operator]
    assert found.value_at_risk == pytest.approx(0.01645, rel=0.15)
    assert found.expected_shortfall == pytest.approx(0.02063, rel=0.15)
    assert found.n == 4_000
    assert not found.doubt


@given(
    st.lists(st.floats(-0.3, 0.3), min_size=40, max_size=120),
    st.sampled_from([0.9, 0.95, 0.99]),
)
@settings(max_examples=60, deadline=None)
def test_shortfall_is_never_below_var_and_both_scale_with_what_is_held(
    values: list[float], level: float
) -> None:
    returns = np.round(np.array(values), 6)
    if np.std(returns) < 1e-5:
        return
    for method in (historical, normal, ewma):
        one, two = method(returns, level=level), method(returns * 2.0, level=level)
        assert one.expected_shortfall >= one.value_at_risk - 1e-12
        assert two.value_at_risk == pytest.approx(2.0 * one.value_at_risk, abs=1e-12)


def test_a_portfolio_is_its_weighted_returns_for_every_method() -> None:
    returns = np.random.default_rng(5).normal(0.0, 0.01, (500, 3))
    weights = [0.5, -0.2, 0.9]
    together = portfolio(returns, weights)
    for method in (historical, normal, cornish_fisher, ewma):
        whole, apart = method(together), method(returns, weights=weights)
        assert whole.value_at_risk == apart.value_at_risk


def test_historical_is_a_return_that_was_seen_and_says_when_there_are_too_few() -> None:
    returns = np.random.default_rng(7).normal(size=333)
    assert -historical(returns, level=0.95).value_at_risk in returns
    assert not historical(returns, level=0.95).doubt
    assert "one step in 1000" in historical(returns, level=0.999).doubt
    assert isnan(historical(returns[:19]).value_at_risk)
    assert historical(returns[:19]).doubt


def test_cornish_fisher_is_the_normal_without_skew_and_kurtosis() -> None:
    # z = -1, 1 in equal parts has kurtosis 1; this sample is made to have none in excess
    a = np.sqrt(3.0)
    returns = np.array([-a, a] + [0.0] * 4) * 0.01
    assert np.mean(returns**4) / np.mean(returns**2) ** 2 == pytest.approx(3.0)
    z = NormalDist().inv_cdf(0.99)
    found = cornish_fisher(returns, level=0.99)
    assert found.value_at_risk == pytest.approx(z * 0.01, rel=1e-9)
    density = NormalDist().pdf(z)
    assert found.expected_shortfall == pytest.approx(0.01 * density / 0.01, rel=1e-9)


@given(st.floats(-3.0, 3.0), st.floats(-1.9, 15.0))
@settings(max_examples=200, deadline=None)
def test_the_domain_of_cornish_fisher_is_where_it_rises(s: float, k: float) -> None:
    z = np.linspace(-5.0, 5.0, 20_001)
    bent = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    lowest = float(np.min(np.diff(bent))) / (z[1] - z[0])
    if abs(lowest) > 1e-5:
        assert cornish_fisher_is_valid(s, k) == (lowest > 0.0)


def test_cornish_fisher_gives_no_number_where_its_tail_turns_back() -> None:
    returns = np.concatenate((np.full(190, 0.001), np.full(10, -0.02)))  # S² large beside K
    found = cornish_fisher(returns, level=0.99)
    assert "outside" in found.doubt
    scores = (returns - returns.mean()) / returns.std()
    s, k = np.mean(scores**3), np.mean(scores**4) - 3.0
    z = np.linspace(-5.0, NormalDist().inv_cdf(0.01), 5_000)
    bent = z + (z**2 - 1) * s / 6 + (z**3 - 3 * z) * k / 24 - (2 * z**3 - 5 * z) * s**2 / 36
    assert isnan(found.value_at_risk) == bool(np.min(np.diff(bent)) < 0.0)


def test_the_ewma_is_the_recursion_and_never_looks_ahead() -> None:
    returns = _garch_returns(200)
    path = Ewma(decay=0.9).path(returns)
    variance = float(np.mean(returns[:20] ** 2))
    for at in range(20, 201):
        assert path[at] == pytest.approx(np.sqrt(variance))
        if at < 200:
            variance = 0.9 * variance + 0.1 * returns[at] ** 2
    changed = returns.copy()
    changed[100:] *= 7.0
    assert np.array_equal(Ewma(decay=0.9).path(changed)[:101], path[:101], equal_nan=True)


def test_filtered_history_follows_a_volatility_that_historical_does_not() -> None:
    rng = np.random.default_rng(11)
    returns = np.concatenate((rng.normal(0, 0.01, 1_000), rng.normal(0, 0.04, 60)))
    wild, quiet = filtered(returns, volatility=Ewma()), historical(returns[:1_000])
    assert wild.value_at_risk > 2.5 * quiet.value_at_risk
    assert filtered(returns).value_at_risk > 2.0 * quiet.value_at_risk
    assert filtered(returns).method == "filtered_garch"


def test_garch_finds_what_made_the_returns() -> None:
    found = fit_garch(_garch_returns(8_000), errors=True)
    for seen, made, error in zip(
        (found.omega, found.alpha, found.beta), (2e-6, 0.1, 0.88), found.errors[1:], strict=True
    ):
        assert abs(seen - made) < 4.0 * error
    assert found.persistence < 1.0


def test_monte_carlo_is_repeatable_has_fat_tails_and_grows_with_time() -> None:
    returns = np.random.default_rng(13).standard_t(5, 20_000) * 0.01
    one = monte_carlo(returns, level=0.99)
    assert one == monte_carlo(returns, level=0.99)
    assert one.value_at_risk > normal(returns, level=0.99).value_at_risk
    assert one.value_at_risk == pytest.approx(
        historical(returns, level=0.99).value_at_risk, rel=0.1
    )
    ten = monte_carlo(returns, level=0.99, steps=10)
    assert ten.value_at_risk == pytest.approx(one.value_at_risk * np.sqrt(10.0), rel=0.2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: series([0.1, float("nan")]), "number 1 is not finite"),
        (lambda: series([[0.1], [0.2]]), r"shape \(n,\)"),
        (lambda: portfolio([[0.1, 0.2], [0.0, 0.1]]), "2 are wanted"),
        (lambda: portfolio([[0.1, 0.2], [0.0, 0.1]], [1.0]), "2 are wanted"),
        (lambda: historical([0.1] * 30, level=99.0), "such as 0.99"),
        (lambda: monte_carlo([0.1, 0.2] * 20, level=0.999, draws=1_000), "100,000"),
        (lambda: fit_garch(np.zeros(200)), "do not vary"),
        (lambda: fit_garch(np.ones(50)), "at least 100"),
        (lambda: filtered(np.zeros(300), volatility=Ewma()), "do not vary"),
        (lambda: Ewma(decay=1.0), "between 0 and 1"),
    ],
)
def test_bad_input_is_told(call: object, says: str) -> None:
    with pytest.raises(FlyballError, match=says):
        call()  # type: ignore[operator]


def test_a_missing_library_is_told_with_its_extra() -> None:
    with pytest.raises(FlyballError, match=r"pip install flyball\[research\]"):
        extra.library("no_such_library.part")


def test_a_fitted_model_can_be_given() -> None:
    returns = _garch_returns(400)
    model = Garch(
        mean=0.0, omega=2e-6, alpha=0.1, beta=0.88, log_likelihood=0.0, errors=(0, 0, 0, 0), n=400
    )
    path = model.path(returns)
    assert path.size == 401
    assert path[5] ** 2 == pytest.approx(2e-6 + 0.1 * returns[4] ** 2 + 0.88 * path[4] ** 2)
    assert filtered(returns, volatility=model).volatility == pytest.approx(path[-1])
