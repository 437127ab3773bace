"""The words that every other room uses: instruments, datasets, intents, what strategies declare.

Strategies count prices in ticks and sizes in lots, as the engine does. Floats are allowed where
something is estimated; orders are whole numbers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from flyball._core import Quotes, Signal, Target
from flyball.errors import ConfigError

__all__ = [
    "Bars",
    "Dataset",
    "Feature",
    "Instrument",
    "Intent",
    "MarginTier",
    "Quotes",
    "Signal",
    "Strategy",
    "Target",
    "View",
    "Wake",
    "duration_ns",
    "duration_text",
]

Intent: TypeAlias = Signal | Target | Quotes

_UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_UNITS["d"] = 24 * _UNITS["h"]


def duration_ns(text: str) -> int:
    """Nanoseconds of a duration such as "250ms", "5m" or "1.5h".

    Raises
    ------
    ConfigError
        If the text is no duration.

    Examples
    --------
    >>> duration_ns("5m")
    300000000000
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m|h|d)\s*", text)
    if match is None:
        raise ConfigError(f"{text!r} is no duration: write for example 250ms, 5m or 1h")
    number, unit = match.groups()
    ns = Decimal(number) * _UNITS[unit]
    if ns != int(ns):
        raise ConfigError(f"{text!r} is not a whole number of nanoseconds")
    return int(ns)


def duration_text(ns: int) -> str:
    """A duration as people write it, in the largest unit that it is a whole number of.

    Examples
    --------
    >>> duration_text(300_000_000_000)
    '5m'
    """
    unit = max((unit for unit in _UNITS if ns % _UNITS[unit] == 0), key=lambda unit: _UNITS[unit])
    return f"{ns // _UNITS[unit]}{unit}"


@dataclass(frozen=True, kw_only=True, slots=True)
class MarginTier:
    """From this notional (settlement currency) on, at most this leverage."""

    from_notional: int
    max_leverage: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Instrument:
    """What is traded, and the rules of its venue.

    Prices are in quote currency, sizes in base currency (or contracts, for inverse ones), fees as
    fractions of a fill's value.
    """

    symbol: str
    venue: str
    kind: Literal["spot", "linear", "inverse"]
    tick_size: Decimal
    lot_size: Decimal
    contract_size: Decimal = Decimal(1)
    significant_figures: int | None = None
    sequence_rule: Literal["unnumbered", "contiguous", "names_previous"] = "unnumbered"
    checksum_rule: Literal["absent", "kraken_top10"] = "absent"
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    margin_tiers: tuple[MarginTier, ...]
    book_depth: int = 32768


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """Imported market data: a tape for the engine, tables for people.

    Times are UTC nanoseconds since 1970. `clock_offset_ns` is added to the times of receipt where
    the recorder's clock was wrong. `quiet_ns` is the longest silence that is normal: what risk
    takes for old data is older than that.
    """

    name: str
    folder: Path
    instrument: Instrument
    contents: Literal["book", "trades", "bars", "funding", "live"]
    first_ns: int
    last_ns: int
    events: int
    clock_offset_ns: int = 0
    interval_ns: int | None = None
    quiet_ns: int = 0

    @property
    def tape(self) -> Path:
        """Where the tape lies."""
        return self.folder / "tape.fbt"


@dataclass(frozen=True, slots=True)
class Feature:
    """A number about the market that a strategy declares and finds in its view.

    A parameter given as text names a field of the strategy, whose value is then taken.

    Examples
    --------
    >>> Feature("ema", period=20)
    Feature('ema', period=20)
    """

    name: str
    parameters: Mapping[str, float | str]

    def __init__(self, name: str, /, **parameters: float | str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "parameters", dict(parameters))

    def __repr__(self) -> str:
        settings = "".join(f", {key}={value!r}" for key, value in self.parameters.items())
        return f"Feature({self.name!r}{settings})"

    def resolved(self, strategy: object) -> dict[str, float]:
        """Its parameters, with those that name a field of the strategy looked up."""
        return {
            key: float(getattr(strategy, value) if isinstance(value, str) else value)
            for key, value in self.parameters.items()
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Wake:
    """What wakes a strategy. It is woken, never polled.

    Parameters
    ----------
    every : str, optional
        A duration: at every multiple of it, counted from 1970 in UTC.
    bar, book, trade, fill : bool
        When a bar of its series closes, the book changes, somebody trades, an order of its own
        trades.
    cross : mapping, optional
        Names of declared features, and the level whose crossing wakes.
    """

    every: str | None = None
    bar: bool = False
    book: bool = False
    trade: bool = False
    fill: bool = False
    cross: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bars:
    """A series of bars: of time ("5m"), of so many trades, of so many lots, or of so much value."""

    kind: Literal["time", "tick", "volume", "dollar"]
    size: int | str

    @classmethod
    def of(cls, declared: "str | Bars") -> "Bars":
        """What a strategy declared: a duration is short for bars of time."""
        return declared if isinstance(declared, Bars) else cls("time", declared)


class View(Protocol):
    """What a strategy sees when it is woken. It is filled anew for every wake: copy what you keep.

    Prices are in ticks, sizes in lots, money in the settlement currency. What is not known is NaN.
    Declared features are attributes under the names that the strategy gave them.
    """

    reason: Literal["timer", "bar", "book", "trade", "fill", "cross"]  # what woke it
    time_ns: int  # now, UTC since 1970
    bid: float  # best prices, ticks
    ask: float
    bid_qty: float  # what rests there, lots
    ask_qty: float
    mid: float  # (bid + ask) / 2
    spread: float  # ask - bid
    microprice: float  # mid weighted by the other side's size
    position: int  # lots held, negative is short
    entry: float  # average entry price, ticks
    unrealised: float  # gain or loss of the position, settlement currency
    equity: float  # what the account is worth, settlement currency
    open: float  # the last bar, ticks
    high: float
    low: float
    close: float
    volume: float  # lots
    tick_size: float  # quote currency
    lot_size: float  # base currency, or contracts
    bids: tuple[tuple[int, int], ...]  # (ticks, lots), best first, as many as `depth` asks for
    asks: tuple[tuple[int, int], ...]

    def __getattr__(self, feature: str, /) -> float: ...


class Strategy(Protocol):
    """Anything with a `decide`.

    What else it has declares what the engine does for it:

    - `bars`: its series of bars, a duration or `Bars`;
    - `wake`: a `Wake`; with `bars` alone it is woken by them;
    - attributes that are a `Feature`: numbers that its view shall have;
    - `depth`: how many levels of the book its view shall have.
    """

    def decide(self, view: View, /) -> Intent | None:
        """Say what is wanted; `None` keeps what was wanted before."""


def declared_features(strategy: object) -> dict[str, Feature]:
    """The features that a strategy declares, by the names that it gives them."""
    found: dict[str, Feature] = {}
    for owner in [*reversed(type(strategy).__mro__), strategy]:
        values = getattr(owner, "__dict__", {})
        found |= {key: value for key, value in values.items() if isinstance(value, Feature)}
    return found
