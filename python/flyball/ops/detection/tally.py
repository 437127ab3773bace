"""What is left of predictions that are not kept any more: all that scores and curves want."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from flyball.ops.detection.calibration import Calibrator

__all__ = ["Tally"]

_BINS = 10
_DAY_S = 86_400.0
# Leads of warnings that are remembered for their median.
_LEADS = 1_000


class _Made(Protocol):
    """A prediction."""

    @property
    def time_s(self) -> float: ...
    @property
    def metric(self) -> str: ...
    @property
    def horizon_s(self) -> float: ...
    @property
    def raw(self) -> float: ...
    @property
    def probability(self) -> float: ...
    @property
    def due(self) -> bool: ...
    @property
    def acted(self) -> bool: ...


class _Became(Protocol):
    """What became of it."""

    @property
    def crossed_s(self) -> float | None: ...


@dataclass(kw_only=True)
class Tally:
    """Predictions added up, one after the other: the same figures as from all of them.

    Attributes
    ----------
    warns_at : float
        From which probability on one is a warning.
    before : str
        The checksum of the last line that was added up and is not kept.
    predictions, acted, open : int
        Settled, due and not acted on; acted on; those whose outcome never became known.
    came_true, squares : float
        Of the first: how many came true, and the sum of squared differences.
    bins : list
        Count, sum of probabilities and how many came true, by tenths of the probability.
    warnings, false_warnings : int
        The first of each metric's run of high ones; those of them that did not come true.
    leads : list of float
        Seconds from a warning until the threshold was reached, the last thousand.
    high : dict
        When each metric was high last.
    first_s, last_s : float or None
        Between which times the settled ones were made.
    curves : dict
        What calibration has learnt of each metric, as `Calibrator.state` gives it.
    """

    warns_at: float = 0.8
    before: str = ""
    predictions: int = 0
    acted: int = 0
    open: int = 0
    came_true: float = 0.0
    squares: float = 0.0
    bins: list[list[float]] = field(default_factory=lambda: [[0.0] * 3 for _ in range(_BINS)])
    warnings: int = 0
    false_warnings: int = 0
    leads: list[float] = field(default_factory=list)
    high: dict[str, float] = field(default_factory=dict)
    first_s: float | None = None
    last_s: float | None = None
    curves: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def take(self, made: _Made, outcome: _Became | None) -> None:
        """Add one up; without an outcome it is open."""
        self.acted += made.acted
        if outcome is None:
            self.open += 1
            return
        came_true = outcome.crossed_s is not None
        self.first_s = made.time_s if self.first_s is None else min(self.first_s, made.time_s)
        self.last_s = made.time_s if self.last_s is None else max(self.last_s, made.time_s)
        if made.due and not made.acted:
            self._fair(made, came_true=came_true)
        if made.probability >= self.warns_at:
            self._warned(made, outcome.crossed_s)

    def fold(self, pairs: Iterable[tuple[_Made, _Became | None]]) -> None:
        """Add up predictions that are not kept any more, and let the curves learn from them."""
        curves: dict[str, Calibrator] = {}
        for made, outcome in pairs:
            self.take(made, outcome)
            if outcome is None or made.acted or not made.due:
                continue
            if made.metric not in curves:
                curves[made.metric] = Calibrator()
                curves[made.metric].restore(self.curves.get(made.metric))
            curves[made.metric].update(made.raw, came_true=outcome.crossed_s is not None)
        self.curves |= {name: curve.state() for name, curve in curves.items()}

    def _fair(self, made: _Made, *, came_true: bool) -> None:
        self.predictions += 1
        self.came_true += came_true
        self.squares += (made.probability - came_true) ** 2
        one = self.bins[min(_BINS - 1, int(made.probability * _BINS))]
        for at, more in enumerate((1.0, made.probability, float(came_true))):
            one[at] += more

    def _warned(self, made: _Made, crossed_s: float | None) -> None:
        begins = made.time_s - self.high.get(made.metric, -np.inf) > made.horizon_s
        self.high[made.metric] = made.time_s
        # What was acted on and did not happen may have been prevented.
        if not begins or (made.acted and crossed_s is None):
            return
        self.warnings += 1
        if crossed_s is None:
            self.false_warnings += 1
        else:
            self.leads = [*self.leads, crossed_s - made.time_s][-_LEADS:]

    def figures(self) -> dict[str, Any]:
        """See `ledger.scored`."""
        found: dict[str, Any] = {
            "predictions": self.predictions,
            "acted": self.acted,
            "open": self.open,
            "came_true": None,
            "brier": None,
            "ece": None,
        }
        if self.predictions:
            off = sum(abs(said - true) for _, said, true in self.bins)
            found |= {
                "came_true": self.came_true / self.predictions,
                "brier": self.squares / self.predictions,
                "ece": off / self.predictions,
            }
        days = 0.0
        if self.first_s is not None and self.last_s is not None:
            days = (self.last_s - self.first_s) / _DAY_S
        return found | {
            "warnings": self.warnings,
            "false_warnings": self.false_warnings,
            "false_per_day": self.false_warnings / days if days else None,
            "lead_s": float(np.median(self.leads)) if self.leads else None,
        }

    def plain(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)
