"""nautilus_trader 1: `python -m peers.nautilus_v1 around|look|quiet|cycle|idle ROWS MOST`."""

import sys
import time
from decimal import Decimal
from typing import Any

from nautilus_trader.backtest.config import (  # type: ignore[import-not-found]
    BacktestEngineConfig,
)
from nautilus_trader.backtest.engine import BacktestEngine  # type: ignore[import-not-found]
from nautilus_trader.backtest.models import LatencyModel  # type: ignore[import-not-found]
from nautilus_trader.config import (  # type: ignore[import-not-found]
    LoggingConfig,
    RiskEngineConfig,
    StrategyConfig,
)
from nautilus_trader.model.currencies import BTC, USDT  # type: ignore[import-not-found]
from nautilus_trader.model.data import (  # type: ignore[import-not-found]
    BookOrder,
    OrderBookDelta,
    TradeTick,
)
from nautilus_trader.model.enums import (  # type: ignore[import-not-found]
    AccountType,
    AggressorSide,
    BookAction,
    BookType,
    OmsType,
    OrderSide,
)
from nautilus_trader.model.identifiers import (  # type: ignore[import-not-found]
    InstrumentId,
    Symbol,
    TradeId,
    TraderId,
    Venue,
)
from nautilus_trader.model.instruments import CryptoPerpetual  # type: ignore[import-not-found]
from nautilus_trader.model.objects import (  # type: ignore[import-not-found]
    Money,
    Price,
    Quantity,
)
from nautilus_trader.trading.strategy import Strategy  # type: ignore[import-not-found]

from peers.rows import BID, LAST, TRADE, read
from peers.worker import serve

STEP_NS = 100_000_000
VENUE = Venue("SIM")
ID = InstrumentId(Symbol("BTCUSDT-PERP"), VENUE)
INSTRUMENT = CryptoPerpetual(
    instrument_id=ID,
    raw_symbol=Symbol("BTCUSDT"),
    base_currency=BTC,
    quote_currency=USDT,
    settlement_currency=USDT,
    is_inverse=False,
    price_precision=1,
    size_precision=3,
    price_increment=Price.from_str("0.1"),
    size_increment=Quantity.from_str("0.001"),
    margin_init=Decimal("0.05"),
    margin_maint=Decimal("0.025"),
    maker_fee=Decimal("0.00015"),
    taker_fee=Decimal("0.00045"),
    ts_event=0,
    ts_init=0,
)


class Quoter(Strategy):  # type: ignore[misc]
    """What is wanted of the book: `around`, `look`, `quiet`, `cycle` or `idle`."""

    def __init__(self, wants: str) -> None:
        super().__init__(StrategyConfig())
        self.wants = wants
        self.held = 0.0
        self.calls = self.sent = self.fills = self.next_ns = 0
        self.size = Quantity.from_str("0.010")
        self.resting: dict[str, tuple[Any, float]] = {}

    def on_start(self) -> None:
        if self.wants != "quiet":
            self.subscribe_order_book_deltas(ID, BookType.L2_MBP)

    def on_order_book_deltas(self, deltas: Any) -> None:  # noqa: ANN401
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
        if before is None or before[0].is_closed or before[1] != price:
            self.replace(name, side, price)

    def replace(self, name: str, side: Any, price: float) -> None:  # noqa: ANN401
        before = self.resting.get(name)
        if before is not None and before[0].is_open:
            self.cancel_order(before[0])
        made = self.order_factory.limit(ID, side, self.size, Price(price, 1), post_only=True)
        self.resting[name] = (made, price)
        self.sent += 1
        self.submit_order(made)

    def on_order_filled(self, event: Any) -> None:  # noqa: ANN401
        self.fills += 1
        size = event.last_qty.as_double()
        self.held += size if event.order_side == OrderSide.BUY else -size


def book_data(path: str, most: int) -> tuple[list[Any], list[Any]]:
    """Level changes and trades as its objects."""
    rows = read(path, most)
    deltas, trades = [], []
    columns = (rows[name].tolist() for name in ("received_ns", "price", "qty", "flags"))
    for at, (now, price, lots, flags) in enumerate(zip(*columns, strict=True)):
        bid, at_price, size = flags & BID, Price(price / 10, 1), Quantity(lots / 1_000, 3)
        if flags & TRADE:
            taker = AggressorSide.BUYER if bid else AggressorSide.SELLER
            trades.append(TradeTick(ID, at_price, size, taker, TradeId(str(at)), now, now))
            continue
        action = BookAction.UPDATE if lots else BookAction.DELETE
        level = BookOrder(OrderSide.BUY if bid else OrderSide.SELL, at_price, size, 0)
        last = 128 if flags & LAST else 0
        deltas.append(OrderBookDelta(ID, action, level, last, at, now, now))
    return deltas, trades


def engine(*, latency: bool) -> Any:  # noqa: ANN401
    """An engine with its risk checks on."""
    rates = "1000000/00:00:01"
    made = BacktestEngine(
        config=BacktestEngineConfig(
            trader_id=TraderId("BT-001"),
            logging=LoggingConfig(bypass_logging=True),
            run_analysis=False,
            risk_engine=RiskEngineConfig(max_order_submit_rate=rates, max_order_modify_rate=rates),
        )
    )
    model = LatencyModel(base_latency_nanos=5_000_000) if latency else None
    made.add_venue(
        venue=VENUE,
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        base_currency=None,
        starting_balances=[Money(10_000_000, USDT)],
        book_type=BookType.L2_MBP,
        latency_model=model,
    )
    made.add_instrument(INSTRUMENT)
    return made


def main() -> None:
    wants, path, most = sys.argv[1], sys.argv[2], int(sys.argv[3])
    deltas, trades = book_data(path, most)

    def run() -> dict[str, Any]:
        made = engine(latency=wants == "around")
        made.add_data(deltas, sort=False)
        if trades:
            made.add_data(trades, sort=False)
        made.sort_data()
        strategy = Quoter(wants)
        made.add_strategy(strategy)
        cpu, wall = time.process_time(), time.perf_counter()
        made.run()
        told = {"cpu_s": time.process_time() - cpu, "wall_s": time.perf_counter() - wall}
        counted = {"orders": strategy.sent, "fills": strategy.fills, "calls": strategy.calls}
        made.dispose()
        return told | counted | {"rows": len(deltas) + len(trades)}

    serve(run, "nautilus_trader")


if __name__ == "__main__":
    main()
