"""Which metrics are forecast, and until where."""

from dataclasses import dataclass

import numpy as np

from flyball.ops.detection.passage import Passage
from flyball.ops.detection.readings import index
from flyball.ops.detection.streams import Floats

__all__ = ["THRESHOLDS", "Forecasts", "Threshold", "forecasts"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Threshold:
    """What a metric must not reach, in its unit.

    `rising` from below, or from above; `horizon_s` is how far ahead is looked, and `floor` what a
    metric walks in a second at least, one standard deviation.
    """

    metric: str
    value: float
    rising: bool
    horizon_s: float
    floor: float


# The run's own limits replace those of drawdown and memory.
THRESHOLDS: tuple[Threshold, ...] = (
    Threshold(metric="drawdown", value=0.05, rising=True, horizon_s=300.0, floor=1e-5),
    Threshold(metric="margin_used", value=0.667, rising=True, horizon_s=300.0, floor=1e-4),
    Threshold(metric="feed_delay", value=1.0, rising=True, horizon_s=300.0, floor=1e-3),
    Threshold(metric="memory", value=2_000.0, rising=True, horizon_s=300.0, floor=0.1),
    Threshold(metric="disk_free", value=500.0, rising=False, horizon_s=300.0, floor=0.2),
    Threshold(metric="weight_left", value=0.02, rising=False, horizon_s=60.0, floor=2e-3),
)


class Forecasts:
    """The probability of each threshold, from whole observations; see `Passage`.

    What is acted on must have been said twice, ten observations apart: a start-up that levels off
    looks like a drain for a moment. `confirmed` is the lower one of the last two.
    """

    def __init__(self, thresholds: tuple[Threshold, ...], *, runs: tuple[int, ...] = ()) -> None:
        self.thresholds = thresholds
        self.names = tuple(each.metric for each in thresholds)
        self.columns = [index(name) for name in self.names]
        shape = (*runs, len(thresholds))
        self.passage = Passage(
            np.broadcast_to(np.array([each.value for each in thresholds]), shape),
            rising=np.array([each.rising for each in thresholds]),
            horizons_s=np.array([each.horizon_s for each in thresholds]),
            floor=np.array([each.floor for each in thresholds]),
        )
        self._before = np.full(shape, np.nan)
        self.confirmed: Floats = self._before

    def update(self, values: Floats, /, *, seconds: float = 1.0) -> Floats | None:
        """Take an observation, shape (*runs, metrics); every tenth gives (*runs, thresholds)."""
        found = self.passage.update(values[..., self.columns], seconds=seconds)
        if found is not None:
            self.confirmed = np.minimum(self._before, found)
            self._before = found
        return found


def forecasts(
    thresholds: tuple[Threshold, ...] = THRESHOLDS, *, runs: tuple[int, ...] = ()
) -> Forecasts:
    """Forecasts of the usual thresholds."""
    return Forecasts(thresholds, runs=runs)
