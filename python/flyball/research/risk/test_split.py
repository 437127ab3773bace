import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.errors import FlyballError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.correlation import concentration, correlations
from flyball.research.risk.split import contributions
from flyball.research.risk.tail import normal


def _returns(assets: int, seed: int, n: int = 300) -> Floats:
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, (n, 1)) * 0.01
    return np.asarray(common + rng.normal(0.001, 0.01, (n, assets)))


WEIGHTS = st.lists(st.floats(-2.0, 2.0), min_size=2, max_size=6).filter(
    lambda w: sum(abs(x) for x in w) > 0.1
)


@given(WEIGHTS, st.integers(0, 50), st.sampled_from(["normal", "historical"]))
@settings(max_examples=120, deadline=None)
def test_components_add_up_to_the_total(weights: list[float], seed: int, method: str) -> None:
    found = contributions(
        _returns(len(weights), seed),
        weights,
        method=method,  # type: ignore[arg-type]
        level=0.95,
    )
    scale = sum(abs(w) for w in weights)
    total = sum(each.component for each in found.positions)
    assert total == pytest.approx(found.total.value_at_risk, abs=1e-10 * scale)
    short = sum(each.shortfall for each in found.positions)
    assert short == pytest.approx(found.total.expected_shortfall, abs=1e-10 * scale)


@given(WEIGHTS, st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_marginal_is_the_derivative(weights: list[float], seed: int) -> None:
    returns, held = _returns(len(weights), seed), np.array(weights)
    found = contributions(returns, held)
    for k, each in enumerate(found.positions):
        up, down = held.copy(), held.copy()
        up[k] += 1e-5
        down[k] -= 1e-5
        slope = normal(returns, weights=up).value_at_risk
        slope = (slope - normal(returns, weights=down).value_at_risk) / 2e-5
        assert each.marginal == pytest.approx(slope, abs=1e-5)


@given(WEIGHTS, st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_incremental_is_the_difference_of_two_portfolios(weights: list[float], seed: int) -> None:
    returns, held = _returns(len(weights), seed), np.array(weights)
    for k, each in enumerate(contributions(returns, held).positions):
        rest = held.copy()
        rest[k] = 0.0
        if np.any(rest):
            without = normal(returns, weights=rest).value_at_risk
            whole = normal(returns, weights=held).value_at_risk
            assert each.incremental == pytest.approx(whole - without, abs=1e-12)


def test_a_hedge_takes_risk_away() -> None:
    returns = _returns(2, 3)
    found = contributions(returns, [1.0, -0.5])
    assert found.positions[1].component < 0.0
    assert found.positions[1].incremental < 0.0
    assert found.diversification > 0.0


def test_names_and_methods_are_checked() -> None:
    with pytest.raises(FlyballError, match="2 are wanted"):
        contributions(_returns(2, 1), [0.5, 0.5], names=["one"])
    with pytest.raises(FlyballError, match="normal or historical"):
        contributions(_returns(2, 1), [0.5, 0.5], method="kernel")  # type: ignore[arg-type]
    with pytest.raises(FlyballError, match="does not vary"):
        contributions(np.zeros((50, 2)), [0.5, 0.5])


def test_one_bet_in_four_coats_is_one_bet() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=(2_000, 1)) * 0.01
    same = concentration(np.repeat(one, 4, axis=1), [0.25] * 4)
    assert same.effective_positions == pytest.approx(4.0)
    assert same.effective_bets == pytest.approx(1.0)
    assert same.first_component == pytest.approx(1.0)
    assert same.mean_correlation == pytest.approx(1.0)
    assert same.mean_together == 1.0
    apart = concentration(rng.normal(size=(20_000, 4)) * 0.01, [0.25] * 4)
    assert apart.effective_bets == pytest.approx(4.0, rel=0.05)
    assert apart.mean_together == pytest.approx(0.05, abs=0.02)


def test_a_hedged_pair_does_not_lose_together() -> None:
    one = np.random.default_rng(2).normal(size=(2_000, 1)) * 0.01
    pair = np.repeat(one, 2, axis=1) + np.random.default_rng(3).normal(size=(2_000, 2)) * 0.001
    assert concentration(pair, [0.5, -0.5]).mean_together < 0.01
    assert concentration(pair, [0.5, 0.5]).mean_together > 0.8


def test_what_does_not_vary_has_no_correlation() -> None:
    returns = np.column_stack((np.zeros(50), np.linspace(-1, 1, 50)))
    with pytest.raises(FlyballError, match="asset 1 does not vary"):
        correlations(returns)
    with pytest.raises(FlyballError, match="nothing is held"):
        concentration(_returns(2, 1), [0.0, 0.0])
