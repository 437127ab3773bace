"""Simulated: metrics on their way to a threshold, some of which get there, and what was predicted.

None of these is the walk with a drift that the forecasts assume. Drawdown and margin follow a
recorded market with a position that turns over; latency creeps and recovers; memory leaks at rates
that change and is collected; a disk fills and is rotated; a rate budget is used up unevenly and
comes back. Whatever has reached its threshold begins again.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from flyball.ops.detection.calibration import Calibrator, brier, calibration_error
from flyball.ops.detection.normal import Market
from flyball.ops.detection.streams import Flags, Floats
from flyball.ops.detection.watched import THRESHOLDS, Forecasts

__all__ = ["Said", "gathered", "predictions", "scores"]

_EVERY_S = 30
_WARM_S = 600


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What was said of one metric, in order of time, and what became of it.

    Attributes
    ----------
    time_s, run : array, shape (predictions,)
        When, and of which run.
    raw, probability : array, shape (predictions,)
        Before and after calibration by what was known until then.
    crossed_s : array, shape (predictions,)
        After how many seconds the threshold was reached; NaN if not within the horizon.
    """

    metric: str
    horizon_s: float
    time_s: Floats
    run: Floats
    raw: Floats
    probability: Floats
    crossed_s: Floats


class _Metrics:
    """The six metrics of runs side by side, shape (runs, 6), in the order of `THRESHOLDS`."""

    def __init__(self, market: Market, *, runs: int, seed: int) -> None:
        self._market, self._runs = market, runs
        self._chance = np.random.default_rng((seed, 2))
        chance = self._chance
        self._at = chance.integers(len(market.step), size=runs)
        self._leverage = np.exp(chance.uniform(np.log(1.0), np.log(15.0), size=runs))
        self._side = chance.choice([-1.0, 1.0], size=runs)
        self._equity, self._peak = np.ones(runs), np.ones(runs)
        self._delay, self._creep = np.full(runs, 0.05), np.zeros(runs)
        self._memory, self._leak = np.full(runs, 400.0), np.zeros(runs)
        self._disk, self._fill = np.full(runs, 5_000.0), np.zeros(runs)
        self._weight, self._use = np.ones(runs), np.full(runs, 0.005)

    def step(self) -> Floats:
        """The next second."""
        chance, runs = self._chance, self._runs
        self._at = (self._at + 1) % len(self._market.step)
        moved = self._side * self._leverage * self._market.step[self._at] / 1e4
        self._equity = self._equity * (1.0 + moved)
        self._peak = np.maximum(self._peak, self._equity)
        turns = chance.random(runs) < 1.0 / 900.0
        self._side = np.where(turns, chance.choice([-1.0, 1.0], size=runs), self._side)
        begins = chance.random(runs) < 1.0 / 1_800.0
        ends = chance.random(runs) < 1.0 / 400.0
        rate = np.exp(chance.uniform(np.log(2e-4), np.log(1e-2), size=runs))
        self._creep = np.where(ends, 0.0, np.where(begins, rate, self._creep))
        calm = np.where(self._creep > 0, 0.0, (0.05 - self._delay) / 30.0)
        self._delay = self._delay + self._creep + calm + 0.003 * chance.normal(size=runs)
        self._memory, self._leak = self._filling(self._memory, self._leak, 400.0, (0.05, 8.0))
        self._disk, self._fill = self._filling(self._disk, self._fill, 5_000.0, (-20.0, -0.5))
        self._drain()
        ratio = 20.0 * (self._equity / self._peak - 0.9) / (1.0 + 0.1 * self._leverage) + 1.0
        return np.stack(
            [
                1.0 - self._equity / self._peak,
                1.0 / np.maximum(ratio, 1.0),
                np.maximum(self._delay, 0.0),
                self._memory + chance.normal(size=runs),
                self._disk,
                np.maximum(self._weight + 0.01 * chance.normal(size=runs), 0.0),
            ],
            axis=-1,
        )

    def _filling(
        self, held: Floats, rate: Floats, start: float, rates: tuple[float, float]
    ) -> tuple[Floats, Floats]:
        """Something that fills at a rate that changes, and is emptied now and then."""
        chance, runs = self._chance, self._runs
        drawn = chance.uniform(*rates, size=runs) * (chance.random(runs) < 0.5)
        changes = chance.random(runs) < 1.0 / 300.0
        rate = np.where(changes, drawn, rate)
        emptied = chance.random(runs) < 1.0 / 1_200.0
        level = np.where(emptied, held + 0.7 * (start - held), held)
        return level + rate * chance.uniform(0.5, 1.5, size=runs), rate

    def _drain(self) -> None:
        chance, runs = self._chance, self._runs
        changes = chance.random(runs) < 1.0 / 60.0
        drawn = np.exp(chance.uniform(np.log(0.002), np.log(0.06), size=runs))
        self._use = np.where(changes, drawn, self._use)
        used = self._use * chance.uniform(0.0, 2.0, size=runs)
        self._weight = np.minimum(1.0, self._weight - used + 1.0 / 60.0)

    def restart(self, crossed: Flags) -> None:
        """Begin again where a threshold was reached; shape (runs, 6)."""
        account = crossed[:, 0] | crossed[:, 1]
        self._peak = np.where(account, self._equity, self._peak)
        self._delay = np.where(crossed[:, 2], 0.05, self._delay)
        self._creep = np.where(crossed[:, 2], 0.0, self._creep)
        self._memory = np.where(crossed[:, 3], 400.0, self._memory)
        self._disk = np.where(crossed[:, 4], 5_000.0, self._disk)
        self._weight = np.where(crossed[:, 5], 0.6, self._weight)


