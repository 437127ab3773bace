"""Strategies that stand in for a real one while a drill goes on."""

import ctypes
import os

import flyball as fb

__all__ = ["Holder", "Once", "Quoter", "Short", "Stuck"]


class Holder:
    """Wants a long position whenever it has none, as large as the gate lets through."""

    wake = fb.Wake(every="50ms")

    def __init__(self, lots: int = 0) -> None:
        self.lots = lots or int(os.environ.get("FLYBALL_DRILL_LOTS", "0"))

    def decide(self, view: fb.View) -> object:
        """Want it anew each time: a run that is stopped is asked again and again."""
        return None if view.position else fb.Target(self.lots)


class Once(Holder):
    """Wants a long position once."""

    def decide(self, view: fb.View) -> object:
        """Want it until it is there, and nothing after that."""
        self.done = getattr(self, "done", False) or view.position != 0
        return None if self.done else fb.Target(self.lots)


class Short(Holder):
    """Wants a short position whenever it has none."""

    def decide(self, view: fb.View) -> object:
        """Want it anew each time."""
        return None if view.position else fb.Target(-self.lots)


class Quoter(Holder):
    """Quotes eight prices a side, too far away to trade, and never decides anew."""

    def decide(self, view: fb.View) -> object:
        """Want the same quotes once."""
        if getattr(self, "asked", False) or not view.bid > 0:
            return None
        self.asked = True
        bid, ask = int(view.bid), int(view.ask)
        steps = range(1, 9)
        return fb.Quotes(
            bids=[(round_price(bid - bid * k // 2000), self.lots // 40) for k in steps],
            asks=[(round_price(ask + ask * k // 2000), self.lots // 40) for k in steps],
        )


def round_price(ticks: int) -> int:
    """Ticks with five significant figures, as the venue takes them."""
    step: int = 10 ** max(0, len(str(ticks)) - 5)
    return ticks - ticks % step


class Stuck(Holder):
    """Holds Python's lock without ever letting go, once it has a position."""

    def decide(self, view: fb.View) -> object:
        """Stand still for ten minutes."""
        if view.position:
            ctypes.PyDLL(None).sleep(600)
        return fb.Target(self.lots)
