"""The benchmark's scoring against cases worked out by hand from its paper."""

import math
from pathlib import Path

import numpy as np
import pytest

from flyball.errors import DataError
from flyball.ops.detection.nabscore import (
    Profile,
    load,
    normalised,
    probation_rows,
    score_file,
)

STANDARD = Profile(name="standard", tp=1.0, fn=1.0, fp=0.11)
WINDOW = (400, 499)


def sigmoid(position: float) -> float:
    return 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def scored(*rows: int, windows: tuple[tuple[int, int], ...] = (WINDOW,)) -> float:
    flags = np.zeros(1_000, dtype=bool)
    flags[list(rows)] = True
    return score_file(flags, windows, STANDARD).score


@pytest.mark.parametrize(
    ("rows", "wanted"),
    [
        ((), -1.0),
        ((400,), 1.0),
        ((499,), sigmoid(-0.01) / sigmoid(-1.0)),
        ((450,), sigmoid(-0.5) / sigmoid(-1.0)),
        ((450, 499, 430), sigmoid(-0.7) / sigmoid(-1.0)),
        ((200,), -1.0 - 0.11),
        ((149,), -1.0),
        ((150,), -1.0 - 0.11),
        ((598,), -1.0 + 0.11 * sigmoid(1.0)),
        ((900,), -1.0 - 0.11),
    ],
)
def test_a_file_scores_what_the_paper_says(rows: tuple[int, ...], wanted: float) -> None:
    assert scored(*rows) == pytest.approx(wanted)


def test_profiles_weigh_misses_and_false_alarms() -> None:
    flags = np.zeros(1_000, dtype=bool)
    flags[200] = True
    for fp, fn in ((0.22, 1.0), (0.11, 2.0)):
        profile = Profile(name="", tp=1.0, fn=fn, fp=fp)
        assert score_file(flags, [WINDOW], profile).score == pytest.approx(-fn - fp)


def test_the_whole_is_0_for_nothing_and_100_for_everything() -> None:
    assert normalised(scored(), windows=1, profile=STANDARD) == 0.0
    assert normalised(scored(400), windows=1, profile=STANDARD) == pytest.approx(100.0)


@pytest.mark.parametrize(("rows", "wanted"), [(1_000, 150), (5_000, 750), (22_695, 750), (7, 1)])
def test_probation_is_a_seventh_of_a_file_and_750_rows_at_most(rows: int, wanted: int) -> None:
    assert probation_rows(rows) == wanted


def test_a_folder_that_is_not_the_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not the benchmark's folder"):
        load(tmp_path)
