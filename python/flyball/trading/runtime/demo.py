"""The markets of the demonstration: a synthetic XRP perpetual that ends in a crash."""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from flyball import _core
from flyball.config.run import Sizing
from flyball.config.venues import venue
from flyball.domain import Dataset, Instrument
from flyball.errors import ConfigError
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.plan import instrument_spec
from flyball.trading.runtime.venue import ask_venue
from flyball.trading.strategies.mean_reversion import MeanReversion

__all__ = [
    "CASH",
    "HOURS",
    "LIVE_MINUTES",
    "LIVE_SPEED",
    "SEED",
    "SIZING",
    "Gap",
    "live_exchange",
    "live_seconds",
    "live_session",
    "synthetic_market",
]

SEED = 7
HOURS = 12.0
CASH = Decimal(10_000)
# One and a half times the account, on one idea: what people do.
SIZING = Sizing.equity_fraction("1.5")
# Over sockets, time passes: fewer hours, faster.
LIVE_MINUTES = 12.0
LIVE_SPEED = 30

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


_MINUTE_NS = 60 * 10**9
_LIVE_CRASH_NS = 8 * _MINUTE_NS
_LIVE_AFTERMATH_NS = 2 * _MINUTE_NS
# A gap of 16 % in the crash: beyond what a stop at the venue still fills.
_GAP_FACTOR = "0.84"
_GAP_LATEST_NS = 3 * _MINUTE_NS
# A position has just been opened when its stop is still so far away.
_FRESH = 0.013


def live_exchange(*, seed: int, minutes: float, speed: int) -> LocalExchange:
    """A local exchange with two accounts, whose market falls after so many minutes of its own.

    The price falls by 37 % in eight minutes; a `Gap` comes on top.

    Raises
    ------
    ConfigError
        If the numbers make no sense, or it cannot be started.
    """
    if not 6 <= minutes <= 600:
        raise ConfigError(f"minutes: must lie between 6 and 600, got {minutes}")
    if not 1 <= speed <= 100:
        raise ConfigError(f"speed: must lie between 1 and 100, got {speed}")
    crash = {
        "at_ns": int(minutes * _MINUTE_NS),
        "duration_ns": _LIVE_CRASH_NS,
        "drop": 0.37,
        "gap": 0.0,
    }
    market = {"synthetic": {"crash": crash}}
    return LocalExchange(cash=[CASH, CASH], seed=seed, market=market, speed=speed, admin=True)


class Gap:
    """The worst moment: all prices fall by 16 % at once when a position has just been opened.

    The demonstration waits for it, since a crash hurts nobody who holds nothing.
    """

    def __init__(self, exchange: LocalExchange, *, minutes: float) -> None:
        self._exchange = exchange
        self._from_ns = exchange.clock.start_ns + int(minutes * _MINUTE_NS)
        self.is_done = False

    def look(self, status: Mapping[str, Any]) -> None:
        """Let it come, if the price falls already and the account of this status is long."""
        now_ns = self._exchange.clock.now_ns()
        if self.is_done or now_ns < self._from_ns:
            return
        (it,) = status["instruments"]
        stop, mark = it["stop"], it["mark"]
        long = it["position"] > 0 and None not in (stop, mark) and stop < mark * (1 - _FRESH)
        if long or now_ns > self._from_ns + _GAP_LATEST_NS:
            wish = {"type": "move_prices", "coin": it["symbol"], "factor": _GAP_FACTOR}
            ask_venue(self._exchange.url, "/admin", wish)
            self.is_done = True


def live_seconds(*, minutes: float, speed: int) -> float:
    """How long the market lasts by the machine's clock."""
    return (minutes * _MINUTE_NS + _LIVE_CRASH_NS + _LIVE_AFTERMATH_NS) / speed / 1e9


def live_session(
    exchange: LocalExchange, account: int, *, profile: str, state: Path, tell: Callable[[str], None]
) -> LiveSession:
    """Mean reversion on one of the exchange's accounts, ready to start."""
    return LiveSession(
        MeanReversion(bars="5s", period=60),
        venue=exchange,
        keys=exchange.keys[account],
        instrument="XRP",
        profile=profile,
        sizing=SIZING,
        state=state,
        tell=tell,
    )
