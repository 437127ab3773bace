"""Against the numbers that the papers print, and against scipy."""

from math import inf, isinf, isnan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flyball.errors import ConfigError
from flyball.research.selection import ratio
from flyball.research.selection.ratio import Shape

RETURNS = arrays(np.float64, st.integers(5, 80), elements=st.floats(-0.25, 0.25, width=32))


def test_the_hedge_fund_of_the_paper() -> None:
    # Bailey and Lopez de Prado 2012, table 1: 24 months, ratio 0.458 a month.
    normal = Shape(sharpe=0.458, count=24)
    crooked = Shape(sharpe=0.458, skewness=-2.448, kurtosis=10.164, count=24)
    assert ratio.probabilistic_sharpe(normal) == pytest.approx(0.982, abs=5e-4)
    assert ratio.probabilistic_sharpe(crooked) == pytest.approx(0.913, abs=5e-4)


@pytest.mark.parametrize(("a_year", "years"), [(252, 2.73), (52, 2.83), (12, 3.24)])
def test_the_track_records_of_the_paper(a_year: int, years: float) -> None:
    # The same: an annual ratio of 2 to be above 1 at 95 %.
    shape = Shape(sharpe=2 / sqrt(a_year), count=1000)
    steps = ratio.minimum_track_record(shape, benchmark=1 / sqrt(a_year))
    assert steps / a_year == pytest.approx(years, abs=5e-3)


def test_the_strategy_of_the_deflated_ratios_paper() -> None:
    # Bailey and Lopez de Prado 2014: 2.5 a year, five years of 250 days, variance 1/2 a year.
    shape = Shape(sharpe=2.5 / sqrt(250), skewness=-3.0, kurtosis=10.0, count=1250)
    deviation = sqrt(0.5 / 250)
    assert ratio.expected_maximum(100, deviation=deviation) == pytest.approx(0.1132, abs=5e-5)
    found = [ratio.deflated_sharpe(shape, trials=n, deviation=deviation) for n in (100, 46)]
    assert found == pytest.approx([0.9004, 0.9505], abs=5e-4)


def test_the_haircut_of_the_paper() -> None:
    # Harvey and Liu 2015: 0.75 a year over 240 months, 200 tests: 0.32, 60 % less.
    one = np.array([0.75 / sqrt(12)])
    left = ratio.haircut(one, count=240, which=0, method="sidak", trials=200) * sqrt(12)
    assert left == pytest.approx(0.32, abs=5e-3)


def test_holm_and_bhy_by_hand() -> None:
    stats = pytest.importorskip("scipy.stats")
    p_values = np.array([0.005, 0.009, 0.0128, 0.0135, 0.045, 0.06])
    count = 100
    ratios = stats.norm.isf(p_values / 2) / sqrt(count)

    def corrected(method: ratio.Correction) -> list[float]:
        left = [
            ratio.haircut(ratios, count=count, which=at, method=method)
            for at in range(p_values.size)
        ]
        return [float(2 * stats.norm.sf(one * sqrt(count))) for one in left]

    # Times 6, 5, 4, 3, 2, 1, and never below the one before.
    holm = [0.03, 0.045, 0.0512, 0.0512, 0.09, 0.09]
    assert corrected("holm") == pytest.approx(holm, rel=1e-6)
    bhy = stats.false_discovery_control(p_values, method="by")
    assert corrected("bhy") == pytest.approx(bhy.tolist(), rel=1e-6)
    assert corrected("bonferroni") == pytest.approx((p_values * 6).tolist(), rel=1e-6)


def test_the_shape_is_that_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = np.random.default_rng(5).standard_t(4, 300) * 0.01 + 0.002
    found = ratio.shape_of(values)
    assert found.skewness == pytest.approx(float(stats.skew(values)))
    assert found.kurtosis == pytest.approx(float(stats.kurtosis(values, fisher=False)))
    assert found.sharpe == pytest.approx(float(values.mean() / stats.tstd(values)))


@pytest.mark.parametrize("values", [[], [0.1], [0.0, 0.0, 0.0], [0.01] * 50])
def test_what_does_not_vary_has_no_ratio(values: list[float]) -> None:
    shape = ratio.shape_of(np.array(values))
    assert isnan(shape.sharpe)
    assert isnan(ratio.probabilistic_sharpe(shape))
    assert isnan(ratio.minimum_track_record(shape))


def test_no_record_is_long_enough_for_what_is_not_there() -> None:
    assert isinf(ratio.minimum_track_record(Shape(sharpe=-0.1, count=100)))
    assert ratio.minimum_track_record(Shape(sharpe=0.1, count=9), benchmark=0.1) == inf


def test_a_trial_alone_is_not_deflated() -> None:
    shape = Shape(sharpe=0.1, count=400)
    alone = ratio.deflated_sharpe(shape, trials=1, deviation=0.5)
    assert alone == ratio.probabilistic_sharpe(shape)


def test_luck_grows_with_trials_as_luck_does() -> None:
    rng = np.random.default_rng(11)
    for trials in (20, 50, 500):
        best = rng.normal(size=(4000, trials)).max(axis=1).mean()
        assert ratio.expected_maximum(trials, deviation=1.0) == pytest.approx(best, rel=0.03)


def test_mean_correlation_is_that_of_the_matrix() -> None:
    rng = np.random.default_rng(3)
    common = rng.normal(size=(400, 1))
    returns = rng.normal(size=(400, 300)) + common
    full = np.corrcoef(returns.T)
    expected = (full.sum() - 300) / (300 * 299)
    assert ratio.mean_correlation(returns) == pytest.approx(expected, rel=1e-9)
    assert isnan(ratio.mean_correlation(np.zeros((10, 3))))
    assert ratio.independent_trials(10, correlation=float("nan")) == 10.0
    assert ratio.independent_trials(10, correlation=-0.2) == 10.0
    assert ratio.independent_trials(10, correlation=1.0) == 1.0


def test_nonsense_is_refused() -> None:
    with pytest.raises(ConfigError, match="confidence"):
        ratio.minimum_track_record(Shape(sharpe=0.1, count=10), confidence=95)
    with pytest.raises(ConfigError, match="trials"):
        ratio.expected_maximum(0, deviation=1.0)


@given(RETURNS)
def test_a_record_as_long_as_wanted_is_just_sure_enough(values: np.ndarray) -> None:
    shape = ratio.shape_of(values)
    if not shape.sharpe > 0.01:
        return
    wanted = ratio.minimum_track_record(shape, confidence=0.9)
    sure = ratio.probabilistic_sharpe(shape)
    assert (sure >= 0.9) == (shape.count >= wanted) or sure == pytest.approx(0.9, abs=1e-9)


@given(RETURNS, st.integers(1, 10_000), st.floats(0.0, 1.0))
def test_deflating_never_makes_surer(values: np.ndarray, trials: int, deviation: float) -> None:
    shape = ratio.shape_of(values)
    if isnan(shape.sharpe):
        return
    sure = ratio.probabilistic_sharpe(shape)
    assert 0.0 <= ratio.deflated_sharpe(shape, trials=trials, deviation=deviation) <= sure


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=30),
    st.sampled_from(["sidak", "bonferroni", "holm", "bhy"]),
)
def test_a_haircut_never_grows_hair(ratios: list[float], method: ratio.Correction) -> None:
    for at, mine in enumerate(ratios):
        left = ratio.haircut(np.array(ratios), count=250, which=at, method=method)
        assert left <= mine + 1e-9
        assert left >= min(0.0, mine)
