import itertools
import tomllib
from dataclasses import replace
from math import ceil, exp, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.domain import duration_ns
from flyball.errors import ConfigError, FlyballError
from flyball.research.analytics.curve import DAY_NS
from flyball.research.risk.gaps import adverse_moves, estimate_gap, fit_tail
from flyball.research.risk.prices import Prices, aligned

FIVE = duration_ns("5m")


def _market(days: int = 260, *, seed: int = 1, scale: float = 0.002) -> Prices:
    rng = np.random.default_rng(seed)
    n = days * 288
    close = np.exp(np.cumsum(np.clip(rng.standard_t(4, n), -30, 30) * scale * 0.3))
    before = np.concatenate(([1.0], close[:-1]))
    return Prices.bars(
        "XRP",
        open_ns=np.arange(n, dtype=np.int64) * FIVE,
        high=np.maximum(close, before) * 1.0002,
        low=np.minimum(close, before) * 0.9998,
        close=close,
        volume=np.ones(n),
        interval_ns=FIVE,
    )


def _crash(prices: Prices, at: int, fall: float) -> Prices:
    low = prices.low.copy()
    low[at] = prices.close[at - 1] * (1.0 - fall)
    return replace(prices, low=low)


def test_the_largest_move_and_its_moment_are_found() -> None:
    found = estimate_gap(_crash(_market(), 5_000, 0.6), floor=0.25)
    assert found.long.largest == pytest.approx(0.6)
    assert found.largest == pytest.approx(0.6)
    assert found.at.timestamp() * 1e9 == 5_000 * FIVE
    assert found.gap >= 0.6 - 1e-9
    assert found.toml == f"XRP = {ceil(round(found.gap * 100, 6)) / 100:.2f}"


def test_a_rise_counts_for_the_short_side() -> None:
    prices = _market()
    high = prices.high.copy()
    high[700] = prices.close[699] * 1.9
    found = estimate_gap(replace(prices, high=high))
    assert found.short.largest == pytest.approx(0.9)
    assert found.long.largest < 0.1
    assert found.gap >= 0.9 - 1e-9


def test_what_comes_later_changes_nothing() -> None:
    calm = _market()
    until = 40_000 * FIVE
    crash = _crash(calm, 60_000, 0.9)
    one, two = (estimate_gap(each, until_ns=until) for each in (calm, crash))
    assert repr(one) == repr(two)  # NaN is not equal to itself
    assert one.until_ns == until
    assert estimate_gap(crash, until_ns=60_000 * FIVE).largest < 0.5  # that bar was still open
    assert estimate_gap(crash, until_ns=60_001 * FIVE).largest == pytest.approx(0.9)


def test_a_longer_outage_is_never_less() -> None:
    prices = _market(40)
    moves = [adverse_moves(prices, outage_ns=duration_ns(t))[0] for t in ("5m", "10m", "1h", "1d")]
    for shorter, longer in itertools.pairwise(moves):
        assert np.all(longer >= shorter)


@given(
    st.lists(st.integers(0, 6), min_size=2, max_size=60),
    st.integers(1, 10),
    st.integers(0, 1_000),
)
@settings(max_examples=150, deadline=None)
def test_moves_of_trades_are_those_of_a_plain_loop(
    waits: list[int], outage: int, seed: int
) -> None:
    time = np.cumsum(waits)
    price = np.exp(np.random.default_rng(seed).normal(0.0, 0.3, time.size))
    falls, rises = adverse_moves(Prices.trades("X", time_ns=time, price=price), outage_ns=outage)
    for i in range(time.size - 1):
        after = [
            price[j] for j in range(i + 1, time.size) if j == i + 1 or time[j] < time[i] + outage
        ]
        assert falls[i] == pytest.approx(max(0.0, np.log(price[i] / min(after))))
        assert rises[i] == pytest.approx(max(0.0, np.log(max(after) / price[i])))


def test_nobody_gets_out_while_nothing_trades() -> None:
    prices = Prices.trades("X", time_ns=[0, 1, 10**15], price=[1.0, 1.0, 0.4])
    falls, _ = adverse_moves(prices, outage_ns=FIVE)
    assert 1.0 - exp(-falls[1]) == pytest.approx(0.6)


def test_the_tail_that_made_the_moves_is_found() -> None:
    rng = np.random.default_rng(5)
    shape, scale, days = 0.25, 0.01, 8_000
    worst = 0.02 + scale * (rng.random(days) ** -shape - 1.0) / shape
    found = fit_tail(worst, once_in=1_000.0, confidence=0.95)
    assert found is not None
    true = 0.02 + scale * (1_000.0**shape - 1.0) / shape
    assert found.level == pytest.approx(true, rel=0.15)
    assert found.shape == pytest.approx(shape, abs=0.1)
    assert found.upper > found.level


