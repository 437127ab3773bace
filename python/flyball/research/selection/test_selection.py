from collections.abc import Callable
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.errors import ConfigError
from flyball.research.selection import (
    SCORES,
    choose,
    combinatorial,
    cross_validated,
    paths,
    purged_kfold,
    walk_forward,
)

SHARPE, GROWTH = SCORES["sharpe"], SCORES["growth"]


def test_anchored_keeps_all_of_the_past_and_rolling_a_part_of_it() -> None:
    anchored = walk_forward(12, 3)
    assert [(s.train[0], s.train[-1]) for s in anchored] == [(0, 2), (0, 5), (0, 8)]
    assert [s.test.tolist() for s in anchored] == [[3, 4, 5], [6, 7, 8], [9, 10, 11]]
    rolling = walk_forward(12, 3, anchored=False, purge=1)
    assert [s.train.tolist() for s in rolling] == [[0, 1], [3, 4], [6, 7]]


def test_purge_and_embargo_by_hand() -> None:
    middle = purged_kfold(9, 3, purge=1, embargo=2)[1]
    assert middle.test.tolist() == [3, 4, 5]
    assert middle.train.tolist() == [0, 1, 8]


def test_six_groups_two_by_two_make_fifteen_splits_and_five_paths() -> None:
    # Advances in Financial Machine Learning, figure 12.1.
    splits = combinatorial(60, 6, 2)
    found = paths(6, 2)
    assert len(splits) == 15
    assert found.shape == (5, 6)
    for group in range(6):
        assert sorted(found[:, group].tolist()) == sorted(set(found[:, group].tolist()))
        for split in found[:, group]:
            assert group * 10 in splits[split].test


@given(
    st.integers(30, 400),
    st.integers(3, 8),
    st.integers(0, 3),
    st.integers(0, 3),
    st.data(),
)
def test_no_split_chooses_by_what_judges(
    count: int, groups: int, purge: int, embargo: int, data: st.DataObject
) -> None:
    tests = data.draw(st.integers(1, groups - 2))
    try:
        splits = combinatorial(count, groups, tests, purge=purge, embargo=embargo)
    except ConfigError:
        return
    times = np.zeros(count)
    for split in splits:
        times[split.test] += 1
        for step in split.train:
            near = split.test - step
            assert not np.any((near >= -embargo) & (near <= purge)), "too close to a test"
    assert np.all(times == comb(groups - 1, tests - 1))


@given(st.integers(10, 300), st.integers(1, 6), st.booleans())
def test_walking_forward_never_looks_back(count: int, folds: int, anchored: bool) -> None:  # noqa: FBT001
    try:
        splits = walk_forward(count, folds, anchored=anchored, purge=1)
    except ConfigError:
        assert count < 3 * (folds + 1)
        return
    assert splits[-1].test[-1] == count - 1
    for split in splits:
        assert split.train[-1] + 1 < split.test[0]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: walk_forward(3, 5), "cannot be cut"),
        (lambda: walk_forward(100, 4, purge=-1), "count steps"),
        (lambda: walk_forward(100, 4, purge=50), "nothing is left"),
        (lambda: combinatorial(100, 6, 6), "can judge"),
        (lambda: combinatorial(1000, 30, 15), "more than"),
        (lambda: purged_kfold(20, 4, embargo=30, purge=30), "nothing is left"),
    ],
)
def test_splits_that_make_no_sense_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        make()


def test_scores_by_hand() -> None:
    returns = np.array([[0.01, 0.0, 0.02], [0.03, 0.0, 0.02]])
    found = SHARPE.of(returns)
    assert found[0] == pytest.approx(0.02 / (0.01 * np.sqrt(2)))
    assert found[1:].tolist() == [0.0, 0.0]
    assert GROWTH.of(returns)[0] == pytest.approx(np.log(1.01 * 1.03) / 2)
    assert GROWTH.of(np.array([[-1.0]]))[0] < -20.0


