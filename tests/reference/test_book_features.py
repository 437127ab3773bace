"""Features of books and trades end to end: what a strategy sees, against naive books and trades."""

import math
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from tests.conftest import Imported, Tell
from tests.reference import twin_features as naive
from tests.reference.recorder import Recorder, Row, alias_of, assert_same, run
from tests.reference.test_books import Walk, files_of
from tests.reference.twin_book import (
    Book,
    Numbered,
    bybit,
    coinbase_csv,
    hyperliquid,
    lines,
    received,
    whole,
)
from tests.reference.twin_features import Bar, Best

import flyball as fb

FIRST = 1_500  # wakes that are compared
DEEP = 400  # the same where each looks at all levels, and at all mids before


def best_of(book: Book) -> Best | None:
    """The best levels of a naive book."""
    if not book.live or book.best_bid is None or book.best_ask is None:
        return None
    bid, ask = book.best_bid, book.best_ask
    return Best(bid, book.bids[bid], ask, book.asks[ask])


def view_of(best: Best) -> Row:
    """What the view itself says of the best prices."""
    return {
        "bid": float(best.bid),
        "ask": float(best.ask),
        "bid_qty": float(best.bid_lots),
        "ask_qty": float(best.ask_lots),
        "mid": (best.bid + best.ask) / 2,
        "spread": float(best.ask - best.bid),
        "microprice": naive.microprice(best),
        "its_microprice": naive.microprice(best),
        "its_mid": (best.bid + best.ask) / 2,
        "its_spread": float(best.ask - best.bid),
    }


def book_recorder(window: int) -> Recorder:
    strategy = Recorder(wake=fb.Wake(book=True))
    strategy.kept += ["bid", "ask", "bid_qty", "ask_qty", "mid", "spread", "microprice"]
    for name in ("microprice", "mid", "spread"):
        strategy.watch(name)
    strategy.watch("imbalance", levels=1)
    strategy.watch("imbalance", levels=5)
    strategy.watch("order_flow_imbalance", window=window)
    strategy.limit = FIRST
    return strategy


def naive_rows(
    book: Book, seen: Sequence[Best], window: int, times: Sequence[int]
) -> dict[str, object]:
    """What is known of the newest best prices and of the five best levels of the book."""
    bids, asks = book.levels()
    newest = seen[-1]
    return {
        "time_ns": times[-1],
        **view_of(newest),
        "its_imbalance_1": naive.imbalance([newest.bid_lots], [newest.ask_lots]),
        "its_imbalance_5": naive.imbalance(
            [lots for _, lots in bids[:5]], [lots for _, lots in asks[:5]]
        )
        if bids and asks
        else math.nan,
        alias_of("order_flow_imbalance", {"window": window}): naive.order_flow_imbalance(
            seen, window
        ),
    }


def complete(row: Row) -> bool:
    """Whether everything is known: a strategy is woken only then."""
    return not any(isinstance(value, float) and math.isnan(value) for value in row.values())


@pytest.mark.parametrize(
    ("name", "walk", "seconds"),
    [
        ("bybit_xrpusdt_ob500_20241201", bybit, 1.28),
        ("hyperliquid_btc_20250126", hyperliquid, 3.2),
        ("coinbase_btcusd_l2_20180424", coinbase_csv, 6.4),
    ],
)
def test_a_strategy_sees_the_naive_book(
    name: str, walk: Walk, seconds: float, shared: Path, imported: Imported, tell: Tell
) -> None:
    data, window = imported(f"books/{name}"), 20
    strategy = book_recorder(window)
    strategy.depth, strategy.limit = 3, DEEP
    strategy.kept += ["bids", "asks"]
    timed = {
        strategy.watch("ema_mid", halflife_s=seconds): naive.ema_mid,
        strategy.watch("volatility_mid", halflife_s=seconds): naive.volatility_mid,
        strategy.watch("return_mid", horizon_s=seconds): naive.return_mid,
    }
    rows = run(strategy, data)

    book = Book(data.instrument.tick_size, data.instrument.lot_size)
    seen: list[Best] = []
    times: list[int] = []
    expected: list[Row] = []
    for _ in walk(files_of(shared / "books" / name), book):
        best = best_of(book)
        if len(expected) == DEEP:
            break
        if best is None or book.messages == len(seen):
            continue  # a trade
        seen.append(best)
        times.append(book.time_ns + data.clock_offset_ns)
        mids = [(time, (at.bid + at.ask) / 2) for time, at in zip(times, seen, strict=True)]
        row = naive_rows(book, seen, window, times)
        row |= {alias: value(mids, times[-1], seconds) for alias, value in timed.items()}
        bids, asks = book.levels()
        row |= {"bids": tuple(bids[:3]), "asks": tuple(asks[:3])}
        if complete(row):
            expected.append(row)
    assert expected
    tell(f"{len(expected):,} wakes, {assert_same(rows, expected):,} numbers")


def newest_best(files: Sequence[Path], book: Book) -> Iterator[Best | None]:
    """After each message that tells something new: the best prices, from the newest source.

    Binance sends best prices ahead of the book's own messages. Both are numbered alike: what has
    the higher number is newer. Messages older than what is known tell nothing.
    """
    feed = Numbered(book)
    ahead: Best | None = None
    number = 0
    for line in lines(files):
        book.time_ns, message = received(line)
        message = message.get("data", message)
        messages = book.messages
        if "lastUpdateId" in message:
            feed.snapshot(message)
        elif message.get("e") == "depthUpdate":
            feed.change(message)
        elif "B" in message and message["u"] >= max(number, feed.last):
            prices = (whole(Decimal(message[key]) / book.tick) for key in "ba")
            lots = (whole(Decimal(message[key]) / book.lot) for key in "BA")
            (bid, ask), (bid_lots, ask_lots) = prices, lots
            ahead, number = Best(bid, bid_lots, ask, ask_lots), message["u"]
            yield ahead
        if book.messages > messages:
            if number <= feed.last:
                ahead = None
            yield ahead or best_of(book)


