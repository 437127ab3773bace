"""Each detector against a naive twin that reads the whole history, or a published figure."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyball.ops.detection.absence import Absence
from flyball.ops.detection.change import ChangePoint
from flyball.ops.detection.control import Cusum, Ewma
from flyball.ops.detection.joint import HalfSpaceTrees
from flyball.ops.detection.robust import RobustZ
from flyball.ops.detection.seasonal import Seasonal
from flyball.ops.detection.streams import Detector, Floats

VALUES = st.lists(st.one_of(st.floats(-100, 100), st.just(math.nan)), min_size=1, max_size=60)


def one(value: float) -> Floats:
    return np.asarray(value)


def walk(seed: int, *, size: int = 400) -> Floats:
    chance = np.random.default_rng(seed)
    values: Floats = chance.normal(size=size) + np.where(np.arange(size) > size // 2, 3.0, 0.0)
    return values


@given(VALUES, st.integers(3, 12), st.integers(1, 4))
def test_robust_z_is_what_the_whole_window_gives(
    values: list[float], window: int, stride: int
) -> None:
    detector = RobustZ((), window=window, stride=stride, warm=3, floor=0.01)
    for at, value in enumerate(values):
        kept = [v for v in values[:at][::stride][-window:] if not math.isnan(v)]
        wanted = math.nan
        if len(kept) >= 3:
            median = float(np.median(kept))
            spread = 1.482602218505602 * float(np.median(np.abs(np.array(kept) - median)))
            wanted = (value - median) / max(spread, 0.01)
        assert float(detector.update(one(value))) == pytest.approx(wanted, nan_ok=True, abs=1e-9)


def test_robust_z_is_a_standard_score_and_stands_two_fifths_of_garbage() -> None:
    chance = np.random.default_rng(3)
    detector = RobustZ((2_000,), window=101, warm=101, floor=1e-9)
    for at in range(101):
        good = 10.0 + 2.0 * chance.normal(size=2_000)
        detector.update(np.where(at % 5 < 2, 1e6, good))
    # With 40 % far above, the median is at the 83.3rd percentile of what is good.
    assert float(np.median(detector.median)) == pytest.approx(10.0 + 2.0 * 0.967, abs=0.1)
    clean = RobustZ((2_000,), window=101, warm=101, floor=1e-9)
    scores = [clean.update(chance.normal(size=2_000)) for _ in range(201)][101:]
    # 0.27 % of normal values are beyond three; an estimated scale makes it a little more.
    assert 0.0027 < float(np.mean(np.abs(scores) > 3.0)) < 0.006


@pytest.mark.parametrize(
    ("shift", "lucas_saccucci", "montgomery"), [(1.0, 10.3, 10.4), (2.0, 4.36, 4.01)]
)
def test_control_charts_have_their_published_run_lengths(
    shift: float, lucas_saccucci: float, montgomery: float
) -> None:
    lanes = 20_000
    for chart, limit, wanted in (
        (Ewma((lanes,), weight=0.1), 2.814, lucas_saccucci),
        (Cusum((lanes,), slack=0.5), 5.0, montgomery),
    ):
        assert _run_length(chart, limit, shift, lanes) == pytest.approx(wanted, rel=0.02)


def test_control_charts_have_their_published_false_alarms() -> None:
    lanes = 1_500
    assert _run_length(Ewma((lanes,), weight=0.1), 2.814, 0.0, lanes) == pytest.approx(500, rel=0.1)
    assert _run_length(Cusum((lanes,), slack=0.5), 5.0, 0.0, lanes) == pytest.approx(465, rel=0.1)


def _run_length(chart: Detector, limit: float, shift: float, lanes: int) -> float:
    chance = np.random.default_rng(11)
    length = np.zeros(lanes)
    for at in range(1, 8_000):
        over = np.abs(chart.update(chance.normal(shift, 1.0, size=lanes))) > limit
        length[over & (length == 0)] = at
        if (length > 0).all():
            break
    return float(length.mean())


@given(VALUES)
def test_control_charts_add_up_as_their_formulas_say(values: list[float]) -> None:
    ewma, cusum = Ewma((), weight=0.25), Cusum((), slack=0.5)
    there = [v for v in values if not math.isnan(v)]
    for value in values:
        smooth, summed = ewma.update(one(value)), cusum.update(one(value))
        assert math.isnan(float(smooth)) == math.isnan(float(summed)) == math.isnan(value)
    if there and not math.isnan(values[-1]):
        weights = 0.25 * 0.75 ** np.arange(len(there) - 1, -1, -1)
        wanted = float(weights @ np.array(there)) / math.sqrt(0.25 / 1.75)
        assert float(smooth) == pytest.approx(wanted, abs=1e-6)
        # A sum that begins anew at zero is the largest sum of any tail.
        tails = [sum(v - 0.5 for v in there[k:]) for k in range(len(there))]
        below = [sum(-v - 0.5 for v in there[k:]) for k in range(len(there))]
        up, down = max(0.0, *tails), max(0.0, *below)
        assert float(summed) == pytest.approx(up if up >= down else -down, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(-50, 50)), max_size=60))
def test_a_season_is_the_mean_of_the_same_time(steps: list[tuple[int, float]]) -> None:
    detector = Seasonal((), period_s=24, buckets=4, warm=2, floor=0.1)
    history: dict[int, list[float]] = {}
    time_s = 0.0
    for step, value in steps:
        time_s += step
        earlier = history.setdefault(int(time_s % 24) // 6, [])
        wanted = math.nan
        if len(earlier) >= 2:
            wanted = (value - float(np.mean(earlier))) / max(0.1, float(np.std(earlier)))
        found = float(detector.update(one(value), time_s=time_s))
        assert found == pytest.approx(wanted, nan_ok=True, rel=1e-6, abs=1e-6)
        earlier.append(value)


def naive_change(values: Floats, every: float, recent: int) -> list[float]:
    """Every length of a run from its own values, after Adams and MacKay, in plain loops."""
    found, joint = [], [1.0]
    for at in range(1, len(values) + 1):
        seen = []
        for run, weight in enumerate(joint):
            past = values[at - 1 - run : at - 1]
            mean = past.sum() / (1.0 + run)
            beta = 1.0 + 0.5 * (past * past).sum() - 0.5 * (1.0 + run) * mean * mean
            alpha, scale = 1.0 + run / 2.0, 2.0 * beta * (2.0 + run) / (1.0 + run)
            norm = math.gamma(alpha + 0.5) / math.gamma(alpha) / math.sqrt(math.pi * scale)
            away = float(values[at - 1]) - mean
            seen.append(weight * norm * (1.0 + away * away / scale) ** (-alpha - 0.5))
        joint = [sum(seen) / every, *[each * (1.0 - 1.0 / every) for each in seen]]
        joint = [each / sum(joint) for each in joint]
        found.append(sum(joint[: recent + 1]))
    return found


def test_a_change_has_the_probability_that_all_runs_give_it() -> None:
    values = walk(5, size=110)
    detector = ChangePoint((), every=100.0, longest=120, recent=4, warm=0)
    found = [float(detector.update(one(value))) for value in values]
    assert found == pytest.approx(naive_change(values, 100.0, 4), rel=1e-6)


def test_a_change_is_seen_at_once_and_nothing_else_is() -> None:
    values = walk(8, size=1_000)
    detector = ChangePoint((), every=1_000.0, longest=100, recent=6, warm=30)
    found = np.array([float(detector.update(one(value))) for value in values])
    assert np.nanmax(found[:501]) < 0.5
    assert int(np.argmax(found > 0.9)) in range(502, 510)
    assert detector.runs.sum() == pytest.approx(1.0)


def test_half_space_trees_hold_the_masses_that_a_count_gives() -> None:
    chance = np.random.default_rng(2)
    points = chance.random((64, 3)) * 0.4
    trees = HalfSpaceTrees(3, trees=7, depth=5, window=64, seed=9)
    for point in points:
        assert math.isnan(float(trees.update(point)))
    probes = [points[0], np.array([0.95, 0.9, 0.99]), np.array([0.2, 0.9, 0.2])]
    for probe in probes:
        wanted = 1.0 - float(
            np.mean([min(1.0, naive_mass(trees, t, points, probe) / 64.0) for t in range(7)])
        )
        assert float(trees.update(probe)) == pytest.approx(wanted)


def naive_mass(trees: HalfSpaceTrees, tree: int, points: Floats, probe: Floats) -> float:
    """Walk down one tree with all points in hand."""
    node, held, level = 0, points, 0
    while level < 5 and len(held) >= 6.4:
        axis, cut = int(trees._axis[tree, node]), float(trees._cut[tree, node])
        right = bool(probe[axis] >= cut)
        held = held[(held[:, axis] >= cut) == right]
        node, level = 2 * node + 1 + right, level + 1
    return float(len(held) * 2**level)


def test_half_space_trees_see_what_is_strange_only_together() -> None:
    chance = np.random.default_rng(4)
    trees = HalfSpaceTrees(2, trees=50, depth=8, window=250, seed=1)
    for _ in range(500):
        shared = chance.random()
        trees.update(np.array([shared, shared + 0.02 * chance.normal()]))
    usual = [float(trees.update(np.array([x, x]))) for x in np.linspace(0.1, 0.9, 9)]
    assert float(trees.update(np.array([0.15, 0.85]))) > max(usual)


def test_runs_side_by_side_are_as_each_alone() -> None:
    chance = np.random.default_rng(6)
    values = chance.random((80, 2, 3))
    both = HalfSpaceTrees(3, trees=5, depth=4, window=20, seed=3, runs=(2,))
    alone = HalfSpaceTrees(3, trees=5, depth=4, window=20, seed=3)
    wide, narrow = ChangePoint((2, 3), longest=20), ChangePoint((3,), longest=20)
    for value in values:
        assert both.update(value)[1] == pytest.approx(float(alone.update(value[1])), nan_ok=True)
        assert wide.update(value)[1] == pytest.approx(narrow.update(value[1]), nan_ok=True)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_what_is_missing_is_never_learnt(seed: int) -> None:
    chance = np.random.default_rng(seed)
    values = chance.normal(size=60)
    holes = chance.random(60) < 0.3
    makers = (
        lambda: Ewma(()),
        lambda: Cusum(()),
        lambda: ChangePoint((), longest=30, warm=5),
    )
    for make in makers:
        holed, whole = make(), make()
        for value, hole in zip(values, holes, strict=True):
            if hole:
                assert math.isnan(float(holed.update(one(math.nan))))
            found = float(holed.update(one(value)))
            assert found == pytest.approx(float(whole.update(one(value))), nan_ok=True)


def test_what_is_gone_is_counted_until_it_is_back_and_never_was_is_not_gone() -> None:
    gone = Absence((2,))
    for values, wanted in (
        ([1.0, math.nan], [0.0, 0.0]),
        ([math.nan, math.nan], [1.0, 0.0]),
        ([math.nan, math.nan], [2.0, 0.0]),
        ([2.0, 1.0], [0.0, 0.0]),
        ([2.0, math.nan], [0.0, 1.0]),
    ):
        assert gone.update(np.array(values), seconds=1.0).tolist() == wanted
