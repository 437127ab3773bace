import re
from math import nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from flyball.ops.report import plot
from flyball.ops.report.scales import Axis, TimeAxis

X, Y = TimeAxis(0, 8000), Axis(0.0, 2000.0)


def _times(*at: int) -> plot.Times:
    return np.array(at, dtype=np.int64)


def _path(markup: str) -> str:
    found = re.search(r' d="([^"]*)"', markup)
    assert found
    return found[1]


def test_a_line_goes_through_its_points() -> None:
    drawn = plot.curve(_times(0, 4000, 8000), np.array([0.0, 2000.0, 500.0]), x=X, y=Y, css="a")
    assert _path(drawn) == "M0 2000L4000 0L8000 1500"


def test_a_line_breaks_where_nothing_is_known() -> None:
    values = np.array([0.0, 0.0, nan, 2000.0, 2000.0])
    drawn = plot.curve(_times(0, 1, 2, 3, 4), values, x=X, y=Y, css="a")
    assert _path(drawn) == "M0 2000L1 2000M3 0L4 0"


def test_a_stair_holds_until_the_next_moment() -> None:
    values = np.array([0.0, 0.0, 2000.0, nan, 500.0])
    drawn = plot.curve(_times(0, 10, 20, 30, 40), values, x=X, y=Y, css="a", step=True)
    assert _path(drawn) == "M0 2000H20V0H30M40 1500H40"


def test_an_area_is_closed() -> None:
    values = np.array([500.0, 1000.0])
    drawn = plot.curve(_times(0, 100), values, x=X, y=Y, css="a", down_to=0.0)
    assert _path(drawn) == "M0 2000V1500L100 1000V2000Z"


def test_a_single_point_is_drawn() -> None:
    assert _path(plot.curve(_times(5), np.array([0.0]), x=X, y=Y, css="a")) == "M5 2000H5"
    assert _path(plot.curve(_times(), np.array([]), x=X, y=Y, css="a")) == ""
    assert _path(plot.curve(_times(5), np.array([nan]), x=X, y=Y, css="a", step=True)) == ""


def test_levels_are_not_joined() -> None:
    values = np.array([500.0, 500.0, 1000.0, nan, 1500.0, 9000.0, 0.0])
    drawn = plot.levels(_times(0, 10, 20, 30, 40, 50, 60), values, x=X, y=Y, css="a")
    assert _path(drawn) == "M0 1500H10H20M20 1000H30M40 500H50"


def test_dots_at_one_place_are_one() -> None:
    drawn = plot.dots(_times(1, 1, 2), np.array([0.0, 0.0, nan]), x=X, y=Y, css="buy")
    assert _path(drawn) == "M1 2000h0"


def test_bars_go_up_and_down_from_the_middle() -> None:
    counts = np.array([0, 4], dtype=np.int64)
    assert _path(plot.bars(counts, tallest=4, up=True, css="a")).startswith("M4400 1000v-960H7600")
    assert _path(plot.bars(counts, tallest=4, up=False, css="a")).startswith("M4400 1000v960H7600")


@given(st.lists(st.one_of(st.floats(-1e300, 1e300), st.just(nan)), max_size=40), st.booleans())
def test_what_is_far_off_stays_a_number(values: list[float], step: bool) -> None:  # noqa: FBT001
    times = np.arange(len(values), dtype=np.int64)
    for base in (None, 0.0):
        drawn = plot.curve(times, np.array(values), x=X, y=Y, css="a", step=step, down_to=base)
        assert re.fullmatch(r"([MLHVZ]|-?\d{1,5}| )*", _path(drawn))
