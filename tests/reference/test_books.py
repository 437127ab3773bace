"""The engine's books against naive ones, both from the same recordings: every level, both sides."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Imported, Tell
from tests.reference.twin_book import (
    Book,
    Levels,
    binance,
    bybit,
    coinbase_capture,
    coinbase_csv,
    hyperliquid,
    walk,
)

from flyball import Catalogue, Dataset, _core
from flyball.research.data.recognise import Source, recognise

Walk = Callable[[Sequence[Path], Book], Iterator[None]]

# Recording, how it is walked, and every how many events all levels are compared.
RECORDINGS: dict[str, tuple[Walk, int]] = {
    "binance_coinm_btcusd_perp_20240808": (binance, 1_000),
    "binance_spot_btcusdt_20240808": (binance, 1_000),
    "binance_spot_nexousdt_20240723": (binance, 1_000),
    "binance_usdm_btcusdt_20220811": (binance, 1),
    "binance_usdm_btcusdt_20240718": (binance, 1_000),
    "binance_usdm_btcusdt_20240808": (binance, 1_000),
    "bybit_xrpusdt_ob500_20241201": (bybit, 1),
    "hyperliquid_btc_20250126": (hyperliquid, 1),
}
# 27 000 levels. The engine takes 0.3 s to list them, the twin 0.01 s: hence fewer by default.
COINBASE = "coinbase_btcusd_l2_20180424"


def files_of(path: Path) -> list[Path]:
    """A recording's files, in order; snapshots come before updates."""
    files = [path] if path.is_file() else sorted(path.iterdir())
    return sorted(files, key=lambda file: "snapshot" not in file.name)


def same(engine: np.ndarray[Any, np.dtype[np.int64]], twin: Levels) -> bool:
    return np.array_equal(engine, np.array(twin, dtype=np.int64).reshape(-1, 2))


def compare(dataset: Dataset, events: Iterator[None], book: Book, every: int) -> tuple[int, int]:
    """Compare all levels after every so many events and after the last; events, comparisons.

    The engine counts events of its tape. The twin walks the raw recording to the same number: if
    the two disagreed on what is an event, the books would be of different moments, and differ.
    """
    walked = compared = 0

    def visit(
        number: int,
        bids: np.ndarray[Any, np.dtype[np.int64]],
        asks: np.ndarray[Any, np.dtype[np.int64]],
    ) -> None:
        nonlocal walked, compared
        walked += walk(events, number - walked)
        assert walked == number, "the recording ends before the tape"
        twin_bids, twin_asks = book.levels()
        assert same(bids, twin_bids), f"bids differ after event {number}"
        assert same(asks, twin_asks), f"asks differ after event {number}"
        compared += 1

    _core.book_states(dataset.tape, every, visit)
    assert next(events, "end") == "end", "the recording goes on after the tape"
    assert walked == dataset.events
    return walked, compared


def findings(dataset: Dataset) -> dict[str, int]:
    """What the importer found, and how often."""
    report = json.loads(_core.tape_about(dataset.tape))["report"]
    return {finding["kind"]: finding["count"] for finding in report["findings"]}


def check(dataset: Dataset, events: Iterator[None], book: Book, every: int) -> str:
    """Compare, and see to it that nothing was crossed, missing, or found by the importer."""
    count, compared = compare(dataset, events, book, every)
    assert compared == -(-count // every)
    assert (book.crossed, book.gaps) == (0, 0)
    assert not {"sequence_gap", "crossed_book", "book_full"} & set(findings(dataset))
    deepest = max(len(book.bids), len(book.asks))
    return (
        f"{count:,} events, {book.messages:,} of the book, {compared:,} comparisons of all levels "
        f"(up to {deepest:,} a side), 0 crossed, 0 gaps"
    )


@pytest.mark.parametrize("name", RECORDINGS)
def test_every_level_is_the_same(name: str, shared: Path, imported: Imported, tell: Tell) -> None:
    rebuild, every = RECORDINGS[name]
    dataset = imported(f"books/{name}")
    book = Book(dataset.instrument.tick_size, dataset.instrument.lot_size)
    tell(check(dataset, rebuild(files_of(shared / "books" / name), book), book, every))


def test_every_level_of_a_deep_book_is_the_same(
    shared: Path, imported: Imported, tell: Tell
) -> None:
    dataset = imported(f"books/{COINBASE}")
    book = Book(dataset.instrument.tick_size, dataset.instrument.lot_size)
    events = coinbase_csv(files_of(shared / "books" / COINBASE), book)
    tell(check(dataset, events, book, 1_000))


def test_a_capture_of_ten_products_holds_the_book_of_the_first(
    shared: Path, catalogue: Catalogue, tell: Tell
) -> None:
    path = shared / "wire/cryptofeed_raw/COINBASE.ws.28.0.gz"
    source = Source(
        name="capture",
        format="coinbase_capture",
        files=(path,),
        venue="coinbase_spot",
        kind="spot",
    )
    dataset = catalogue.add(source).dataset
    book = Book(dataset.instrument.tick_size, dataset.instrument.lot_size)
    symbol = dataset.instrument.symbol
    events, compared = compare(dataset, coinbase_capture([path], symbol, book), book, 10)
    assert book.crossed == 0
    tell(f"{events:,} events, {book.messages:,} of {symbol}, {compared:,} comparisons, 0 crossed")


@pytest.mark.parametrize("name", ["COINBASE.ws.28.0.gz", "KRAKEN.ws.50.0.gz"])
def test_a_capture_is_recognised(name: str, shared: Path) -> None:
    """It begins with lines such as `wss://ws.kraken.com <- 1618678132.83: {...}`."""
    assert recognise(shared / "wire/cryptofeed_raw" / name)
