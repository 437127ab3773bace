"""Simulated: how many faults are found how fast, at how many false alarms, and forecasts scored.

By seeds and by a half of the recording that no limit was chosen on.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from flyball.ops.detection.endings import predictions, scores
from flyball.ops.detection.faults import FAULTS
from flyball.ops.detection.normal import Market
from flyball.ops.detection.trial import Injection, false_alarms, injections

__all__ = ["scorecard"]

# On its second day a run knows what is usual at a time of the day.
_DAYS_OF_RUN = 2
_ENDING_HOURS = 6.0
# Seeds below this chose the limits.
SCORED_SEEDS_FROM = 1_000


def scorecard(
    market: Market, *, seed: int, days: int, each: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run it all.

    Parameters
    ----------
    market : Market
        The whole recording: only its second half is used.
    seed : int
        1 000 or more: smaller ones chose the limits.
    days : int
        In which nothing is wrong: runs of two days, side by side.
    each : int
        How often each class of faults is injected.

    Returns
    -------
    dict
        `classes`, `detected` (share of all faults), `median_s` and `p90_s` (of those detected),
        `false_alarms_per_week`, `brier`, `ece`, and under `by_class`, `false_alarms`, `predictions`
        what they are made of.
    """
    if seed < SCORED_SEEDS_FROM:
        raise ValueError(
            f"seed {seed}: must be {SCORED_SEEDS_FROM} or more, others chose the limits"
        )
    half = market.part(0.5, 1.0)
    tell(f"{len(FAULTS)} classes of faults, each {each} times …")
    faults = injections(half, seed=seed, each=each)
    tell(f"{days} days in which nothing is wrong …")
    runs = -(-days // _DAYS_OF_RUN)
    hours = 24.0 * days / runs
    incidents = false_alarms(half, seed=seed + 1, runs=runs, hours=hours)
    tell("metrics on their way to a threshold …")
    said = predictions(half, seed=seed + 2, runs=days, hours=_ENDING_HOURS)
    forecast = scores(said, days=days * _ENDING_HOURS / 24.0)
    seconds = [one.seconds for one in faults if one.seconds is not None]
    return {
        "simulated": True,
        "seed": seed,
        "classes": len(FAULTS),
        "injected": len(faults),
        "detected": len(seconds) / len(faults),
        "median_s": float(np.median(seconds)) if seconds else None,
        "p90_s": float(np.quantile(seconds, 0.9)) if seconds else None,
        "days": days,
        "false_alarms_per_week": 7.0 * len(incidents) / days,
        "brier": forecast["brier"],
        "ece": forecast["ece"],
        "by_class": {fault.name: _of_class(fault.name, faults) for fault in FAULTS},
        "false_alarms": [asdict(incident.alarms[0]) for incident in incidents],
        "predictions": forecast,
    }


def _of_class(name: str, faults: list[Injection]) -> dict[str, Any]:
    own = [one for one in faults if one.fault == name]
    seconds = [one.seconds for one in own if one.seconds is not None]
    detectors = [f"{one.metric}: {one.detector}" for one in own if one.seconds is not None]
    return {
        "injected": len(own),
        "detected": len(seconds),
        "median_s": float(np.median(seconds)) if seconds else None,
        "longest_s": max(seconds, default=None),
        "by": max(sorted(set(detectors)), key=detectors.count, default=None),
    }
