"""The engine's account against the naive one: to the last unit of 10^-10, on random histories."""

import os
from collections import Counter
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import Tell
from tests.reference.histories import MARKETS, Market, draws, engine_states, history
from tests.reference.twin_portfolio import (
    DAY,
    FILL,
    FUNDING,
    MARK,
    ONE,
    TRANSFER,
    Event,
    History,
    Instrument,
    State,
    Tier,
    account,
    nearest,
    safety,
    state,
)

BATCH = 1_000  # histories that share cash at the start
PLAIN = State._fields[:-1]  # all but the liquidation price, which is compared apart

XRP = Instrument(
    kind="linear",
    tick=Decimal("0.0001"),
    lot=Decimal(1),
    tiers=(Tier(0, 20), Tier(40_000_000, 10)),
)
DOGE = Instrument(
    kind="linear",
    tick=Decimal("0.00001"),
    lot=Decimal(1),
    tiers=(Tier(0, 10), Tier(20_000, 5), Tier(100_000, 3)),
)
BTC = Instrument(kind="inverse", tick=Decimal("0.1"), lot=Decimal(1), contract=Decimal(100))


def units(amount: str) -> int:
    """An amount of whole units of the currency, in units."""
    return int(Decimal(amount) * ONE)


def buy(lots: int, ticks: int, fee: str = "0") -> Event:
    return (FILL, lots, ticks, units(fee))


def sell(lots: int, ticks: int, fee: str = "0") -> Event:
    return (FILL, -lots, ticks, units(fee))


def mark(ticks: int) -> Event:
    return (MARK, ticks, 0, 0)


def fund(amount: str) -> Event:
    return (FUNDING, units(amount), 0, 0)


def transfer(amount: str) -> Event:
    return (TRANSFER, units(amount), 0, 0)


def day(number: int) -> Event:
    return (DAY, number, 0, 0)


