"""One fixed configuration for every file of the Numenta Anomaly Benchmark, and how well it does.

Which detectors, their limits and the quiet time after an alarm were chosen by searching on the
benchmark's other categories (51 files with 97 windows: artificial, AWS CloudWatch, ad exchange,
traffic, tweets). The labels of the known causes were only read to score the result.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flyball.ops.detection.longrun import LongRun, Moments
from flyball.ops.detection.nabscore import (
    NabFile,
    Profile,
    normalised,
    score_file,
)
from flyball.ops.detection.seasonal import Seasonal
from flyball.ops.detection.streams import Detector, Flags, Floats

__all__ = ["FIXED", "STEADY", "Configuration", "FileOutcome", "NabDetector", "detect", "score"]

_DAY_S = 86_400.0
_INTERVALS = 25
_HIGHEST = 50.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """Limits in standard deviations of each detector; rows of a file.

    Attributes
    ----------
    value : float
        Of a single value against all before it.
    level_short, level_long : float
        Of the mean of 6 and of 24 values.
    spread : float
        Of the spread of 48 values.
    season : float
        Of three hours' mean of what differs from earlier days at the same time.
    record_share : float
        An alarm must exceed this share of the highest score of the past.
    record_half_rows : float
        After so many rows a high score of the past counts half.
    quiet_s : float
        After an alarm there is none for so many seconds.
    alarms_per_day : float
        What a person is ready to look at. While there are fewer, all limits sink, and while there
        are more, they rise: this needs no labels.
    adapts : float
        How much: an alarm raises the limits by so many parts of themselves.
    lowest, highest : float
        Between these multiples of themselves.
    """

    value: float
    level_short: float
    level_long: float
    spread: float
    season: float
    record_share: float
    record_half_rows: float
    quiet_s: float
    alarms_per_day: float
    adapts: float
    lowest: float
    highest: float


FIXED = Configuration(
    value=10.0,
    level_short=4.75,
    level_long=3.4,
    spread=4.0,
    season=6.1,
    record_share=0.8,
    record_half_rows=400.0,
    quiet_s=36_000.0,
    alarms_per_day=0.25,
    adapts=0.2,
    lowest=0.5,
    highest=2.0,
)
# The same without a budget: few alarms, where being called for nothing is worse than missing one.
STEADY = replace(FIXED, lowest=1.0, highest=1.0)


class _Season:
    """What differs from earlier days at the same time, over an eighth of a day.

    How far apart the values are is learnt from the first 25 of them.
    """

    def __init__(self) -> None:
        self._times: list[float] = []
        self._usual: Seasonal | None = None
        self._recent: list[float] = []
        self._means = Moments(())
        self._span = self._day = 0

    def update(self, value: float, time_s: float) -> float:
        if self._usual is None:
            self._learn(time_s)
            if self._usual is None:
                return math.nan
        usual = float(self._usual.usual(time_s))
        self._usual.update(np.asarray(value), time_s=time_s)
        if math.isnan(usual) or math.isnan(value):
            return math.nan
        self._recent = [*self._recent[-(self._span - 1) :], value - usual]
        mean = sum(self._recent) / len(self._recent)
        deviation = max(float(self._means.deviation), 1e-9)
        score = mean / deviation if float(self._means.count) >= self._day else math.nan
        self._means.add(np.asarray(mean))
        return score

    def _learn(self, time_s: float) -> None:
        self._times.append(time_s)
        if len(self._times) > _INTERVALS:
            apart = float(np.median(np.diff(self._times)))
            self._day = max(4, round(_DAY_S / apart))
            self._span = max(2, self._day // 8)
            self._usual = Seasonal(
                (), period_s=_DAY_S, buckets=self._day, memory=30.0, warm=2, floor=1e-9
            )


class NabDetector:
    """Several detectors of one metric, and when what they say is an alarm."""

    def __init__(self, chosen: Configuration = FIXED) -> None:
        self._chosen = chosen
        self._season = _Season()
        self._detectors: tuple[tuple[Detector, float], ...] = (
            (LongRun((), span=1, warm=30), chosen.value),
            (LongRun((), span=6), chosen.level_short),
            (LongRun((), span=24), chosen.level_long),
            (LongRun((), span=48, spread=True), chosen.spread),
        )
        self._fade = 0.5 ** (1.0 / chosen.record_half_rows)
        self._record, self._factor = 0.0, 1.0
        self._told_s, self._last_s = -math.inf, math.nan

    def update(self, value: float, time_s: float) -> bool:
        """Whether this value, at seconds since 1970, is an alarm."""
        found = [
            abs(float(each.update(np.asarray(value)))) / limit for each, limit in self._detectors
        ]
        found.append(abs(self._season.update(value, time_s)) / self._chosen.season)
        score = max((each for each in found if not math.isnan(each)), default=0.0)
        high = max(self._factor, self._chosen.record_share * self._record)
        alarm = score > high and time_s - self._told_s >= self._chosen.quiet_s
        self._record = max(self._record * self._fade, min(score, _HIGHEST))
        self._adapt(time_s, alarm=alarm)
        return alarm

    def _adapt(self, time_s: float, *, alarm: bool) -> None:
        chosen = self._chosen
        passed_s = 0.0 if math.isnan(self._last_s) else max(0.0, time_s - self._last_s)
        due = chosen.alarms_per_day * passed_s / _DAY_S
        moved = self._factor * math.exp(chosen.adapts * ((1.0 if alarm else 0.0) - due))
        self._factor = min(max(moved, chosen.lowest), chosen.highest)
        self._last_s = time_s
        if alarm:
            self._told_s = time_s


def detect(values: Floats, time_s: Floats, *, chosen: Configuration = FIXED) -> Flags:
    """The rows of a file that are alarms, found one after the other; shape (rows,)."""
    detector = NabDetector(chosen)
    pairs = zip(values.tolist(), time_s.tolist(), strict=True)
    return np.array([detector.update(value, time) for value, time in pairs])


@dataclass(frozen=True, kw_only=True, slots=True)
class FileOutcome:
    """How one file went; `false_alarms` are rows outside every window, after the probation."""

    name: str
    windows: int
    detected: int
    false_alarms: int
    days: float
    scores: dict[str, float]


def score(
    files: Sequence[NabFile], profiles: Sequence[Profile], *, chosen: Configuration = FIXED
) -> tuple[list[FileOutcome], dict[str, Any]]:
    """Run every file and score it: each file's outcome, and the whole.

    The whole has `windows`, `detected`, `detected_share`, `false_alarms`, `days`,
    `false_alarms_per_day`, and `scores` by profile from 0 (nothing) to 100 (perfect).
    """
    outcomes = []
    for file in files:
        flags = detect(file.values, file.time_s, chosen=chosen)
        marks = {each.name: score_file(flags, file.windows, each) for each in profiles}
        some = next(iter(marks.values()))
        outcomes.append(
            FileOutcome(
                name=file.name,
                windows=some.windows,
                detected=some.detected,
                false_alarms=some.fp,
                days=file.days,
                scores={name: mark.score for name, mark in marks.items()},
            )
        )
    windows = sum(each.windows for each in outcomes)
    detected = sum(each.detected for each in outcomes)
    alarms = sum(each.false_alarms for each in outcomes)
    days = sum(each.days for each in outcomes)
    totals = {
        each.name: normalised(
            sum(one.scores[each.name] for one in outcomes), windows=windows, profile=each
        )
        for each in profiles
    }
    return outcomes, {
        "windows": windows,
        "detected": detected,
        "detected_share": detected / windows,
        "false_alarms": alarms,
        "days": days,
        "false_alarms_per_day": alarms / days,
        "scores": totals,
    }
