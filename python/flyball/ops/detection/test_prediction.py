"""Probabilities of reaching a threshold: their law, their calibration, what is done about them."""

import math
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.errors import DataError
from flyball.ops.detection.calibration import Calibrator, brier, calibration_error, isotonic
from flyball.ops.detection.ledger import Ledger, Outcome, Prediction, past, read, scored
from flyball.ops.detection.passage import Passage, first_passage
from flyball.ops.detection.policy import Policy


@pytest.mark.parametrize(
    ("drift", "deviation", "distance"),
    [(0.0, 1.0, 5.0), (0.05, 0.5, 6.0), (-0.05, 1.0, 4.0), (0.1, 0.05, 9.5)],
)
def test_first_passages_are_those_of_many_walks(
    drift: float, deviation: float, distance: float
) -> None:
    chance, steps, walks = np.random.default_rng(7), 2_000, 8_000
    step = 100.0 / steps
    at, highest = np.zeros(walks), np.zeros(walks)
    for _ in range(steps):
        at += drift * step + deviation * math.sqrt(step) * chance.normal(size=walks)
        highest = np.maximum(highest, at)
    # A walk looked at in steps misses a little of its height (Chernoff 1965).
    reach = distance - 0.5826 * deviation * math.sqrt(step)
    wanted = float((highest >= reach).mean())
    found = first_passage(distance, drift=drift, deviation=deviation, horizon_s=100.0)
    assert found == pytest.approx(wanted, abs=0.015)


@given(st.floats(0.01, 1e3), st.floats(-10, 10), st.floats(0.001, 100), st.floats(1, 1e5))
def test_a_first_passage_is_a_probability_and_nearer_is_likelier(
    distance: float, drift: float, deviation: float, horizon_s: float
) -> None:
    found = [
        first_passage(d, drift=drift, deviation=deviation, horizon_s=horizon_s)
        for d in (distance, distance * 2.0)
    ]
    assert 0.0 <= found[1] <= found[0] + 1e-9
    assert found[0] <= 1.0


def test_what_is_unknown_has_no_probability() -> None:
    assert math.isnan(first_passage(math.nan, drift=0.0, deviation=1.0, horizon_s=1.0))
    passage = Passage(
        np.array([10.0]),
        rising=np.array([True]),
        horizons_s=np.array([60.0]),
        block=1,
        floor=np.array([0.1]),
    )
    for value in [*np.linspace(0, 5, 20), math.nan]:
        found = passage.update(np.array([value]))
    assert found is not None
    assert math.isnan(float(found[0]))


@pytest.mark.parametrize("rising", [True, False])
def test_a_leak_is_seen_coming_and_a_level_is_not(rising: bool) -> None:  # noqa: FBT001
    chance = np.random.default_rng(2)
    sign = 1.0 if rising else -1.0
    passage = Passage(
        sign * np.array([150.0, 150.0]),
        rising=np.array([rising, rising]),
        horizons_s=np.array([300.0, 300.0]),
        floor=np.array([0.05, 0.05]),
    )
    said = []
    for second in range(600):
        values = np.array([0.2 * second, 50.0]) + chance.normal(0, 1.0, size=2)
        found = passage.update(sign * values)
        if found is not None:
            said.append(found)
    last = said[-1]
    assert last[0] > 0.8  # 120 at ten minutes, 150 after another 150 s
    assert passage.drift[0] == pytest.approx(0.2, rel=0.4)
    assert last[1] < 0.01


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 5)), min_size=1, max_size=9))
def test_isotonic_is_the_min_max_formula(pairs: list[tuple[float, float]]) -> None:
    values, weights = [p[0] for p in pairs], [p[1] for p in pairs]
    found = isotonic(values, weights)

    def mean(low: int, high: int) -> float:
        return float(np.average(values[low : high + 1], weights=weights[low : high + 1]))

    for at in range(len(pairs)):
        # Robertson, Wright and Dykstra, "Order restricted statistical inference", 1988, ch. 1.
        wanted = max(
            min(mean(low, high) for high in range(at, len(pairs))) for low in range(at + 1)
        )
        assert found[at] == pytest.approx(wanted)


def test_a_calibrator_mends_probabilities_that_promise_too_much() -> None:
    chance = np.random.default_rng(5)
    curve = Calibrator()
    before, after, outcomes = [], [], []
    for _ in range(6_000):
        raw = float(chance.random())
        true = bool(chance.random() < raw**3)
        before.append(raw)
        after.append(curve.probability(raw))
        outcomes.append(float(true))
        curve.update(raw, came_true=true)
    late = slice(2_000, None)
    said, raws, true_ = (np.array(each)[late] for each in (after, before, outcomes))
    assert calibration_error(raws, true_) > 0.2
    assert calibration_error(said, true_) < 0.03
    assert brier(said, true_) < brier(raws, true_)


