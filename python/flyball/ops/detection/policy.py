"""What is done about a prediction: told, the risk budget made smaller, reduce-only."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

__all__ = ["DEFAULT", "Act", "Level", "Policy"]


class Act(Protocol):
    """Restricts a run to a share of its risk budget; 0 lets it reduce only, 1 is all of it."""

    def __call__(self, share: Decimal, reason: str) -> None:
        """Do it, or raise."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Level:
    """From which probability on which share of the risk budget is left."""

    probability: float
    share: Decimal


DEFAULT = (
    Level(probability=0.8, share=Decimal("0.5")),
    Level(probability=0.9, share=Decimal("0.25")),
    Level(probability=0.95, share=Decimal(0)),
)


class Policy:
    """Acts on the worst prediction at once, and lets go slowly.

    Parameters
    ----------
    act : Act
        What restricts the run.
    levels : tuple of Level
        Rising in probability, falling in share.
    calm_s : float
        Only when nothing has been predicted for so long is the next larger share given back; the
        step after that waits again.

    Notes
    -----
    What raises is tried again at every update until it is done. Letting go asks for nothing but
    time: it releases no switch and no kill.
    """

    def __init__(
        self, act: Act, *, levels: tuple[Level, ...] = DEFAULT, calm_s: float = 600.0
    ) -> None:
        shares = [each.share for each in levels]
        rising = [each.probability for each in levels]
        if not levels or sorted(shares, reverse=True) != shares or sorted(rising) != rising:
            raise ValueError("levels want rising probabilities and falling shares")
        self._act, self._levels, self._calm_s = act, levels, calm_s
        self.share = Decimal(1)
        self._wanted, self._reason = Decimal(1), ""
        self._since_s: float | None = None
        self.failure: Exception | None = None

    @property
    def warns_at(self) -> float:
        """The lowest probability that is acted on."""
        return self._levels[0].probability

    def take_over(self, share: Decimal) -> None:
        """Go on with a share that an earlier run of this policy left."""
        self.share = self._wanted = share

    def update(self, predictions: dict[str, float], *, time_s: float) -> bool:
        """Take the probability of each metric; whether the share of the run was changed.

        One that is not known (NaN) neither acts nor counts as calm.
        """
        known = {name: each for name, each in predictions.items() if each == each}
        worst = max(known, key=lambda name: known[name], default=None)
        share = Decimal(1)
        if worst is not None:
            reached = [each for each in self._levels if known[worst] >= each.probability]
            share = reached[-1].share if reached else share
        if worst is not None and share < self._wanted:
            self._wanted = share
            self._reason = f"{worst}: {known[worst]:.0%} likely to reach its threshold"
        if share < 1 or len(known) < len(predictions) or self._since_s is None:
            self._since_s = time_s
        elif self._wanted < 1 and time_s - self._since_s >= self._calm_s:
            larger = [each.share for each in self._levels if each.share > self._wanted]
            self._wanted = min(larger, default=Decimal(1))
            self._reason = f"nothing predicted for {self._calm_s:.0f} s"
            self._since_s = time_s
        return self._do()

    def _do(self) -> bool:
        if self._wanted == self.share:
            return False
        try:
            self._act(self._wanted, self._reason)
        except Exception as error:  # whoever acts is not ours: it is told, and tried again
            self.failure = error
            return False
        self.share, self.failure = self._wanted, None
        return True
