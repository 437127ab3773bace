"""What is assumed of a venue: fees, margin tiers, latencies. Printed by every run that uses it."""

from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec

from flyball.config import toml
from flyball.domain import MarginTier
from flyball.errors import ConfigError

__all__ = ["Venue", "venue", "venues"]


class Tier(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From this notional on, at most this leverage."""

    from_notional: int
    max_leverage: int


class Venue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fees as fractions, the smallest order in settlement currency, tiers by symbol."""

    maker_fee: Decimal
    taker_fee: Decimal
    min_notional: Decimal
    order_latency: str
    report_latency: str
    tiers: dict[str, tuple[Tier, ...]]

    def margin_tiers(self, symbol: str) -> tuple[MarginTier, ...]:
        """The symbol's margin table, or the venue's default one."""
        tiers = self.tiers.get(symbol, self.tiers["default"])
        return tuple(
            MarginTier(from_notional=tier.from_notional, max_leverage=tier.max_leverage)
            for tier in tiers
        )


@cache
def venues() -> dict[str, Venue]:
    """All venues that the package knows, by name."""
    text = Path(__file__).with_name("venues.toml").read_text("utf-8")
    return toml.decode(text, dict[str, Venue], where="venues.toml")


def venue(name: str) -> Venue:
    """What is assumed of the venue of this name.

    Raises
    ------
    ConfigError
        If the package knows none.

    Examples
    --------
    >>> venue("hyperliquid").taker_fee
    Decimal('0.00045')
    """
    known = venues()
    if name not in known:
        raise ConfigError(f"there is no venue {name!r}: known are {', '.join(known)}")
    return known[name]
