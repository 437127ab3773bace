import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.errors import ConfigError
from flyball.ops.sweep.space import Space, axis_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("fast=5..20:5", (5, 10, 15, 20)),
        ("fast=5..19:5", (5, 10, 15)),
        ("stop=1.0..1.3:0.1", (1.0, 1.1, 1.2, 1.3)),
        ("stop=-2..2:2", (-2, 0, 2)),
        ("bars=5m,15m", ("5m", "15m")),
        ("on=true,false", (True, False)),
        ("x=1,2.5,a", (1, 2.5, "a")),
    ],
)
def test_an_axis_is_what_it_says(text: str, values: tuple[object, ...]) -> None:
    found = axis_of(text).grid()
    assert found == values
    assert [type(one) for one in found] == [type(one) for one in values]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fast", "wants name=values"),
        ("=5", "wants name=values"),
        ("fast=", "wants name=values"),
        ("fast=9..5:1", "not below"),
        ("fast=1..5:0", "above zero"),
        ("fast=1..x:1", "no number"),
        ("fast=0..5:log", "above zero"),
        ("fast=1..9:nan", "no number"),
        ("fast=0..1:0.000001", "more than"),
        ("bars=5m,5m", "there twice"),
        ("bars=5m,,1m", "is empty"),
    ],
)
def test_an_axis_that_makes_no_sense_is_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        axis_of(text)


def test_conditions_cut_the_grid() -> None:
    space = Space.of(["fast=1..4:1", "slow=2..4:2"], ["fast<slow", "fast != 3"])
    pairs = [(one["fast"], one["slow"]) for one in space.grid()]
    assert pairs == [(1, 2), (1, 4), (2, 4)]
    assert space.size() == 8


@pytest.mark.parametrize(
    ("axes", "where", "words"),
    [
        ([], [], "something to vary"),
        (["a=1,2", "a=3,4"], [], "there twice"),
        (["a=1,2"], ["a<b"], "is not varied"),
        (["a=1,2"], ["a==1"], "--where wants"),
        (["a=1,2"], ["a<1m"], "neither"),
    ],
)
def test_a_space_that_makes_no_sense_is_refused(
    axes: list[str], where: list[str], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        Space.of(axes, where)


def test_texts_are_not_compared() -> None:
    with pytest.raises(ConfigError, match="cannot be compared"):
        list(Space.of(["a=5m,1m", "b=1,2"], ["a<b"]).grid())


def test_what_has_no_end_is_no_grid() -> None:
    with pytest.raises(ConfigError, match="wants a step"):
        list(Space.of(["a=1..5"]).grid())
    assert Space.of(["a=1..5", "b=1,2"]).size() is None


def test_chance_draws_different_ones_and_stops_where_there_are_no_more() -> None:
    space = Space.of(["a=1..3:1", "b=1,2"], ["a!=2"])
    found = space.drawn(100, seed=1)
    assert len(found) == 4
    assert len({repr(one) for one in found}) == 4
    with pytest.raises(ConfigError, match="fulfils"):
        Space.of(["a=1..3:1"], ["a>5"]).drawn(2, seed=1)


@given(st.integers(0, 10_000))
def test_what_is_drawn_lies_within(seed: int) -> None:
    space = Space.of(["n=3..9", "x=0.5..2.5", "r=0.001..10:log", "s=0..1:0.25", "c=a,b"])
    (one,) = space.drawn(1, seed=seed)
    assert space.drawn(1, seed=seed) == [one]
    n, x, r, s = one["n"], one["x"], one["r"], one["s"]
    assert isinstance(n, int)
    assert 3 <= n <= 9
    assert isinstance(x, float)
    assert 0.5 <= x <= 2.5
    assert isinstance(r, float)
    assert 0.001 <= r <= 10.0 + 1e-9
    assert s in (0.0, 0.25, 0.5, 0.75, 1.0)
    assert one["c"] in ("a", "b")


def test_a_logarithm_is_drawn_evenly() -> None:
    axis = axis_of("r=0.01..100:log")
    chance = np.random.default_rng(1)
    drawn = np.log10([float(axis.draw(chance)) for _ in range(4000)])
    assert abs(float(np.mean(drawn))) < 0.1
    assert abs(float(np.mean(drawn < 0.0)) - 0.5) < 0.05
