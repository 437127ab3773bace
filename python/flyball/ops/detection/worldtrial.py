"""Twenty classes of faults, and weeks without any, on the engine and the local exchange.

Virtual time: see `worlds` for what of it is real. What is counted is what `trial` counts, with one
difference: a metric that gave an alarm in the minute before a fault detects nothing.
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from flyball.ops.detection.bank import LIMITS, Bank, Limits
from flyball.ops.detection.endings import Said, gathered
from flyball.ops.detection.grouping import Alarm, Grouping, Incident
from flyball.ops.detection.normal import Market
from flyball.ops.detection.streams import Flags, Floats
from flyball.ops.detection.trial import Injection, alarms_of
from flyball.ops.detection.watched import THRESHOLDS, forecasts
from flyball.ops.detection.worlds import FAULTS, SHOWS, Worlds

__all__ = ["LASTS_S", "LAST_S", "Injected", "Planned", "injected", "plan", "quiet"]

# A fault begins somewhere in between: until then a run is watched.
_FIRST_S, LAST_S = 1_200, 2_400
LASTS_S = 300
_SIDE_BY_SIDE = 5
_QUIET_BESIDE = 2
_BEFORE_S = 60
_EVERY_S = 30
_CHUNK_S = 60
# Seeds of runs: every seed of a score has so many of its own.
_RUNS = 10_000
_QUIET = 5_000

Made = TypeVar("Made")


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """One fault of a run of its own: its class, its size, after how many seconds it begins."""

    seed: int
    fault: str
    size: float
    begins_s: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Injected:
    """What came of planned faults: whether each was seen, and what was forecast meanwhile.

    `raws` are probabilities every 30 s, shape (looks, runs, thresholds), at `seconds`; `crossings`
    the seconds in which a metric was beyond its threshold, shape (seconds, runs, thresholds).
    """

    found: list[Injection]
    seconds: list[int]
    raws: Floats
    crossings: Flags


def plan(*, seed: int, each: int) -> list[Planned]:
    """Every class so often, sizes and moments by chance."""
    chance = np.random.default_rng((seed, 3))
    return [
        Planned(
            seed=seed * _RUNS + at,
            fault=fault,
            size=float(chance.random()),
            begins_s=int(chance.integers(_FIRST_S, LAST_S)),
        )
        for at, fault in enumerate([name for name in FAULTS for _ in range(each)])
    ]


def _looks(market: Market, planned: Sequence[Planned]) -> Iterator[Floats]:
    """What is seen of the runs, second by second; shape (runs, metrics)."""
    worlds = Worlds(market, [one.seed for one in planned])
    whole = LAST_S + LASTS_S
    for begin in range(0, whole, _CHUNK_S):
        seen = []
        for run, one in enumerate(planned):
            parts, at = [], begin
            for moment in (one.begins_s, one.begins_s + LASTS_S):
                if begin <= moment < begin + _CHUNK_S:
                    parts.append(worlds.step_one(run, moment - at))
                    at = moment
                    if moment == one.begins_s:
                        worlds.inject(run, one.fault, one.size)
                    else:
                        worlds.end(run)
            parts.append(worlds.step_one(run, begin + _CHUNK_S - at))
            seen.append(np.concatenate(parts))
        yield from np.stack(seen, axis=1)


def _inject(market: Market, planned: Sequence[Planned], limits: Limits) -> Injected:
    runs = len(planned)
    bank, passage = Bank(runs=(runs,), limits=limits), forecasts(runs=(runs,))
    rising = np.array([each.rising for each in THRESHOLDS])
    lines = np.array([each.value for each in THRESHOLDS])
    first: dict[int, Alarm] = {}
    last: list[dict[str, float]] = [{} for _ in planned]
    raws, seconds, crossings = [], [], []
    for second, values in enumerate(_looks(market, planned)):
        there = values[:, passage.columns]
        crossings.append(np.where(rising, there >= lines, there <= lines))
        for run, alarm in alarms_of(bank, passage, values, float(second)):
            one = planned[run]
            lasted = second - one.begins_s
            if lasted < 0:
                last[run][alarm.metric] = alarm.time_s
            fires = one.begins_s - last[run].get(alarm.metric, -np.inf) <= _BEFORE_S
            if 0 <= lasted < LASTS_S and alarm.metric in SHOWS[one.fault] and not fires:
                first.setdefault(run, alarm)
        if (second + 1) % _EVERY_S == 0:
            seconds.append(second)
            # What is beyond its threshold already is not forecast.
            raws.append(np.where(crossings[-1], np.nan, passage.passage.probabilities()))
    found = []
    for run, one in enumerate(planned):
        seen = first.get(run)
        found.append(
            Injection(
                fault=one.fault,
                size=one.size,
                # A fault shows in the first observation after it began.
                seconds=None if seen is None else seen.time_s - one.begins_s + 1.0,
                metric="" if seen is None else seen.metric,
                detector="" if seen is None else seen.detector,
            )
        )
    return Injected(
        found=found, seconds=seconds, raws=np.array(raws), crossings=np.array(crossings)
    )


def _quiet(market: Market, seeds: Sequence[int], hours: float, limits: Limits) -> list[Incident]:
    runs = len(seeds)
    worlds = Worlds(market, seeds)
    bank, passage = Bank(runs=(runs,), limits=limits), forecasts(runs=(runs,))
    groups = [Grouping() for _ in seeds]
    found: list[Incident] = []
    whole = int(hours * 3_600)
    for begin in range(0, whole, _CHUNK_S):
        for after, values in enumerate(worlds.step(min(_CHUNK_S, whole - begin))):
            for run, alarm in alarms_of(bank, passage, values, float(begin + after)):
                found += groups[run].update([alarm])
    return found


def _each(
    jobs: int, tell: Callable[[str], None], what: str, calls: list[tuple[Callable[..., Made], Any]]
) -> list[Made]:
    """Make all of them, some at a time, each in a process of its own; in their order."""
    if jobs == 1:
        return [call(*given) for call, given in calls]
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        made = [pool.submit(call, *given) for call, given in calls]
        for count, _ in enumerate(as_completed(made), 1):
            if count % 10 == 0 or count == len(made):
                tell(f"{what}: {count} of {len(made)} …")
        return [one.result() for one in made]


def injected(
    market: Market,
    *,
    seed: int,
    each: int,
    jobs: int,
    tell: Callable[[str], None],
    limits: Limits = LIMITS,
) -> tuple[list[Injection], list[Said]]:
    """Every class of faults so often; what was seen of them, and what was forecast meanwhile."""
    planned = plan(seed=seed, each=each)
    parts = [planned[at : at + _SIDE_BY_SIDE] for at in range(0, len(planned), _SIDE_BY_SIDE)]
    calls = [(_inject, (market, part, limits)) for part in parts]
    made = _each(jobs, tell, "faults", calls)
    raws = np.concatenate([one.raws for one in made], axis=1)
    crossings = np.concatenate([one.crossings for one in made], axis=1)
    said = gathered(made[0].seconds, raws, crossings)
    return [injection for one in made for injection in one.found], said


def quiet(
    market: Market,
    *,
    seed: int,
    runs: int,
    hours: float,
    jobs: int,
    tell: Callable[[str], None],
    limits: Limits = LIMITS,
) -> list[Incident]:
    """The incidents of runs in which nothing is wrong, each watched from its first second."""
    seeds = [seed * _RUNS + _QUIET + at for at in range(runs)]
    parts = [seeds[at : at + _QUIET_BESIDE] for at in range(0, runs, _QUIET_BESIDE)]
    calls = [(_quiet, (market, part, hours, limits)) for part in parts]
    made = _each(jobs, tell, "quiet runs", calls)
    return [incident for incidents in made for incident in incidents]
