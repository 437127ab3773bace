"""`flyball data record`: a venue's streams, written down as they come, and imported."""

import json as jsons
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flyball import _core
from flyball.config.endpoints import endpoint
from flyball.config.venues import venue as assumed_venue
from flyball.domain import duration_ns
from flyball.errors import DataError
from flyball.ops.cli import console
from flyball.ops.cli.follow import Signals
from flyball.research.data import Catalogue
from flyball.research.data.catalogue import Imported

__all__ = ["record"]

_LOOK_S = 0.2
_SAY_S = 10.0
_ROTATE_BYTES = 64 << 20
_ROTATE_NS = 3600 * 10**9


def record(
    *,
    venue: Annotated[
        str,
        Parameter(help="hyperliquid, hyperliquid-testnet, or a local exchange's address."),
    ],
    instrument: Annotated[str, Parameter(help="By the venue's name: XRP.")],
    for_: Annotated[
        str, Parameter(name="--for", help="How long: 60s, 8h; until it is interrupted by default.")
    ] = "",
    folder: Annotated[Path, Parameter(help="Raw recordings lie below it, a folder each.")] = Path(
        "recordings"
    ),
    name: Annotated[str | None, Parameter(help="What to call it.")] = None,
    catalogue: Annotated[Path | None, Parameter(help="Where the catalogue lies.")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> None:
    """Record a venue's book, trades and prices of an instrument, and import them.

    Lines of receive time and message, a new file every hour or 64 MiB; a file that is being written
    has a hidden name. Ctrl-C ends it in order. What a crash leaves hidden is whole but for its last
    line.

    Example: flyball data record --venue http://127.0.0.1:8181 --instrument XRP --for 60s
    """
    where = endpoint(venue)
    length_s = duration_ns(for_) / 1e9 if for_ else None
    _listed(where.http, instrument)
    began = datetime.now(tz=UTC)
    called = name or f"hyperliquid_{instrument.lower()}_{began:%Y%m%dT%H%M%SZ}"
    place = folder / called
    try:
        place.mkdir(parents=True)
    except OSError as error:
        raise DataError(f"{place}: cannot be made: {error.strerror}") from error
    with Signals() as signals:
        running = _core.Recording(
            http=where.http,
            websocket=where.websocket,
            coins=[instrument],
            folder=place,
            rotate_bytes=_ROTATE_BYTES,
            rotate_ns=_ROTATE_NS,
        )
        _wait(running, signals, length_s)
        told = jsons.loads(running.stop())
    if told["failed"]:
        raise DataError(str(told["failed"]))
    if not told["files"]:
        place.rmdir()
        raise DataError(f"{where.http}: nothing came")
    (done,) = Catalogue(catalogue).import_path(place, name=called)
    _tell(told, done, place, json=json)


def _listed(http: str, instrument: str) -> None:
    """Whether the venue has it: before anything is written."""
    base = assumed_venue("hyperliquid")
    fees = {"maker": int(base.maker_fee * 10**12), "taker": int(base.taker_fee * 10**12)}
    _core.venue_listing(http, [instrument], jsons.dumps(fees))


def _wait(running: _core.Recording, signals: Signals, length_s: float | None) -> None:
    began = said = time.monotonic()
    console.say("recording; Ctrl-C ends it")
    while signals.count == 0:
        now = time.monotonic()
        if length_s is not None and now - began >= length_s:
            return
        told = jsons.loads(running.progress())
        if told["failed"]:
            return
        if now - said >= _SAY_S:
            said = now
            size = f"{told['bytes'] / 1e6:,.1f} MB"
            console.say(f"{now - began:,.0f} s: {told['lines']:,} messages, {size}")
        time.sleep(_LOOK_S)


def _tell(told: dict[str, Any], done: Imported, place: Path, *, json: bool) -> None:
    if json:
        console.print_json(
            {
                "folder": place,
                "files": told["files"],
                "lines": told["lines"],
                "connects": told["connects"],
                "imported": {
                    "name": done.dataset.name,
                    "contents": done.dataset.contents,
                    "symbol": done.dataset.instrument.symbol,
                    "events": done.dataset.events,
                },
            }
        )
        return
    console.out.print(
        f"{done.dataset.name}: {told['lines']:,} messages, {done.dataset.events:,} events",
        markup=False,
    )
    console.say(f"raw: {place}; flyball backtest … --data {done.dataset.name}")
