"""The cross of two averages as signals over arrays."""

import numpy as np
from numpy.typing import NDArray

import flyball as fb


def cross(bars: fb.BarSeries, *, fast: int = 50, slow: int = 200) -> NDArray[np.bool_]:
    """Long while the fast average is above the slow one."""
    return bars.sma(fast) > bars.sma(slow)
