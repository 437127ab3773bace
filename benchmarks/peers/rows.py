"""The feed as the peers read it: see `src/feed.rs`."""

from pathlib import Path
from typing import Any

import numpy as np

TRADE, BID, LAST = 1, 2, 4
ROW = np.dtype(
    [
        ("time_ns", "<i8"),
        ("received_ns", "<i8"),
        ("price", "<i8"),
        ("qty", "<i8"),
        ("flags", "<u8"),
    ]
)


def read(path: str, most: int | None = None) -> Any:  # noqa: ANN401
    """Rows of a file: all of them, or the first ones."""
    return np.fromfile(Path(path), ROW, count=-1 if most is None else most)
