"""Every prediction is kept before anybody knows whether it comes true, and scored afterwards."""

import copy
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from flyball.errors import DataError
from flyball.ops.detection.tally import Tally

__all__ = ["Ledger", "Outcome", "Prediction", "past", "read", "scored"]

_START = "0" * 16
# Some 17 000 predictions with their outcomes: a day of six metrics.
_BYTES_MAX = 8 << 20
_KEPT = 5_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """That a metric reaches its threshold within a horizon.

    Attributes
    ----------
    number : int
        Counts from 1 in its file.
    time_s : float
        When it was made, in seconds of the run's clock.
    metric : str
        Of what.
    value, threshold : float
        What it was then and what it must not reach, in its unit.
    horizon_s : float
        Seconds ahead.
    raw, probability : float
        Before and after calibration.
    due : bool
        Whether it was made because it was time for one: only these are scored for calibration, so
        that those that were kept because they were high do not count twice.
    acted : bool
        Whether something was done about it, which changes what becomes of it.
    """

    number: int
    time_s: float
    metric: str
    value: float
    threshold: float
    horizon_s: float
    raw: float
    probability: float
    due: bool
    acted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of a prediction.

    Attributes
    ----------
    number : int
        Of the prediction.
    crossed_s : float or None
        When the threshold was reached; none if it was not within the horizon.
    time_s : float
        When that was known.
    """

    number: int
    crossed_s: float | None
    time_s: float


class Ledger:
    """A file of predictions and outcomes, one JSON object a line, added to and never changed.

    Each line ends with a checksum of itself and of the checksum before it: a line that was changed,
    removed or put elsewhere is found.

    A file that has grown too long is begun anew: with a line in which all predictions but the last
    ones are added up, so that scores and curves stay what they were, and the last ones. What was
    there lies beside it as `predictions.old.jsonl`, one of them.

    Parameters
    ----------
    bytes_max : int
        How long it grows.
    kept : int
        Predictions that are kept as they are when it is begun anew.

    Raises
    ------
    DataError
        If what the file already holds is damaged. A last line that was not finished is cut off.
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path, *, bytes_max: int = _BYTES_MAX, kept: int = _KEPT) -> None:
        self.path = path
        self.kept, self.settled = 0, 0
        self._bytes_max, self._kept = bytes_max, kept
        self._sum = _START
        if path.exists():
            _cut_unfinished(path)
            for entry, found in _lines(path):
                self._sum = found
                if isinstance(entry, Prediction):
                    self.kept = entry.number
                elif isinstance(entry, Outcome):
                    self.settled += 1
        self._file = path.open("a", encoding="utf-8")
        self._shorten()

    def keep(self, prediction: Prediction) -> None:
        """Write a prediction down."""
        self._write({"prediction": asdict(prediction)})
        self.kept = prediction.number

    def settle(self, outcome: Outcome) -> None:
        """Write down what became of one."""
        self._write({"outcome": asdict(outcome)})
        self.settled += 1

    def close(self) -> None:
        """Have everything on the disk."""
        if self._file.closed:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _write(self, entry: dict[str, Any]) -> None:
        text = json.dumps(entry, allow_nan=False)
        line, self._sum = _line(text, self._sum)
        self._file.write(line)
        self._file.flush()
        self._shorten()

    def _shorten(self) -> None:
        """Begin the file anew when it is too long. At every moment a whole one is there."""
        if self._file.tell() <= self._bytes_max:
            return
        predictions, outcomes = read(self.path)
        tally = past(self.path) or Tally()
        tally.before = self._sum
        tally.fold((made, outcomes.get(made.number)) for made in predictions[: -self._kept])
        last = predictions[-self._kept :]
        numbers = {made.number for made in last}
        entries: list[dict[str, Any]] = [{"past": tally.plain()}]
        entries += [{"prediction": asdict(made)} for made in last]
        entries += [{"outcome": asdict(outcomes[it])} for it in outcomes if it in numbers]
        draft, found = self.path.with_suffix(".draft"), _START
        with draft.open("w", encoding="utf-8") as file:
            for entry in entries:
                line, found = _line(json.dumps(entry, allow_nan=False), found)
                file.write(line)
            file.flush()
            os.fsync(file.fileno())
        old = self.path.with_suffix(".old.jsonl")
        old.unlink(missing_ok=True)
        try:
            os.link(self.path, old)
        except OSError:  # where the disk knows no links
            shutil.copyfile(self.path, old)
        draft.replace(self.path)
        self._file.close()
        self._file, self._sum = self.path.open("a", encoding="utf-8"), found
        # What could not be made shorter is left to grow by as much again.
        self._bytes_max = max(self._bytes_max, 2 * self._file.tell())


def _line(text: str, before: str) -> tuple[str, str]:
    """An object as a line with its checksum, and that."""
    found = _checksum(before, text)
    return f'{text[:-1]}, "sum": "{found}"}}\n', found


def _checksum(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()[:16]


def _cut_unfinished(path: Path) -> None:
    """A crash may leave a part of a line: it was never kept."""
    held = path.read_bytes()
    whole = held.rfind(b"\n") + 1
    if whole < len(held):
        with path.open("r+b") as file:
            file.truncate(whole)


def _lines(path: Path) -> Iterator[tuple[Prediction | Outcome | Tally, str]]:
    before = _START
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            text, _, tail = line.rstrip("\n").rpartition(', "sum": "')
            found = tail.removesuffix('"}')
            if _checksum(before, text + "}") != found:
                raise DataError(f"{path}: line {number} is damaged, or lines before it are missing")
            entry = json.loads(text + "}")
            yield _entry(entry), found
            before = found


def _entry(entry: dict[str, Any]) -> Prediction | Outcome | Tally:
    if "prediction" in entry:
        return Prediction(**entry["prediction"])
    return Outcome(**entry["outcome"]) if "outcome" in entry else Tally(**entry["past"])


def read(path: Path) -> tuple[list[Prediction], dict[int, Outcome]]:
    """The predictions that a file keeps as they are, and the outcomes by their numbers.

    Raises
    ------
    DataError
        If the file is not there, or damaged; it names the line.
    """
    if not path.exists():
        raise DataError(f"{path}: there are no predictions")
    predictions: list[Prediction] = []
    outcomes: dict[int, Outcome] = {}
    for entry, _ in _lines(path):
        if isinstance(entry, Prediction):
            predictions.append(entry)
        elif isinstance(entry, Outcome):
            outcomes[entry.number] = entry
    return predictions, outcomes


def past(path: Path) -> Tally | None:
    """What a file holds of predictions that it does not keep any more; `None` of none.

    Raises
    ------
    DataError
        If its first line is damaged.
    """
    with suppress(FileNotFoundError, StopIteration):
        entry, _ = next(_lines(path))
        return entry if isinstance(entry, Tally) else None
    return None


def scored(
    predictions: list[Prediction],
    outcomes: dict[int, Outcome],
    *,
    warns_at: float = 0.8,
    before: Tally | None = None,
) -> dict[str, Any]:
    """How good they were, with those `before` that are not kept any more.

    Gives `predictions` (settled and due, without those that were acted on), `acted`, `open`,
    `came_true` (share), `brier`, `ece`, `warnings` (the first of each metric's run of high ones),
    `false_warnings`, `false_per_day`, `lead_s` (median, from a warning until the threshold was
    reached). What cannot be said is None.
    """
    tally = Tally(warns_at=warns_at) if before is None else copy.deepcopy(before)
    for made in predictions:
        tally.take(made, outcomes.get(made.number))
    return tally.figures()
