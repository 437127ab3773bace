from math import inf, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flyball.research.analytics import returns
from flyball.research.analytics.curve import Floats

RETURNS = arrays(np.float64, st.integers(20, 200), elements=st.floats(-0.5, 0.5, width=32))


def test_total_return_is_growth() -> None:
    assert returns.total_return(80.0, 100.0) == 0.25
    assert isnan(returns.total_return(0.0, 100.0))


def test_two_years_of_ten_per_cent_make_twenty_one() -> None:
    assert returns.annualised_return(0.21, 2.0) == pytest.approx(0.10)


def test_less_than_a_year_is_not_annualised() -> None:
    assert isnan(returns.annualised_return(0.05, 0.999))


def test_everything_lost_is_everything_lost_a_year() -> None:
    assert returns.annualised_return(-1.5, 2.0) == -1.0


def test_sharpe_of_hand_computed_returns() -> None:
    # mean 0.02, deviations -0.01, 0, 0.01, variance 0.0002 / 2
    sampled = np.array([0.01, 0.02, 0.03])
    assert returns.sharpe(sampled, 365.0) == pytest.approx(0.02 / 0.01 * sqrt(365.0))


def test_sharpe_error_falls_with_the_root_of_the_years() -> None:
    one, four = (returns.sharpe_error(0.0, 365 * years, 365.0) for years in (1, 4))
    assert one == pytest.approx(1.0)
    assert four == pytest.approx(0.5)


def test_sortino_counts_gains_as_zero() -> None:
    sampled = np.array([0.02, -0.01, 0.04, -0.02])
    downside = sqrt((0.01**2 + 0.02**2) / 4)
    assert returns.sortino(sampled, 1.0) == pytest.approx(0.0075 / downside)


def test_sortino_without_a_loss_is_nothing() -> None:
    assert isnan(returns.sortino(np.array([0.01, 0.02]), 365.0))


def test_value_at_risk_is_a_return_that_was_seen() -> None:
    sampled = np.linspace(-0.40, 0.59, 100)
    assert returns.value_at_risk(sampled) == pytest.approx(0.36)
    assert returns.expected_shortfall(sampled) == pytest.approx(0.38)


def test_expected_shortfall_counts_the_edge_in_part() -> None:
    # 5 % of 30 is 1.5: the worst whole, half of the next.
    sampled = np.concatenate([[-0.30, -0.10], np.zeros(28)])
    assert returns.expected_shortfall(sampled) == pytest.approx((0.30 + 0.05) / 1.5)


@pytest.mark.parametrize("count", [0, 1, 19])
def test_a_tail_wants_twenty_returns(count: int) -> None:
    assert isnan(returns.value_at_risk(np.zeros(count)))
    assert isnan(returns.expected_shortfall(np.zeros(count)))


@pytest.mark.parametrize("count", [0, 1])
def test_one_return_has_no_deviation(count: int) -> None:
    sampled = np.full(count, 0.1)
    assert isnan(returns.volatility(sampled))
    assert isnan(returns.sharpe(sampled, 365.0))
    assert isnan(returns.sortino(sampled, 365.0))


@given(st.floats(-0.9, 10.0), st.integers(2, 500))
def test_a_constant_return_has_no_volatility_and_no_sharpe(value: float, count: int) -> None:
    sampled = np.full(count, value)
    assert returns.volatility(sampled) == 0.0
    assert isnan(returns.sharpe(sampled, 365.0))


@given(RETURNS)
def test_expected_shortfall_is_never_below_value_at_risk(sampled: Floats) -> None:
    assert returns.expected_shortfall(sampled) >= returns.value_at_risk(sampled) - 1e-12


@given(RETURNS)
def test_at_least_one_in_twenty_lost_the_value_at_risk(sampled: Floats) -> None:
    lost = -sampled >= returns.value_at_risk(sampled)
    assert np.count_nonzero(lost) >= 0.05 * sampled.size


@given(RETURNS)
def test_signs_agree(sampled: Floats) -> None:
    ratios = [returns.sharpe(sampled, 365.0), returns.sortino(sampled, 365.0)]
    mean = float(np.mean(sampled))
    assert all(isnan(ratio) or ratio * mean >= 0.0 for ratio in ratios)
    assert all(isnan(ratio) or abs(ratio) < inf for ratio in ratios)
