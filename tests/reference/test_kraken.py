"""Kraken says a checksum with each change of a book: both rebuildings must give all of them."""

import gzip
import json
import zlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.conftest import Tell
from tests.reference.twin_book import Levels, lines, walk, whole

from flyball import Catalogue, Dataset, _core
from flyball.research.data.recognise import Source

CAPTURES = ("KRAKEN.ws.48.0.gz", "KRAKEN.ws.50.0.gz")  # trades, books; captured side by side

LevelArray = np.ndarray[Any, np.dtype[np.int64]]
Side = dict[Decimal, tuple[str, str]]  # price as text and volume as text, by price


class RawBook:
    """A book of one pair that keeps every number as the text that came."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.asks: Side = {}
        self.bids: Side = {}

    def take(self, part: dict[str, Any]) -> None:
        """Take in one part of a message: snapshot or change; levels beyond the depth fall out."""
        for key, side in (("as", self.asks), ("bs", self.bids)):
            if key in part:
                side.clear()
        for key, side in (("as", self.asks), ("a", self.asks), ("bs", self.bids), ("b", self.bids)):
            for price, volume, *_ in part.get(key, ()):
                if Decimal(volume):
                    side[Decimal(price)] = (price, volume)
                else:
                    side.pop(Decimal(price), None)
        for price in sorted(self.asks)[self.depth :]:
            del self.asks[price]
        for price in sorted(self.bids, reverse=True)[self.depth :]:
            del self.bids[price]

    def checksum(self) -> int:
        """CRC-32 over the ten best asks, then bids: digits without point and leading zeros."""
        best = [self.asks[price] for price in sorted(self.asks)[:10]]
        best += [self.bids[price] for price in sorted(self.bids, reverse=True)[:10]]
        digits = (text.replace(".", "").lstrip("0") for level in best for text in level)
        return zlib.crc32("".join(digits).encode())


def messages(path: Path) -> Iterator[tuple[float, list[Any]]]:
    """What Kraken sent, and when it was received: seconds. Lines about the connection are none."""
    for line in lines([path]):
        stamp, _, text = line.partition(": ")
        if stamp.replace(".", "").isdigit() and text.startswith("["):
            yield float(stamp), json.loads(text)


@pytest.fixture(scope="module")
def dataset(shared: Path, catalogue: Catalogue) -> Dataset:
    folder = shared / "wire/cryptofeed_raw"
    return catalogue.add(
        Source(
            name="kraken",
            format="kraken_capture",
            files=tuple(folder / name for name in CAPTURES),
            venue="kraken_spot",
            kind="spot",
        )
    ).dataset


def test_every_checksum_is_right(shared: Path, dataset: Dataset, tell: Tell) -> None:
    books: dict[str, RawBook] = {}
    right = wrong = 0
    for _, (_, *parts, channel, pair) in messages(shared / "wire/cryptofeed_raw" / CAPTURES[1]):
        book = books.setdefault(pair, RawBook(int(channel.removeprefix("book-"))))
        for part in parts:
            book.take(part)
        for part in parts:
            if "c" in part:
                right += book.checksum() == int(part["c"])
                wrong += book.checksum() != int(part["c"])
    assert (wrong, len(books)) == (0, 10)
    report = json.loads(_core.tape_about(dataset.tape))["report"]
    found = {finding["kind"] for finding in report["findings"]}
    assert not {"wrong_checksum", "crossed_book", "sequence_gap", "book_full"} & found
    assert report["counts"]["diffs"] == right, "every change carries a checksum"
    assert report["counts"]["snapshots"] == len(books)
    tell(f"{right:,} checksums of {len(books)} books, 0 wrong; by the engine's import 0 wrong")


def test_every_level_of_the_first_pair_is_the_same(
    shared: Path, dataset: Dataset, tell: Tell
) -> None:
    """All levels after every twentieth event: of the book, a trade, another pair's book."""
    it, book = dataset.instrument, RawBook(1_000)
    folder = shared / "wire/cryptofeed_raw"
    merged = [message for name in CAPTURES for message in messages(folder / name)]
    merged.sort(key=lambda message: message[0])

    def events() -> Iterator[None]:
        for _, (_, *parts, channel, pair) in merged:
            if channel == "trade":
                yield from [None] * len(parts[0])
                continue
            if pair == it.symbol:
                for part in parts:
                    book.take(part)
            yield

    def levels(side: Side) -> Levels:
        texts = ((price, side[price][1]) for price in sorted(side))
        return [
            (whole(price / it.tick_size), whole(Decimal(volume) / it.lot_size))
            for price, volume in texts
        ]

    rest, walked, compared = events(), 0, 0

    def visit(number: int, bids: LevelArray, asks: LevelArray) -> None:
        nonlocal walked, compared
        walked += walk(rest, number - walked)
        compared += 1
        assert [tuple(level) for level in bids.tolist()] == levels(book.bids)[::-1], number
        assert [tuple(level) for level in asks.tolist()] == levels(book.asks), number

    _core.book_states(dataset.tape, 20, visit)
    assert next(rest, "end") == "end"
    assert walked == dataset.events
    tell(f"{walked:,} events, all levels of {it.symbol} compared {compared:,} times")


def test_what_falls_out_of_the_depth_is_forgotten(tmp_path: Path, catalogue: Catalogue) -> None:
    """Kraken tells nothing of levels beyond the depth, so nobody may keep them.

    Of ten asks the last falls out when a better one comes, and goes without a word. When the
    better one goes too, Kraken says what is now the tenth.
    """
    book = RawBook(10)
    snapshot = {
        "as": [[f"{price}.0", "1.000", "1.000000"] for price in range(101, 111)],
        "bs": [[f"{price}.0", "1.000", "1.000000"] for price in range(99, 89, -1)],
    }
    better = {"a": [["100.0", "1.000", "2.000000"]]}
    tenth = {"a": [["100.0", "0.000", "3.000000"], ["111.0", "1.000", "1.500000", "r"]]}
    written: list[str] = []
    for second, part in enumerate((snapshot, better, tenth)):
        book.take(part)
        checksum = {} if second == 0 else {"c": str(book.checksum())}
        message = [1, {**part, **checksum}, "book-10", "XBT/USD"]
        written.append(f"{10**9 + second}.5: {json.dumps(message)}\n")
    path = tmp_path / "capture.gz"
    path.write_bytes(gzip.compress("".join(written).encode()))
    (capture,) = catalogue.import_path(path, name="shallow")
    report = json.loads(_core.tape_about(capture.dataset.tape))["report"]
    assert "wrong_checksum" not in {finding["kind"] for finding in report["findings"]}
