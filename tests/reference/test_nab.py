"""The benchmark of known causes: its files, its scoring, and how well it is done."""

from pathlib import Path

import numpy as np

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
