"""What a file or folder of recorded data holds: format, venue, kind of instrument."""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from flyball.errors import DataError

__all__ = ["Source", "recognise"]

Kind = Literal["spot", "linear", "inverse"]

# NASDAQ samples: seconds after midnight in New York, in summer.
_LOBSTER = "lobster"
_SETTINGS: dict[str, Any] = {_LOBSTER: {"lobster": {"utc_offset_s": -14_400}}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One recording: files in order, and what is known of them. `None` is not known yet."""

    name: str
    format: str
    files: tuple[Path, ...]
    venue: str | None = None
    kind: Kind | None = None
    symbol: str | None = None
    funding: Path | None = None

    @property
    def settings(self) -> Any:  # noqa: ANN401
        """The format as the importer names it."""
        return _SETTINGS.get(self.format, self.format)


def recognise(path: Path) -> list[Source]:
    """The recordings in a file or a folder.

    Raises
    ------
    DataError
        If there is nothing there that is recognised; the message says what is.
    """
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder")
    if path.is_file():
        return [_of_file(path, name=_stem(path))]
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    if not files:
        raise DataError(f"{path}: the folder holds no files")
    return list(_of_folder(path.resolve(), files))


def _stem(path: Path) -> str:
    return re.sub(r"\.(gz|csv|json|jsonl|dat|zip|parquet)", "", path.name)


def _of_folder(folder: Path, files: list[Path]) -> Iterator[Source]:
    first = _of_file(files[0], name=folder.name)
    if first.format == "coinbase_csv":
        snapshots = [f for f in files if "snapshot" in f.name]
        updates = [f for f in files if "snapshot" not in f.name]
        yield replace(first, files=(*snapshots, *updates))
        return
    if first.format not in ("bars", "funding"):
        same = [f for f in files if _sniff(f)[0] == first.format]
        yield replace(first, files=tuple(same))
        return
    found = [_of_file(f, name=f"{folder.name}/{_stem(f)}") for f in files]
    rates = {source.symbol: source.files[0] for source in found if source.format == "funding"}
    for source in found:
        is_mark = "mark" in source.files[0].name
        if source.format == "bars":
            yield replace(source, funding=None if is_mark else rates.get(source.symbol))
    if not any(source.format == "bars" for source in found):
        yield from found


def _of_file(path: Path, *, name: str) -> Source:
    found, venue, kind = _sniff(path)
    symbol: str | None = None
    if found in ("bars", "funding", "coinbase_csv", "trades_json", "trades_parquet", _LOBSTER):
        symbol = None if _names_symbols(path) else _symbol(path)
    if venue is None:
        venue, kind = _by_name(path)
    return Source(name=name, format=found, files=(path,), venue=venue, kind=kind, symbol=symbol)


def _names_symbols(path: Path) -> bool:
    """Whether a table has a column that says which instrument a row is about."""
    header = _head(path).split(b"\n", 1)[0].lower()
    return b",symbol," in header


def _symbol(path: Path) -> str:
    """`XRPUSDT_5m.csv.gz` names XRPUSDT; a Coinbase book of BTC-USD names its folder."""
    if "l2update" in path.name or path.name.startswith("snapshot"):
        found = re.search(r"([a-z]{3,5})usd", path.parent.name)
        return f"{found[1].upper()}-USD" if found else "UNKNOWN"
    name = re.sub(r"^binanceus_", "", _stem(path))
    return re.split(r"[_-](?=\d|mark|funding|spot|perp|trades|1[mhd]|l2)", name)[0].upper()


def _by_name(path: Path) -> tuple[str | None, Kind | None]:
    """Venue and kind, as far as file and folder names tell."""
    text = f"{path.resolve().parent.name}/{path.name}".lower()
    rules: list[tuple[str, str, Kind]] = [
        ("hyperliquid", "hyperliquid", "linear"),
        ("coinm", "binance_coinm", "inverse"),
        ("usdm", "binance_usdm", "linear"),
        ("_perp", "binance_usdm", "linear"),
        ("coinbase", "coinbase_spot", "spot"),
        ("kraken", "kraken_spot", "spot"),
        ("binance", "binance_spot", "spot"),
        ("spot", "binance_spot", "spot"),
        ("sp500", "reference", "spot"),
        ("equity", "reference", "spot"),
        ("xrpeth", "binance_spot", "spot"),
        ("btcusdt", "binance_spot", "spot"),
    ]
    return next(((venue, kind) for part, venue, kind in rules if part in text), (None, None))


def _head(path: Path, size: int = 65536) -> bytes:
    try:
        with path.open("rb") as raw:
            magic = raw.read(4)
        if magic[:2] == b"\x1f\x8b":
            with gzip.open(path) as packed:
                return packed.read(size)
        with path.open("rb") as raw:
            return raw.read(size)
    except PermissionError as error:
        raise DataError(f"{path}: permission denied: it cannot be read") from error
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _sniff(path: Path) -> tuple[str, str | None, Kind | None]:
    """Format, and venue and kind where the content tells them."""
    head = _head(path)
    if head[:4] == b"PAR1":
        return "trades_parquet", None, None
    if head[:4] == b"PK\x03\x04" and "lobster" in path.name.lower():
        return _LOBSTER, "reference", "spot"
    text = head.decode("utf-8", errors="replace")
    line = text.split("\n", 1)[0]
    if re.match(r"\d{10,19} \{", line):
        return _sniff_lines(text)
    if '"topic":"orderbook' in line:
        return "bybit", "bybit_linear", "linear"
    if line.lstrip().startswith("[["):
        return "trades_json", None, None
    if re.match(r"(\w+://\S+ (<->|<-|->) )?\d+\.\d+", line):
        return _sniff_capture(path, text)
    header = line.strip().lower()
    if header.startswith("side,price,size"):
        return "coinbase_csv", "coinbase_spot", "spot"
    if header == "time_ms,funding_rate":
        return "funding", None, None
    if "open" in header and "close" in header and "," in header:
        return "bars", None, None
    raise DataError(
        f"{path}: not recognised. Known are Binance and Hyperliquid recordings (lines of receive "
        "time and JSON), Bybit order books, Coinbase L2 CSV, cryptofeed captures, trades "
        "(freqtrade JSON, Parquet), bars and funding rates as CSV"
    )


def _sniff_capture(path: Path, text: str) -> tuple[str, str | None, Kind | None]:
    """Of cryptofeed; it begins with the address where there is one."""
    address = re.match(r"\w+://(\S+)", text)
    kraken = '"book-' in text or '"checksum"' in text or '"as":' in text
    if kraken if address is None else "kraken" in address[1]:
        return "kraken_capture", "kraken_spot", "spot"
    if address is None or "coinbase" in address[1]:
        return "coinbase_capture", "coinbase_spot", "spot"
    raise DataError(
        f"{path}: is a cryptofeed capture of {address[1].split('/')[0]}: "
        "those of Coinbase and Kraken can be imported"
    )


def _sniff_lines(text: str) -> tuple[str, str | None, Kind | None]:
    for line in text.split("\n")[:-1]:
        _, _, body = line.partition(" ")
        try:
            message = json.loads(body)
        except ValueError:
            continue
        if "channel" in message:
            return "hyperliquid", "hyperliquid", "linear"
        inner = message.get("data", {})
        if isinstance(inner, dict) and "depth" in message.get("stream", ""):
            if "ps" in inner:
                return "binance", "binance_coinm", "inverse"
            if "pu" in inner:
                return "binance", "binance_usdm", "linear"
            return "binance", "binance_spot", "spot"
    return "binance", None, None
