"""Laws are fitted: each is found in costs that follow it."""

from math import log

import pytest

from growth.law import fitted

SIZES = [1.0, 10.0, 100.0, 1_000.0]


@pytest.mark.parametrize(
    ("name", "cost"),
    [
        ("flat", lambda n: 50.0 + (n % 3)),
        ("log", lambda n: 50.0 + 9 * log(n)),
        ("linear", lambda n: 50.0 + 2 * n),
        ("none of them", lambda n: n * n),
    ],
)
def test_a_law_is_found(name: str, cost) -> None:  # type: ignore[no-untyped-def] # noqa: ANN001
    law = fitted(SIZES, [cost(size) for size in SIZES])
    assert law.name == name
    assert law.name in str(law)


def test_a_bend_is_where_the_slope_changes_most() -> None:
    law = fitted(SIZES, [50.0, 50.0, 50.0, 500.0])
    assert law.bends_at == 100
    assert fitted(SIZES, [1.0, 10.0, 100.0, 1_000.0]).bends_at is None


def test_two_points_are_no_law() -> None:
    with pytest.raises(ValueError, match="three sizes"):
        fitted([1, 2], [1, 2])
