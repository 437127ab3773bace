from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.research.analytics import drawdowns
from flyball.research.analytics.curve import Curve

EQUITY = st.lists(st.floats(1.0, 1e6), min_size=1, max_size=80)


def _curve(*equity: float) -> Curve:
    return Curve(np.arange(len(equity), dtype=np.int64) * 10, np.array(equity))


def test_the_deepest_fall_and_when_it_was() -> None:
    fall = drawdowns.deepest(_curve(100.0, 120.0, 90.0, 96.0, 125.0, 120.0))
    assert fall is not None
    assert fall.depth == pytest.approx(0.25)
    assert (fall.peak_ns, fall.trough_ns, fall.recovered_ns) == (10, 20, 40)
    assert fall.duration_ns == 30


def test_a_fall_that_never_recovers_lasts_until_the_end() -> None:
    fall = drawdowns.deepest(_curve(100.0, 80.0, 60.0, 70.0))
    assert fall is not None
    assert fall.recovered_ns is None
    assert fall.duration_ns == 30


def test_the_newest_of_two_equal_peaks_counts() -> None:
    fall = drawdowns.deepest(_curve(100.0, 100.0, 50.0))
    assert fall is not None
    assert fall.peak_ns == 10


@pytest.mark.parametrize("equity", [(), (1.0,), (1.0, 1.0), (1.0, 2.0, 3.0)])
def test_what_never_fell_has_no_drawdown(equity: tuple[float, ...]) -> None:
    assert drawdowns.deepest(_curve(*equity)) is None
    assert drawdowns.longest_under_water_ns(_curve(*equity)) == 0


def test_under_water_is_counted_from_the_peak_and_to_the_end() -> None:
    assert drawdowns.longest_under_water_ns(_curve(2.0, 1.0, 2.0, 1.0, 1.0, 1.5)) == 30


def test_the_longest_need_not_be_the_deepest() -> None:
    curve = _curve(100.0, 10.0, 100.0, 99.0, 99.0, 100.0)
    assert drawdowns.longest_under_water_ns(curve) == 30


def test_below_zero_the_drawdown_is_more_than_everything() -> None:
    assert drawdowns.drawdowns(np.array([100.0, -20.0])).tolist() == [0.0, 1.2]


def test_without_a_peak_above_zero_there_is_no_drawdown() -> None:
    assert all(isnan(fallen) for fallen in drawdowns.drawdowns(np.array([-1.0, 0.0])))
    assert isnan(drawdowns.ulcer_index(np.array([])))


@given(EQUITY, st.floats(0.001, 1000.0))
def test_scale_changes_no_drawdown(equity: list[float], scale: float) -> None:
    one = drawdowns.drawdowns(np.array(equity))
    other = drawdowns.drawdowns(np.array(equity) * scale)
    np.testing.assert_allclose(one, other, atol=1e-12)


@given(EQUITY)
def test_the_deepest_is_the_largest_of_all(equity: list[float]) -> None:
    fall = drawdowns.deepest(_curve(*equity))
    largest = float(np.max(drawdowns.drawdowns(np.array(equity))))
    assert (fall.depth if fall else 0.0) == largest
    if fall:
        assert fall.peak_ns < fall.trough_ns
        assert fall.duration_ns <= drawdowns.longest_under_water_ns(_curve(*equity))
    assert drawdowns.ulcer_index(drawdowns.drawdowns(np.array(equity))) <= largest + 1e-12
