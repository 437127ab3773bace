"""nautilus_trader 2: `python -m peers.nautilus_v2 CASE DATA ...`.

`around|look|quiet|cycle|idle ROWS MOST` on a book, `bars ARRAYS` on bars.
"""

import sys
from decimal import Decimal
from typing import Any

import numpy as np
from nautilus_trader.backtest import (  # type: ignore[import-not-found]
    BacktestEngine,
    BacktestEngineConfig,
)
from nautilus_trader.common import LoggerConfig  # type: ignore[import-not-found]
from nautilus_trader.execution import (  # type: ignore[import-not-found]
    MakerTakerFeeModel,
    StaticLatencyModel,
)
from nautilus_trader.indicators import SimpleMovingAverage  # type: ignore[import-not-found]
from nautilus_trader.model import (  # type: ignore[import-not-found]
    AccountType,
    AggressorSide,
    Bar,
    BarType,
    BookAction,
    BookOrder,
    BookType,
    CryptoPerpetual,
    Currency,
    InstrumentId,
    Money,
    OmsType,
    OrderBookDelta,
    OrderSide,
    Price,
    Quantity,
    Symbol,
    TradeId,
    TradeTick,
    Venue,
)
from nautilus_trader.risk import RiskEngineConfig  # type: ignore[import-not-found]
from nautilus_trader.trading import Strategy, StrategyConfig  # type: ignore[import-not-found]

from peers.rows import BID, LAST, TRADE, read
from peers.worker import serve

STEP_NS = 100_000_000
VENUE = Venue("SIM")
ID = InstrumentId(Symbol("BTCUSDT-PERP"), VENUE)
BARS = BarType.from_str("BTCUSDT-PERP.SIM-1-MINUTE-LAST-EXTERNAL")
USDT = Currency.from_str("USDT")
INSTRUMENT = CryptoPerpetual(
    instrument_id=ID,
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=Currency.from_str("BTC"),
    quote_currency=USDT,
    settlement_currency=USDT,
    is_inverse=False,
    price_precision=1,
    size_precision=3,
    price_increment=Price.from_str("0.1"),
    size_increment=Quantity.from_str("0.001"),
    max_quantity=Quantity.from_str("1000.000"),
    min_quantity=Quantity.from_str("0.001"),
    margin_init=Decimal("0.05"),
    margin_maint=Decimal("0.025"),
    ts_event=0,
    ts_init=0,
)


class Quoter(Strategy):  # type: ignore[misc]
    """What is wanted of the book: `around`, `look`, `quiet`, `cycle` or `idle`."""

    wants = "around"
    held = 0.0
    calls = sent = fills = 0
    next_ns = 0

    def on_start(self) -> None:
        self.size = Quantity.from_str("0.010")
        self.resting: dict[str, Any] = {}
        if self.wants != "quiet":
            self.subscribe_book_deltas(ID, BookType.L2_MBP, managed=True)

    def on_book_deltas(self, deltas: Any) -> None:  # noqa: ANN401
        self.calls += 1
        now = deltas.ts_init
        if self.wants in ("look", "idle") or now < self.next_ns:
            return
        if self.wants == "cycle":
            self.replace("bid", OrderSide.BUY, 59_990.0 - (self.calls % 200) / 10)
            return
        self.next_ns = now + STEP_NS
        book = self.cache.order_book(ID)
        bid, ask = book.best_bid_price(), book.best_ask_price()
        if bid is None or ask is None:
            return
        low, high = round(bid.as_double() * 10), round(ask.as_double() * 10)
        mid = (low + high) // 2
        if self.held < 1.0:
            self.want("bid", OrderSide.BUY, min(mid - 4, low) / 10)
        if self.held > -1.0:
            self.want("ask", OrderSide.SELL, max(mid + 5, high) / 10)

    def want(self, name: str, side: Any, price: float) -> None:  # noqa: ANN401
        before = self.resting.get(name)
        order = self.cache.order(before[0]) if before else None
        if before is None or order is None or order.is_closed or before[1] != price:
            self.replace(name, side, price)

    def replace(self, name: str, side: Any, price: float) -> None:  # noqa: ANN401
        before = self.resting.get(name)
        order = self.cache.order(before[0]) if before else None
        if before is not None and order is not None and order.is_open:
            self.cancel_order(before[0])
        made = self.order_factory.limit(ID, side, self.size, Price(price, 1), post_only=True)
        self.resting[name] = (made.client_order_id, price)
        self.sent += 1
        self.submit_order(made)

    def on_order_filled(self, event: Any) -> None:  # noqa: ANN401
        self.fills += 1
        size = event.last_qty.as_double()
        self.held += size if event.order_side == OrderSide.BUY else -size


