"""A naive account, written from the definitions: everything anew from the whole history.

Money is counted in units of 10^-10 of the settlement currency, as whole numbers. Every product of
an amount and a fraction is an amount again: the nearest unit, ties to even. What is not known is
None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal, NamedTuple

ONE = 10**10  # units in one whole unit of the currency
TOP = 1 << 47  # ticks: prices lie above zero and below this

FILL, MARK, FUNDING, TRANSFER, DAY = range(5)

# A kind, and three numbers. Fill: signed lots, ticks, fee in units. Mark: ticks. Funding and
# transfer: units, what cash gains. Day: its number since 1970.
Event = tuple[int, int, int, int]
History = Sequence[Event]


def nearest(numerator: int, denominator: int) -> int:
    """The integer nearest to a quotient, ties to even. The denominator is above zero."""
    below, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and below % 2 == 1):
        return below + 1
    return below


class Tier(NamedTuple):
    """From this notional (whole units of settlement currency) on, this leverage."""

    from_notional: int
    max_leverage: int


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """What is traded. Tick in quote currency, lot and contract as the venue says them."""

    kind: Literal["spot", "linear", "inverse"]
    tick: Decimal
    lot: Decimal
    contract: Decimal = Decimal(1)
    tiers: tuple[Tier, ...] = (Tier(0, 20),)

    @cached_property
    def unit(self) -> int:
        """Units that one lot is worth at one tick; for an inverse one that is tick * value."""
        per_lot = Fraction(self.lot) * Fraction(self.contract)
        tick = Fraction(self.tick)
        exact = (per_lot / tick if self.kind == "inverse" else per_lot * tick) * ONE
        if exact.denominator != 1:
            raise ValueError(f"{self} is finer than money")
        return exact.numerator

    def value(self, ticks: int, lots: int) -> int:
        """What a number of lots is worth at a price: price * quantity, or contracts ÷ price."""
        if self.kind == "inverse":
            return nearest(lots * self.unit, ticks)
        return ticks * lots * self.unit

    def gain(self, lots: int, entry: int, now: int) -> int:
        """What a position gained since its value was `entry`: a coin-margined long sold coins."""
        rises = (lots > 0) != (self.kind == "inverse")
        return now - entry if rises else entry - now

    def maintenance(self, value: int) -> int:
        """Notional * rate - deduction of its tier, the rate being half of 1 / leverage."""
        if self.kind == "spot":
            return 0
        deduction, tier = 0, self.tiers[0]
        for lower in self.tiers[1:]:
            if value < lower.from_notional * ONE:
                break
            bound = lower.from_notional * ONE
            deduction += nearest(bound, 2 * lower.max_leverage)
            deduction -= nearest(bound, 2 * tier.max_leverage)
            tier = lower
        return nearest(value, 2 * tier.max_leverage) - deduction

    def tier_of(self, value: int) -> int:
        """The number of the tier that a value lies in."""
        return sum(value >= tier.from_notional * ONE for tier in self.tiers) - 1

    def spec(self) -> dict[str, Any]:
        """The same instrument in the engine's words."""

        def decimal(value: Decimal) -> dict[str, int]:
            exponent = -int(value.as_tuple().exponent)
            return {"units": int(value.scaleb(exponent)), "decimals": exponent}

        return {
            "symbol": "TWIN",
            "kind": self.kind,
            "tick_size": decimal(self.tick),
            "lot_size": decimal(self.lot),
            "contract_size": decimal(self.contract),
            "price_rule": "any_tick",
            "sequence_rule": "unnumbered",
            "checksum_rule": "absent",
            "min_notional": decimal(Decimal(0)),
            "fees": {"maker": 0, "taker": 0},
            "margin_tiers": [tier._asdict() for tier in self.tiers],
            "book_depth": 16,
        }


class Account(NamedTuple):
    """An account at one moment. Cash and cost in units; cost is what the position was worth."""

    cash: int
    lots: int
    cost: int
    mark: int | None


