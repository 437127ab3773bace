"""Random histories of accounts: instruments of every kind, every way to change a position."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
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
)

from flyball import _core

_FLAT = (Tier(0, 20),)
_XRP = (Tier(0, 20), Tier(40_000_000, 10))
_DOGE = (Tier(0, 10), Tier(20_000, 5), Tier(100_000, 3))
_FOUR = (Tier(0, 125), Tier(50_000, 50), Tier(600_000, 20), Tier(3_000_000, 7))
_COINS = (Tier(0, 100), Tier(5, 40), Tier(25, 15), Tier(100, 6))


@dataclass(frozen=True, kw_only=True)
class Market:
    """An instrument, prices (ticks) and sizes (lots) that occur, and cash (whole units)."""

    it: Instrument
    prices: tuple[int, int]
    sizes: tuple[int, int]
    cash: tuple[int, int]


def _market(
    kind: str, steps: str, tiers: Sequence[Tier], prices: str, sizes: str, cash: str
) -> Market:
    tick, lot, contract = map(Decimal, steps.split())

    def pair(text: str) -> tuple[int, int]:
        low, high = text.split()
        return int(low), int(high)

    it = Instrument(
        kind=kind,  # type: ignore[arg-type]
        tick=tick,
        lot=lot,
        contract=contract,
        tiers=tuple(tiers),
    )
    return Market(it=it, prices=pair(prices), sizes=pair(sizes), cash=pair(cash))


# Tick, lot and contract; tiers; prices; sizes; cash.
MARKETS = (
    _market("linear", "0.0001 1 1", _XRP, "15000 35000", "1 20000", "100 50000"),
    _market("linear", "0.0001 1 1", _XRP, "15000 35000", "1000000 30000000", "500000 9000000"),
    _market("linear", "0.1 0.00001 1", _FOUR, "200000 1200000", "1 300000", "10 20000"),
    _market("linear", "0.1 0.00001 1", _FOUR, "200000 1200000", "100000 9000000", "5000 3000000"),
    _market("linear", "0.00001 0.00001 1", _FLAT, "1 40", "1 25", "0 1"),
    _market("linear", "0.00001 1 1", _DOGE, "5000 50000", "1 300000", "100 40000"),
    _market("linear", "0.05 0.01 0.1", _DOGE, "1000 90000", "1 40000", "10 9000"),
    _market("linear", "0.0025 0.4 5", (Tier(0, 3),), "400 9000", "1 900", "10 9000"),
    _market("linear", "0.5 1 0.001", _FOUR[:2], "10000 200000", "1 60000", "100 90000"),
    _market("spot", "0.01 0.00001 1", (Tier(0, 1),), "100000 9000000", "1 900000", "1000 99999"),
    _market("spot", "0.00000001 0.01 1", (Tier(0, 1),), "1 90000", "1 99999999", "0 9"),
    _market("inverse", "0.1 1 100", _FLAT, "100000 1200000", "1 5000", "0 4"),
    _market("inverse", "0.1 1 100", _COINS, "100000 1200000", "1000 900000", "1 90"),
    _market("inverse", "0.5 1 10", _COINS[:3], "10000 250000", "1 3000000", "0 40"),
    _market("inverse", "0.01 1 10", _COINS[:2], "2000 900000", "1 100000", "1 900"),
    _market("inverse", "0.05 0.1 100", (Tier(0, 7),), "50 90000", "1 5000", "1 900"),
)


def _length(choice: int) -> int:
    """Mostly short, sometimes long: short ones are read by people, long ones find more."""
    if choice % 16 == 0:
        return 21 + choice // 16 % 40
    return 1 + choice // 16 % (20 if choice % 4 == 0 else 12)


def _change(held: int, how: int, size: int, *, can_short: bool) -> int:
    """A fill that opens or adds, closes a part, closes, or turns over."""
    side = 1 if held > 0 else -1
    if held == 0:
        return size if how % 2 or not can_short else -size
    match how % 5:
        case 0 | 1:
            return side * size
        case 2:
            return -side * (size % abs(held) or 1)
        case 3:
            return -held
        case _:
            return -held - side * size if can_short else -held


def history(draw: Callable[[], int], market: Market) -> list[Event]:
    """One random history. `draw` gives whole numbers from 0 to 2^31 - 1."""

    def between(limits: tuple[int, int]) -> int:
        return limits[0] + draw() % (limits[1] - limits[0] + 1)

    events: list[Event] = []
    held = day = 0
    scale = max(1, market.cash[1]) * ONE
    for _ in range(_length(draw())):
        what = draw() % 16
        if what < 7:
            change = _change(
                held, draw(), between(market.sizes), can_short=market.it.kind != "spot"
            )
            held += change
            fee = (draw() % 4 - 1) * (draw() % (scale // 1000))
            events.append((FILL, change, between(market.prices), fee))
        elif what < 12:
            events.append((MARK, between(market.prices), 0, 0))
        elif what == 12:
            events.append((FUNDING, draw() * scale // 2**33 - scale // 8, 0, 0))
        elif what < 15:
            events.append((TRANSFER, draw() * scale // 2**31 - scale // 3, 0, 0))
        else:
            day += draw() % 3 - 1
            events.append((DAY, day, 0, 0))
    return events


def draws(seed: int) -> Callable[[], int]:
    """Whole numbers from 0 to 2^31 - 1, the same ones for the same seed."""
    random = np.random.default_rng(seed)

    def endless() -> Iterator[int]:
        while True:
            yield from random.integers(0, 2**31, size=1 << 14).tolist()

    numbers = endless()
    return lambda: next(numbers)


def engine_states(it: Instrument, cash: int, histories: Sequence[History]) -> list[State]:
    """What the engine makes of these histories, each on an account of its own."""
    events = [event for history in histories for event in history]
    columns = np.array(events, dtype=np.int64).reshape(-1, 4).T
    ends = np.cumsum([len(history) for history in histories], dtype=np.int64)
    kinds = columns[0].astype(np.uint8)
    a, b, c = (np.ascontiguousarray(column) for column in columns[1:])
    told = _core.run_accounts(json.dumps(it.spec()), cash, kinds, a, b, c, ends)
    return [
        State(
            cash=int(cash),
            equity=None if equity is None else int(equity),
            lots=lots,
            cost=int(cost),
            margin=None if margin is None else int(margin),
            peak=int(peak),
            day_start=int(start),
            liquidation=price,
        )
        for cash, equity, lots, cost, margin, peak, start, price in told
    ]
