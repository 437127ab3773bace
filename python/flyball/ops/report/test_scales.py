from itertools import pairwise
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.ops.report.scales import Axis, TimeAxis, axis

DAY = 86_400 * 10**9
START = 1_735_603_200_000_000_000  # 2024-12-31


@given(st.lists(st.floats(-1e15, 1e15), max_size=20), st.lists(st.floats(-1e15, 1e15), max_size=4))
def test_an_axis_holds_its_values(values: list[float], wanted: list[float]) -> None:
    found = axis(values, wanted=wanted)
    assert found.low < found.high
    assert all(found.low <= value <= found.high for value in values)


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_lie_on_the_axis_and_grow(low: float, span: float) -> None:
    if span > 1e-8 * abs(low):
        ticks = Axis(low, low + span).ticks()
        assert all(-1e-6 <= tick.at <= 1 + 1e-6 for tick in ticks)
        assert all(a.at < b.at for a, b in pairwise(ticks))


def test_a_wanted_line_is_shown_while_it_squashes_nothing() -> None:
    assert axis([100.0, 110.0], wanted=[95.0]).low < 95.0
    assert axis([100.0, 110.0], wanted=[50.0]).low > 90.0
    assert axis([100.0, 110.0], wanted=[50.0, 95.0]).low < 95.0


def test_a_flat_curve_is_shown_with_all_its_lines() -> None:
    found = axis([100.0, 100.0], wanted=[95.0, 85.0, nan])
    assert found.low < 85.0


def test_nothing_known_still_has_an_axis() -> None:
    assert axis([]).low < axis([]).high
    assert axis([nan]).ticks()


@pytest.mark.parametrize(
    ("days", "labels"),
    [
        (420.0, ["2025", "Mar", "May", "Jul", "Sep", "Nov", "2026"]),
        (1.0, ["31 Dec", "03:00", "06:00", "09:00", "12:00", "15:00", "18:00", "21:00", "1 Jan"]),
        (
            1 / 1440,
            ["31 Dec", "00:00:10", "00:00:20", "00:00:30", "00:00:40", "00:00:50", "00:01:00"],
        ),
    ],
)
def test_times(days: float, labels: list[str]) -> None:
    found = [tick.label for tick in TimeAxis(START, START + int(days * DAY)).ticks()]
    assert found == labels


def test_short_of_space_the_days_stay() -> None:
    ticks = TimeAxis(START, START + 2 * DAY).ticks()
    assert [tick.label for tick in ticks if not tick.minor] == ["31 Dec", "1 Jan", "2 Jan"]


@given(st.integers(-(10**18), 8 * 10**18), st.integers(0, 10**18))
def test_every_stretch_of_time_has_few_ticks(first: int, span: int) -> None:
    ticks = TimeAxis(first, first + span).ticks()
    assert len(ticks) <= 10
    assert all(0.0 <= tick.at <= 1.0 for tick in ticks)
    assert all(a.at < b.at for a, b in pairwise(ticks))