def predictions(market: Market, *, seed: int, runs: int, hours: float) -> list[Said]:
    """What the forecasts say of each metric every 30 seconds, and what becomes of it."""
    metrics = _Metrics(market, runs=runs, seed=seed)
    forecasts = Forecasts(THRESHOLDS, runs=(runs,))
    rising = np.array([each.rising for each in THRESHOLDS])
    limits = np.array([each.value for each in THRESHOLDS])
    passage = forecasts.passage
    seconds = int(hours * 3_600)
    raws: list[tuple[int, Floats]] = []
    crossings: list[tuple[int, Flags]] = []
    for second in range(seconds):
        values = metrics.step()
        crossed = np.where(rising, values >= limits, values <= limits)
        if crossed.any():
            crossings.append((second, crossed))
            metrics.restart(crossed)
            # What was learnt before a restart says nothing about after it.
            passage.forget(crossed)
            values = np.where(crossed, np.nan, values)
        found = passage.update(values)
        if found is not None and second >= _WARM_S and (second + 1) % _EVERY_S == 0:
            raws.append((second, found))
    return [_said(at, raws, crossings, seconds=seconds) for at in range(len(THRESHOLDS))]


def gathered(seconds: list[int], raws: Floats, crossings: Flags) -> list[Said]:
    """What was said of runs side by side, from what was looked at.

    Parameters
    ----------
    seconds : list of int
        When something was said.
    raws : array, shape (looks, runs, thresholds)
        Probabilities before calibration; NaN where nothing was said.
    crossings : array, shape (seconds, runs, thresholds)
        Where a metric was beyond its threshold.
    """
    beyond = [(second, flags) for second, flags in enumerate(crossings) if flags.any()]
    told = list(zip(seconds, raws, strict=True))
    return [_said(at, told, beyond, seconds=len(crossings)) for at in range(len(THRESHOLDS))]


def _said(
    at: int, raws: list[tuple[int, Floats]], crossings: list[tuple[int, Flags]], *, seconds: int
) -> Said:
    threshold = THRESHOLDS[at]
    runs = raws[0][1].shape[0]
    reached = [
        np.array([second for second, crossed in crossings if crossed[run, at]])
        for run in range(runs)
    ]
    rows: list[tuple[float, int, float, float]] = []
    for second, found in raws:
        if second + threshold.horizon_s >= seconds:
            break
        for run in range(runs):
            raw = float(found[run, at])
            if np.isnan(raw):
                continue
            later = reached[run][np.searchsorted(reached[run], second, side="right") :]
            after = float(later[0] - second) if len(later) else np.inf
            rows.append((float(second), run, raw, after))
    time_s, run_, raw_, after_ = (
        np.array(column, dtype=float) for column in zip(*rows, strict=True)
    )
    crossed_s = np.where(after_ <= threshold.horizon_s, after_, np.nan)
    return Said(
        metric=threshold.metric,
        horizon_s=threshold.horizon_s,
        time_s=time_s,
        run=run_,
        raw=raw_,
        probability=_calibrated(time_s, raw_, crossed_s, threshold.horizon_s),
        crossed_s=crossed_s,
    )


def _calibrated(time_s: Floats, raw: Floats, crossed_s: Floats, horizon_s: float) -> Floats:
    """Calibrated by what was known at the time: a prediction is settled after its horizon."""
    curve, settled = Calibrator(), 0
    said = np.empty(len(raw))
    for at in range(len(raw)):
        while settled < at and time_s[settled] + horizon_s <= time_s[at]:
            came_true = not np.isnan(crossed_s[settled])
            curve.update(float(raw[settled]), came_true=came_true)
            settled += 1
        said[at] = curve.probability(float(raw[at]))
    return said


def scores(said: list[Said], *, days: float, warns_at: float = 0.8) -> dict[str, Any]:
    """Brier and calibration error of all and of each metric; warnings, their lead, false ones.

    `brier_of_share` is what saying the share that came true would have scored, every time.
    """
    whole = _score(
        np.concatenate([each.probability for each in said]),
        np.concatenate([each.raw for each in said]),
        np.concatenate([each.crossed_s for each in said]),
    )
    parts = {each.metric: _score(each.probability, each.raw, each.crossed_s) for each in said}
    leads, false = [], 0
    for each in said:
        ahead, wrong = _warnings(each, warns_at)
        leads += ahead
        false += wrong
    return {
        **whole,
        "metrics": parts,
        "warnings": len(leads) + false,
        "false_warnings": false,
        "false_warnings_per_day": false / days,
        "lead_s": float(np.median(leads)) if leads else None,
    }


def _score(probability: Floats, raw: Floats, crossed_s: Floats) -> dict[str, Any]:
    true = (~np.isnan(crossed_s)).astype(float)
    share = float(true.mean())
    return {
        "predictions": len(true),
        "came_true": share,
        "brier": brier(probability, true),
        "ece": calibration_error(probability, true),
        "brier_raw": brier(raw, true),
        "ece_raw": calibration_error(raw, true),
        "brier_of_share": share * (1.0 - share),
    }


def _warnings(said: Said, warns_at: float) -> tuple[list[float], int]:
    leads: list[float] = []
    false = 0
    for run in np.unique(said.run):
        here = said.run == run
        told = -np.inf
        for time_s, probability, crossed_s in zip(
            said.time_s[here], said.probability[here], said.crossed_s[here], strict=True
        ):
            if probability < warns_at:
                continue
            if time_s - told > said.horizon_s:
                if np.isnan(crossed_s):
                    false += 1
                else:
                    leads.append(float(crossed_s))
            told = time_s
    return leads, false
