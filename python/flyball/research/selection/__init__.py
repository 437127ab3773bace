"""What is left of a result after it was selected: splits, overfitting, ratios that know of it."""

from flyball.research.selection.chosen import Chosen, choose
from flyball.research.selection.overfitting import Overfitting, cross_validated
from flyball.research.selection.ratio import (
    Shape,
    deflated_sharpe,
    expected_maximum,
    haircut,
    independent_trials,
    mean_correlation,
    minimum_track_record,
    probabilistic_sharpe,
    shape_of,
)
from flyball.research.selection.score import SCORES, Score
from flyball.research.selection.splits import (
    Split,
    combinatorial,
    paths,
    purged_kfold,
    walk_forward,
)

__all__ = [
    "SCORES",
    "Chosen",
    "Overfitting",
    "Score",
    "Shape",
    "Split",
    "choose",
    "combinatorial",
    "cross_validated",
    "deflated_sharpe",
    "expected_maximum",
    "haircut",
    "independent_trials",
    "mean_correlation",
    "minimum_track_record",
    "paths",
    "probabilistic_sharpe",
    "purged_kfold",
    "shape_of",
    "walk_forward",
]
