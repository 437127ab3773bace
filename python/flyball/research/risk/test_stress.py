import itertools

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flyball.errors import FlyballError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.regimes import MULTIPLIERS, multiplier, regime, regimes, volatility_rank
from flyball.research.risk.stress import (
    Position,
    correlation_to_one,
    drought,
    historical_windows,
    shock,
    worst_first,
)

BTC = Position(name="BTC", value=10_000.0)
XRP = Position(name="XRP", value=-5_000.0)
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5)


def _held(values: list[float]) -> list[Position]:
    return [Position(name=f"P{k}", value=value) for k, value in enumerate(values)]


def test_the_worst_windows_of_history_come_first_and_do_not_overlap() -> None:
    closes = np.array([[100, 100, 80, 80, 100, 100, 90, 100, 100.0]]).T
    times = np.arange(9, dtype=np.int64) * 86_400 * 10**9
    found = historical_windows([BTC], time_ns=times, closes=closes, horizon=1, count=5, name="1d")
    assert [round(each.loss) for each in found] == [2_000, 1_000]
    assert found[0].scenario == "1d from 1970-01-02 00:00"
    longer = historical_windows([BTC], time_ns=times, closes=closes, horizon=2, count=9)
    begins = sorted(int(each.scenario[-8:-6]) for each in longer)
    assert all(b - a >= 2 for a, b in itertools.pairwise(begins))


def test_a_short_position_loses_when_prices_rise() -> None:
    closes = np.array([[100, 100.0], [50, 140.0]])
    times = np.array([0, 10**9], dtype=np.int64)
    (found,) = historical_windows([BTC, XRP], time_ns=times, closes=closes, horizon=1)
    assert found.loss == pytest.approx(7_000.0)
    assert dict(found.positions) == pytest.approx({"BTC": 5_000.0, "XRP": 2_000.0})


def test_a_window_without_a_loss_is_no_stress() -> None:
    times = np.array([0, 1], dtype=np.int64)
    assert not historical_windows([BTC], time_ns=times, closes=np.array([[1.0], [2.0]]), horizon=1)


@given(VALUES, st.floats(-1.0, 3.0))
@settings(max_examples=60, deadline=None)
def test_a_shock_is_the_sum_of_its_positions_and_the_sign_is_right(
    values: list[float], move: float
) -> None:
    found = shock(_held(values), move)
    assert found.loss == pytest.approx(-move * sum(values), abs=1e-6)
    assert found.loss == pytest.approx(sum(cost for _, cost in found.positions))


@given(VALUES, st.lists(st.floats(0.0, 0.3), min_size=5, max_size=5))
@example(values=[0.0, 45410.0, 0.0, -121085.0], volatilities=[0.0, 0.25, 0.0, 0.09375, 0.0])
@settings(max_examples=60, deadline=None)
def test_correlation_one_is_never_worse_than_hedges_that_fail(
    values: list[float], volatilities: list[float]
) -> None:
    held = _held(values)
    one, fail = correlation_to_one(held, volatilities=volatilities[: len(held)])
    assert one.loss <= fail.loss + 1e-9
    # Where a fall ends at nothing and a rise does not, a book can gain both ways.
    if all(v <= 0.2 for v in volatilities):
        assert one.loss >= 0.0
    assert all(cost >= 0.0 for _, cost in fail.positions)
    if all(value >= 0.0 for value in values) and all(v <= 0.2 for v in volatilities):
        assert one.loss == pytest.approx(fail.loss)


def test_a_long_position_loses_no_more_than_all_of_it() -> None:
    _, fail = correlation_to_one([BTC], volatilities=[0.5], sigmas=5.0)
    assert fail.loss == BTC.value


def test_a_drought_costs_more_the_drier_it_is_and_the_larger_the_position() -> None:
    def cost(value: float, factor: float) -> float:
        held = Position(name="X", value=value, spread=2e-4, depth=1e6, turnover=1e7)
        loss, (out,) = drought([held], factor=factor)
        assert loss is not None
        assert out.hours == pytest.approx(abs(value) * factor / 1e6)
        return loss.loss

    assert cost(1e5, 1.0) == pytest.approx(1e5 * 1e-4 + 1e10 / 1e6 * 0.005)
    assert cost(1e5, 10.0) == pytest.approx(10.0 * cost(1e5, 1.0))
    assert cost(-2e5, 1.0) > 2.0 * cost(1e5, 1.0)
    assert cost(1e8, 100.0) == 1e8


def test_what_is_not_known_is_not_left_out_of_a_sum() -> None:
    known = Position(name="A", value=1e5, spread=2e-4, depth=1e6, turnover=1e7)
    loss, exits = drought([known, Position(name="B", value=1e5)])
    assert loss is None
    assert (exits[1].hours, exits[1].spread_cost, exits[1].depth_cost) == (None, None, None)


def test_the_worst_comes_first() -> None:
    found = worst_first([shock([BTC], move) for move in (-0.1, 0.1, -0.5)])
    assert [each.loss for each in found] == [5_000.0, 1_000.0, -1_000.0]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: shock([BTC], -1.5), "-1 is all of it"),
        (lambda: shock([BTC], {"ETH": 0.1}), "no position in 'ETH'"),
        (lambda: correlation_to_one([BTC], volatilities=[]), "1 are wanted"),
        (lambda: correlation_to_one([BTC], volatilities=[float("nan")]), "unknown"),
        (lambda: drought([BTC], factor=0.5), "1 or more"),
        (lambda: Position(name="X", value=float("nan")), "not finite"),
        (lambda: Position(name="X", value=1.0, depth=0.0), "depth must be above zero"),
        (
            lambda: historical_windows(
                [BTC], time_ns=np.arange(3), closes=np.ones((3, 1)), horizon=3
            ),
            "1 to 2 steps",
        ),
        (
            lambda: historical_windows(
                [BTC], time_ns=np.arange(3), closes=np.zeros((3, 1)), horizon=1
            ),
            "above zero",
        ),
    ],
)
def test_bad_input_is_told(call: object, says: str) -> None:
    with pytest.raises(FlyballError, match=says):
        call()  # type: ignore[operator]


def _changing() -> Floats:
    rng = np.random.default_rng(1)
    return np.concatenate([rng.normal(0, s, 300) for s in (0.01, 0.01, 0.03, 0.005)])


def test_the_regime_follows_volatility() -> None:
    found = regimes(_changing(), window=500)
    assert set(found[:119]) == {"unknown"}
    assert "extreme" in found[610:650]
    assert "calm" in found[1_000:1_100]
    assert found[-1] == regime(_changing(), window=500)


def test_the_future_changes_no_regime() -> None:
    returns = _changing()
    other = returns.copy()
    other[700:] *= 9.0
    one, two = (volatility_rank(each, window=300) for each in (returns, other))
    assert np.array_equal(one[:701], two[:701], equal_nan=True)
    assert not np.array_equal(one, two, equal_nan=True)


def test_limits_only_ever_shrink_and_the_unknown_is_the_worst() -> None:
    assert max(MULTIPLIERS.values()) == 1.0
    assert multiplier("unknown") == min(MULTIPLIERS.values())
    assert multiplier("nonsense") == multiplier("unknown")  # type: ignore[arg-type]
    with pytest.raises(FlyballError, match="at least 100"):
        volatility_rank(_changing(), window=50)
