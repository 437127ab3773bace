import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from flyball.ops.report.reduce import keep
from flyball.ops.report.run import Floats

COLUMN = arrays(np.float64, st.integers(1, 900), elements=st.floats(-1e9, 1e9, width=32))


def test_few_samples_are_all_kept() -> None:
    assert keep([np.zeros(7)], most=10).tolist() == list(range(7))
    assert keep([np.zeros(0)], most=10).size == 0


@given(COLUMN, st.integers(20, 200))
def test_no_extreme_and_no_end_is_lost(column: Floats, most: int) -> None:
    kept = keep([column], most=most)
    assert kept[0] == 0
    assert kept[-1] == column.size - 1
    assert np.max(column[kept]) == np.max(column)
    assert np.min(column[kept]) == np.min(column)
    assert np.all(np.diff(kept) > 0)


@given(COLUMN)
def test_every_stretch_keeps_its_own_extremes(column: Floats) -> None:
    kept = keep([column], most=100)
    if kept.size < column.size:
        for part in np.array_split(np.arange(column.size), 4):
            inside = kept[(kept >= part[0]) & (kept <= part[-1])]
            slack = column.size // 20 + 2
            core = column[part[slack:-slack]]
            if core.size:
                assert np.max(column[inside]) >= np.max(core)
                assert np.min(column[inside]) <= np.min(core)


def test_a_spike_of_each_column_survives() -> None:
    columns = [np.zeros(5000) for _ in range(4)]
    for number, column in enumerate(columns):
        column[1000 * number + 123] = -1.0 if number % 2 else 1.0
    kept = keep(columns, most=600)
    assert {123, 1123, 2123, 3123} <= set(kept.tolist())
    assert kept.size <= 600


def test_a_gap_survives() -> None:
    column = np.arange(5000.0)
    column[1234:1236] = np.nan
    assert 1234 in keep([column], most=500)


def test_what_is_never_known_can_be_reduced() -> None:
    assert 0 < keep([np.full(5000, np.nan)], most=500).size <= 500
