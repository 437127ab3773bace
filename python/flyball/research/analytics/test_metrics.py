from math import isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.errors import DataError
from flyball.research.analytics import Metrics, RoundTrips, measure
from flyball.research.analytics.curve import DAY_NS, HOUR_NS, MINUTE_NS, Curve, sampling
from flyball.research.analytics.definitions import DEFINITIONS

EQUITY = st.lists(st.floats(10.0, 1e5), min_size=32, max_size=90)


def _daily(*equity: float, **more: object) -> Metrics:
    times = np.arange(len(equity), dtype=np.int64) * DAY_NS
    return measure(time_ns=times, equity=np.array(equity), **more)  # type: ignore[arg-type]


def _trips(*net: float, held_ns: int = MINUTE_NS) -> RoundTrips:
    opened = np.arange(len(net), dtype=np.int64) * DAY_NS
    return RoundTrips(net=np.array(net), opened_ns=opened, closed_ns=opened + held_ns)


@pytest.mark.parametrize(
    ("duration", "name"),
    [
        (30 * DAY_NS, "day"),
        (30 * DAY_NS - 1, "hour"),
        (2 * DAY_NS, "hour"),
        (2 * DAY_NS - 1, "minute"),
        (0, "minute"),
    ],
)
def test_the_step_follows_the_duration(duration: int, name: str) -> None:
    assert sampling(duration).name == name


def test_the_grid_never_looks_ahead() -> None:
    curve = Curve(np.array([0, 9, 11, 20]), np.array([1.0, 2.0, 3.0, 4.0]))
    assert curve.on_grid(10)[1].tolist() == [1.0, 2.0, 4.0]


def test_unknown_equity_is_bridged_by_the_newest_known() -> None:
    curve = Curve(np.array([0, 10, 20]), np.array([1.0, nan, 4.0]))
    assert curve.on_grid(10)[1].tolist() == [1.0, 1.0, 4.0]


def test_returns_end_with_the_one_that_lost_everything() -> None:
    curve = Curve(np.arange(4) * 10, np.array([2.0, 1.0, 0.0, 5.0]))
    assert curve.returns(10).tolist() == [-0.5, -1.0]


def test_a_year_of_known_growth() -> None:
    found = _daily(*(100.0 * 1.001 ** np.arange(731)))
    assert found["total_return"].value == pytest.approx(1.001**730 - 1)
    assert found["annualised_return"].value == pytest.approx(1.001**365 - 1)
    assert found["volatility"].value == 0.0
    assert found["sharpe"].reason == "the returns do not vary"
    assert found["sortino"].reason == "no return was a loss"
    assert found["calmar"].reason == "equity never fell"


def test_the_ratios_of_a_hand_computed_curve() -> None:
    # 400 days, up 2 % and down 1 % in turn
    equity = 100.0 * np.cumprod([1.0] + [1.02, 0.99] * 200)
    found = _daily(*equity, max_drawdown=0.012)
    deviation = 0.015 * sqrt(400 / 399)
    assert found.sampling.name == "day"
    assert found.returns == 400
    assert found["sharpe"].value == pytest.approx(0.005 / deviation * sqrt(365))
    assert found["sortino"].value == pytest.approx(0.005 / sqrt(0.0001 / 2) * sqrt(365))
    assert found["annual_volatility"].value == pytest.approx(deviation * sqrt(365))
    assert found["value_at_risk"].value == pytest.approx(0.01)
    assert found["expected_shortfall"].value == pytest.approx(0.01)
    assert found["max_drawdown"].value == 0.012  # seen between the samples
    growth = (1.02 * 0.99) ** 200
    assert found["calmar"].value == pytest.approx((growth ** (365 / 400) - 1) / 0.012)


def test_a_short_run_says_why_it_has_no_yearly_numbers() -> None:
    times = np.arange(60, dtype=np.int64) * HOUR_NS
    found = measure(time_ns=times, equity=np.array([100.0 + hour % 7 for hour in range(60)]))
    assert found.sampling.name == "hour"
    for key in ("sharpe", "sortino", "annual_volatility"):
        assert "shorter than 30 days" in found[key].reason
    for key in ("annualised_return", "calmar"):
        assert found[key].reason == "the run is shorter than a year"
    assert found["volatility"].value > 0.0
    assert found["value_at_risk"].value > 0.0