@pytest.mark.parametrize(
    "name",
    [
        "binance_usdm_btcusdt_20240718",
        "binance_coinm_btcusd_perp_20240808",
        "binance_spot_btcusdt_20240808",
        "binance_spot_nexousdt_20240723",
    ],
)
def test_a_strategy_sees_the_newest_best_prices(
    name: str, shared: Path, imported: Imported, tell: Tell
) -> None:
    data, window = imported(f"books/{name}"), 50
    rows = run(book_recorder(window), data)

    book = Book(data.instrument.tick_size, data.instrument.lot_size)
    seen: list[Best] = []
    times: list[int] = []
    expected: list[Row] = []
    for best in newest_best(files_of(shared / "books" / name), book):
        if len(expected) == FIRST:
            break
        if best is None:
            continue
        seen.append(best)
        times.append(book.time_ns + data.clock_offset_ns)
        row = naive_rows(book, seen, window, times)
        if complete(row):
            expected.append(row)
    tell(f"{len(expected):,} wakes, {assert_same(rows, expected):,} numbers")


class Traded(NamedTuple):
    """A trade: when it was received (ns), who took (1 a buyer), ticks, lots."""

    time_ns: int
    side: int
    ticks: int
    lots: int


NEXO = "binance_spot_nexousdt_20240723"


def trades(shared: Path, data: fb.Dataset) -> list[Traded]:
    it = data.instrument
    found: list[Traded] = []
    for line in lines(files_of(shared / "books" / NEXO)):
        time_ns, message = received(line)
        message = message.get("data", message)
        if message.get("e") == "trade":
            found.append(
                Traded(
                    time_ns + data.clock_offset_ns,
                    -1 if message["m"] else 1,
                    whole(Decimal(message["p"]) / it.tick_size),
                    whole(Decimal(message["q"]) / it.lot_size),
                )
            )
    return found


def test_trade_imbalance(shared: Path, imported: Imported, tell: Tell) -> None:
    data, window = imported(f"books/{NEXO}"), 30
    strategy = Recorder(wake=fb.Wake(trade=True))
    alias = strategy.watch("trade_imbalance", window=window)
    rows = run(strategy, data)
    seen = trades(shared, data)
    expected: list[Row] = []
    for end in range(window, len(seen) + 1):
        last = seen[end - window : end]
        bought = sum(trade.side * trade.lots for trade in last)
        value = bought / sum(trade.lots for trade in last)
        expected.append({"time_ns": last[-1].time_ns, alias: value})
    tell(f"{len(expected):,} trades, {assert_same(rows, expected):,} numbers")


def bar_of(part: Sequence[Traded], end_ns: int) -> Bar:
    prices = [trade.ticks for trade in part]
    lots = sum(trade.lots for trade in part)
    return Bar(end_ns, prices[0], max(prices), min(prices), prices[-1], lots)


def bars_until(
    seen: Sequence[Traded], size: int, weight: Callable[[Traded], Decimal | int]
) -> list[Bar]:
    """A bar ends with the trade that brings its count, lots or value to the size."""
    bars: list[Bar] = []
    part: list[Traded] = []
    for trade in seen:
        part.append(trade)
        if sum(map(weight, part)) >= size:
            bars.append(bar_of(part, trade.time_ns))
            part = []
    return bars


def bars_of_time(seen: Sequence[Traded], length_ns: int) -> list[Bar]:
    """A bar holds the trades received in its time; without one the price stays."""
    ends: dict[int, list[Traded]] = {}
    for trade in seen:
        ends.setdefault(trade.time_ns // length_ns * length_ns + length_ns, []).append(trade)
    bars = [bar_of(part, end) for end, part in ends.items()]
    return naive.without_holes(bars, length_ns)


@pytest.mark.parametrize(
    ("kind", "size"), [("time", "1m"), ("tick", 25), ("volume", 100_000), ("dollar", 2_000)]
)
def test_bars_of_trades(
    kind: Literal["time", "tick", "volume", "dollar"],
    size: int | str,
    shared: Path,
    imported: Imported,
    tell: Tell,
) -> None:
    data = imported(f"books/{NEXO}")
    seen = trades(shared, data)
    unit = data.instrument.tick_size * data.instrument.lot_size
    weights: dict[str, Callable[[Traded], Decimal | int]] = {
        "tick": lambda _: 1,
        "volume": lambda trade: trade.lots,
        "dollar": lambda trade: trade.ticks * trade.lots * unit,
    }
    strategy = Recorder(bars=fb.Bars(kind, size))
    strategy.kept += ["open", "high", "low", "close", "volume"]
    rows = run(strategy, data)
    if isinstance(size, str):
        bars = bars_of_time(seen, 60 * 10**9)[: len(rows)]
        assert len(bars) >= data_minutes(data), "but for the one that the recording ends in"
    else:
        bars = bars_until(seen, size, weights[kind])
    wanted: list[Row] = [
        {"time_ns": end, **dict(zip(strategy.kept[1:], map(float, bar), strict=True))}
        for end, *bar in bars
    ]
    tell(f"{len(rows):,} bars of {len(seen):,} trades, {assert_same(rows, wanted):,} numbers")


def data_minutes(data: fb.Dataset) -> int:
    """Whole minutes that a recording lasts."""
    return (data.last_ns - data.first_ns) // (60 * 10**9)