# Instrument, cash, history, and what was computed by hand. XRP: ticks of 0.0001, lots of 1; BTC:
# contracts of 100 USD, ticks of 0.1 USD, money in BTC.
BY_HAND: dict[str, tuple[Instrument, str, list[Event], dict[str, object]]] = {
    "a long gains what the price rises": (
        XRP,
        "1000",
        # 300 * 2.0579 = 617.37; at 2.1 worth 630: +12.63; fee 0.25. 630 / 40 = 15.75
        [buy(300, 20_579, "0.25"), mark(21_000)],
        {"cash": "999.75", "equity": "1012.38", "lots": 300, "cost": "617.37", "margin": "15.75"},
    ),
    "a short gains what the price falls": (
        XRP,
        "1000",
        # 300 sold at 2.0579; at 2.1 they cost 630 to buy back: -12.63; the rebate adds 0.1
        [sell(300, 20_579, "-0.1"), mark(21_000)],
        {"cash": "1000.1", "equity": "987.47", "lots": -300, "cost": "617.37", "margin": "15.75"},
    ),
    "a part that is closed takes its part of the cost": (
        XRP,
        "1000",
        # cost 3 * 2.0000 + 4 * 2.0001 = 14.0004; 2 of 7 take 14.0004 * 2 / 7 = 4.0001142857|1
        # (rounded down); exit 2 * 2.0007 = 4.0014: gain 0.0012857143; cost left 10.0002857143;
        # 5 at 2.0010 are worth 10.0050: unrealised 0.0047142857
        [buy(3, 20_000), buy(4, 20_001), sell(2, 20_007), mark(20_010)],
        {"cash": "1000.0012857143", "equity": "1000.006", "lots": 5, "cost": "10.0002857143"},
    ),
    "what turns over closes at one price and opens at it": (
        XRP,
        "1000",
        # 10 bought at 2.0, 25 sold at 2.1: 10 closed with +1, 15 short that cost 31.5; at 2.2
        # these are worth 33: -1.5
        [buy(10, 20_000), sell(25, 21_000), mark(22_000)],
        {"cash": "1001", "equity": "999.5", "lots": -15, "cost": "31.5"},
    ),
    "an inverse long gains coins when the price rises": (
        BTC,
        "1",
        # 60 * 100 USD: at 60 000 worth 0.1 BTC, at 50 000 0.12, at 75 000 0.08
        [buy(60, 600_000), mark(750_000)],
        {"cash": "1", "equity": "1.02", "lots": 60, "cost": "0.1", "margin": "0.002"},
    ),
    "an inverse short gains coins when the price falls": (
        BTC,
        "1",
        # half is closed at 50 000: cost 0.05, worth 0.06: +0.01; the other half at 40 000 is
        # worth 0.075 and cost 0.05: +0.025
        [sell(60, 600_000), buy(30, 500_000), mark(400_000)],
        {"cash": "1.01", "equity": "1.035", "lots": -30, "cost": "0.05", "margin": "0.001875"},
    ),
    "an inverse value is rounded to the nearest unit": (
        BTC,
        "1",
        # 1 000 USD / 61 801.3 = 0.016180889399|1 BTC and / 62 000 = 0.016129032258: the long
        # gains 0.0161808894 - 0.0161290323 = 0.0000518571
        [buy(10, 618_013), mark(620_000)],
        {"cost": "0.0161808894", "equity": "1.0000518571"},
    ),
    "a tie goes to the even unit": (
        Instrument(kind="linear", tick=Decimal("0.00001"), lot=Decimal("0.00001")),
        "0",
        # 2 lots at 1 tick and 2 at 2 ticks cost 6 units: one of four takes 1.5 → 2, gains
        # 5 - 2 = 3 units; then one of three takes 4 / 3 → 1
        [buy(2, 1), buy(2, 2), sell(1, 5), sell(1, 5)],
        {"cash": "0.0000000007", "cost": "0.0000000003", "lots": 2},
    ),
    "tiers meet where they change": (
        XRP,
        "9000000",
        # 20 000 000 * 2 = 40 M: 40 M * 5 % - 1 M = 1 M, as 40 M * 2.5 %
        [buy(20_000_000, 20_000), mark(20_000)],
        {"margin": "1000000"},
    ),
    "above a tier its rate counts, less its deduction": (
        XRP,
        "9000000",
        # 60 M * 5 % - 1 M = 2 M
        [buy(20_000_000, 20_000), mark(30_000)],
        {"margin": "2000000", "equity": "29000000"},
    ),
    "a transfer moves peak and day start in proportion, a loss does not": (
        XRP,
        "1000",
        # the day starts with 1 000; +50: peak 1 050; -150: 900. A deposit of 900 doubles equity:
        # peak 2 100, day start 2 000. Then -100 of funding: 1 700.
        [day(1), fund("50"), fund("-150"), transfer("900"), fund("-100")],
        {"cash": "1700", "equity": "1700", "peak": "2100", "day_start": "2000"},
    ),
    "a transfer with an open position counts what that is worth": (
        XRP,
        "1000",
        # 100 at 2 → 1: equity 900 of peak 1 000; -300: equity 600, two thirds: 666.6666666667
        [buy(100, 20_000), mark(10_000), transfer("-300")],
        {"cash": "700", "equity": "600", "peak": "666.6666666667", "day_start": "666.6666666667"},
    ),
    "equity is unknown until there is a mark": (
        XRP,
        "1000",
        # and no day starts before that: the day start stays what it was
        [day(1), fund("100"), buy(100, 20_000, "1"), day(2)],
        {"cash": "1099", "equity": None, "margin": None, "peak": "1100", "day_start": "1000"},
    ),
    "a long is liquidated by the documentation's formula": (
        XRP,
        "200",
        # 1 000 at 2: margin available 200 - 2 000 * 0.025 = 150; 2 - 150 / 1 000 / 0.975 =
        # 1.8461538: equity there 46.15, maintenance 46.15
        [buy(1_000, 20_000), mark(20_000)],
        {"margin": "50", "liquidation": 18_462},
    ),
    "a short is liquidated by the documentation's formula": (
        XRP,
        "200",
        # 2 + 150 / 1 000 / 1.025 = 2.1463415
        [sell(1_000, 20_000), mark(20_000)],
        {"margin": "50", "liquidation": 21_463},
    ),
    "gains of the mark do not move the liquidation price": (
        XRP,
        "200",
        # at 2.2 equity 400, maintenance 55: 2.2 - 345 / 1 000 / 0.975 = 1.8461538 again
        [buy(1_000, 20_000), mark(22_000)],
        {"equity": "400", "liquidation": 18_462},
    ),
    "a spot position keeps no margin and is not liquidated": (
        Instrument(kind="spot", tick=Decimal("0.01"), lot=Decimal("0.001"), tiers=(Tier(0, 1),)),
        "100",
        # 0.5 at 150 and 90: worth 45
        [buy(500, 15_000), mark(9_000)],
        {"cash": "100", "equity": "70", "margin": "0", "liquidation": None},
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_hand_computed(name: str) -> None:
    it, cash, events, expected = BY_HAND[name]
    (engine,) = engine_states(it, units(cash), [events])
    twin = state(it, units(cash), events)
    for field, value in expected.items():
        wanted = units(value) if isinstance(value, str) else value
        assert getattr(engine, field) == wanted, f"engine: {field}"
        if field == "liquidation" and isinstance(wanted, int):
            # The twin names the last safe tick, the engine the nearest one.
            assert abs(getattr(twin, field) - wanted) <= 1
        else:
            assert getattr(twin, field) == wanted, f"twin: {field}"


def same_liquidation(it: Instrument, cash: int, events: History, pair: tuple[State, State]) -> bool:
    """Whether two liquidation prices are the same within a tick.

    The engine rounds the exact price to the nearest tick, the twin names the last safe one: they
    lie one tick apart about half of the time. Where a tick is worth less than the rounding of
    money (a small inverse position) several ticks are equally right: equity and maintenance are
    then no more than two units apart. A price within a tick of zero may be none.
    """
    engine, twin = (one.liquidation for one in pair)
    if engine is None or twin is None:
        return (engine or 0) <= 1 and (twin or 0) <= 1
    if abs(engine - twin) <= 1:
        return True
    return abs(safety(it, account(it, cash, events), engine)) <= 2


def compare(market: Market, seed: int, count: int) -> Counter[str]:
    """Compare so many random histories; how many of what were compared."""
    seen: Counter[str] = Counter()
    draw = draws(seed)
    it = market.it
    while count > 0:
        low, high = market.cash
        cash = low * ONE + draw() * (high - low) * ONE // 2**31
        histories = [history(draw, market) for _ in range(min(count, BATCH))]
        count -= len(histories)
        seen["histories"] += len(histories)
        for events, engine in zip(histories, engine_states(it, cash, histories), strict=True):
            seen["events"] += len(events)
            twin = state(it, cash, events)
            assert engine[:-1] == twin[:-1], f"{it}, cash {cash}: {events}"
            seen["numbers"] += len(PLAIN)
            assert same_liquidation(it, cash, events, (engine, twin)), f"{it}, {cash}: {events}"
            seen["numbers"] += 1
            seen["prices"] += engine.liquidation is not None
    return seen


def told(seen: Counter[str]) -> str:
    return (
        f"{seen['histories']:,} histories of {seen['events']:,} events, {seen['numbers']:,} "
        f"numbers, {seen['prices']:,} liquidation prices"
    )


@pytest.mark.parametrize("number", range(len(MARKETS)))
def test_random_histories_agree_to_the_last_unit(number: int, tell: Tell) -> None:
    tell(told(compare(MARKETS[number], seed=number, count=2_000)))


@pytest.mark.long
@pytest.mark.parametrize("number", range(len(MARKETS)))
def test_a_million_histories_agree_to_the_last_unit(number: int, tell: Tell) -> None:
    count = int(os.environ.get("FLYBALL_SEQUENCES", "1000000")) // len(MARKETS)
    tell(told(compare(MARKETS[number], seed=1_000 + number, count=count)))


def paid(market: Market, events: History) -> int:
    """What all events together brought, positions valued at what their fills paid.

    From the events alone, in any order: a linear account pays the value of what it buys, an
    inverse one receives it (it sells coins).
    """
    total = 0
    for kind, a, b, c in events:
        if kind == FILL:
            value = Fraction(abs(a)) * market.it.unit
            value = value / b if market.it.kind == "inverse" else value * b
            bought = (a > 0) != (market.it.kind == "inverse")
            total += round(-value if bought else value) - c
        elif kind in (FUNDING, TRANSFER):
            total += a
    return total


@pytest.mark.parametrize("number", range(len(MARKETS)))
def test_cash_and_positions_conserve(number: int) -> None:
    """Cash = what was put in and paid + the cost of what is held, whatever came in between.

    Linear values are exact, so this holds exactly. Inverse values are rounded: a fill that turns
    a position over is two values and may be one unit away from the one of the whole.
    """
    market, draw = MARKETS[number], draws(2_000 + number)
    histories = [history(draw, market) for _ in range(500)]
    for events, engine in zip(histories, engine_states(market.it, 0, histories), strict=True):
        holds = (engine.lots > 0) - (engine.lots < 0)
        cost = -holds * engine.cost if market.it.kind == "inverse" else holds * engine.cost
        off = engine.cash - cost - paid(market, events)
        fills = sum(kind == FILL for kind, *_ in events)
        assert abs(off) <= (fills if market.it.kind == "inverse" else 0), events
        assert engine.cost >= 0
        assert engine.lots == sum(a for kind, a, *_ in events if kind == FILL)


@pytest.mark.parametrize("number", range(len(MARKETS)))
def test_linear_equity_needs_no_cost(number: int) -> None:
    """Equity = what was put in and paid + position * mark: no average price is in it."""
    market, draw = MARKETS[number], draws(3_000 + number)
    if market.it.kind == "inverse":
        return
    histories = [[*history(draw, market), mark(market.prices[1])] for _ in range(500)]
    for events, engine in zip(histories, engine_states(market.it, 0, histories), strict=True):
        worth = engine.lots * market.prices[1] * market.it.unit
        assert engine.equity == paid(market, events) + worth


@given(
    value=st.integers(0, 10**9 * ONE),
    leverages=st.lists(st.integers(1, 200), min_size=1, max_size=4, unique=True),
    bounds=st.lists(st.integers(1, 10**8), min_size=3, max_size=3, unique=True),
)
def test_maintenance_is_the_exact_one_to_a_unit_a_tier(
    value: int, leverages: list[int], bounds: list[int]
) -> None:
    """Rounding each product moves the margin by less than a unit for each tier."""
    steps = zip([0, *sorted(bounds)], sorted(leverages, reverse=True), strict=False)
    it = Instrument(
        kind="linear", tick=Decimal("0.01"), lot=Decimal(1), tiers=tuple(Tier(*s) for s in steps)
    )
    exact = Fraction(0)
    for tier, next_tier in zip(it.tiers, [*it.tiers[1:], None], strict=True):
        upper = value if next_tier is None else min(value, next_tier.from_notional * ONE)
        part = max(0, upper - tier.from_notional * ONE)
        exact += Fraction(part, 2 * tier.max_leverage)
    assert abs(it.maintenance(value) - exact) <= len(it.tiers)


@given(st.integers(-(10**30), 10**30), st.integers(1, 10**12))
def test_nearest_is_what_fractions_round_to(numerator: int, denominator: int) -> None:
    assert nearest(numerator, denominator) == round(Fraction(numerator, denominator))


_PRICE = st.integers(1, 50_000)
_AMOUNT = st.integers(-(10**14), 10**14)
_EVENTS = st.one_of(
    st.tuples(st.just(FILL), st.integers(-999, 999).filter(bool), _PRICE, _AMOUNT),
    st.tuples(st.just(MARK), _PRICE, st.just(0), st.just(0)),
    st.tuples(st.sampled_from((FUNDING, TRANSFER)), _AMOUNT, st.just(0), st.just(0)),
    st.tuples(st.just(DAY), st.integers(-5, 5), st.just(0), st.just(0)),
)


@settings(max_examples=500, deadline=None)
@given(it=st.sampled_from((XRP, BTC)), cash=st.integers(0, 10**14), events=st.lists(_EVENTS))
def test_the_smallest_history_that_differs_would_be_shown(
    it: Instrument, cash: int, events: list[Event]
) -> None:
    if events:
        (engine,) = engine_states(it, cash, [events])
        assert engine[:-1] == state(it, cash, events)[:-1]


@pytest.mark.parametrize(
    ("it", "lots", "ticks", "cash"),
    [
        # 19 M short at 2, 4 M: value 38 M, in the second tier from 40 M on. Equity 4 M + 38 M - V
        # meets V * 5 % - 1 M at V = 40.952 M: 2.1554, not 2.1566.
        (XRP, -19_000_000, 20_000, "4000000"),
        # 30 M long at 2, 25 M: value 60 M; liquidated below 40 M. 25 M + V - 60 M = V * 2.5 % at
        # V = 35.897 M: 1.1966, not 1.1930.
        (XRP, 30_000_000, 20_000, "25000000"),
        # 100 000 short at 0.19, 150 000: 169 000 - V = V / 6 - 7 666.67 at V = 151 428.57:
        # 1.51429, not 1.60952.
        (DOGE, -100_000, 19_000, "150000"),
    ],
)
def test_the_tier_at_the_liquidation_price_counts(
    it: Instrument, lots: int, ticks: int, cash: str
) -> None:
    """Hyperliquid: "depends on the unique margin tier corresponding to the position value at the
    liquidation price" (trading/liquidations).
    """
    events = [(FILL, lots, ticks, 0), mark(ticks)]
    (engine,) = engine_states(it, units(cash), [events])
    pair = (engine, state(it, units(cash), events))
    assert same_liquidation(it, units(cash), events, pair)


def test_a_contract_of_a_dollar_and_ticks_of_half_a_dollar_is_an_instrument() -> None:
    """As BitMEX lists XBTUSD: 1 is a multiple of 0.5."""
    it = Instrument(kind="inverse", tick=Decimal("0.5"), lot=Decimal(1))
    (engine,) = engine_states(it, units("1"), [[buy(60_000, 120_000)]])
    assert engine.cost == units("1")


@pytest.mark.parametrize(
    ("cash", "events"),
    [
        # 1.8 * 2.7 billion, each 10^10 units: 4.9 * 10^38 > 2^127. Currencies such as the won or
        # the rupiah have accounts of billions.
        ("900000000", [transfer("900000000"), transfer("900000000")]),
        # A loss of almost everything, then two deposits of what there was: 1 of 10^6 becomes
        # 1 000 001 of 1 000 001 000 000, and that times 2 000 001 is too much.
        ("1000000", [fund("-999999"), transfer("1000000"), transfer("1000000")]),
    ],
)
def test_a_peak_moved_by_transfers_stays_known(cash: str, events: list[Event]) -> None:
    (engine,) = engine_states(XRP, units(cash), [events])
    assert engine.peak == state(XRP, units(cash), events).peak


@pytest.mark.parametrize("lots", [1, -1])
def test_a_fill_at_no_price_leaves_equity_unknown(lots: int) -> None:
    """ "Unknown is never safe": a price of zero has no value, so nobody knows what was paid."""
    (engine,) = engine_states(XRP, 0, [[(FILL, lots, 0, 0), mark(20_000)]])
    assert engine.equity is None
