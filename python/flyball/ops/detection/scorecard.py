"""Simulated: how many faults are found how fast, at how many false alarms, and forecasts scored.

By seeds and by a half of the recording that no limit was chosen on.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from flyball.ops.detection import faults, trial, worlds, worldtrial
from flyball.ops.detection.endings import Said, predictions, scores
from flyball.ops.detection.grouping import Incident
from flyball.ops.detection.normal import Market
from flyball.ops.detection.trial import Injection

__all__ = ["SCORED_SEEDS_FROM", "made_scorecard", "scorecard"]

# On its second day a run knows what is usual at a time of the day.
_DAYS_OF_RUN = 2
_ENDING_HOURS = 6.0
# Seeds below this chose the limits.
SCORED_SEEDS_FROM = 1_000


def scorecard(
    market: Market, *, seed: int, days: int, each: int, jobs: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Run it all on the engine and the local exchange, in virtual time.

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
    jobs : int
        Processes.

    Returns
    -------
    dict
        `classes`, `detected` (share of all faults), `median_s` and `p90_s` (of those detected),
        `false_alarms_per_week`, `brier`, `ece`, and under `by_class`, `false_alarms`, `predictions`
        what they are made of. `place` says where a class is put in.
    """
    half = _half(market, seed)
    tell(f"{len(worlds.FAULTS)} classes of faults, each {each} times …")
    found, said = worldtrial.injected(half, seed=seed, each=each, jobs=jobs, tell=tell)
    tell(f"{days} days in which nothing is wrong …")
    runs = -(-days // _DAYS_OF_RUN)
    incidents = worldtrial.quiet(
        half, seed=seed, runs=runs, hours=24.0 * days / runs, jobs=jobs, tell=tell
    )
    watched = len(found) * (worldtrial.LAST_S + worldtrial.LASTS_S) / 86_400.0
    card = _card(worlds.FAULTS, found, incidents, said, days=days, watched=watched)
    return {"on": "engine and local exchange in virtual time", "seed": seed, **card}


def made_scorecard(
    market: Market, *, seed: int, days: int, each: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """As `scorecard`, on metrics that are made: no engine takes part."""
    half = _half(market, seed)
    names = dict.fromkeys((fault.name for fault in faults.FAULTS), "made")
    tell(f"{len(names)} classes of faults, each {each} times …")
    found = trial.injections(half, seed=seed, each=each)
    tell(f"{days} days in which nothing is wrong …")
    runs = -(-days // _DAYS_OF_RUN)
    hours = 24.0 * days / runs
    incidents = trial.false_alarms(half, seed=seed + 1, runs=runs, hours=hours)
    tell("metrics on their way to a threshold …")
    said = predictions(half, seed=seed + 2, runs=days, hours=_ENDING_HOURS)
    watched = days * _ENDING_HOURS / 24.0
    card = _card(names, found, incidents, said, days=days, watched=watched)
    return {"on": "made metrics", "seed": seed, **card}


def _half(market: Market, seed: int) -> Market:
    if seed < SCORED_SEEDS_FROM:
        raise ValueError(
            f"seed {seed}: must be {SCORED_SEEDS_FROM} or more, others chose the limits"
        )
    return market.part(0.5, 1.0)


def _card(
    classes: Mapping[str, str],
    found: list[Injection],
    incidents: list[Incident],
    said: list[Said],
    *,
    days: int,
    watched: float,
) -> dict[str, Any]:
    forecast = scores(said, days=watched)
    seconds = [one.seconds for one in found if one.seconds is not None]
    return {
        "simulated": True,
        "classes": len(classes),
        "injected": len(found),
        "detected": len(seconds) / len(found),
        "median_s": float(np.median(seconds)) if seconds else None,
        "p90_s": float(np.quantile(seconds, 0.9)) if seconds else None,
        "days": days,
        "false_alarms_per_week": 7.0 * len(incidents) / days,
        "brier": forecast["brier"],
        "ece": forecast["ece"],
        "by_class": {name: _of_class(name, place, found) for name, place in classes.items()},
        "false_alarms": [asdict(incident.alarms[0]) for incident in incidents],
        "predictions": forecast,
    }


def _of_class(name: str, place: str, found: list[Injection]) -> dict[str, Any]:
    own = [one for one in found if one.fault == name]
    seconds = [one.seconds for one in own if one.seconds is not None]
    detectors = [f"{one.metric}: {one.detector}" for one in own if one.seconds is not None]
    return {
        "place": place,
        "injected": len(own),
        "detected": len(seconds),
        "median_s": float(np.median(seconds)) if seconds else None,
        "longest_s": max(seconds, default=None),
        "missed_sizes": sorted(round(one.size, 3) for one in own if one.seconds is None),
        "by": max(sorted(set(detectors)), key=detectors.count, default=None),
    }
