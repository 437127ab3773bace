"""Naive order books, rebuilt from raw recordings with gzip, json, decimal and dictionaries.

Each function walks a recording and stops after every event that a tape of it has: a line may be
no event, one, or several. In between, the book can be looked at.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import groupby, islice
from pathlib import Path
from typing import Any

Levels = list[tuple[int, int]]
Texts = Sequence[Sequence[str]]
Better = Callable[[Iterable[int]], int]


class Book:
    """Both sides of a book: quantities in lots by prices in ticks.

    `live` says whether it can be looked at: not before its snapshot. `time_ns` is when the newest
    event was received, or made where no recorder says when it was received. `messages` counts what
    changed it, `crossed` the messages after which best bid and ask overlapped, `gaps` those that
    did not follow the one before.
    """

    def __init__(self, tick: Decimal, lot: Decimal) -> None:
        self.tick, self.lot = tick, lot
        self.bids: dict[int, int] = {}
        self.asks: dict[int, int] = {}
        self.best_bid: int | None = None
        self.best_ask: int | None = None
        self.live = False
        self.time_ns = 0
        self.messages = self.crossed = self.gaps = 0

    def set(self, bids: Texts, asks: Texts) -> None:
        """Take in levels, price and quantity as text; a quantity of zero removes the level."""
        self.best_bid = self._take(self.bids, bids, self.best_bid, max)
        self.best_ask = self._take(self.asks, asks, self.best_ask, min)
        self.messages += 1
        if self.best_bid is not None and self.best_ask is not None:
            self.crossed += self.best_bid >= self.best_ask

    def _take(
        self, side: dict[int, int], levels: Texts, best: int | None, better: Better
    ) -> int | None:
        """Change one side; its best price after that. It is looked for only when it went away."""
        for price, qty in levels:
            ticks = whole(Decimal(price) / self.tick)
            lots = whole(Decimal(qty) / self.lot)
            if lots:
                side[ticks] = lots
                best = ticks if best is None else better((best, ticks))
            elif side.pop(ticks, None) and ticks == best:
                best = better(side) if side else None
        return best

    def replace(self, bids: Texts, asks: Texts) -> None:
        """Forget everything and take in these levels."""
        self.bids, self.asks = {}, {}
        self.best_bid = self.best_ask = None
        self.live = True
        self.set(bids, asks)

    def levels(self) -> tuple[Levels, Levels]:
        """All levels of both sides, best first; none before the snapshot."""
        if not self.live:
            return [], []
        return sorted(self.bids.items(), reverse=True), sorted(self.asks.items())


def whole(value: Decimal) -> int:
    """A number of steps, which must be a whole one."""
    steps = int(value)
    if steps != value:
        raise ValueError(f"{value} is not a whole number of steps")
    return steps


def received(line: str) -> tuple[int, Any]:
    """When a line was received (ns, or µs, since 1970, before its JSON), in ns; the message."""
    stamp, text = line.split(" ", 1)
    return int(stamp) * (1 if len(stamp) == 19 else 1_000), json.loads(text)


def lines(files: Sequence[Path]) -> Iterator[str]:
    """All lines of these files, one after the other."""
    for path in files:
        with gzip.open(path, "rt", encoding="utf-8") as text:
            yield from text


class Numbered:
    """Numbered changes of a book: buffered until a snapshot comes, then each follows the last.

    A change covers the updates after its predecessor's (`pu`, on spot `U` - 1) up to its own last
    (`u`). After a snapshot those that it holds are dropped; the first one that is not may begin
    inside the snapshot, every later one must follow exactly.
    """

    def __init__(self, book: Book) -> None:
        self.book = book
        self.waiting: list[dict[str, Any]] = []
        self.last, self.first = 0, True

    def snapshot(self, message: dict[str, Any]) -> None:
        self.book.replace(message["bids"], message["asks"])
        self.last, self.first = message["lastUpdateId"], True
        waiting, self.waiting = self.waiting, []
        for change in waiting:
            self.change(change)

    def change(self, message: dict[str, Any]) -> None:
        if not self.book.live:
            self.waiting.append(message)
        elif message["u"] > self.last:
            before = message.get("pu", message["U"] - 1)
            follows = before == self.last or (self.first and before < self.last)
            self.book.gaps += not follows
            self.last, self.first = message["u"], False
            self.book.set(message["b"], message["a"])


def binance(files: Sequence[Path], book: Book) -> Iterator[None]:
    """Spot and futures: changes, a REST snapshot, best prices, trades."""
    feed = Numbered(book)
    for line in lines(files):
        book.time_ns, message = received(line)
        message = message.get("data", message)
        kind = message.get("e")
        if "lastUpdateId" in message:
            feed.snapshot(message)
        elif kind == "depthUpdate":
            feed.change(message)
        elif kind == "trade" and message.get("X", "MARKET") != "MARKET":
            continue  # no trade of the market: insurance fund, deleveraging
        elif kind != "trade" and "B" not in message:
            continue  # not the best prices either: it is about the connection
        yield


def hyperliquid(files: Sequence[Path], book: Book) -> Iterator[None]:
    """Every `l2Book` is the whole book; a message of trades is as many events."""
    for line in lines(files):
        book.time_ns, message = received(line)
        data = message.get("data")
        if message["channel"] == "l2Book":
            bids, asks = ([(at["px"], at["sz"]) for at in side] for side in data["levels"])
            book.replace(bids, asks)
            yield
        elif message["channel"] == "trades":
            yield from [None] * len(data)


def bybit(files: Sequence[Path], book: Book) -> Iterator[None]:
    """A snapshot, then changes that are numbered one by one."""
    last = 0
    for line in lines(files):
        message = json.loads(line)
        data = message["data"]
        if message["type"] == "snapshot":
            book.replace(data["b"], data["a"])
        else:
            book.gaps += data["u"] != last + 1
            book.set(data["b"], data["a"])
        last, book.time_ns = data["u"], message["cts"] * 10**6
        yield


def coinbase_csv(files: Sequence[Path], book: Book) -> Iterator[None]:
    """Rows without a time are the snapshot; rows of one time in a row are one change.

    The snapshot is as old as the first change. Sizes were floats once: `0.11244000000000001` was
    meant to be 0.11244. They have eight decimals.
    """
    rows = (line.strip().split(",") for line in lines(files))
    rows = (row for row in rows if row[0] != "side")
    fresh = False
    for time, group in groupby(rows, key=lambda row: row[3] if len(row) > 3 else None):
        sides: dict[str, list[tuple[str, str]]] = {"buy": [], "sell": []}
        for side, price, size, *_ in group:
            sides[side].append((price, format(round(Decimal(size), 8), "f")))
        if time is None:
            book.replace(sides["buy"], sides["sell"])
            fresh = True
            continue
        book.time_ns = round(datetime.fromisoformat(time).timestamp() * 1_000) * 10**6
        if fresh:
            yield
            fresh = False
        book.set(sides["buy"], sides["sell"])
        yield


def coinbase_capture(files: Sequence[Path], symbol: str, book: Book) -> Iterator[None]:
    """Snapshot, changes and trades of several products; the book is that of one of them."""
    for line in lines(files):
        stamp, _, text = line.partition(": ")
        if not stamp.replace(".", "").isdigit():
            continue  # what the recorder says of itself
        message = json.loads(text)
        kind = message["type"]
        if message.get("product_id") == symbol:
            if kind == "snapshot":
                book.replace(message["bids"], message["asks"])
            elif kind == "l2update":
                sides: dict[str, list[tuple[str, str]]] = {"buy": [], "sell": []}
                for side, price, size in message["changes"]:
                    sides[side].append((price, size))
                book.set(sides["buy"], sides["sell"])
        if kind in ("snapshot", "l2update", "match", "last_match"):
            yield


def walk(events: Iterator[None], count: int) -> int:
    """Go on for so many events; how many there were."""
    return sum(1 for _ in islice(events, count))
