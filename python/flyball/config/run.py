"""A run as a TOML file, and the settings that it and Python share: sizing, simulation."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec

from flyball.config import toml
from flyball.domain import duration_ns
from flyball.errors import ConfigError

__all__ = ["Kelly", "RunFile", "Sim", "Sizing", "SizingKind", "load"]

_RATE = Decimal(10) ** 12
_MONEY = Decimal(10) ** 10

SizingKind = Literal[
    "lots",
    "notional",
    "equity_fraction",
    "risk_fraction",
    "var_fraction",
    "volatility_target",
    "kelly",
]


class Kelly(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An edge that is not known for sure: returns of a trade, as fractions of its value.

    `error` is the standard error of `mean`; `share` the part of the Kelly fraction that is used.
    """

    mean: Decimal
    deviation: Decimal
    error: Decimal
    share: Decimal


@dataclass(frozen=True, slots=True)
class Sizing:
    """How large a signal becomes, before the gate cuts it.

    Examples
    --------
    >>> Sizing.equity_fraction(0.2)
    Sizing('equity_fraction', 0.2)
    """

    kind: SizingKind
    value: Decimal | Kelly

    def __repr__(self) -> str:
        return f"Sizing({self.kind!r}, {self.value})"

    @classmethod
    def lots(cls, lots: int) -> "Sizing":
        """Always this many lots."""
        return cls("lots", Decimal(lots))

    @classmethod
    def notional(cls, value: float | Decimal) -> "Sizing":
        """Always worth this much, in settlement currency."""
        return cls("notional", Decimal(str(value)))

    @classmethod
    def equity_fraction(cls, fraction: float | str | Decimal) -> "Sizing":
        """Worth this fraction of equity."""
        return cls("equity_fraction", Decimal(str(fraction)))

    @classmethod
    def risk_fraction(cls, fraction: float | Decimal) -> "Sizing":
        """So much that the way to the stop costs this fraction of equity."""
        return cls("risk_fraction", Decimal(str(fraction)))

    @classmethod
    def var_fraction(cls, fraction: float | Decimal) -> "Sizing":
        """So much that its value at risk (95 %, over the holding time) is this of equity."""
        return cls("var_fraction", Decimal(str(fraction)))

    @classmethod
    def volatility_target(cls, daily: float | Decimal) -> "Sizing":
        """So much that a day's standard deviation of the position is this fraction of equity."""
        return cls("volatility_target", Decimal(str(daily)))

    @classmethod
    def kelly(
        cls,
        *,
        mean: float | Decimal,
        deviation: float | Decimal,
        error: float | Decimal,
        share: float | Decimal,
    ) -> "Sizing":
        """A part of the Kelly fraction of an edge, shrunk by the edge's uncertainty.

        `share` x (mean - error) / (deviation^2 + error^2) of equity; nothing when the error is
        not below the mean.

        Parameters
        ----------
        mean, deviation : float
            Of a trade's return after costs, as a fraction of its value.
        error : float
            The standard error of the mean.
        share : float
            The part that is used: above 0, at most 1.
        """
        numbers = [Decimal(str(number)) for number in (mean, deviation, error, share)]
        names = ("mean", "deviation", "error", "share")
        return cls("kelly", Kelly(**dict(zip(names, numbers, strict=True))))

    def engine(self) -> dict[str, Any]:
        """The policy in the engine's units."""
        if isinstance(self.value, Kelly):
            numbers = msgspec.structs.asdict(self.value)
            if not all(number.is_finite() for number in numbers.values()):
                raise ConfigError("sizing.kelly: every number must be finite")
            return {"kelly": {name: int(number * _RATE) for name, number in numbers.items()}}
        if self.value <= 0 or not self.value.is_finite():
            raise ConfigError(f"sizing.{self.kind}: must be above zero, got {self.value}")
        match self.kind:
            case "lots":
                return {"lots": {"lots": int(self.value)}}
            case "notional":
                return {"notional": {"value": int(self.value * _MONEY)}}
            case "volatility_target":
                return {"volatility_target": {"daily": int(self.value * _RATE)}}
            case kind:
                return {kind: {"fraction": int(self.value * _RATE)}}


class Sim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is assumed about the way to the venue and about the venue itself.

    Durations are texts such as "50ms". `None` takes the venue's own assumption.
    """

    queue: Literal["front", "back", "probability"] = "back"
    queue_power: Decimal = Decimal(2)
    feed_latency: str = "recorded"
    order_latency: str | None = None
    order_jitter: str = "0ms"
    report_latency: str | None = None
    decision_latency: str = "0ms"
    bar_path: Literal["continuous", "jump"] = "continuous"
    bar_step: Decimal = Decimal("0.001")
    bar_spread: Decimal = Decimal("0.0002")
    bar_participation: Decimal = Decimal("0.1")
    seed: int = 1

    def engine(self, *, order: str, report: str, clock_offset_ns: int) -> dict[str, Any]:
        """The assumptions in the engine's units; `order` and `report` are the venue's latencies."""
        base = duration_ns(self.order_latency or order)
        jitter = duration_ns(self.order_jitter)
        way: dict[str, Any] = {"constant": {"ns": base}}
        if jitter:
            way = {"uniform": {"min_ns": base, "max_ns": base + jitter}}
        queue: Any = self.queue
        if self.queue == "probability":
            queue = {"probability": {"power": float(self.queue_power)}}
        feed: dict[str, Any] = {"recorded": {"offset_ns": clock_offset_ns}}
        if self.feed_latency != "recorded":
            feed = {"constant": {"ns": duration_ns(self.feed_latency)}}
        path: Any = "jump"
        if self.bar_path == "continuous":
            path = {"continuous": {"max_step": int(self.bar_step * _RATE)}}
        return {
            "queue": queue,
            "feed": feed,
            "order_latency": way,
            "report_latency": {"constant": {"ns": duration_ns(self.report_latency or report)}},
            "decision_latency": {"constant": {"ns": duration_ns(self.decision_latency)}},
            "bars": {
                "path": path,
                "spread": int(self.bar_spread * _RATE),
                "participation": int(self.bar_participation * _RATE),
            },
            "seed": self.seed,
        }


class SizingTable(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`[sizing]`: exactly one key."""

    lots: int | None = None
    notional: Decimal | None = None
    equity_fraction: Decimal | None = None
    risk_fraction: Decimal | None = None
    var_fraction: Decimal | None = None
    volatility_target: Decimal | None = None
    kelly: Kelly | None = None

    def policy(self) -> Sizing:
        """The one policy that the table names."""
        kinds: tuple[SizingKind, ...] = get_args(SizingKind)
        named = [(kind, getattr(self, kind)) for kind in kinds if getattr(self, kind) is not None]
        if len(named) != 1:
            raise ConfigError(f"[sizing] wants exactly one of {', '.join(kinds)}; got {len(named)}")
        kind, value = named[0]
        return Sizing(kind, value if isinstance(value, Kelly) else Decimal(value))


class RunFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A backtest as a file. What risks money has no default."""

    strategy: str
    data: str
    profile: str
    cash: Decimal
    sizing: SizingTable | None = None
    parameters: Mapping[str, Any] = msgspec.field(default_factory=dict)
    sim: Sim = Sim()


def load(path: Path) -> RunFile:
    """Read a run from a TOML file.

    Raises
    ------
    ConfigError
        If it is not complete and valid; the message names file, line, key and the nearest key.
    """
    return toml.load(path, RunFile)
