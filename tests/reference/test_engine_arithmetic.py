"""A whole backtest, recomputed from its fills and marks with decimals: equity, fees, drawdown."""

import csv
import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.conftest import Tell
from tests.reference.twin_portfolio import FILL, account
from tests.reference.twin_portfolio import Instrument as Twin

import flyball as fb
from flyball import Catalogue, _core
from flyball.config.profile import profile as find_profile
from flyball.config.venues import venue as find_venue
from flyball.domain import duration_ns
from flyball.research.data.recognise import recognise
from flyball.trading.runtime import plan
from flyball.trading.runtime.columns import collected

CASH = Decimal(10_000)
EXACT = Context(prec=60)
UNIT = Decimal("1e-10")  # money is kept to this


def money(amount: Decimal) -> Decimal:
    """An amount to the nearest unit, ties to even."""
    return amount.quantize(UNIT, ROUND_HALF_EVEN, EXACT)


class Cycle:
    """Goes from target to target, in lots: opens, adds, reduces, closes, turns over."""

    def __init__(self, bars: str, targets: Sequence[int]) -> None:
        self.bars, self.targets, self.seen = bars, targets, 0

    def decide(self, _: fb.View) -> fb.Target | None:
        self.seen += 1
        turn, rest = divmod(self.seen, 7)
        return None if rest else fb.Target(self.targets[turn % len(self.targets)])


@dataclass(frozen=True, kw_only=True)
class Case:
    """A backtest: what trades on what data, under which protection."""

    data: str
    profile: str
    targets: tuple[int, ...] = ()
    size: int = 0  # of quotes, in lots

    def strategy(self) -> fb.Strategy:
        if self.size:
            return fb.Maker(size=self.size)
        return Cycle("1h" if "_5m" in self.data else "5m", self.targets)


LONG_SHORT = (30_000, 10_000, -20_000, -5_000, 0, 25_000)
LONG_ONLY = (30_000, 10_000, 0, 25_000)
XRP_HYPERLIQUID = "bars/hyperliquid_perp/XRP_5m.csv.gz"
XRP_USDM = "bars/binance_usdm_5m_2025_oct10/XRPUSDT_5m.csv.gz"
FUNDING_FILE = "bars/binance_usdm_5m_2025_oct10/XRPUSDT_funding.csv.gz"
XRP_SPOT = "bars/binance_spot_5m_2024_aug05/XRPUSDT_spot_5m.csv.gz"
CASES = {
    "linear bars": Case(
        data=XRP_HYPERLIQUID, profile="unprotected", targets=(3000, 1000, -2000, -500, 0, 2500)
    ),
    "linear bars, protected": Case(data=XRP_HYPERLIQUID, profile="emergency", targets=(900, -700)),
    "linear bars with funding": Case(data=XRP_USDM, profile="unprotected", targets=LONG_SHORT),
    "linear bars with funding, protected": Case(
        data=XRP_USDM, profile="emergency", targets=LONG_SHORT
    ),
    "spot bars": Case(data=XRP_SPOT, profile="unprotected", targets=LONG_ONLY),
    "spot bars, protected": Case(data=XRP_SPOT, profile="emergency", targets=LONG_ONLY),
    "a linear book": Case(
        data="books/binance_usdm_btcusdt_20240718", profile="unprotected", size=100
    ),
    "a spot book": Case(
        data="books/binance_spot_nexousdt_20240723", profile="unprotected", size=100_000
    ),
    "an inverse book": Case(
        data="books/binance_coinm_btcusd_perp_20240808", profile="unprotected", size=10
    ),
}


class Fill(NamedTuple):
    """One of our trades: when, signed lots, ticks, its fee as it was told, whether it rested."""

    time_ns: int
    lots: int
    ticks: int
    fee: float
    maker: bool


class Payment(NamedTuple):
    """Funding: when it reached us, what cash gained."""

    time_ns: int
    amount: Decimal


