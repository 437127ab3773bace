"""Simulated: twenty classes of faults, and weeks without any, before the detectors of a run.

What is counted: a fault is detected when an alarm about something that it changes comes while it
lasts. Every incident of a run in which nothing was wrong is a false alarm, and so is a forecast of
0.8 or more that is not part of one.
"""

from dataclasses import dataclass

import numpy as np

from flyball.ops.detection.bank import LIMITS, Bank, Limits
from flyball.ops.detection.faults import FAULTS, Fault
from flyball.ops.detection.grouping import Alarm, Grouping, Incident
from flyball.ops.detection.normal import Market, Normal
from flyball.ops.detection.readings import METRICS
from flyball.ops.detection.streams import Floats
from flyball.ops.detection.watched import Forecasts, forecasts

__all__ = ["Injection", "alarms_of", "false_alarms", "injections"]

WARM_S = 1_800
LASTS_S = 300
APART_S = 2_400
_WARNS_AT = 0.8


@dataclass(frozen=True, kw_only=True, slots=True)
class Injection:
    """One fault, and whether and when it was detected.

    Attributes
    ----------
    fault : str
        Its class.
    size : float
        0 to 1.
    seconds : float or None
        From its begin until the first alarm about it; none if there was no such alarm.
    metric, detector : str
        Of that alarm.
    """

    fault: str
    size: float
    seconds: float | None
    metric: str = ""
    detector: str = ""


def false_alarms(
    market: Market, *, seed: int, runs: int, hours: float, limits: Limits = LIMITS
) -> list[Incident]:
    """The incidents of runs in which nothing is wrong, each run watched from its first second."""
    normal, bank = Normal(market, runs=runs, seed=seed), Bank(runs=(runs,), limits=limits)
    passage = forecasts(runs=(runs,))
    groups = [Grouping() for _ in range(runs)]
    found: list[Incident] = []
    for second in range(int(hours * 3_600)):
        values = normal.step()
        for run, alarm in alarms_of(bank, passage, values, float(second)):
            found += groups[run].update([alarm])
    return found


def alarms_of(
    bank: Bank,
    passage: Forecasts,
    values: Floats,
    time_s: float,
) -> list[tuple[int, Alarm]]:
    """What detectors and forecasts say of an observation of runs side by side: run, alarm."""
    told = []
    for detector, flags in bank.update(values, time_s=time_s).items():
        if not flags.any():
            continue
        for at in np.argwhere(flags):
            joint = detector == "joint"
            name = "all together" if joint else METRICS[at[1]].name
            value = float("nan") if joint else float(values[at[0], at[1]])
            alarm = Alarm(
                time_s=time_s, metric=name, detector=detector, score=float("nan"), value=value
            )
            told.append((int(at[0]), alarm))
    if passage.update(values) is not None:
        for run, at in np.argwhere(passage.confirmed >= _WARNS_AT):
            name = passage.names[at]
            score = float(passage.confirmed[run, at])
            alarm = Alarm(
                time_s=time_s, metric=name, detector="forecast", score=score, value=float("nan")
            )
            told.append((int(run), alarm))
    return told


def injections(market: Market, *, seed: int, each: int, limits: Limits = LIMITS) -> list[Injection]:
    """Every class of faults so often, each at a moment and of a size drawn by chance.

    Runs side by side have faults one after the other, 40 minutes apart, of five minutes each; they
    are watched for half an hour before the first.
    """
    chance = np.random.default_rng((seed, 1))
    order = chance.permutation(np.repeat(np.arange(len(FAULTS)), each))
    runs = len(FAULTS)
    plan = order.reshape((each, runs))
    sizes, luck = chance.random((each, runs)), chance.random((each, runs, 4))
    offset = np.asarray(chance.integers(0, APART_S - 3 * LASTS_S, size=(each, runs)))
    normal, bank = Normal(market, runs=runs, seed=seed), Bank(runs=(runs,), limits=limits)
    passage = forecasts(runs=(runs,))
    first: dict[tuple[int, int], Alarm] = {}
    for second in range(WARM_S + each * APART_S):
        values = normal.step()
        round_ = (second - WARM_S) // APART_S
        lasted = second - WARM_S - round_ * APART_S - offset[max(round_, 0)]
        if round_ >= 0:
            for run in np.flatnonzero((lasted >= 0) & (lasted < LASTS_S)).tolist():
                own = np.concatenate([luck[round_, run, :1], chance.random(3)])
                fault = FAULTS[plan[round_, run]]
                fault.effect(values[run], float(lasted[run]), float(sizes[round_, run]), own)
        for run, alarm in alarms_of(bank, passage, values, float(second)):
            if round_ >= 0 and 0 <= lasted[run] < LASTS_S:
                fault = FAULTS[plan[round_, run]]
                if alarm.metric in fault.shows:
                    first.setdefault((round_, run), alarm)
    found = []
    for round_, run in np.ndindex(plan.shape):
        began = WARM_S + round_ * APART_S + int(offset[round_, run])
        fault, size = FAULTS[plan[round_, run]], float(sizes[round_, run])
        found.append(_injection(fault, size, first.get((round_, run)), began=began))
    return found


def _injection(fault: Fault, size: float, alarm: Alarm | None, *, began: int) -> Injection:
    if alarm is None:
        return Injection(fault=fault.name, size=size, seconds=None)
    return Injection(
        fault=fault.name,
        size=size,
        # A fault shows in the first observation after it began.
        seconds=alarm.time_s - began + 1.0,
        metric=alarm.metric,
        detector=alarm.detector,
    )