def test_the_upper_limit_covers_the_true_level_about_as_often_as_it_says() -> None:
    rng, covered = np.random.default_rng(6), 0
    shape, scale = 0.2, 0.01
    true = scale * (365.0**shape - 1.0) / shape
    for _ in range(60):
        worst = scale * (rng.random(600) ** -shape - 1.0) / shape
        found = fit_tail(worst, once_in=365.0, confidence=0.95)
        assert found is not None
        covered += found.upper >= true
    assert 0.85 <= covered / 60 <= 1.0


def test_more_days_give_a_nearer_limit() -> None:
    few = estimate_gap(_market(210, seed=3), floor=0.01)
    many = estimate_gap(_market(1_000, seed=3), floor=0.01)
    assert few.long.tail is not None
    assert many.long.tail is not None
    wide = few.long.tail.upper / few.long.tail.level
    assert many.long.tail.upper / many.long.tail.level < wide


def test_with_few_days_it_says_so_and_the_floor_holds() -> None:
    found = estimate_gap(_market(30), floor=0.25)
    assert (found.gap, found.because) == (0.25, "floor")
    assert isnan(found.quantile)
    assert "30 days are too few" in found.doubt
    assert "doubt" in str(found)


def test_a_lone_print_counts_and_is_pointed_at() -> None:
    found = estimate_gap(_crash(_market(), 9_000, 0.9999))
    assert found.gap > 0.99
    assert "look whether it was real" in found.doubt


def test_the_fragment_is_toml_and_rounds_up() -> None:
    found = replace(estimate_gap(_market(30)), gap=0.4001, symbol="XRP/USDT:0")
    told = tomllib.loads(f"[governor.gaps]\n{found.toml}")
    assert told["governor"]["gaps"] == {"XRP/USDT:0": 0.41}
    assert replace(found, gap=0.41, symbol="XRP").toml == "XRP = 0.41"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"outage": "1m"}, "bars of 5m cannot tell moves within 1m"),
        ({"floor": 0.0}, "fractions are wanted"),
        ({"floor": 40.0}, "fractions are wanted"),
        ({"confidence": 95.0}, "fractions are wanted"),
        ({"until_ns": 1}, "no prices until"),
        ({"once_in": "5d"}, "too short for a tail"),
    ],
)
def test_bad_input_is_told(options: dict[str, object], says: str) -> None:
    with pytest.raises(FlyballError, match=says):
        estimate_gap(_market(), **options)  # type: ignore[arg-type]


def test_an_outage_that_is_none_is_told() -> None:
    with pytest.raises(ConfigError, match="is no duration"):
        estimate_gap(_market(2), outage="five")


def test_prices_that_are_not_possible_are_refused() -> None:
    prices = _market(2)
    low = prices.low.copy()
    low[7] = 0.0
    with pytest.raises(FlyballError, match="price number 7"):
        replace(prices, low=low)
    with pytest.raises(FlyballError, match="time goes back"):
        Prices.trades("X", time_ns=[2, 1], price=[1.0, 1.0])
    with pytest.raises(FlyballError, match="no prices"):
        Prices.trades("X", time_ns=[], price=[])


def test_returns_by_the_bar_and_by_a_step() -> None:
    prices = _market(3)
    assert prices.returns().size == 3 * 288 - 1
    daily = prices.returns(DAY_NS)
    assert daily[0] == pytest.approx(prices.close[288] / prices.close[0] - 1.0)
    with pytest.raises(FlyballError, match="have no returns of 1m"):
        prices.returns(duration_ns("1m"))
    with pytest.raises(FlyballError, match="give one"):
        Prices.trades("X", time_ns=[0, 1], price=[1.0, 1.0]).returns()


def test_instruments_are_put_on_common_moments() -> None:
    one, two = _market(3), _market(2, seed=2)
    times, closes = aligned([one, two])
    assert times.size == 2 * 288
    assert closes[:, 1].tolist() == two.close.tolist()
    late = replace(two, start_ns=two.start_ns + 10**17, end_ns=two.end_ns + 10**17)
    with pytest.raises(FlyballError, match="no time in common"):
        aligned([one, late])
    stepped, _ = aligned([one, two], duration_ns("1h"))
    assert np.all(np.diff(stepped) == duration_ns("1h"))