class Standing(NamedTuple):
    """An account after some fills. Cost is what was paid for what is held, where that counts."""

    cash: Decimal
    lots: int
    cost: Decimal


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """What a run left behind, and what follows from its fills and marks alone."""

    data: fb.Dataset
    outcome: dict[str, Any]
    fills: list[Fill]
    payments: list[Payment]

    @property
    def inverse(self) -> bool:
        return self.data.instrument.kind == "inverse"

    def value(self, ticks: int, lots: int) -> Decimal:
        """What lots are worth at a price: contracts of quote currency buy less of a dear coin."""
        it = self.data.instrument
        size = lots * it.lot_size * it.contract_size
        price = ticks * it.tick_size
        return money(EXACT.divide(size, price)) if self.inverse else size * price

    def fee(self, fill: Fill) -> Decimal:
        it = self.data.instrument
        rate = it.maker_fee if fill.maker else it.taker_fee
        return money(self.value(fill.ticks, abs(fill.lots)) * rate)

    def standings(self) -> Iterator[Standing]:
        """After no fill, after the first, after the second, and so on.

        Linear and spot: money for things, no average price. Inverse: the naive account, because
        what a part of a position cost is rounded.
        """
        if self.inverse:
            yield from self._inverse_standings()
            return
        cash, lots = CASH, 0
        yield Standing(cash, lots, Decimal(0))
        for fill in self.fills:
            cash -= self.value(fill.ticks, fill.lots) + self.fee(fill)
            lots += fill.lots
            yield Standing(cash, lots, Decimal(0))

    def _inverse_standings(self) -> Iterator[Standing]:
        it = self.data.instrument
        twin = Twin(kind="inverse", tick=it.tick_size, lot=it.lot_size, contract=it.contract_size)
        events = [(FILL, fill.lots, fill.ticks, int(self.fee(fill) / UNIT)) for fill in self.fills]
        for count in range(len(events) + 1):
            now = account(twin, int(CASH / UNIT), events[:count])
            yield Standing(now.cash * UNIT, now.lots, now.cost * UNIT)

    def equity(self, now: Standing, received: Decimal, mark: int) -> Decimal:
        """Cash, funding, and what is held at the mark. An inverse long owes what it cost less."""
        value = self.value(mark, now.lots) if now.lots else Decimal(0)
        if self.inverse:
            return now.cash + received + (now.cost if now.lots > 0 else -now.cost) - value
        return now.cash + received + value


def run(case: Case, data: fb.Dataset) -> dict[str, Any]:
    """A backtest as `flyball.backtest` runs it, but with a sample at every moment."""
    strategy = case.strategy()
    engine = plan.engine_config(
        strategy,
        market=plan.recorded_market(data),
        profile=find_profile(case.profile),
        cash=CASH,
        sizing=None,
    )
    backtest = _core.Run(
        engine=json.dumps(engine),
        sim=json.dumps(plan.sim_config(fb.Sim(), data)),
        tape=data.tape,
        strategies=[plan.bound_strategy(strategy, sized=False)],
        sample_ns=1,
    )
    while backtest.step(1_000_000):
        pass
    return collected(backtest.finish())


def fills_of(outcome: dict[str, Any]) -> list[Fill]:
    columns = outcome["fills"]
    assert not columns["liquidation"].any(), "a liquidation has other fees"
    signed = columns["side"].astype(int) * columns["qty"].astype(int)
    rows = zip(
        columns["time_ns"].tolist(),
        signed.tolist(),
        columns["price"].tolist(),
        columns["fee"].tolist(),
        columns["maker"].tolist(),
        strict=True,
    )
    return [Fill(*row) for row in rows]


def funding_payments(path: Path, outcome: dict[str, Any], data: fb.Dataset) -> list[Payment]:
    """Longs pay the rate on what they hold at the mark of that moment; told a latency later."""
    it, samples = data.instrument, outcome["samples"]
    late_ns = duration_ns(find_venue(it.venue).report_latency)
    times = samples["time_ns"]
    paid: list[Payment] = []
    with gzip.open(path, "rt", encoding="utf-8", newline="") as text:
        for row in csv.DictReader(text):
            time_ns = int(row["time_ms"]) * 10**6
            at = int(times.searchsorted(time_ns))
            if at == len(times) or times[at] != time_ns or not samples["position"][at]:
                continue
            held, mark = int(samples["position"][at]), int(samples["mark"][at])
            worth = held * it.lot_size * it.contract_size * mark * it.tick_size
            paid.append(Payment(time_ns + late_ns, -money(worth * Decimal(row["funding_rate"]))))
    return paid


@pytest.fixture(scope="module", params=CASES)
def ledger(request: pytest.FixtureRequest, shared: Path, catalogue: Catalogue) -> Ledger:
    case = CASES[request.param]
    path = shared / case.data
    (source,) = recognise(path)
    with_funding = case.data == XRP_USDM
    data = catalogue.add(
        replace(
            source,
            name=f"arithmetic/{path.parent.name}/{source.name}",
            funding=shared / FUNDING_FILE if with_funding else None,
        )
    ).dataset
    outcome = run(case, data)
    paid = funding_payments(shared / FUNDING_FILE, outcome, data) if with_funding else []
    return Ledger(data=data, outcome=outcome, fills=fills_of(outcome), payments=paid)


def test_equity_is_what_fills_and_marks_make_it(ledger: Ledger, tell: Tell) -> None:
    """To the last unit, and so are the fees, each and all, and the funding."""
    outcome, fills = ledger.outcome, ledger.fills
    assert [fill.fee for fill in fills] == [float(ledger.fee(fill)) for fill in fills]
    assert Decimal(outcome["fees"]) == sum(map(ledger.fee, fills), Decimal(0))
    received = sum((payment.amount for payment in ledger.payments), Decimal(0))
    assert outcome["funding"] == float(received)
    *_, last = ledger.standings()
    mark = int(outcome["samples"]["mark"][-1])
    assert Decimal(outcome["equity"]) == ledger.equity(last, received, mark)
    assert outcome["position"] == last.lots
    tell(
        f"equity {outcome['equity']}: {len(fills):,} fills, their fees, "
        f"{len(ledger.payments):,} payments of funding, exactly"
    )


