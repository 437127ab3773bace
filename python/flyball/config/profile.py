"""Profiles: named, versioned sets of all numbers that protect an account.

A profile is a TOML file in people's units: fractions, seconds, settlement currency. None of its
keys has a default. `emergency` holds the numbers of the default protection; `unprotected` exists
only to show what happens without, and only simulated venues accept it.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from flyball.config import toml
from flyball.domain import duration_ns
from flyball.errors import ConfigError

__all__ = ["Profile", "names", "profile"]

RATE = Decimal(10) ** 12
MONEY = Decimal(10) ** 10


class Switches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When the six switches fire. Fractions; leverage and margin are multiples."""

    drawdown: Decimal
    position_loss: Decimal
    daily_loss: Decimal
    emergency: Decimal
    leverage: Decimal
    margin: Decimal
    hysteresis: Decimal
    cool_off: str


class Gate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the gate lets through."""

    price_collar: Decimal
    exit_collar: Decimal
    max_order_qty: int
    max_order_notional: Decimal
    max_position_notional: Decimal
    max_open_orders: int
    max_concentration: Decimal
    max_leverage: Decimal
    min_margin_ratio: Decimal
    max_net_exposure: Decimal
    min_liquidation_distance: Decimal
    max_depth_share: Decimal
    max_trade_var: Decimal
    max_data_age: str
    max_disagreement: Decimal
    duplicate_window: str
    max_repeated: int
    messages_per_second: int
    message_burst: int
    message_reserve: int


class Governor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is assumed to happen before anybody can act: it bounds how much may be at stake.

    `gaps` names instruments by their symbol; the others have `gap_floor`. `margin_mode`: with
    `isolated`, money is set aside at the venue for each position, enough for the assumed gap.
    """

    gap_floor: Decimal
    gap_factor: Decimal
    gap_sigmas: Decimal
    outage: str
    slippage: Decimal
    gaps: Mapping[str, Decimal]
    margin_mode: Literal["isolated", "cross"]


class Exits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How positions are left."""

    absolute_loss: Decimal
    catastrophic_loss: Decimal
    stop_distance: Decimal
    stop_slippage: Decimal
    stop_drift: Decimal
    max_unprotected: str
    max_holding: str
    max_blind: str
    close_slippage: Decimal
    max_close_slippage: Decimal
    close_retry: str
    close_deadline: str


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named, versioned set of all numbers that protect an account."""

    name: str
    version: int
    simulation_only: bool
    switches: Switches
    gate: Gate
    governor: Governor
    exits: Exits

    def engine(self) -> dict[str, Any]:
        """The profile in the engine's units: 10^-12 parts, 10^-10 money, nanoseconds."""
        return {
            "name": self.name,
            "version": self.version,
            "switches": _engine_table(self.switches, "switches"),
            "gate": _engine_table(self.gate, "gate"),
            "governor": _engine_table(self.governor, "governor"),
            "exits": _engine_table(self.exits, "exits"),
        }

    def rows(self) -> list[tuple[str, str]]:
        """Every number with its key, for people: printed when a run starts."""
        tables: Mapping[str, msgspec.Struct] = {
            "switches": self.switches,
            "gate": self.gate,
            "governor": self.governor,
            "exits": self.exits,
        }
        return [
            (f"{name}.{key}", _words(value))
            for name, table in tables.items()
            for key, value in msgspec.structs.asdict(table).items()
        ]


_MONEY_KEYS = {"max_order_notional", "max_position_notional"}
_WORD_KEYS = {"margin_mode"}


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{symbol} {gap}" for symbol, gap in value.items()) or "none"
    return str(value)


def _engine_table(table: msgspec.Struct, name: str) -> dict[str, Any]:
    converted: dict[str, Any] = {}
    for key, value in msgspec.structs.asdict(table).items():
        if key in _WORD_KEYS:
            converted[key] = value
        elif isinstance(value, str):
            converted[f"{key}_ns"] = duration_ns(value)
        elif isinstance(value, Mapping):
            converted[key] = [
                (symbol, _whole(gap * RATE, f"{name}.{key}.{symbol}"))
                for symbol, gap in sorted(value.items())
            ]
        elif isinstance(value, Decimal):
            scale = MONEY if key in _MONEY_KEYS else RATE
            converted[key] = _whole(value * scale, f"{name}.{key}")
        else:
            converted[key] = value
    return converted


def _whole(value: Decimal, key: str) -> int:
    if not value.is_finite() or value != int(value):
        raise ConfigError(f"{key}: more decimals than the engine keeps, or not a finite number")
    return int(value)


@cache
def names() -> tuple[str, ...]:
    """The profiles that come with the package."""
    folder = Path(__file__).with_name("profiles")
    return tuple(
        sorted(
            entry.name.removesuffix(".toml") for entry in folder.iterdir() if "toml" in entry.name
        )
    )


def profile(name_or_path: str | Path) -> Profile:
    """The profile of this name, or in this TOML file.

    Raises
    ------
    ConfigError
        If there is none, or a key is missing, misspelt or makes no sense.

    Examples
    --------
    >>> profile("emergency").switches.drawdown
    Decimal('0.05')
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        return toml.load(path, Profile)
    name = str(name_or_path)
    if name not in names():
        known = ", ".join(names())
        raise ConfigError(f"there is no profile {name!r}: known are {known}, or name a .toml file")
    text = (Path(__file__).with_name("profiles") / f"{name}.toml").read_text("utf-8")
    return toml.decode(text, Profile, where=f"profile {name}")
