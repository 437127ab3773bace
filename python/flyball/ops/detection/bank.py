"""All detectors over all metrics of a run, and what of what they say is an alarm."""

from dataclasses import dataclass

import numpy as np

from flyball.ops.detection.absence import Absence
from flyball.ops.detection.change import ChangePoint
from flyball.ops.detection.control import Cusum, Ewma
from flyball.ops.detection.grouping import Alarm
from flyball.ops.detection.joint import HalfSpaceTrees
from flyball.ops.detection.readings import METRICS
from flyball.ops.detection.robust import RobustZ
from flyball.ops.detection.seasonal import Seasonal
from flyball.ops.detection.streams import Flags, Floats

__all__ = ["DETECTORS", "LIMITS", "Bank", "Limits"]

DETECTORS = ("robust z", "ewma", "cusum", "season", "change", "joint", "missing")
_CLIP = 4.0
_BLOCK = 10


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """From where on a score is an alarm. Chosen on simulated running of other seeds than scored.

    Attributes
    ----------
    z, z_for : tuples
        Robust deviations, and for how many observations in a row they must last: three deviations
        are an alarm only when they stay.
    ewma, cusum : float
        In deviations of the chart, and in deviations of the metric.
    season : float
        Deviations from earlier days at the same time, for a minute.
    change : float
        The probability that something changed within the last minute.
    changed_by : float
        And by how many deviations the last minute differs, at least.
    joint : float
        How empty the space is where a block of ten observations lies, three times in a row.
    missing_s : float
        For how long a metric that was there is gone.
    """

    z: tuple[float, ...] = (3.0, 5.0, 6.0, 12.0, 26.0)
    z_for: tuple[int, ...] = (60, 8, 4, 2, 1)
    ewma: float = 13.0
    cusum: float = 60.0
    season: float = 8.0
    change: float = 0.999
    changed_by: float = 2.5
    joint: float = 0.999
    missing_s: float = 5.0


LIMITS = Limits()


