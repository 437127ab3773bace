"""The last few values against everything before: a naive twin with the whole history."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.ops.detection.longrun import LongRun, Moments
from flyball.ops.detection.nabrun import FIXED, detect

VALUES = st.lists(st.one_of(st.floats(-100, 100), st.just(math.nan)), min_size=1, max_size=50)


@given(VALUES)
def test_moments_are_those_of_all_that_was_there(values: list[float]) -> None:
    moments = Moments(())
    for value in values:
        moments.add(np.asarray(value))
    there = [value for value in values if not math.isnan(value)]
    assert float(moments.count) == len(there)
    if len(there) > 1:
        assert float(moments.mean) == pytest.approx(np.mean(there), abs=1e-9)
        assert float(moments.deviation) == pytest.approx(np.std(there, ddof=1), abs=1e-6)


def naive(values: list[float], span: int, *, spread: bool) -> list[float]:
    statistics: list[float] = []
    found = []
    for at, value in enumerate(values):
        held = [v for v in values[max(0, at + 1 - span) : at + 1] if not math.isnan(v)]
        past = [v for v in values[:at] if not math.isnan(v)]
        statistic = math.nan
        if not math.isnan(value) and not spread:
            statistic = sum(held) / len(held)
        elif not math.isnan(value) and len(held) == span:
            usual = max(float(np.std(past, ddof=1)) if len(past) > 1 else 0.0, 1e-12)
            statistic = math.log(float(np.std(held, ddof=1)) + 0.02 * usual)
        earlier = [s for s in statistics[: max(0, at + 1 - span)] if not math.isnan(s)]
        score = math.nan
        if len(earlier) >= 5:
            floor = 0.1 if spread else 1e-12
            score = (statistic - float(np.mean(earlier))) / max(
                float(np.std(earlier, ddof=1)), floor
            )
        found.append(score)
        statistics.append(statistic)
    return found


@pytest.mark.parametrize(("span", "spread"), [(1, False), (4, False), (3, True)])
@pytest.mark.parametrize("seed", range(5))
def test_a_long_run_is_what_the_whole_history_gives(span: int, spread: bool, seed: int) -> None:  # noqa: FBT001
    chance = np.random.default_rng(seed)
    values = [float(v) if chance.random() > 0.1 else math.nan for v in chance.normal(size=80)]
    detector = LongRun((), span=span, spread=spread, warm=5)
    found = [float(detector.update(np.asarray(value))) for value in values]
    assert found == pytest.approx(naive(values, span, spread=spread), nan_ok=True, rel=1e-6)


def test_an_alarm_comes_where_the_level_changes_and_then_there_is_quiet() -> None:
    chance = np.random.default_rng(1)
    values = np.asarray(chance.normal(size=1_200), dtype=np.float64)
    values[800:900] += 12.0
    time_s = np.arange(1_200, dtype=np.float64) * 300.0
    alarms = np.flatnonzero(detect(values, time_s))
    assert alarms[(alarms >= 800)][0] <= 803
    # Before it there is nothing to find: the budget allows 0.7 in these 67 hours.
    assert len(alarms[alarms < 800]) <= 1
    assert np.all(np.diff(time_s[alarms]) >= FIXED.quiet_s)
