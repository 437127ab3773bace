"""Fade a close that is far from the mean of the last bars."""

from dataclasses import dataclass

from flyball.domain import Feature, Signal, View

__all__ = ["MeanReversion"]


@dataclass(frozen=True, kw_only=True)
class MeanReversion:
    """Fade a close that is far from the mean of the last bars, until it is back.

    Distance is counted in standard deviations of the closes. The further, the surer. It names no
    stop: the profile's holds, and without a profile that has one it rides every crash down.
    """

    bars: str = "1m"
    period: int = 60  # bars
    entry: float = 2.0  # standard deviations
    leave: float = 0.5  # standard deviations

    z = Feature("zscore", period="period")

    def decide(self, view: View) -> Signal | None:
        """Signal against the deviation, or flat when it is gone."""
        if abs(view.z) >= self.entry:
            confidence = min(1.0, abs(view.z) / (2 * self.entry))
            return Signal("short" if view.z > 0 else "long", confidence=confidence)
        if view.position and abs(view.z) <= self.leave:
            return Signal("flat", confidence=1.0)
        return None