class Cross(Strategy):  # type: ignore[misc]
    """One unit long while the fast average is above the slow one."""

    bars = trades = 0
    above: bool | None = None

    def on_start(self) -> None:
        self.size = Quantity.from_str("1.000")
        self.register_indicator_for_bars(BARS, self.fast)
        self.register_indicator_for_bars(BARS, self.slow)
        self.subscribe_bars(BARS)

    def on_bar(self, bar: Any) -> None:  # noqa: ANN401, ARG002
        self.bars += 1
        if not (self.fast.initialized and self.slow.initialized):
            return
        above, before = self.fast.value > self.slow.value, self.above
        self.above = above
        if before is None or above == before:
            return
        long = self.portfolio.is_net_long(ID)
        if above and not long:
            self.submit_order(self.order_factory.market(ID, OrderSide.BUY, self.size))
            self.trades += 1
        elif not above and long:
            self.close_all_positions(ID)


def book_data(path: str, most: int) -> tuple[list[Any], list[Any]]:
    """Level changes and trades as its objects."""
    rows = read(path, most)
    deltas, trades = [], []
    update, delete = BookAction.UPDATE, BookAction.DELETE
    columns = (rows[name].tolist() for name in ("received_ns", "price", "qty", "flags"))
    for at, (now, price, lots, flags) in enumerate(zip(*columns, strict=True)):
        bid, at_price, size = flags & BID, Price(price / 10, 1), Quantity(lots / 1_000, 3)
        if flags & TRADE:
            taker = AggressorSide.BUY if bid else AggressorSide.SELL
            trades.append(TradeTick(ID, at_price, size, taker, TradeId(str(at)), now, now))
            continue
        level = BookOrder(OrderSide.BUY if bid else OrderSide.SELL, at_price, size, 0)
        last = 128 if flags & LAST else 0
        deltas.append(OrderBookDelta(ID, update if lots else delete, level, last, at, now, now))
    return deltas, trades


def bar_data(path: str) -> list[Any]:
    with np.load(path) as arrays:
        names = ("open", "high", "low", "close")
        prices = [arrays[name].tolist() for name in names]
        volume, times = arrays["volume"].tolist(), (arrays["time_ms"] * 1_000_000).tolist()
    return [
        Bar(BARS, *(Price(price, 1) for price in four), Quantity(size, 3), now, now)
        for *four, size, now in zip(*prices, volume, times, strict=True)
    ]


def engine(book: Any = None, *, latency: bool = False) -> Any:  # noqa: ANN401
    """An engine with its risk checks on."""
    rates = "1000000/00:00:01"
    made = BacktestEngine(
        BacktestEngineConfig(
            bypass_logging=True,
            run_analysis=False,
            logging=LoggerConfig(bypass_logging=True),
            risk_engine=RiskEngineConfig(max_order_submit_rate=rates, max_order_modify_rate=rates),
        )
    )
    extra: dict[str, Any] = {} if book is None else {"book_type": book}
    if latency:
        extra["latency_model"] = StaticLatencyModel(base_latency_nanos=5_000_000)
    made.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(10_000_000.0, USDT)],
        fee_model=MakerTakerFeeModel(Decimal("0.0005"), Decimal("0.0005")),
        **extra,
    )
    made.add_instrument(INSTRUMENT)
    return made


def on_book(wants: str, path: str, most: int) -> None:
    deltas, trades = book_data(path, most)

    def run() -> dict[str, Any]:
        import time

        made = engine(BookType.L2_MBP, latency=wants == "around")
        made.add_data(deltas, sort=False)
        if trades:
            made.add_data(trades, sort=False)
        made.sort_data()
        strategy = Quoter(StrategyConfig())
        strategy.wants = wants
        made.add_strategy(strategy)
        cpu, wall = time.process_time(), time.perf_counter()
        made.run()
        told = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        counted = {"orders": strategy.sent, "fills": strategy.fills, "calls": strategy.calls}
        made.dispose()
        return told | counted | {"rows": len(deltas) + len(trades)}

    serve(run, "nautilus_trader")


def on_bars(path: str) -> None:
    bars = bar_data(path)

    def run() -> dict[str, Any]:
        made = engine()
        made.add_data(bars, sort=True, validate=False)
        strategy = Cross(StrategyConfig())
        strategy.fast, strategy.slow = SimpleMovingAverage(50), SimpleMovingAverage(200)
        made.add_strategy(strategy)
        made.run()
        told = {"bars": strategy.bars, "trades": strategy.trades}
        made.dispose()
        return told

    serve(run, "nautilus_trader")


if __name__ == "__main__":
    if sys.argv[1] == "bars":
        on_bars(sys.argv[2])
    else:
        on_book(sys.argv[1], sys.argv[2], int(sys.argv[3]))
