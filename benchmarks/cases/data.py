"""What is worked on: made from one seed or taken from recordings, and kept between runs."""

import hashlib
import json
import shutil
import subprocess
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import flyball as fb
from flyball.config.venues import venue
from flyball.domain import Instrument
from flyball.research.data import Catalogue

SEED = 20_261_120
LEVELS = 50
BARS = 525_600
START_MS = 1_735_689_600_000
TICKS = 50_000
TICK_NS = 100_000_000
BOOK = "binance_usdm_btcusdt_20240808"
L2BOOK = "hyperliquid_btc_20250126"


@dataclass(frozen=True, kw_only=True)
class Feed:
    """The same market twice: `rows` for whoever wants them, `dataset` for Flyball."""

    title: str
    rows: Path
    dataset: fb.Dataset
    count: int
    messages: int
    tick: float
    lot: float


@dataclass(frozen=True)
class Data:
    """Everything that cases work on, below `folder`."""

    folder: Path
    binary: Path
    shared: Path

    def _made(self, name: str, *words: str) -> tuple[Path, dict[str, Any]]:
        """A folder that this build's generator filled, and what it said."""
        source = Path(__file__).parents[1] / "src" / "feed.rs"
        stamp = hashlib.sha256(source.read_bytes() + " ".join(words).encode()).hexdigest()[:16]
        home = self.folder / f"{name}-{stamp}"
        said = home / "said.json"
        if not said.is_file():
            for old in self.folder.glob(f"{name}-*"):
                shutil.rmtree(old, ignore_errors=True)
            home.mkdir(parents=True, exist_ok=True)
            done = subprocess.run(
                [self.binary, *(word.format(home=home) for word in words)],
                capture_output=True,
                text=True,
                check=True,
            )
            said.write_text(done.stdout)
        return home, json.loads(said.read_text())

    def _synthetic(self, title: str, home: Path, said: dict[str, Any]) -> Feed:
        dataset = fb.Dataset(
            name=title,
            folder=home,
            instrument=bitcoin(),
            contents="book",
            first_ns=said["first_ns"],
            last_ns=said["last_ns"],
            events=said["events"],
        )
        return Feed(
            title=title,
            rows=home / "rows.bin",
            dataset=dataset,
            count=said["rows"],
            messages=said["messages"],
            tick=0.1,
            lot=0.001,
        )

    def feed(self, rows: int) -> Feed:
        """A synthetic book with trades."""
        words = ("feed", str(rows), str(LEVELS), "{home}/tape.fbt", "{home}/rows.bin")
        return self._synthetic("synthetic", *self._made(f"feed{rows}", *words))

    @cached_property
    def ticks(self) -> Feed:
        """A quiet book whose best ask changes ten times a second."""
        words = ("ticks", str(TICKS), str(TICK_NS), "{home}/tape.fbt", "{home}/rows.bin")
        return self._synthetic("ticks", *self._made("ticks", *words))

    @cached_property
    def recorded(self) -> Feed | None:
        """A recorded book of BTC, of its venue's own messages; `None` where there is none."""
        source = self.shared / "books" / BOOK
        if not source.is_dir():
            return None
        (one,) = Catalogue(self.folder / "catalogue").import_path(source)
        dataset = one.dataset
        _, said = self._made("recorded", "rows", str(dataset.tape), "{home}/rows.bin")
        home = next(self.folder.glob("recorded-*"))
        return Feed(
            title="BTC recorded",
            rows=home / "rows.bin",
            dataset=dataset,
            count=said["rows"],
            messages=said["messages"],
            tick=float(dataset.instrument.tick_size),
            lot=float(dataset.instrument.lot_size),
        )

    def bars(self, count: int = BARS) -> tuple[Path, fb.Dataset]:
        """One-minute bars: a file of arrays (`.npz`), its closes (`.bin`), and a dataset."""
        home = self.folder / f"bars-{count}"
        arrays = home / "bars.npz"
        catalogue = Catalogue(home / "catalogue")
        if not arrays.is_file():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir(parents=True)
            columns = minutes(count)
            table = home / "BTCUSDT_1m.csv"
            with table.open("w", encoding="ascii") as file:
                file.write("time_ms,open,high,low,close,volume\n")
                for line in zip(*(column.tolist() for column in columns), strict=True):
                    file.write(",".join(map(str, line)) + "\n")
            catalogue.import_path(
                table, name="minutes", venue="binance_usdm", kind="linear", symbol="BTCUSDT"
            )
            table.unlink()
            columns[4].astype("<f8").tofile(home / "close.bin")
            names = ("time_ms", "open", "high", "low", "close", "volume")
            np.savez(arrays, **dict(zip(names, columns, strict=True)))
        return arrays, catalogue.get("minutes")

    @cached_property
    def l2book(self) -> tuple[Path, str]:
        """Hyperliquid's book messages, one a line, and where they come from."""
        path = self.folder / "l2book.txt"
        source = self.shared / "books" / L2BOOK
        found = [
            line.split(b" ", 1)[1]
            for file in sorted(source.glob("*.gz"))
            for line in _gunzipped(file)
            if b'"l2Book"' in line[:60]
        ]
        title = f"{len(found)} recorded messages"
        if not found:
            found = [_book_message(at) for at in range(46)]
            title = f"{len(found)} made-up messages"
        path.write_bytes(b"\n".join(found) + b"\n")
        return path, title


def _gunzipped(path: Path) -> list[bytes]:
    import gzip

    with gzip.open(path) as file:
        return file.read().splitlines()


def _book_message(at: int) -> bytes:
    chance = np.random.default_rng(SEED + at)
    sides = [
        [
            {
                "n": int(chance.integers(1, 20)),
                "px": f"{105_000 + side * (1 + far) - (1 - side) * far}.0",
                "sz": f"{chance.uniform(0.001, 9):.5f}",
            }
            for far in range(20)
        ]
        for side in (0, 1)
    ]
    data = {"coin": "BTC", "levels": sides, "time": 1_737_918_843_893 + at}
    return json.dumps({"channel": "l2Book", "data": data}, separators=(",", ":")).encode()


def bitcoin() -> Instrument:
    """What the synthetic feeds are of."""
    rules = venue("simulated")
    return Instrument(
        symbol="BTC",
        venue="simulated",
        kind="linear",
        tick_size=Decimal("0.1"),
        lot_size=Decimal("0.001"),
        sequence_rule="contiguous",
        min_notional=rules.min_notional,
        maker_fee=rules.maker_fee,
        taker_fee=rules.taker_fee,
        margin_tiers=rules.margin_tiers("BTC"),
        book_depth=1024,
    )


def minutes(count: int) -> tuple[Any, ...]:
    """A walk of bars as the peers' first benchmark made it: ms, open, high, low, close, volume."""
    chance = np.random.default_rng(SEED)
    close = np.round(60_000 * np.exp(np.cumsum(chance.normal(0, 0.0006, count))), 1)
    first = np.concatenate([[60_000.0], close[:-1]])
    high = np.maximum(first, close) * (1 + np.abs(chance.normal(0, 0.0003, count)))
    low = np.minimum(first, close) * (1 - np.abs(chance.normal(0, 0.0003, count)))
    volume = np.round(chance.lognormal(3, 1, count), 3)
    times = START_MS + np.arange(count) * 60_000
    return times, first, np.round(high, 1), np.round(low, 1), close, volume
