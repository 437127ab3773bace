"""The market of the demonstration: a synthetic XRP perpetual that ends in a crash."""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

from flyball import _core
from flyball.config.venues import venue
from flyball.domain import Dataset, Instrument
from flyball.errors import ConfigError
from flyball.trading.runtime.plan import instrument_spec

__all__ = ["HOURS", "SEED", "synthetic_market"]

SEED = 7
HOURS = 12.0

_START_NS = 1_760_054_400_000_000_000  # 2025-10-10 00:00 UTC; the date is decoration
_HOUR_NS = 3600 * 10**9
_CRASH_NS = 10 * 60 * 10**9
_AFTERMATH_NS = 20 * 60 * 10**9


def synthetic_market(
    folder: Path,
    *,
    seed: int,
    hours: float,
    progress: Callable[[float], None] | None = None,
) -> Dataset:
    """Make the market and keep it as a dataset in `folder`.

    The price falls by 37 % in ten minutes, 18 % of it at once, as XRP's fell within one five-minute
    bar on 2025-10-10; the book thins while it does.

    Raises
    ------
    ConfigError
        If the hours make no sense.
    DataError
        If it cannot be written.
    """
    if not 0.5 <= hours <= 240:
        raise ConfigError(f"hours: must lie between 0.5 and 240, got {hours}")
    calm_ns = int(hours * _HOUR_NS)
    rules = venue("simulated")
    instrument = Instrument(
        symbol="XRP",
        venue="simulated",
        kind="linear",
        tick_size=Decimal("0.0001"),
        lot_size=Decimal(1),
        sequence_rule="contiguous",
        min_notional=rules.min_notional,
        maker_fee=rules.maker_fee,
        taker_fee=rules.taker_fee,
        margin_tiers=rules.margin_tiers("XRP"),
        book_depth=1024,
    )
    config = {
        "seed": seed,
        "start_ns": _START_NS,
        "duration_ns": calm_ns + _CRASH_NS + _AFTERMATH_NS,
        "start_price": 25_000,
        "messages_per_second": 10.0,
        "volatility": 0.9,
        "drift": 0.0,
        "levels": 20,
        "level_lots": 6_000.0,
        "jumps_per_day": 12.0,
        "jump_size": 0.004,
        "crash": {"at_ns": calm_ns, "duration_ns": _CRASH_NS, "drop": 0.37, "gap": 0.18},
    }
    dataset = Dataset(
        name=f"synthetic XRP, seed {seed}",
        folder=folder,
        instrument=instrument,
        contents="book",
        first_ns=_START_NS,
        last_ns=_START_NS + calm_ns + _CRASH_NS + _AFTERMATH_NS,
        events=0,
    )
    about = json.dumps({"name": dataset.name, "synthetic": True, "config": config})
    _core.write_synthetic(
        json.dumps(config), json.dumps(instrument_spec(instrument)), dataset.tape, about, progress
    )
    return dataset