class Bank:
    """Scores an observation of a run, or of many runs side by side, and tells alarms.

    Parameters
    ----------
    runs : tuple of int
        Shape of runs side by side; `()` is one.
    limits : Limits
        From where on a score is an alarm.

    Notes
    -----
    A robust z for each metric, over 20 minutes; EWMA, CUSUM and change points read that z, clipped,
    and only of metrics whose noise has no memory; seasons are quarters of an hour of a day, joint
    are half-space trees over everything. An observation costs the same whatever came before.
    """

    def __init__(self, *, runs: tuple[int, ...] = (), limits: Limits = LIMITS) -> None:
        shape = (*runs, len(METRICS))
        self._limits, self._shape = limits, shape
        floors = np.array([metric.floor for metric in METRICS])
        finite = np.where(np.isfinite(floors), floors, np.inf)
        self._watched: Flags = np.isfinite(floors)
        self._high = np.array([metric.side != "low" for metric in METRICS])
        self._low = np.array([metric.side != "high" for metric in METRICS])
        self._drifts: Flags = np.array([metric.drifts for metric in METRICS])
        count = int(self._drifts.sum())
        self._z = RobustZ(shape, window=120, stride=10, warm=12, floor=finite)
        self._lasting = [np.zeros(shape, dtype=int) for _ in limits.z]
        self._ewma = Ewma((*runs, count), weight=0.03)
        self._cusum = Cusum((*runs, count), slack=1.0)
        self._change = ChangePoint((*runs, count), every=5_000.0, longest=60, recent=6, warm=30)
        # More than a quarter of an hour holds: there is no score before the second day.
        self._season = Seasonal(shape, buckets=96, memory=4_000.0, warm=950, floor=finite)
        self._seasonal = np.zeros(shape, dtype=int)
        self._joint = HalfSpaceTrees(int(self._watched.sum()), depth=8, window=180, runs=runs)
        self._strange = np.zeros(runs, dtype=int)
        self._absence = Absence(shape)
        self._block: list[Floats] = []
        self.scores: dict[str, Floats] = {}

    def update(self, values: Floats, /, *, time_s: float, seconds: float = 1.0) -> dict[str, Flags]:
        """By detector, which metrics it has an alarm for; shape (*runs, metrics).

        An alarm is told for as long as it lasts. "joint" is about all metrics: its shape is that of
        the runs.
        """
        limits = self._limits
        z = self._sided(self._z.update(values))
        found: dict[str, Flags] = {"robust z": np.zeros(self._shape, dtype=bool)}
        size = np.abs(z)
        for at, (level, lasts) in enumerate(zip(limits.z, limits.z_for, strict=True)):
            self._lasting[at] = np.where(size > level, self._lasting[at] + 1, 0)
            found["robust z"] |= self._lasting[at] >= lasts
        clipped = np.clip(z, -_CLIP, _CLIP)[..., self._drifts]
        found["ewma"] = self._spread(np.abs(self._ewma.update(clipped)) > limits.ewma)
        cusum = np.abs(self._cusum.update(clipped)) > limits.cusum
        found["cusum"] = self._spread(cusum)
        self._cusum.reset(cusum)
        found["season"] = self._by_season(values, time_s)
        gone = self._absence.update(values, seconds=seconds)
        found["missing"] = (gone >= limits.missing_s) & (gone < limits.missing_s + seconds)
        found |= self._by_block(np.where(np.isnan(z), 0.0, z))
        self.scores = {"robust z": z, "missing": gone}
        return found

    def _sided(self, z: Floats) -> Floats:
        """Only what lies where trouble lies."""
        wrong = ((z > 0) & ~self._high) | ((z < 0) & ~self._low)
        return np.where(wrong, 0.0, z)

    def _spread(self, flags: Flags) -> Flags:
        """Flags of the metrics that drift, among all."""
        found = np.zeros(self._shape, dtype=bool)
        found[..., self._drifts] = flags
        return found

    def _by_season(self, values: Floats, time_s: float) -> Flags:
        far = np.abs(self._sided(self._season.update(values, time_s=time_s)))
        self._seasonal = np.where(far > self._limits.season, self._seasonal + 1, 0)
        return np.asarray(self._seasonal >= 60)

    def _by_block(self, z: Floats) -> dict[str, Flags]:
        """What is looked at every ten observations: their mean."""
        nothing = {
            "change": np.zeros(self._shape, dtype=bool),
            "joint": np.zeros(self._shape[:-1], dtype=bool),
        }
        self._block.append(z)
        if len(self._block) < _BLOCK:
            return nothing
        mean = np.mean(self._block, axis=0)
        self._block.clear()
        drifting = np.clip(mean, -_CLIP, _CLIP)[..., self._drifts]
        # The mean of ten has a third of the noise.
        moved = self._change.update(np.sqrt(_BLOCK) * drifting) > self._limits.change
        moved &= np.abs(drifting) > self._limits.changed_by
        empty = self._joint.update(0.5 + np.clip(mean, -8.0, 8.0)[..., self._watched] / 16.0)
        self._strange = np.where(empty > self._limits.joint, self._strange + 1, 0)
        return {"change": self._spread(moved), "joint": np.asarray(self._strange >= 3)}

    def alarms(self, found: dict[str, Flags], values: Floats, *, time_s: float) -> list[Alarm]:
        """The alarms of one run, in words; of `update` of the same values."""
        told = []
        for detector, flags in found.items():
            for at in np.flatnonzero(flags).tolist():
                joint = detector == "joint"
                z = float(self.scores["robust z"][at]) if not joint else float("nan")
                told.append(
                    Alarm(
                        time_s=time_s,
                        metric="all together" if joint else METRICS[at].name,
                        detector=detector,
                        score=z if detector != "missing" else float(self.scores["missing"][at]),
                        value=float("nan") if joint else float(values[at]),
                    )
                )
        return told
