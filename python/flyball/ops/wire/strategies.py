"""Deliberately bad strategies, for runs in processes of their own. The engine has to cut them."""

import os

import flyball as fb

__all__ = ["MOST", "AllIn", "AlwaysLong", "FlipFlop"]

# Where the leverage that the venue allows is told.
MOST = "FLYBALL_WIRE_LEVERAGE"


class AllIn:
    """Everything that the account has, long, anew whenever it was closed."""

    wake = fb.Wake(every="200ms", fill=True)

    def decide(self, view: fb.View) -> object:
        """Want it at every moment."""
        return wanted(view, self.multiple())

    def multiple(self) -> float:
        """What it wants to hold: a multiple of equity, negative is short."""
        return 1.0


class AlwaysLong(AllIn):
    """Long with all the leverage that the venue allows."""

    def multiple(self) -> float:
        """All of it."""
        return float(os.environ[MOST])


class FlipFlop(AllIn):
    """From long to short and back, with half the leverage that the venue allows."""

    wake = fb.Wake(every="2s")
    side = -1.0

    def multiple(self) -> float:
        """The other side each time."""
        self.side = -self.side
        return self.side * float(os.environ[MOST]) / 2


def wanted(view: fb.View, multiple: float) -> fb.Target | None:
    """A position of so many times equity; `None` where equity or price is not known."""
    lot_value = view.mid * view.tick_size * view.lot_size
    if not view.equity > 0 or not lot_value > 0:
        return None
    return fb.Target(int(multiple * view.equity / lot_value))
