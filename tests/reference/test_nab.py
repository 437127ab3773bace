"""The benchmark of known causes: its files, its scoring, and how well it is done."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from flyball.ops.detection.nabrun import score
from flyball.ops.detection.nabscore import load, score_file


def test_the_known_causes_have_nineteen_windows(shared: Path) -> None:
    files, profiles = load(shared / "nab")
    assert (len(files), sum(len(each.windows) for each in files)) == (7, 19)
    assert {(p.name, p.fp, p.fn) for p in profiles} == {
        ("standard", 0.11, 1.0),
        ("reward_low_FP_rate", 0.22, 1.0),
        ("reward_low_FN_rate", 0.11, 2.0),
    }
    for each in files:
        # No detection at all costs as much as there are windows: the benchmark's null detector.
        nothing = score_file(np.zeros(len(each.values), dtype=bool), each.windows, profiles[0])
        assert nothing.score == -len(each.windows)


def test_known_causes_are_found_at_no_more_false_alarms_than_were_to_beat(
    shared: Path, tell: Callable[[str], None]
) -> None:
    _, whole = score(*load(shared / "nab"))
    tell(f"{whole['detected']} of 19 windows, {whole['false_alarms_per_day']:.3f} false a day")
    assert whole["detected_share"] > 0.68
    assert whole["false_alarms_per_day"] < 0.17
    # Nothing is 0 and perfect is 100: it earns more than it costs in every profile.
    assert min(whole["scores"].values()) > 0.0
