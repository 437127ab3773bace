"""What a sweep shows: the best, what selection made of it, and what it was worth elsewhere."""

from collections.abc import Sequence
from hashlib import sha256
from math import inf, isfinite, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyball.ops.sweep.landscape import landscape, marginals, neighbours
from flyball.ops.sweep.plan import Folding
from flyball.ops.sweep.space import Space
from flyball.ops.sweep.trial import Trial
from flyball.ops.sweep.tried import Tried
from flyball.research.selection import (
    Chosen,
    Score,
    Shape,
    Split,
    cross_validated,
    deflated_sharpe,
    expected_maximum,
    haircut,
    independent_trials,
    mean_correlation,
    minimum_track_record,
    probabilistic_sharpe,
    shape_of,
)
from flyball.trading.runtime.screening import ASSUMED, LEFT_OUT

__all__ = ["judged"]

_YEAR_NS = 365 * 86_400 * 10**9  # these markets do not close
_BLOCKS = 16
_STEPS_A_BLOCK = 10
_POINTS = 400  # of a curve, and of a cloud of halves
_HISTOGRAM = (-6.0, 6.0, 24)
_CORRECTIONS = ("sidak", "bonferroni", "holm", "bhy")


def judged(
    tried: Tried,
    *,
    others: Sequence[Trial],
    earlier: int,
    splits: Sequence[Split],
    folding: Folding,
    allowed: Sequence[Sequence[str] | None],
    anew: Sequence[Trial],
    score: Score,
    space: Space,
    again: Sequence[tuple[Trial, Trial]] | None = None,
) -> dict[str, Any]:
    """What a sweep shows, as JSON can hold it.

    Parameters
    ----------
    tried : Tried
    others : sequence of Trial
        Of earlier searches in the same folder: they count as tried, and are not chosen from.
    earlier : int
        Trials elsewhere, of which only the number is known.
    splits, folding
        How time was split.
    allowed : sequence
        Keys of the trials that each split may choose from.
    anew : sequence of Trial
        What each split of a walk forward chose, run over its test alone; empty for others.
    score : Score
    space : Space
    again : sequence of pairs of Trial, optional
        The best that were screened, each beside itself through the whole engine; none where the
        engine ran every trial.
    """
    scores = score.of(tried.returns)
    best = int(np.argmax(scores))
    a_year = _YEAR_NS / tried.steps.step_ns
    chosen = tried.choose(splits, score=score, allowed=allowed) if splits else ()
    total = len(tried.trials) + len(others) + earlier
    shown: dict[str, Any] = {
        "steps_a_year": a_year,
        "trials": {
            "made": len(tried.trials),
            "failed": len(tried.failed),
            "first_failure": _failure(tried),
            "earlier_here": len(others),
            "earlier_elsewhere": earlier,
            "counted": total,
            "standstill": sum(trial.standstill for trial in tried.trials),
        },
        "best": _best(tried, best, scores, a_year),
        "luck": _luck(tried, best, others, total, a_year),
        "folds": _folds(tried, splits, chosen, anew, score, a_year),
        "outside": _outside(chosen, anew, score, a_year),
        "paths": _paths(tried, chosen, splits, folding, a_year),
        "overfitting": _overfitting(tried, score, a_year),
        "stability": neighbours(tried, best, scores, space),
        "landscape": landscape(tried, best, scores, space),
        "marginals": marginals(tried, scores, space),
        "curves": _curves(tried, best, splits, chosen, anew),
        "table": _table(tried, scores, score, a_year),
        "screening": None if again is None else _screening(again, score, a_year),
    }
    engine = [] if again is None else [whole for _, whole in again]
    shown["hash"] = _hash(tried, [*anew, *engine])
    return shown


def number(value: float) -> float | None:
    """A number as JSON can hold it."""
    return float(value) if isfinite(value) else None


def _failure(tried: Tried) -> dict[str, Any] | None:
    if not tried.failed:
        return None
    first = tried.failed[0]
    return {"parameters": dict(first.job.parameters), "error": first.error}


def annual(score: Score, value: float, a_year: float) -> float:
    """A score of one step as people read it: a year's ratio, or a year's growth."""
    if score.name == "growth":
        return float(np.expm1(min(700.0, value * a_year)))
    return value * sqrt(a_year)


def _growth(returns: NDArray[np.floating]) -> float:
    return float(np.prod(1.0 + np.asarray(returns, dtype=np.float64)) - 1.0)


def _figures(trial: Trial) -> dict[str, Any]:
    return {
        "parameters": dict(trial.job.parameters),
        "total_return": _growth(trial.returns),
        "max_drawdown": trial.max_drawdown,
        "equity": trial.equity,
        "fees": trial.fees,
        "trades": trial.trades,
        "tripped": list(trial.tripped),
        "standstill": trial.standstill,
    }


