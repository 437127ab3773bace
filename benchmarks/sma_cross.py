"""What the sweep's benchmark sweeps: a cross of two averages, one unit long or flat."""

from dataclasses import dataclass

import flyball as fb


@dataclass(frozen=True, kw_only=True)
class SmaCross:
    """One unit long while the fast average is above the slow one."""

    bars: str = "1m"
    fast: int = 50
    slow: int = 200
    unit: int = 1_000  # lots

    quick = fb.Feature("sma", period="fast")
    steady = fb.Feature("sma", period="slow")

    def decide(self, view: fb.View) -> fb.Target:
        """Hold the unit or nothing."""
        return fb.Target(self.unit if view.quick > view.steady else 0)


@dataclass(frozen=True, kw_only=True)
class Asleep:
    """The same features, hardly ever woken: what a run costs without deciding."""

    bars: str = "1m"
    wake = fb.Wake(every="1d")

    quick = fb.Feature("sma", period=50)
    steady = fb.Feature("sma", period=200)

    def decide(self, view: fb.View) -> None:
        """Nothing."""
