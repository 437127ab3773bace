"""What every detector keeps to: all metrics of a run side by side, one update an observation.

A detector has a shape, that of the values of one observation: `()` for one metric, `(metrics,)` for
a run, `(runs, metrics)` for many runs at once. `update` takes an array of that shape and gives
scores of the same shape. A value that is NaN is missing: its score is NaN and nothing is learnt
from it. A score is NaN, too, until enough was learnt.
"""

from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Detector", "Flags", "Floats", "Shape"]

Floats: TypeAlias = NDArray[np.float64]
Flags: TypeAlias = NDArray[np.bool_]
Shape: TypeAlias = tuple[int, ...]


class Detector(Protocol):
    """Something that gives each observation a score."""

    def update(self, values: Floats, /) -> Floats:
        """Score these values, then learn from them."""
        ...
