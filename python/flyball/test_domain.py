import math
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.domain import Feature, Quotes, Signal, Target, declared_features, duration_ns
from flyball.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "ns"),
    [("1ns", 1), ("250ms", 250_000_000), ("1.5h", 5_400_000_000_000), (" 5 m ", 300 * 10**9)],
)
def test_durations_are_exact(text: str, ns: int) -> None:
    assert duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "5", "m", "5 weeks", "-5m", "0.5ns", "1e3s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        duration_ns(text)


def test_features_are_found_on_class_and_instance_and_take_fields() -> None:
    @dataclass(frozen=True)
    class Example:
        period: int = 7
        fast = Feature("ema", period="period")
        slow = Feature("ema", period=50)

    found = declared_features(Example(period=9))
    assert list(found) == ["fast", "slow"]
    assert found["fast"].resolved(Example(period=9)) == {"period": 9.0}


def test_intents_show_themselves_as_they_are_written() -> None:
    assert repr(Quotes(bids=((96, 1),), asks=((100, 1), (101, 2)))) == (
        "Quotes(bids=((96, 1),), asks=((100, 1), (101, 2)))"
    )
    assert repr(Signal("long", confidence=0.5, stop=99.5)) == (
        "Signal('long', confidence=0.5, stop=99.5)"
    )
    assert repr(Target(-5)) == "Target(-5)"
    assert Quotes(bids=((96, 1),)) == Quotes(bids=[(96, 1)], asks=())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Signal("up", confidence=1.0), "'long', 'short' or 'flat'"),
        (lambda: Signal("long", confidence=1.5), "between 0 and 1"),
        (lambda: Signal("long", confidence=math.nan), "between 0 and 1"),
        (lambda: Signal("long", confidence=1.0, stop=math.inf), "above zero and finite"),
        (lambda: Signal("long", confidence=1.0, stop=-3.0), "above zero and finite"),
        (lambda: Signal("long", confidence=1.0, max_holding_s=0.0), "seconds"),
        (lambda: Quotes(bids=((96.5, 1),)), r"use floor\(\) or ceil\(\)"),  # type: ignore[arg-type]
        (lambda: Quotes(bids=((math.nan, 1),)), "whole number of ticks"),  # type: ignore[arg-type]
        (lambda: Quotes(bids=((0, 1),)), "above zero"),
        (lambda: Quotes(asks=((5, -1),)), "above zero"),
        (lambda: Quotes(asks=((5, True),)), "whole number of lots"),
        (lambda: Quotes(asks=(5, 6)), "pairs"),  # type: ignore[arg-type]
        (lambda: Quotes(asks=[(k + 1, 1) for k in range(9)]), "at most 8"),
        (lambda: Target(1.5), "whole number of lots"),  # type: ignore[arg-type]
        (lambda: Target("many"), "whole number of lots"),  # type: ignore[arg-type]
    ],
)
def test_nonsense_is_refused_with_what_would_be_right(make: object, message: str) -> None:
    assert callable(make)
    with pytest.raises((ValueError, TypeError), match=message):
        make()


@given(st.integers(1, 2**40), st.integers(1, 2**40))
def test_quotes_keep_whole_numbers_exactly(price: int, lots: int) -> None:
    assert Quotes(bids=[(price, lots)]).bids == ((price, lots),)
    assert Quotes(bids=[(float(price), lots)]).bids == ((price, lots),)  # type: ignore[list-item]