def _best(tried: Tried, best: int, scores: NDArray[np.float64], a_year: float) -> dict[str, Any]:
    trial = tried.trials[best]
    shape = shape_of(trial.returns)
    return {
        **_figures(trial),
        "score": float(scores[best]),
        "sharpe": number(shape.sharpe * sqrt(a_year)),
        "sharpe_error": number(shape.error * sqrt(a_year)),
        "skewness": number(shape.skewness),
        "kurtosis": number(shape.kurtosis),
        "state_hash": trial.state_hash,
    }


def _ratio(trial: Trial) -> float:
    found = shape_of(trial.returns).sharpe
    return found if isfinite(found) else 0.0


def _luck(
    tried: Tried, best: int, others: Sequence[Trial], total: int, a_year: float
) -> dict[str, Any]:
    """Ratios that know how often was tried. All take Sharpe ratios, whatever was chosen by."""
    ratios = np.array([_ratio(trial) for trial in (*tried.trials, *others)])
    shape: Shape = shape_of(tried.trials[best].returns)
    deviation = float(np.std(ratios, ddof=1)) if ratios.size > 1 else 0.0
    correlation = mean_correlation(tried.returns)
    independent = independent_trials(total, correlation=correlation)
    root = sqrt(a_year)
    record = minimum_track_record(shape)
    against = minimum_track_record(shape, benchmark=expected_maximum(total, deviation=deviation))
    cut = {
        method: haircut(ratios, count=shape.count, which=best, method=method, trials=total)  # type: ignore[arg-type]
        for method in _CORRECTIONS
    }
    return {
        "trials": total,
        "independent_trials": independent,
        "correlation": number(correlation),
        "deviation": deviation * root,
        "expected_maximum": expected_maximum(total, deviation=deviation) * root,
        "expected_maximum_independent": expected_maximum(independent, deviation=deviation) * root,
        "probabilistic": number(probabilistic_sharpe(shape)),
        "deflated": number(deflated_sharpe(shape, trials=total, deviation=deviation)),
        "deflated_independent": number(
            deflated_sharpe(shape, trials=independent, deviation=deviation)
        ),
        "steps": shape.count,
        "minimum_track_record": None if record == inf else number(record),
        "minimum_track_record_deflated": None if against == inf else number(against),
        "haircut": {method: number(left * root) for method, left in cut.items()},
    }


def _folds(
    tried: Tried,
    splits: Sequence[Split],
    chosen: Sequence[Chosen],
    anew: Sequence[Trial],
    score: Score,
    a_year: float,
) -> list[dict[str, Any]]:
    edges = tried.steps.edges_ns
    found = []
    for number_, (split, one) in enumerate(zip(splits, chosen, strict=True)):
        fresh: dict[str, Any] | None = None
        if anew:
            trial = anew[number_]
            alone = float(score.of(trial.returns[:, None])[0])
            fresh = {**_figures(trial), "score": annual(score, alone, a_year)}
            fresh["error"] = trial.error
        found.append(
            {
                "train": _spans(split.train, edges),
                "test": _spans(split.test, edges),
                "parameters": dict(tried.trials[one.trial].job.parameters),
                "inside": annual(score, one.inside, a_year),
                "outside": annual(score, one.outside, a_year),
                "best_outside": annual(score, one.best_outside, a_year),
                "rank": one.rank,
                "total_return": _growth(one.returns),
                "anew": fresh,
            }
        )
    return found


def _spans(rows: NDArray[np.int64], edges: NDArray[np.int64]) -> list[list[int]]:
    """Times of the pieces without a hole: UTC nanoseconds from, to."""
    cuts = np.flatnonzero(np.diff(rows) > 1) + 1
    return [[int(edges[piece[0]]), int(edges[piece[-1] + 1])] for piece in np.split(rows, cuts)]


def _outside(
    chosen: Sequence[Chosen], anew: Sequence[Trial], score: Score, a_year: float
) -> dict[str, Any] | None:
    """All tests together: what choosing was worth where nothing was known."""
    if not chosen:
        return None
    joined = np.concatenate([one.returns for one in chosen])
    fresh = np.concatenate([trial.returns for trial in anew]) if anew else None
    inside = float(np.mean([annual(score, one.inside, a_year) for one in chosen]))
    outside = float(np.mean([annual(score, one.outside, a_year) for one in chosen]))
    return {
        "inside": inside,
        "outside": outside,
        "kept": number(outside / inside) if inside > 0 else None,
        "rank": float(np.mean([one.rank for one in chosen])),
        "different": len({one.trial for one in chosen}),
        "losing": sum(one.outside < 0 for one in chosen),
        "joined": _joined(joined, a_year),
        "anew": None if fresh is None else _joined(fresh, a_year),
    }


def _joined(returns: NDArray[np.floating], a_year: float) -> dict[str, Any]:
    shape = shape_of(returns)
    return {
        "steps": shape.count,
        "sharpe": number(shape.sharpe * sqrt(a_year)),
        "sharpe_error": number(shape.error * sqrt(a_year)),
        "probabilistic": number(probabilistic_sharpe(shape)),
        "total_return": _growth(returns),
    }


