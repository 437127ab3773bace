from math import isnan

import numpy as np
import pytest

from flyball.errors import FlyballError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.coverage import (
    acerbi_szekely,
    basel_multiplier,
    basel_zone,
    christoffersen,
    christoffersen_independence,
    kupiec,
    mcneil_frey,
)
from flyball.research.risk.rolling import METHODS, Forecasts, backtest, forecasts, judge


def _returns(n: int, seed: int = 1) -> Floats:
    return np.asarray(np.random.default_rng(seed).standard_t(5, n) * 0.01)


@pytest.mark.parametrize("method", METHODS)
def test_the_future_changes_no_forecast(method: str) -> None:
    returns, cut = _returns(360), 240
    other = returns.copy()
    other[cut:] = np.random.default_rng(9).normal(0.0, 0.5, returns.size - cut)
    one = forecasts(returns, method=method, level=0.95, window=150, refit=7)
    two = forecasts(other, method=method, level=0.95, window=150, refit=7)
    known = cut - 150 + 1  # the forecast of return `cut` was made before it
    assert np.array_equal(one.value_at_risk[:known], two.value_at_risk[:known])
    assert np.array_equal(one.expected_shortfall[:known], two.expected_shortfall[:known])
    assert not np.array_equal(one.value_at_risk[known:], two.value_at_risk[known:])


@pytest.mark.parametrize("method", METHODS)
def test_the_past_beyond_the_window_changes_no_forecast(method: str) -> None:
    returns = _returns(300)
    other = returns.copy()
    other[:50] *= 3.0
    one = forecasts(returns, method=method, level=0.95, window=150, refit=1)
    two = forecasts(other, method=method, level=0.95, window=150, refit=1)
    assert np.array_equal(one.value_at_risk[50:], two.value_at_risk[50:])
    assert not np.array_equal(one.value_at_risk[:50], two.value_at_risk[:50])


def test_a_right_var_passes_and_a_wrong_one_is_found_out() -> None:
    returns = np.random.default_rng(4).normal(0.0, 0.01, 3_000)
    right = np.full(3_000, 0.02326)
    good = judge(_constant(returns, right, right * 1.146))
    assert good.passes
    assert good.zone == "green"
    assert good.shortfall.p_value > 0.05
    assert abs(good.z2) < 0.3
    bad = judge(_constant(returns, right * 0.7, right * 0.75))
    assert not bad.passes
    assert bad.zone == "red"
    assert bad.z2 < -1.0
    assert bad.years["red"] > 6


def _constant(returns: Floats, var: Floats, shortfall: Floats) -> Forecasts:
    return Forecasts(
        method="constant", level=0.99, returns=returns, value_at_risk=var,
        expected_shortfall=shortfall, doubted=0, failed=0,
    )  # fmt: skip


def test_shortfall_that_is_too_small_is_found_out_by_itself() -> None:
    returns = np.random.default_rng(6).standard_t(3, 5_000) * 0.01
    var = np.full(5_000, -np.quantile(returns, 0.01))
    true = -np.mean(returns[returns < -var[0]])
    assert mcneil_frey(returns, var, np.full(5_000, true)).p_value > 0.05
    assert mcneil_frey(returns, var, np.full(5_000, true * 0.7)).p_value < 0.01
    assert mcneil_frey(returns, var, np.full(5_000, true * 1.5)).p_value > 0.95
    assert acerbi_szekely(returns, var, np.full(5_000, true), level=0.99) == pytest.approx(
        0, abs=0.05
    )


def test_kupiec_by_hand() -> None:
    # 10 of 100 where 5 are expected: 2 (10 ln 2 + 90 ln (0.90 / 0.95))
    found = kupiec(10, 100, level=0.95)
    assert found.statistic == pytest.approx(2 * (10 * np.log(2.0) + 90 * np.log(0.9 / 0.95)))
    assert kupiec(0, 100, level=0.95).statistic == pytest.approx(-200 * np.log(0.95))
    assert kupiec(5, 100, level=0.95).p_value == pytest.approx(1.0)


def test_christoffersen_by_hand() -> None:
    # 0 0 1 1 0 0 0 1 1 0: of six quiet steps two broke, of three broken... two stayed broken
    seen = np.array([0, 0, 1, 1, 0, 0, 0, 1, 1, 0], dtype=bool)
    found = christoffersen_independence(seen)
    chain = 2 * np.log(2 / 5) + 3 * np.log(3 / 5) + 2 * np.log(2 / 4) + 2 * np.log(2 / 4)
    alike = 4 * np.log(4 / 9) + 5 * np.log(5 / 9)
    assert found.statistic == pytest.approx(2 * (chain - alike))
    both = christoffersen(seen, level=0.6)
    assert both.statistic == pytest.approx(found.statistic + kupiec(4, 10, level=0.6).statistic)
    assert both.p_value == pytest.approx(np.exp(-both.statistic / 2))


def test_clusters_are_found_and_their_absence_too() -> None:
    clustered = np.zeros(1_000, dtype=bool)
    clustered[100:125] = clustered[600:625] = True
    assert christoffersen_independence(clustered).p_value < 1e-6
    scattered = np.random.default_rng(8).random(2_000) < 0.05
    assert christoffersen_independence(scattered).p_value > 0.05
    assert isnan(christoffersen(np.zeros(50, dtype=bool), level=0.99).p_value)


def test_zones_for_other_numbers_than_250() -> None:
    assert basel_zone(154, 15_402) == "green"
    assert basel_zone(206, 15_402) == "red"
    assert basel_zone(17, 250, level=0.95) == "green"
    assert basel_zone(18, 250, level=0.95) == "yellow"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: forecasts(_returns(300), method="guess"), "is not one of historical"),
        (lambda: forecasts(_returns(300), method="normal"), "more than the window of 1000"),
        (lambda: forecasts(_returns(300), method="normal", window=10), "at least 40"),
        (lambda: kupiec(3, 2, level=0.99), "0 to 2"),
        (lambda: basel_multiplier(-1), "zero or more"),
    ],
)
def test_bad_input_is_told(call: object, says: str) -> None:
    with pytest.raises(FlyballError, match=says):
        call()  # type: ignore[operator]


def test_returns_that_garch_cannot_fit_give_no_forecast_and_say_so() -> None:
    returns = np.concatenate((np.zeros(160), _returns(60)))
    found = forecasts(returns, method="filtered_garch", level=0.95, window=150, refit=5)
    assert found.failed >= 1
    assert isnan(found.value_at_risk[0])


def test_every_method_at_every_level() -> None:
    rows = backtest(_returns(420), window=150, methods=["normal", "ewma"], levels=[0.95, 0.99])
    assert [(row.method, row.level) for row in rows] == [
        ("normal", 0.95), ("ewma", 0.95), ("normal", 0.99), ("ewma", 0.99),
    ]  # fmt: skip
    assert all(row.n == 270 and sum(row.years.values()) == 1 for row in rows)
