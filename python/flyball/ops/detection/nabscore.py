"""The scoring of the Numenta Anomaly Benchmark, and its files.

Source: Lavin and Ahmad, "Evaluating real-time anomaly detection algorithms: the Numenta Anomaly
Benchmark", ICMLA 2015, and the profiles in the benchmark's `config/profiles.json`. A detection
within a labelled window earns 0 to 1, more the earlier it is, and only the first one of a window
counts; a window without one costs; a detection outside costs more the farther it is behind the
last window.
"""

import csv
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flyball.errors import DataError

__all__ = ["FileScore", "NabFile", "Profile", "load", "normalised", "probation_rows", "score_file"]

_PROBATION_SHARE = 0.15
_PROBATION_OF_ROWS = 5_000
_FAR = 3.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """What a hit is worth, and what a miss and a false alarm cost."""

    name: str
    tp: float
    fn: float
    fp: float


@dataclass(frozen=True, kw_only=True, slots=True)
class NabFile:
    """One file of the benchmark.

    Attributes
    ----------
    name : str
        Category and name, as the labels have it.
    time_s : array, shape (rows,)
        Seconds since 1970.
    values : array, shape (rows,)
        The metric, in its own unit.
    windows : sequence of (int, int)
        First and last row of each labelled window. Only the scorer reads them.
    """

    name: str
    time_s: NDArray[np.float64]
    values: NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]

    @property
    def days(self) -> float:
        """How many days it covers after its probation."""
        first = min(probation_rows(len(self.time_s)), len(self.time_s) - 1)
        return float(self.time_s[-1] - self.time_s[first]) / 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class FileScore:
    """A file's score under one profile, and the rows that it was made of."""

    score: float
    tp: int
    fp: int
    fn: int
    tn: int
    windows: int
    detected: int


def probation_rows(rows: int) -> int:
    """How many of the first rows are for learning, and are not scored."""
    share = min(math.floor(_PROBATION_SHARE * rows), _PROBATION_SHARE * _PROBATION_OF_ROWS)
    return math.ceil(share)


def _scaled_sigmoid(position: float) -> float:
    """1 at the left edge of a window (-1), 0 at its right edge (0), -1 far behind it."""
    return -1.0 if position > _FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def score_file(
    flags: NDArray[np.bool_], windows: Sequence[tuple[int, int]], profile: Profile
) -> FileScore:
    """Score the detections of one file.

    Parameters
    ----------
    flags : array of bool, shape (rows,)
        Whether a row was detected.
    windows : sequence of (int, int)
        First and last row of each labelled window, in order, apart from each other.
    profile : Profile
        The weights.

    Examples
    --------
    >>> standard = Profile(name="standard", tp=1.0, fn=1.0, fp=0.11)
    >>> flags = np.zeros(1_000, dtype=bool)
    >>> score_file(flags, [(500, 599)], standard).score
    -1.0
    >>> flags[500] = True
    >>> round(score_file(flags, [(500, 599)], standard).score, 6)
    1.0
    """
    rows, first = len(flags), probation_rows(len(flags))
    best = _scaled_sigmoid(-1.0)
    inside = np.full(rows, -1)
    for number, (start, end) in enumerate(windows):
        inside[start : end + 1] = number
    scored = np.arange(rows) >= first
    live = {int(number) for number in np.unique(inside[scored]) if number >= 0}
    earned = dict.fromkeys(live, -profile.fn)
    cost = 0.0
    for row in np.flatnonzero(flags & scored).tolist():
        number = int(inside[row])
        if number >= 0:
            start, end = windows[number]
            position = -(end - row + 1) / (end - start + 1)
            worth = _scaled_sigmoid(position) * profile.tp / best
            earned[number] = max(earned[number], worth)
            continue
        before = [window for window in windows if window[1] < row]
        if not before:
            cost -= profile.fp
            continue
        start, end = before[-1]
        # The benchmark divides by the width less one.
        cost += profile.fp * _scaled_sigmoid((row - end) / max(1, end - start))
    hit = flags & scored
    in_window = (inside >= 0) & scored
    return FileScore(
        score=cost + sum(earned.values()),
        tp=int((hit & in_window).sum()),
        fp=int((hit & ~in_window).sum()),
        fn=int((in_window & ~hit).sum()),
        tn=int((scored & ~in_window & ~hit).sum()),
        windows=len(live),
        detected=len({int(number) for number in inside[hit & in_window]}),
    )


def normalised(total: float, *, windows: int, profile: Profile) -> float:
    """A sum of scores as a share of what is possible: 0 for no detection at all, 100 for perfect.

    Examples
    --------
    >>> normalised(-3.0, windows=3, profile=Profile(name="", tp=1.0, fn=1.0, fp=0.11))
    0.0
    """
    null, perfect = -profile.fn * windows, profile.tp * windows
    return 100.0 * (total - null) / (perfect - null)


def load(root: Path, *, category: str = "realKnownCause") -> tuple[list[NabFile], list[Profile]]:
    """Read the files of a category, their windows, and the profiles.

    Parameters
    ----------
    root : Path
        A folder with the benchmark's `data`, `labels` and `config`.
    category : str
        A folder under `data`.

    Raises
    ------
    DataError
        If something of it is missing or no number.
    """
    try:
        labels = json.loads((root / "labels" / "combined_windows.json").read_text())
        weights = json.loads((root / "config" / "profiles.json").read_text())
        names = sorted((root / "data" / category).glob("*.csv"))
        files = [_file(path, f"{category}/{path.name}", labels) for path in names]
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"{root}: is not the benchmark's folder: {error}") from error
    if not files:
        raise DataError(f"{root}: has no files of the category {category}")
    profiles = [_profile(name, each["CostMatrix"]) for name, each in weights.items()]
    return files, profiles


def _profile(name: str, cost: dict[str, float]) -> Profile:
    return Profile(name=name, tp=cost["tpWeight"], fn=cost["fnWeight"], fp=cost["fpWeight"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def _file(path: Path, name: str, labels: dict[str, list[tuple[str, str]]]) -> NabFile:
    with path.open(newline="") as source:
        rows = list(csv.DictReader(source))
    times = [_seconds(row["timestamp"]) for row in rows]
    windows = [(times.index(_seconds(a)), times.index(_seconds(b))) for a, b in labels[name]]
    return NabFile(
        name=name,
        time_s=np.array(times),
        values=np.array([float(row["value"]) for row in rows]),
        windows=tuple(windows),
    )