def _paths(
    tried: Tried,
    chosen: Sequence[Chosen],
    splits: Sequence[Split],
    folding: Folding,
    a_year: float,
) -> dict[str, Any] | None:
    """Whole ways through time, each step judged by what did not know of it."""
    made = folding.paths()
    if made is None:
        return None
    edges = [round(part * tried.steps.steps / folding.folds) for part in range(folding.folds + 1)]
    ratios, growths = [], []
    for path in made:
        pieces = []
        for group, split in enumerate(path.tolist()):
            rows = splits[split].test
            mine = (rows >= edges[group]) & (rows < edges[group + 1])
            pieces.append(chosen[split].returns[mine])
        whole = np.concatenate(pieces)
        ratio = shape_of(whole).sharpe
        ratios.append(ratio * sqrt(a_year) if isfinite(ratio) else 0.0)
        growths.append(_growth(whole))
    return {
        "count": len(ratios),
        "sharpe": sorted(ratios),
        "median": float(np.median(ratios)),
        "losing": sum(growth < 0 for growth in growths),
    }


def _overfitting(tried: Tried, score: Score, a_year: float) -> dict[str, Any]:
    """Combinatorially symmetric cross-validation, or why there is none."""
    steps, trials = tried.returns.shape
    blocks = min(_BLOCKS, steps // _STEPS_A_BLOCK // 2 * 2)
    if trials < 2 or blocks < 4:
        why = (
            "one trial has nothing to be chosen from"
            if trials < 2
            else f"{steps} steps are too few: {4 * _STEPS_A_BLOCK} are wanted; try a shorter --step"
        )
        return {"reason": why}
    found = cross_validated(tried.returns, score=score, blocks=blocks)
    every = max(1, found.halves // _POINTS)
    low, high, bins = _HISTOGRAM
    clipped = np.clip(found.logits, low, high)
    counts, _ = np.histogram(clipped, bins=bins, range=(low, high))
    return {
        "reason": "",
        "blocks": found.blocks,
        "halves": found.halves,
        "probability": found.probability,
        "loss": found.loss,
        "slope": number(found.slope),
        "median_logit": float(np.median(found.logits)),
        "histogram": {"low": low, "high": high, "counts": counts.tolist()},
        "cloud": [
            [annual(score, float(here), a_year), annual(score, float(there), a_year)]
            for here, there in zip(found.inside[::every], found.outside[::every], strict=True)
        ],
    }


def _curves(
    tried: Tried,
    best: int,
    splits: Sequence[Split],
    chosen: Sequence[Chosen],
    anew: Sequence[Trial],
) -> list[dict[str, Any]]:
    """Growth of 1: of the best, chosen with all of the data; and of walking forward."""
    edges = tried.steps.edges_ns
    found = [_curve("the best, knowing everything", edges, tried.trials[best].returns)]
    if anew:
        joined = np.concatenate([trial.returns for trial in anew])
        first = int(splits[0].test[0])
        times = edges[first : first + joined.size + 1]
        found.append(_curve("walking forward, accounts anew", times, joined))
        slices = np.concatenate([one.returns for one in chosen])
        found.append(_curve("walking forward, cut from whole runs", times, slices))
    return found


def _curve(name: str, edges: NDArray[np.int64], returns: NDArray[np.floating]) -> dict[str, Any]:
    worth = np.concatenate([[1.0], np.cumprod(1.0 + np.asarray(returns, dtype=np.float64))])
    count = min(_POINTS, worth.size)
    at = np.unique(np.linspace(0, worth.size - 1, count).round().astype(np.int64))
    return {
        "name": name,
        "time_ns": edges[at].tolist(),
        "worth": [round(float(value), 6) for value in worth[at]],
    }


def _table(
    tried: Tried, scores: NDArray[np.float64], score: Score, a_year: float
) -> list[dict[str, Any]]:
    """Every trial, best first; of equal ones the one that was asked for first."""
    ranked = np.argsort(-scores, kind="stable").tolist()
    return [
        {**_figures(tried.trials[at]), "score": annual(score, float(scores[at]), a_year)}
        for at in ranked
    ]


def _screening(again: Sequence[tuple[Trial, Trial]], score: Score, a_year: float) -> dict[str, Any]:
    """What screening leaves out, and the best of it beside the whole engine."""

    def figures(trial: Trial) -> dict[str, Any]:
        alone = float(score.of(trial.returns[:, None])[0])
        return {**_figures(trial), "score": annual(score, alone, a_year), "error": trial.error}

    return {
        "assumed": dict(ASSUMED),
        "left_out": list(LEFT_OUT),
        "again": [
            {
                "parameters": dict(screened.job.parameters),
                "screened": figures(screened),
                "engine": {**figures(whole), "state_hash": whole.state_hash},
            }
            for screened, whole in again
        ],
    }


def _hash(tried: Tried, anew: Sequence[Trial]) -> str:
    """The same for the same trials, whoever ran them in which order."""
    found = sha256()
    for trial in (*tried.trials, *tried.failed, *anew):
        found.update(trial.job.key.encode())
        found.update(trial.returns.tobytes())
        found.update(f"{trial.state_hash} {trial.error}".encode())
    return found.hexdigest()