def prediction(number: int, **changes: object) -> Prediction:
    plain = {
        "number": number,
        "time_s": 100.0 * number,
        "metric": "memory",
        "value": 1.0,
        "threshold": 2.0,
        "horizon_s": 300.0,
        "raw": 0.9,
        "probability": 0.9,
        "due": True,
        "acted": False,
    }
    return Prediction(**(plain | changes))  # type: ignore[arg-type]


def test_predictions_outlive_a_restart_and_an_unfinished_line(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    first = Ledger(path)
    first.keep(prediction(1))
    first.settle(Outcome(number=1, crossed_s=150.0, time_s=150.0))
    first.close()
    with path.open("a") as file:
        file.write('{"prediction": {"num')
    again = Ledger(path)
    assert (again.kept, again.settled) == (1, 1)
    again.keep(prediction(2))
    again.close()
    predictions, outcomes = read(path)
    assert [each.number for each in predictions] == [1, 2]
    assert outcomes[1].crossed_s == 150.0


@pytest.mark.parametrize("damage", ["flip", "remove", "swap"])
def test_a_changed_prediction_is_found(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "predictions.jsonl"
    ledger = Ledger(path)
    for number in range(1, 5):
        ledger.keep(prediction(number))
    ledger.close()
    lines = path.read_text().splitlines(keepends=True)
    if damage == "flip":
        lines[1] = lines[1].replace("0.9", "0.1", 1)
    elif damage == "remove":
        del lines[1]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    path.write_text("".join(lines))
    with pytest.raises(DataError, match="line 2 is damaged"):
        read(path)
    with pytest.raises(DataError, match="line 2 is damaged"):
        Ledger(path)


def test_scores_are_those_of_what_was_due_and_left_alone() -> None:
    made = [
        prediction(1, probability=0.9),
        prediction(2, probability=0.1),
        prediction(3, probability=0.99, acted=True),
        prediction(4, probability=0.95, due=False),
        prediction(20, probability=0.85),
        prediction(21, probability=0.2),
    ]
    crossed = {1: 350.0, 2: None, 3: None, 4: 700.0, 20: None}
    outcomes = {
        number: Outcome(number=number, crossed_s=when, time_s=5_000.0)
        for number, when in crossed.items()
    }
    found = scored(made, outcomes)
    # Due and settled: 0.9 came true, 0.1 and 0.85 did not.
    assert found["brier"] == pytest.approx((0.01 + 0.01 + 0.7225) / 3)
    assert (found["predictions"], found["acted"], found["open"]) == (3, 1, 1)
    # Two warnings: one 250 s ahead, one false; what follows within the horizon is the same one.
    assert (found["warnings"], found["false_warnings"], found["lead_s"]) == (2, 1, 250.0)


def random_life(seed: int, count: int) -> list[Prediction | Outcome]:
    """Predictions of three metrics, and what becomes of most of them a while later."""
    chance = np.random.default_rng(seed)
    told: list[Prediction | Outcome] = []
    open_: list[Prediction] = []
    for number in range(1, count + 1):
        probability = float(chance.random() ** 3)
        made = prediction(
            number,
            metric=("memory", "drawdown", "disk_free")[number % 3],
            raw=float(chance.random()),
            probability=0.97 if chance.random() < 0.1 else probability,
            due=bool(chance.random() < 0.9),
            acted=bool(chance.random() < 0.1),
        )
        told.append(made)
        open_.append(made)
        if len(open_) > 5:
            old = open_.pop(0)
            crossed = old.time_s + 50.0 if chance.random() < old.probability else None
            if chance.random() < 0.95:
                told.append(Outcome(number=old.number, crossed_s=crossed, time_s=made.time_s))
    return told


def write(ledger: Ledger, entries: list[Prediction | Outcome]) -> None:
    for entry in entries:
        if isinstance(entry, Prediction):
            ledger.keep(entry)
        else:
            ledger.settle(entry)


@pytest.mark.parametrize("seed", range(4))
def test_a_file_that_was_begun_anew_scores_and_calibrates_as_the_whole_one(
    tmp_path: Path, seed: int
) -> None:
    entries = random_life(seed, 1_500)
    whole, short = tmp_path / "whole.jsonl", tmp_path / "predictions.jsonl"
    for path, bounds in ((whole, {}), (short, {"bytes_max": 60_000, "kept": 40})):
        for part in (entries[:1_000], entries[1_000:]):
            # Over a restart too.
            ledger = Ledger(path, **bounds)
            write(ledger, part)
            assert ledger.kept == max(it.number for it in part if isinstance(it, Prediction))
            ledger.close()
    old = short.with_suffix(".old.jsonl")
    assert short.stat().st_size <= 60_500
    assert old.stat().st_size <= 60_500
    assert whole.stat().st_size > 400_000
    before = past(short)
    assert before is not None
    assert before.before == old.read_text().splitlines()[-1].rpartition('"sum": "')[2][:16]
    every, kept = scored(*read(whole)), scored(*read(short), before=before)
    assert every.keys() == kept.keys()
    for name, value in every.items():
        assert kept[name] == pytest.approx(value, rel=1e-9), name
    assert every["warnings"] > 20
    assert 0 < every["open"] < every["predictions"]

    def curves(path: Path) -> dict[str, Calibrator]:
        found = {name: Calibrator() for name in ("memory", "drawdown", "disk_free")}
        tally = past(path)
        predictions, outcomes = read(path)
        for name, curve in found.items():
            curve.restore(None if tally is None else tally.curves.get(name))
        for made in predictions:
            if made.number in outcomes and made.due and not made.acted:
                came_true = outcomes[made.number].crossed_s is not None
                found[made.metric].update(made.raw, came_true=came_true)
        return found

    for name, curve in curves(whole).items():
        for raw in (0.05, 0.4, 0.93):
            assert curves(short)[name].probability(raw) == pytest.approx(curve.probability(raw))


def test_what_was_added_up_cannot_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    ledger = Ledger(path, bytes_max=20_000, kept=10)
    write(ledger, random_life(1, 400))
    ledger.close()
    text = path.read_text()
    count = re.findall(r'"predictions": (\d+)', text)[0]
    path.write_text(text.replace(f'"predictions": {count}', '"predictions": 1', 1))
    for look in (past, read, Ledger):
        with pytest.raises(DataError, match="line 1 is damaged"):
            look(path)


def test_a_day_of_predictions_stays_bounded(tmp_path: Path) -> None:
    path = tmp_path / "predictions.jsonl"
    ledger = Ledger(path, bytes_max=200_000, kept=100)
    largest = 0
    for entry in random_life(2, 3_000):
        write(ledger, [entry])
        largest = max(largest, path.stat().st_size)
    ledger.close()
    assert largest <= 200_500
    assert {it.name for it in tmp_path.iterdir()} == {
        "predictions.jsonl",
        "predictions.old.jsonl",
    }


class Recorder:
    """Takes down what it is told to do; fails when told to."""

    def __init__(self) -> None:
        self.done: list[tuple[Decimal, str]] = []
        self.fails = False

    def __call__(self, share: Decimal, reason: str) -> None:
        if self.fails:
            raise OSError("no answer")
        self.done.append((share, reason))


@pytest.mark.parametrize(
    ("probability", "share"),
    [(0.799, None), (0.8, "0.5"), (0.9, "0.25"), (0.949, "0.25"), (0.95, "0"), (1.0, "0")],
)
def test_a_prediction_acts_at_once_by_its_level(probability: float, share: str | None) -> None:
    act = Recorder()
    policy = Policy(act)
    policy.update({"drawdown": probability, "memory": 0.1}, time_s=0.0)
    assert [str(each) for each, _ in act.done] == ([] if share is None else [share])
    assert all("drawdown" in reason for _, reason in act.done)


def test_what_was_taken_is_given_back_step_by_step_after_calm() -> None:
    act = Recorder()
    policy = Policy(act, calm_s=600)
    policy.update({"drawdown": 0.99}, time_s=0.0)
    for second in range(1, 3_000):
        policy.update({"drawdown": 0.1}, time_s=float(second))
    assert [str(share) for share, _ in act.done] == ["0", "0.25", "0.5", "1"]
    assert policy.share == 1


def test_what_is_not_known_gives_nothing_back() -> None:
    act = Recorder()
    policy = Policy(act, calm_s=600)
    policy.update({"drawdown": 0.99}, time_s=0.0)
    for second in range(1, 3_000):
        policy.update({"drawdown": math.nan}, time_s=float(second))
    assert policy.share == 0


def test_what_could_not_be_done_is_tried_again() -> None:
    act = Recorder()
    act.fails = True
    policy = Policy(act)
    assert not policy.update({"drawdown": 0.99}, time_s=0.0)
    assert isinstance(policy.failure, OSError)
    act.fails = False
    assert policy.update({"drawdown": 0.2}, time_s=1.0)
    assert policy.share == 0
    assert not policy.failure
