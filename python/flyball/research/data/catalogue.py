"""The catalogue: a folder of datasets, each a tape for the engine and tables for people."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from flyball import _core
from flyball.config.venues import venue as find_venue
from flyball.domain import Dataset, Instrument, MarginTier
from flyball.errors import DataError
from flyball.research.data.recognise import Kind, Source, recognise

__all__ = ["Catalogue", "Imported", "data"]

Progress = Callable[[str, int, int, int], None]

_CONTRACTS = {"BTCUSD_PERP": Decimal(100)}
_CHECK = {"min_latency_ns": 500_000, "max_trade_move": 0.05, "max_bar_move": 0.25}
_NAMED_BY_FILE = ("bars", "funding", "coinbase_csv", "trades_json", "trades_parquet", "lobster")
_COUNTED = ("binance", "coinbase_capture", "trades_json", "trades_parquet")


def data(name: str | Path, *, catalogue: Path | str | None = None) -> Dataset:
    """A dataset of the catalogue, by its name; a path to a recording is imported first.

    Parameters
    ----------
    name : str or Path
        "binance_usdm_5m_2025_oct10/XRPUSDT_5m", or a file or folder of recorded data.
    catalogue : Path, optional
        Where the catalogue lies; `FLYBALL_CATALOGUE` or ./catalogue by default.

    Raises
    ------
    DataError
        If there is no such dataset, or the recording cannot be imported.
    """
    return Catalogue(catalogue).find(name)


@dataclass(frozen=True, kw_only=True, slots=True)
class Imported:
    """A recording in the catalogue: whether it was imported now, and what the check found."""

    dataset: Dataset
    fresh: bool
    report: Mapping[str, Any]


class Catalogue:
    """A folder of datasets.

    Parameters
    ----------
    root : Path, optional
        Where it lies; `FLYBALL_CATALOGUE` or ./catalogue by default. It is made when needed.
    """

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root or os.environ.get("FLYBALL_CATALOGUE") or "catalogue")

    def datasets(self) -> list[Dataset]:
        """All datasets, by name."""
        found = sorted(self.root.glob("**/dataset.json"))
        return [_read(path) for path in found]

    def get(self, name: str) -> Dataset:
        """The dataset of this name.

        Raises
        ------
        DataError
            If there is none; the message names the nearest.
        """
        path = self.root / name / "dataset.json"
        if path.is_file():
            return _read(path)
        from difflib import get_close_matches

        known = [dataset.name for dataset in self.datasets()]
        near = get_close_matches(name, known, n=3, cutoff=0.4)
        hint = f"; near are {', '.join(near)}" if near else ""
        raise DataError(
            f"there is no dataset {name!r} in {self.root}{hint}: "
            "see `flyball data ls`, or `flyball data import PATH` a recording"
        )

    def find(self, name: str | Path, *, progress: Progress | None = None) -> Dataset:
        """The dataset of this name; a path is imported first and must hold just one recording."""
        if (self.root / str(name) / "dataset.json").is_file():
            return self.get(str(name))
        path = Path(name)
        if not path.exists():
            return self.get(str(name))
        sources = recognise(path)
        if len(sources) > 1:
            names = ", ".join(source.files[0].name for source in sources)
            raise DataError(f"{path} holds several recordings: name one of {names}")
        return self.add(sources[0], progress=progress).dataset

    def import_path(
        self,
        path: Path,
        *,
        name: str | None = None,
        venue: str | None = None,
        kind: Kind | None = None,
        symbol: str | None = None,
        progress: Progress | None = None,
    ) -> list[Imported]:
        """Import all recordings in a file or folder; what was imported before is not done again.

        Raises
        ------
        DataError
            If nothing is recognised, something is damaged, or it cannot be written.
        """
        sources = recognise(path)
        if name is not None and len(sources) > 1:
            raise DataError(
                f"{path} holds {len(sources)} recordings: import them one by one to name them"
            )
        done = []
        for source in sources:
            several = source.symbol is None and source.format == "bars" and symbol is not None
            known = Source(
                name=name or (f"{source.name}/{_file_name(symbol)}" if several else source.name),
                format=source.format,
                files=source.files,
                venue=venue or source.venue,
                kind=kind or source.kind,
                symbol=symbol or source.symbol,
                funding=source.funding,
            )
            done.append(self.add(known, progress=progress))
        return done

    def add(self, source: Source, *, progress: Progress | None = None) -> Imported:
        """Import one recording. See `import_path`."""
        if source.venue is None or source.kind is None:
            raise DataError(
                f"{source.files[0]}: its venue is not known from its name or content: say it with "
                "--venue and --kind (for example --venue binance_usdm --kind linear)"
            )
        if source.symbol is None and source.format == "bars":
            raise DataError(
                f"{source.files[0]}: the table holds several instruments: name one with --symbol "
                "(as the table writes it)"
            )
        find_venue(source.venue)
        folder = self.root / source.name
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{folder}: cannot be made: {error.strerror}") from error
        spec = _import_spec(source)
        tell = progress or (lambda *_: None)
        try:
            told, fresh = _core.import_data(json.dumps(spec), folder, tell)
        except BaseException:
            if not any(folder.iterdir()):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        about = json.loads(told)
        dataset = _dataset(source, folder, about)
        _write(dataset)
        return Imported(dataset=dataset, fresh=fresh, report=about["report"])

    def about(self, name: str) -> dict[str, Any]:
        """What the importer wrote about a dataset: sources, counts, the report of its check."""
        told: dict[str, Any] = json.loads(_core.tape_about(self.get(name).tape))
        return told

    def check(self, name: str) -> dict[str, Any]:
        """Read a dataset's tape again, every checksum and the hash chain, and give its report.

        Raises
        ------
        DataError
            If the tape is not what was written.
        """
        events, chain = _core.verify_tape(self.get(name).tape)
        about = self.about(name)
        return {**about["report"], "verified_events": events, "chain": chain}


def _import_spec(source: Source) -> dict[str, Any]:
    named = source.format in _NAMED_BY_FILE
    return {
        "name": source.name,
        "venue": source.venue,
        "kind": source.kind,
        "recording": {
            "format": source.settings,
            "sources": [str(path) for path in source.files],
            "symbols": [source.symbol] if named and source.symbol else [],
            "funding": None if source.funding is None else str(source.funding),
            "interval_ns": None,
        },
        "instruments": [],
        "check": {**_CHECK, "counts_trades": source.format in _COUNTED},
    }


def _dataset(source: Source, folder: Path, about: dict[str, Any]) -> Dataset:
    if not about["instruments"]:
        raise DataError(f"{source.name}: there is no instrument in the recording")
    spec, report = about["instruments"][0], about["report"]
    counts = report["counts"]
    assumed = find_venue(str(source.venue))
    symbol = spec["symbol"]
    contents = _contents(counts)
    silence = (report["longest_silence"] or {"ns": 0})["ns"]
    instrument = Instrument(
        symbol=symbol,
        venue=str(source.venue),
        kind=spec["kind"],
        tick_size=_decimal(spec["tick_size"]),
        lot_size=_decimal(spec["lot_size"]),
        contract_size=_CONTRACTS.get(symbol, _decimal(spec["contract_size"])),
        significant_figures=5 if source.venue == "hyperliquid" else None,
        sequence_rule=spec["sequence_rule"],
        checksum_rule=spec["checksum_rule"],
        min_notional=assumed.min_notional,
        maker_fee=assumed.maker_fee,
        taker_fee=assumed.taker_fee,
        margin_tiers=assumed.margin_tiers(symbol),
        book_depth=max(spec["book_depth"], 1),
    )
    return Dataset(
        name=source.name,
        folder=folder,
        instrument=instrument,
        contents=contents,
        first_ns=report["first_ns"] or 0,
        last_ns=report["last_ns"] or 0,
        events=counts["events"],
        clock_offset_ns=report["clock_offset_ns"],
        interval_ns=about["interval_ns"] if contents == "bars" else None,
        quiet_ns=silence,
    )


def _file_name(symbol: str | None) -> str:
    return str(symbol).replace("/", "-")


def _contents(counts: Mapping[str, int]) -> Literal["book", "trades", "bars", "funding"]:
    if counts["bars"]:
        return "bars"
    if counts["snapshots"] or counts["touches"]:
        return "book"
    return "trades" if counts["trades"] else "funding"


def _decimal(value: dict[str, int]) -> Decimal:
    return Decimal(value["units"]).scaleb(-value["decimals"])


def _write(dataset: Dataset) -> None:
    known = asdict(dataset)
    known["folder"] = None
    text = json.dumps(known, default=str, indent=1)
    path = dataset.folder / "dataset.json"
    draft = path.with_suffix(".draft")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror}") from error


def _read(path: Path) -> Dataset:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        rules = known.pop("instrument")
        for key in (
            "tick_size",
            "lot_size",
            "contract_size",
            "min_notional",
            "maker_fee",
            "taker_fee",
        ):
            rules[key] = Decimal(rules[key])
        rules["margin_tiers"] = tuple(MarginTier(**tier) for tier in rules["margin_tiers"])
        known["folder"] = path.parent
        return Dataset(instrument=Instrument(**rules), **known)
    except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
        raise DataError(f"{path}: is damaged ({error}): import the recording again") from error