def account(it: Instrument, cash: int, history: History) -> Account:
    """Cash and position after a history. What is closed takes its part of the cost with it."""
    lots = cost = 0
    mark: int | None = None
    for kind, a, b, c in history:
        if kind == FILL:
            closing = min(abs(a), abs(lots)) if a * lots < 0 else 0
            if closing:
                part = nearest(cost * closing, abs(lots))
                cash += it.gain(lots, part, it.value(b, closing))
                cost -= part
            cost += it.value(b, abs(a) - closing)
            lots += a
            cash -= c
        elif kind == MARK:
            mark = a
        elif kind != DAY:
            cash += a
    return Account(cash, lots, cost, mark)


def equity(it: Instrument, now: Account) -> int | None:
    """Cash + unrealised profit at the mark."""
    if now.lots == 0:
        return now.cash
    if now.mark is None:
        return None
    return now.cash + it.gain(now.lots, now.cost, it.value(now.mark, abs(now.lots)))


def margin(it: Instrument, now: Account) -> int | None:
    """The margin that the position must keep."""
    if now.lots == 0:
        return 0
    if now.mark is None:
        return None
    return it.maintenance(it.value(now.mark, abs(now.lots)))


def equities(it: Instrument, cash: int, history: History) -> list[int | None]:
    """Equity before the first event, after the first, after the second, and so on."""
    return [equity(it, account(it, cash, history[:end])) for end in range(len(history) + 1)]


def carried(level: int, since: int, history: History, worth: list[int | None]) -> int:
    """What became of an equity seen after `since` events: transfers move it in proportion.

    Proportion means: as equity itself. Where equity is unknown, or not above zero on both sides
    of the transfer, there is no proportion, and the level moves by the amount.
    """
    for at in range(since, len(history)):
        kind, amount = history[at][:2]
        if kind != TRANSFER:
            continue
        before, after = worth[at], worth[at + 1]
        if before is not None and after is not None and before > 0 and after > 0:
            level = nearest(level * after, before)
        else:
            level += amount
    return level


def peak(history: History, worth: list[int | None]) -> int:
    """The highest that equity ever was, each time carried through the transfers since."""
    known = [(level, at) for at, level in enumerate(worth) if level is not None]
    return max(carried(level, at, history, worth) for level, at in known)


def day_start(cash: int, history: History, worth: list[int | None]) -> int:
    """Equity when the newest day began, carried; cash at the start before the first day.

    A day begins once; while equity is unknown it cannot begin.
    """
    start, began, today = cash, 0, None
    for at, (kind, day, _, _) in enumerate(history):
        level = worth[at]
        if kind == DAY and level is not None and (today is None or day > today):
            start, began, today = level, at, day
    return carried(start, began, history, worth)


def safety(it: Instrument, now: Account, ticks: int) -> int:
    """Equity less maintenance margin, in units, if the mark were this."""
    value = it.value(ticks, abs(now.lots))
    return now.cash + it.gain(now.lots, now.cost, value) - it.maintenance(value)


def liquidation(it: Instrument, now: Account) -> int | None:
    """The worst mark, in ticks, at which equity is still above maintenance; None if there is none.

    Found by halving: a long's safety only rises with the price and a short's only falls, because
    maintenance takes at most half of what a position's value gains.
    """
    if it.kind == "spot" or now.lots == 0 or now.mark is None:
        return None
    worse, better = (1, TOP - 1) if now.lots > 0 else (TOP - 1, 1)
    if safety(it, now, worse) > 0 or safety(it, now, better) <= 0:
        return None
    while abs(better - worse) > 1:
        middle = (worse + better) // 2
        if safety(it, now, middle) > 0:
            better = middle
        else:
            worse = middle
    return better


class State(NamedTuple):
    """Everything that is compared, in the engine's order."""

    cash: int
    equity: int | None
    lots: int
    cost: int
    margin: int | None
    peak: int
    day_start: int
    liquidation: int | None


def state(it: Instrument, cash: int, history: History) -> State:
    """All numbers of an account after its history."""
    now = account(it, cash, history)
    worth = equities(it, cash, history)
    return State(
        cash=now.cash,
        equity=worth[-1],
        lots=now.lots,
        cost=now.cost,
        margin=margin(it, now),
        peak=peak(history, worth),
        day_start=day_start(cash, history, worth),
        liquidation=liquidation(it, now),
    )
