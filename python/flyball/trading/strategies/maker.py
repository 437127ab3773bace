"""Quote both sides of the microprice, leaning against inventory."""

from dataclasses import dataclass
from math import ceil, floor

from flyball.domain import Quotes, View, Wake

__all__ = ["Maker"]


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Quote both sides of the microprice, leaning against inventory.

    The microprice (Stoikov 2018 calls its plain form the weighted mid) leans towards the side that
    is about to give way. Each `size` that is held moves both quotes by `skew`.
    """

    size: int  # lots
    half_spread: float = 2.0  # ticks
    skew: float = 1.0  # ticks per size held
    every: str = "250ms"

    @property
    def wake(self) -> Wake:
        """Requote at fixed times, and at once after a fill."""
        return Wake(every=self.every, fill=True)

    def decide(self, view: View) -> Quotes | None:
        """Want one bid and one ask, neither of which trades at once."""
        fair = view.microprice - self.skew * view.position / self.size
        if not fair > self.half_spread + 1:
            return None  # no market to look at
        bid = min(floor(fair - self.half_spread), int(view.ask) - 1)
        ask = max(ceil(fair + self.half_spread), int(view.bid) + 1)
        return Quotes(bids=((bid, self.size),), asks=((ask, self.size),))
