"""The trial itself: what it injects is there, what it leaves alone is not, seeds decide."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from flyball.errors import DataError
from flyball.ops.detection.endings import predictions, scores
from flyball.ops.detection.faults import FAULTS, Fault
from flyball.ops.detection.normal import Market, Normal, read_market
from flyball.ops.detection.readings import METRICS, index
from flyball.ops.detection.scorecard import made_scorecard, scorecard
from flyball.ops.detection.trial import false_alarms, injections


def market(*, seed: int = 1, hours: int = 6) -> Market:
    """A made-up market."""
    chance = np.random.default_rng(seed)
    size = hours * 3_600
    return Market(
        messages=chance.poisson(3.0, size=size).astype(float),
        spread=np.exp(0.2 * chance.normal(size=size)) * 5.0,
        step=chance.normal(0.0, 1.5, size=size),
    )


def test_there_are_twenty_classes_and_each_shows_in_metrics_that_there_are() -> None:
    names = {metric.name for metric in METRICS}
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) == 20
    for fault in FAULTS:
        assert set(fault.shows) <= names


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_changes_what_it_is_said_to_show_in(
    fault: Fault,
) -> None:
    before = Normal(market(), runs=1, seed=3).step()[0]
    changed = set()
    for second in range(60):
        after = before.copy()
        fault.effect(after, float(second), 0.5, np.full(4, 0.3))
        moved = ~((after == before) | (np.isnan(after) & np.isnan(before)))
        changed |= {METRICS[at].name for at in np.flatnonzero(moved)}
    # What it changes besides: an alarm about that is not counted as its detection.
    assert set(fault.shows) <= changed


def test_normal_running_is_finite_repeatable_and_of_its_own_seed() -> None:
    runs = [Normal(market(), runs=2, seed=seed) for seed in (5, 5, 6)]
    steps = [np.array([run.step() for _ in range(200)]) for run in runs]
    assert np.isfinite(steps[0]).all()
    assert np.array_equal(steps[0], steps[1])
    assert not np.array_equal(steps[0], steps[2])
    assert (steps[0][..., index("feed_age")] >= 0.0).all()


def test_gross_faults_are_found_and_quiet_runs_are_quiet() -> None:
    found = injections(market(), seed=7, each=1)
    assert len(found) == 20
    detected = [one for one in found if one.seconds is not None]
    assert len(detected) >= 18
    assert all(0.0 < float(one.seconds or 0.0) <= 300.0 for one in detected)
    assert len(false_alarms(market(), seed=8, runs=4, hours=1.0)) <= 1


def test_predictions_are_better_than_their_base_rate_and_calibrated() -> None:
    said = predictions(market(), seed=9, runs=12, hours=4.0)
    found = scores(said, days=2.0)
    assert found["brier"] < 0.75 * found["brier_of_share"]
    assert found["ece"] < 0.03 < found["ece_raw"]
    assert {each.metric for each in said} == set(found["metrics"])


def test_the_seeds_that_chose_the_limits_are_not_scored() -> None:
    with pytest.raises(ValueError, match="must be 1000 or more"):
        scorecard(market(), seed=7, days=1, each=1, jobs=1, tell=lambda _text: None)
    with pytest.raises(ValueError, match="must be 1000 or more"):
        made_scorecard(market(), seed=7, days=1, each=1, tell=lambda _text: None)


def test_a_recording_becomes_seconds(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.gz", "wt") as file:
        for second in range(0, 11_000, 2):
            data = {"b": "100.0", "a": "100.1" if second < 5_000 else "100.3"}
            text = json.dumps({"stream": "x@bookTicker", "data": data})
            file.write(f"{(1_700_000_000 + second) * 10**6} {text}\n")
    found = read_market(tmp_path)
    assert len(found.step) == 10_999
    assert found.messages.sum() == 5_500
    assert found.spread[0] == pytest.approx(9.995, abs=0.01)
    assert found.step[5_000] == pytest.approx(10.0, rel=0.01)
    assert np.count_nonzero(found.step) == 1


def test_a_short_recording_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="less than three hours"):
        read_market(tmp_path)