def test_round_trips_by_hand() -> None:
    found = _daily(*([100.0] * 41), trips=_trips(6.0, -2.0, 0.0, -1.0), traded=400.0, fees=2.0)
    values = {metric.key: metric.value for metric in found}
    assert values["round_trips"] == 4
    assert values["trips_per_day"] == 0.1
    assert values["win_rate"] == 0.25
    assert values["profit_factor"] == 2.0
    assert (values["average_win"], values["average_loss"]) == (6.0, -1.5)
    assert values["expectancy"] == 0.75
    assert values["largest_loss"] == -2.0
    assert values["mean_holding"] == MINUTE_NS
    assert values["turnover"] == 4.0
    assert values["fees_share"] == 0.02
    assert values["fees_rate"] == 0.005


def test_exposure_time_is_weighted_by_time() -> None:
    times = np.array([0, 10, 40, 100], dtype=np.int64)
    held = np.array([False, True, False, True])
    found = measure(time_ns=times, equity=np.full(4, 1.0), exposed=held)
    assert found["exposure_time"].value == 0.3


def test_turnover_is_by_the_mean_over_time() -> None:
    times = np.array([0, 90, 100], dtype=np.int64)
    found = measure(time_ns=times, equity=np.array([100.0, 200.0, 1e9]), traded=1100.0)
    assert found["turnover"].value == 10.0


@pytest.mark.parametrize("equity", [[], [nan], [nan, nan, nan], [100.0], [100.0, nan], [0.0, 1.0]])
def test_nothing_to_say_is_said(equity: list[float]) -> None:
    for metric in _daily(*equity):
        assert metric.reason == "" or isnan(metric.value)
        assert isnan(metric.value) == bool(metric.reason), metric


def test_an_unknown_end_has_no_return() -> None:
    assert _daily(100.0, 90.0, nan)["total_return"].reason == "equity at the end is unknown"


def test_every_definition_is_a_sentence() -> None:
    assert all(definition.text.endswith(".") for definition in DEFINITIONS)
    assert len({definition.key for definition in DEFINITIONS}) == len(DEFINITIONS)
    with pytest.raises(KeyError):
        _daily(1.0)["sharp"]


def test_columns_that_do_not_fit_are_refused() -> None:
    times = np.array([0, 10], dtype=np.int64)
    with pytest.raises(DataError, match="one value a moment"):
        measure(time_ns=times, equity=np.array([1.0]))
    with pytest.raises(DataError, match="time goes back"):
        measure(time_ns=times[::-1], equity=np.array([1.0, 2.0]))
    with pytest.raises(DataError, match="exposed"):
        measure(time_ns=times, equity=np.array([1.0, 2.0]), exposed=np.array([True]))
    with pytest.raises(DataError, match="round trips"):
        RoundTrips(net=np.array([1.0]))


@settings(max_examples=50)
@given(EQUITY, st.floats(0.01, 100.0))
def test_scale_changes_no_ratio(equity: list[float], scale: float) -> None:
    one, other = _daily(*equity), _daily(*(np.array(equity) * scale))
    for metric in one:
        if metric.unit in ("fraction", "ratio"):
            again = other[metric.key].value
            assert metric.value == pytest.approx(again, rel=1e-6, abs=1e-9, nan_ok=True)


@given(st.floats(0.01, 1e12), st.integers(32, 400))
def test_a_constant_curve_is_calm(equity: float, days: int) -> None:
    found = _daily(*([equity] * days))
    assert found["volatility"].value == 0.0
    assert found["max_drawdown"].value == 0.0
    assert found["ulcer_index"].value == 0.0
    assert isnan(found["sharpe"].value)


@given(EQUITY)
def test_every_number_is_finite_or_has_a_reason(equity: list[float]) -> None:
    for metric in _daily(*equity):
        assert np.isfinite(metric.value) or metric.reason


@given(EQUITY, st.integers(0, 10**18))
def test_when_it_was_changes_nothing(equity: list[float], later: int) -> None:
    times = np.arange(len(equity), dtype=np.int64) * DAY_NS
    one = measure(time_ns=times, equity=np.array(equity))
    other = measure(time_ns=times + later, equity=np.array(equity))
    for metric in one:
        assert metric.value == pytest.approx(other[metric.key].value, nan_ok=True)