@pytest.mark.parametrize("name", ["linear bars, protected", "a spot book"])
def test_samples_change_nothing(name: str, shared: Path, catalogue: Catalogue) -> None:
    """`flyball.backtest` samples now and then: the same run, to the hash of its state."""
    case = CASES[name]
    (source,) = recognise(shared / case.data)
    data = catalogue.add(replace(source, name=f"samples/{source.name}")).dataset
    outcome = run(case, data)
    result = fb.backtest(case.strategy(), data=data, profile=case.profile, cash=CASH)
    assert (result.equity, result.fees) == tuple(
        Decimal(outcome[key]) for key in ("equity", "fees")
    )
    for key in ("max_drawdown", "state_hash", "events", "decisions", "flat"):
        assert getattr(result, key) == outcome[key]


def round_trips(ledger: Ledger) -> list[Decimal]:
    """What each position brought from its opening to its closing, fees and funding included.

    A fill that turns a position over closes it at the fill's price, and its whole fee is of the
    position that it closes.
    """
    trips: list[Decimal] = []
    held, brought = 0, Decimal(0)
    sign = -1 if ledger.inverse else 1
    happened: list[Payment | Fill] = [*ledger.payments, *ledger.fills]
    happened.sort(key=lambda it: it.time_ns)
    for it in happened:
        if isinstance(it, Payment):
            brought += it.amount
            continue
        after = held + it.lots
        closes = held * it.lots < 0 and held * after <= 0
        now = -held if closes else it.lots
        brought -= sign * ledger.value(it.ticks, now) + ledger.fee(it)
        if closes:
            trips.append(brought)
            brought = -sign * ledger.value(it.ticks, after) if after else Decimal(0)
        held = after
    return trips


def test_round_trips_bring_what_was_paid_and_received(ledger: Ledger, tell: Tell) -> None:
    """Exactly; to two units a fill for an inverse instrument, whose parts are rounded."""
    told = [
        Decimal(notice["TradeClosed"]["net"]) * UNIT
        for _, notice in json.loads(ledger.outcome["notices"])
        if "TradeClosed" in notice
    ]
    trips = round_trips(ledger)
    allowed = 2 * len(ledger.fills) * UNIT if ledger.inverse else Decimal(0)
    assert len(told) == len(trips)
    assert all(abs(a - b) <= allowed for a, b in zip(told, trips, strict=True))
    if ledger.outcome["position"] == 0:
        assert sum(told, Decimal(0)) == Decimal(ledger.outcome["equity"]) - CASH
    tell(f"{len(trips):,} round trips")


def naive_equities(ledger: Ledger) -> Iterator[tuple[float, Decimal]]:
    """Equity at each sample: as the engine sampled it, and from fills, funding and mark."""
    samples, fills, paid = ledger.outcome["samples"], ledger.fills, list(ledger.payments)
    columns = (samples[name].tolist() for name in ("time_ns", "position", "mark", "equity"))
    standings = list(ledger.standings())
    count, received = 0, Decimal(0)
    for time_ns, position, mark, equity in zip(*columns, strict=True):
        # Of what comes at one moment, some comes after this sample: the position tells which.
        while count < len(fills) and (
            fills[count].time_ns < time_ns
            or (fills[count].time_ns == time_ns and standings[count].lots != position)
        ):
            count += 1
        while paid and paid[0].time_ns <= time_ns:
            received += paid.pop(0).amount
        assert standings[count].lots == position, f"position at {time_ns}"
        yield equity, ledger.equity(standings[count], received, mark)


def test_every_sample_and_the_drawdown(ledger: Ledger, tell: Tell) -> None:
    """Each sampled equity is exact as a float; the drawdown follows from them.

    A sample is taken once for each moment, after its first event, and after each fill. The engine
    looks after every event: where two prices share one moment (a bar's open and the close before
    it) the engine may have seen a deeper drawdown than the samples tell, never a shallower one.
    Recorded books have a moment for each event: there both are the same to 1e-12.
    """
    peak, deepest, count = CASH, Decimal(0), 0
    for sampled, naive in naive_equities(ledger):
        assert sampled == float(naive)
        peak = max(peak, naive)
        deepest = max(deepest, 1 - naive / peak)
        count += 1
    told = Decimal(str(ledger.outcome["max_drawdown"]))
    missed = told - deepest
    assert missed >= Decimal("-1e-12")
    assert missed <= (Decimal("1e-12") if ledger.data.contents == "book" else Decimal("1e-3"))
    tell(f"{count:,} samples, drawdown {told:.12f}, from the samples {missed:.1e} less")


def test_an_account_of_billions_has_a_drawdown(shared: Path, catalogue: Catalogue) -> None:
    """1.4 billion whole units are little in a currency such as the won or the rupiah."""
    (source,) = recognise(shared / XRP_HYPERLIQUID)
    data = catalogue.add(replace(source, name="billions")).dataset
    strategy = Cycle("5m", LONG_SHORT)
    result = fb.backtest(strategy, data=data, profile="unprotected", cash=1_400_000_000)
    lost = 1 - result.samples["equity"] / result.samples["peak"]
    assert result.max_drawdown >= lost.max() > 0
