from decimal import Decimal
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.ops.report import formats

DAY = 86_400 * 10**9


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0 s"),
        (999, "999 ns"),
        (1_500, "1.5 µs"),
        (40_000_000, "40 ms"),
        (35_500_000_000, "35.5 s"),
        (65_000_000_000, "1 min 5 s"),
        (300_000_000_000, "5 min"),
        (3 * 3600 * 10**9 + 10**9, "3 h"),
        (DAY, "1 d"),
        (DAY + 59 * 60 * 10**9, "1 d"),
        (1234 * DAY + 5 * 3600 * 10**9, "1,234 d 5 h"),
        (nan, "\u2013"),
    ],
)
def test_durations(ns: float, text: str) -> None:
    assert formats.duration(ns) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(-397.49, "\u2212397.49"), (-0.001, "0.00"), (0.0, "0.00"), (1e6, "1,000,000.00")],
)
def test_amounts(value: float, text: str) -> None:
    assert formats.amount(value) == text


def test_what_is_not_known_is_a_dash() -> None:
    for value in (nan, inf, Decimal("NaN")):
        assert formats.amount(value) == formats.UNKNOWN
        assert formats.signed(value) == formats.UNKNOWN
        assert formats.percent(value) == formats.UNKNOWN
        assert formats.multiple(float(value)) == formats.UNKNOWN


def test_signs() -> None:
    assert formats.signed(Decimal("12.5")) == "+12.50"
    assert formats.signed(-12.5) == "\u221212.50"
    assert formats.signed(0.001) == "0.00"


def test_small_shares_are_not_nothing() -> None:
    assert formats.percent(-0.000017) == "\u22120.0017\u202f%"
    assert formats.percent(0.0005) == "0.05\u202f%"
    assert formats.percent(0.0) == "0.00\u202f%"
    assert formats.percent(0.364, 0) == "36\u202f%"


def test_limits_have_no_more_digits_than_they_need() -> None:
    assert formats.fraction(Decimal("0.018")) == "1.8\u202f%"
    assert formats.plain(1e-6) == "0.000001"
    assert formats.plain(100.0) == "100"


def test_moments() -> None:
    assert formats.moment(1_760_130_000_000_000_000) == "2025-10-10 21:00:00"
    assert formats.moment(1_760_130_000_040_000_000) == "2025-10-10 21:00:00.040"
    assert formats.second(1_760_130_000_040_000_000) == "2025-10-10 21:00:00"
    assert formats.moment(2**63 - 1) == "2262-04-11 23:47:16.854"
    assert formats.day(1_760_130_000_000_000_000) == "2025-10-10"
    assert formats.clock(1_760_130_000_000_000_000) == "21:00:00"


@given(st.floats(-1e30, 1e30), st.floats(1e-12, 1e12))
def test_a_tick_is_short(value: float, step: float) -> None:
    assert len(formats.compact(value, step)) <= 33


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_every_number_can_be_written(value: float) -> None:
    for write in (formats.amount, formats.signed, formats.plain, formats.ratio, formats.percent):
        assert write(value)


@given(st.integers(-(2**63), 2**63 - 1))
def test_every_time_can_be_written(time_ns: int) -> None:
    for write in (formats.moment, formats.date, formats.day, formats.clock, formats.second):
        assert write(time_ns)