def test_what_is_chosen_is_judged_elsewhere() -> None:
    # The first trial is best in the first half, the second in the other.
    up, down = np.array([0.02, 0.01] * 10), np.array([-0.01, -0.02] * 10)
    flat = np.array([0.001, -0.001] * 10)
    returns = np.stack(
        [np.concatenate([up, down]), np.concatenate([down, up]), np.tile(flat, 2)], axis=1
    )
    (only,) = choose(returns, walk_forward(40, 1), score=SHARPE)
    assert only.trial == 0
    assert only.inside > 0.0 > only.outside
    assert only.rank == 0.25
    assert only.best_outside == pytest.approx(SHARPE.of(returns[20:])[1])
    assert only.returns.tolist() == down.tolist()
    (told,) = choose(returns, walk_forward(40, 1), score=SHARPE, allowed=[np.array([1, 2])])
    assert told.trial == 2
    with pytest.raises(ConfigError, match="no trial"):
        choose(returns, walk_forward(40, 1), score=SHARPE, allowed=[np.array([], dtype=np.int64)])


def test_overfitting_of_two_blocks_by_hand() -> None:
    # Two halves of two steps. The first half likes trial 0 (score 3), which is last in the second;
    # the second half likes trial 2, which is in the middle of the first.
    growth = np.array(
        [[0.03, 0.0, 0.01], [0.03, 0.0, 0.01], [-0.02, 0.01, 0.02], [-0.02, 0.01, 0.02]]
    )
    found = cross_validated(np.expm1(growth), score=GROWTH, blocks=2)
    assert found.halves == 2
    assert found.logits == pytest.approx([np.log(0.25 / 0.75), 0.0], abs=1e-9)
    assert found.inside == pytest.approx([0.03, 0.02])
    assert found.outside == pytest.approx([-0.02, 0.01])
    assert found.probability == 1.0
    assert found.loss == 0.5
    assert found.slope == pytest.approx(-3.0)
    assert found.intercept == pytest.approx(0.07)


def test_a_trial_that_is_always_best_is_not_overfit() -> None:
    rng = np.random.default_rng(1)
    returns = rng.normal(0.0, 0.01, (320, 20))
    returns[:, 7] += 0.02
    found = cross_validated(returns, score=SHARPE, blocks=8)
    assert found.probability == 0.0
    assert found.loss == 0.0
    assert found.halves == 70


def test_noise_is_overfit_as_often_as_not_in_the_mean() -> None:
    rng = np.random.default_rng(2)
    found = [
        cross_validated(rng.normal(0.0, 0.01, (160, 30)), score=SHARPE, blocks=8).probability
        for _ in range(60)
    ]
    assert 0.4 < float(np.mean(found)) < 0.6


def test_overfitting_is_what_a_plain_loop_finds() -> None:
    from itertools import combinations

    rng = np.random.default_rng(4)
    returns = rng.normal(0.0002, 0.01, (66, 9))
    returns[:, 3] = 0.0  # did nothing
    found = cross_validated(returns, score=SHARPE, blocks=6)
    each = 11
    for number, chosen in enumerate(combinations(range(6), 3)):
        rows = [b * each + k for b in chosen for k in range(each)]
        rest = [row for row in range(66) if row not in rows]
        here, there = SHARPE.of(returns[rows]), SHARPE.of(returns[rest])
        best = int(np.argmax(here))
        assert found.inside[number] == pytest.approx(here[best])
        assert found.outside[number] == pytest.approx(there[best], abs=1e-12)
        order = 1 + int(np.sum(there < there[best] - 1e-12))
        assert found.logits[number] == pytest.approx(np.log(order / (10 - order)))


@pytest.mark.parametrize(
    ("shape", "blocks", "words"),
    [((100, 1), 4, "two trials"), ((7, 3), 4, "too few"), ((100, 3), 5, "even number")],
)
def test_overfitting_says_what_it_lacks(shape: tuple[int, int], blocks: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        cross_validated(np.zeros(shape), score=SHARPE, blocks=blocks)


def test_many_trials_are_counted_in_pieces() -> None:
    returns = np.random.default_rng(6).normal(0.0, 0.01, (64, 3000))
    whole = cross_validated(returns, score=SHARPE, blocks=12)
    few = cross_validated(returns[:, :50], score=SHARPE, blocks=12)
    assert whole.halves == few.halves == 924
    assert whole.inside.min() >= few.inside.min()
