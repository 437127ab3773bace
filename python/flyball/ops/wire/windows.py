"""What prices do in a cell: made gaps, and a recorded crash in steps."""

import csv
import gzip
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from flyball.errors import DataError

__all__ = ["RECORDED", "Window", "made_gap", "recorded_crash"]

# XRP's perpetual at Binance, bars of five minutes, UTC milliseconds of their opens.
RECORDED = Path("binance_usdm_5m_2025_oct10") / "XRPUSDT_5m.csv.gz"
# 2025-10-10 21:10 to 21:30: the two worst bars of the recording lie within.
_FROM_MS, _UNTIL_MS = 1_760_130_600_000, 1_760_131_800_000
_STEP = 0.01


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """Moves of a price, played in so many seconds.

    Attributes
    ----------
    name : str
        What figures call it.
    levels : tuple of float
        Where all prices stand after each step, as a multiple of where they would be otherwise.
    seconds : float
        How long the steps take together, by the machine's clock.
    against : bool
        Whether it moves against what is held: a level below 1 is then a fall for a long position,
        and a rise by as much for a short one.
    """

    name: str
    levels: tuple[float, ...]
    seconds: float
    against: bool = False

    @property
    def pause_s(self) -> float:
        """Seconds between two steps."""
        return self.seconds / len(self.levels)

    def steps(self, side: int) -> Iterator[float]:
        """The levels for somebody who is long (1) or short (-1)."""
        for level in self.levels:
            yield 2.0 - level if self.against and side < 0 else level


def made_gap(gap: float) -> Window:
    """All prices jump at once by this share against the position; then nothing moves them."""
    return Window(name=f"gap_{gap * 100:.0f}", levels=(1.0 - gap,), seconds=0.0, against=True)


def recorded_crash(bars: Path, *, seconds: float = 30.0) -> Window:
    """XRP on 2025-10-10, 21:10 to 21:30 UTC, walked in steps of a hundredth.

    Within a bar the lowest price comes first. The twenty minutes are played in `seconds`: the price
    moves faster than it did, so that less time is left to act than there was.

    Raises
    ------
    DataError
        If the recording cannot be read.
    """
    path = bars / RECORDED
    prices: list[float] = []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if _FROM_MS <= int(row["time_ms"]) < _UNTIL_MS:
                    prices += [float(row[name]) for name in ("open", "low", "high", "close")]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if not prices:
        raise DataError(f"{path}: has no bars of 2025-10-10 21:10")
    levels = [1.0]
    for before, after in pairwise(prices):
        count = max(1, math.ceil(abs(math.log(after / before)) / _STEP))
        levels += [
            before / prices[0] * (after / before) ** (step / count) for step in range(1, count + 1)
        ]
    return Window(name="xrp_2025_10_10", levels=tuple(levels), seconds=seconds)
