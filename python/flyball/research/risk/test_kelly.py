from math import inf, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.errors import FlyballError
from flyball.research.risk.kelly import (
    bet_growth,
    binary,
    growth,
    kelly_of_bets,
    kelly_of_returns,
    optimal,
)


@pytest.mark.parametrize(
    ("probability", "payoff", "fraction"),
    [
        (0.6, 1.0, 0.2),
        (0.5, 2.0, 0.25),
        (0.55, 1.0, 0.1),
        (0.5, 1.0, 0.0),
        (0.3, 2.0, 0.0),
        (1.0, 3.0, 1.0),
    ],
)
def test_the_closed_form_of_a_bet(probability: float, payoff: float, fraction: float) -> None:
    assert binary(probability, payoff) == pytest.approx(fraction)


@given(st.floats(0.51, 0.95), st.floats(0.5, 4.0))
@settings(max_examples=80, deadline=None)
def test_growth_is_highest_there(probability: float, payoff: float) -> None:
    best = binary(probability, payoff)
    if not 0.01 < best < 0.99:
        return
    top = bet_growth(best, probability=probability, payoff=payoff)
    for near in (best - 0.005, best + 0.005):
        assert bet_growth(near, probability=probability, payoff=payoff) < top


def test_the_growth_curve_of_the_textbook_bet() -> None:
    def g(f: float) -> float:
        return bet_growth(f, probability=0.6, payoff=1.0)

    assert g(0.0) == 0.0
    assert g(0.2) == pytest.approx(0.6 * log(1.2) + 0.4 * log(0.8))
    assert g(0.38) > 0.0 > g(0.4)  # it crosses zero a little before twice the best
    assert g(0.1) == pytest.approx(0.75 * g(0.2), rel=0.02)  # half of it keeps three quarters
    assert g(1.0) == -inf


def test_beyond_twice_the_best_wealth_goes_to_nothing() -> None:
    rng = np.random.default_rng(1)
    wins = np.where(rng.random((400, 4_000)) < 0.6, 1.0, -1.0)
    for fraction, grows in ((0.2, True), (0.3, True), (0.5, False)):
        last = np.sum(np.log1p(fraction * wins), axis=1)
        assert (np.mean(last > 0.0) > 0.95) == grows


def test_bets_as_returns_give_the_same_fraction() -> None:
    assert optimal([1.0] * 60 + [-1.0] * 40) == pytest.approx(0.2)
    assert optimal([2.0] * 50 + [-1.0] * 50) == pytest.approx(0.25)


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_the_exact_maximum_is_one_and_never_ruins(seed: int) -> None:
    returns = np.random.default_rng(seed).standard_t(3, 200) * 0.02 + 0.002
    best = optimal(returns)
    assert best >= 0.0
    assert growth(best, returns) > -inf
    for near in (best * 0.98, best * 1.02 + 1e-9):
        assert growth(near, returns) <= growth(best, returns) + 1e-12


def test_small_steps_agree_with_mean_over_variance_and_fat_tails_are_less() -> None:
    rng = np.random.default_rng(2)
    small = rng.normal(2e-5, 0.002, 200_000)
    assert optimal(small) == pytest.approx(optimal(small, method="moments"), rel=0.03)
    crash = np.concatenate((np.full(199, 0.01), [-0.5]))
    assert optimal(crash) < 2.0
    assert optimal(crash, method="moments") > optimal(crash)


def test_no_edge_is_nothing() -> None:
    rng = np.random.default_rng(3)
    found = kelly_of_returns(rng.normal(0.0, 0.01, 500))
    assert not found.significant
    assert (found.shrunk, found.advised, found.growth) == (0.0, 0.0, 0.0)
    worse = kelly_of_returns(rng.normal(-0.002, 0.01, 500))
    assert (worse.full, worse.advised) == (0.0, 0.0)


def test_an_edge_that_is_not_significant_is_nothing() -> None:
    found = kelly_of_bets(12, 9, payoff=1.0)
    assert found.full > 0.1
    assert not found.significant
    assert found.advised == 0.0


def test_the_more_is_known_the_more_is_left() -> None:
    last = 0.0
    for n in (50, 200, 1_000, 20_000):
        found = kelly_of_bets(6 * n // 10, 4 * n // 10, payoff=1.0)
        assert found.full == pytest.approx(0.2)
        assert last <= found.shrunk < found.full
        assert found.lower <= found.full <= found.upper
        last = found.shrunk
    assert last > 0.185


def test_the_limits_hold_about_as_often_as_they_say() -> None:
    rng, below = np.random.default_rng(5), 0
    true = 0.001 / 0.0004  # mean over variance: steps are small
    for _ in range(60):
        returns = rng.normal(0.001, 0.02, 1_500)
        found = kelly_of_returns(returns, draws=200, block=1)
        below += found.lower <= true
    assert below >= 53


def test_the_advice_is_a_part_of_what_is_left() -> None:
    returns = np.random.default_rng(7).normal(0.002, 0.01, 1_000)
    whole, half = kelly_of_returns(returns, part=1.0), kelly_of_returns(returns, part=0.5)
    assert half.advised == pytest.approx(0.5 * whole.advised)
    assert whole.shrunk == half.shrunk > 0.0
    assert whole.full > whole.shrunk


def test_samples_without_a_loss_do_not_spoil_the_limits() -> None:
    returns = [0.01] * 39 + [-0.01]
    found = kelly_of_returns(returns, block=1)
    assert found.upper == inf
    assert 0.0 < found.lower < found.full


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: binary(1.2, 1.0), "0 to 1"),
        (lambda: binary(0.5, 0.0), "above zero"),
        (lambda: bet_growth(1.5, probability=0.5, payoff=1.0), "0 to 1"),
        (lambda: kelly_of_bets(0, 0, payoff=1.0), "at least one bet"),
        (lambda: kelly_of_bets(6, 4, payoff=1.0, part=0.0), "at most 1"),
        (lambda: kelly_of_returns([0.1, -0.1] * 5), "at least 20"),
        (lambda: kelly_of_returns([0.1] * 30), "none is a loss"),
        (lambda: kelly_of_returns([0.1, -0.1] * 20, block=100), "1 to 40"),
    ],
)
def test_bad_input_is_told(call: object, says: str) -> None:
    with pytest.raises(FlyballError, match=says):
        call()  # type: ignore[operator]
