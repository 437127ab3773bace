"""Every prediction is kept before anybody knows whether it comes true, and scored afterwards."""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flyball.errors import DataError
from flyball.ops.detection.calibration import brier, calibration_error

__all__ = ["Ledger", "Outcome", "Prediction", "read", "scored"]

_START = "0" * 16
_DAY_S = 86_400.0


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

    Raises
    ------
    DataError
        If what the file already holds is damaged. A last line that was not finished is cut off.
    OSError
        If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept, self.settled = 0, 0
        self._sum = _START
        if path.exists():
            _cut_unfinished(path)
            for entry, found in _lines(path):
                self._sum = found
                if isinstance(entry, Prediction):
                    self.kept = entry.number
                else:
                    self.settled += 1
        self._file = path.open("a", encoding="utf-8")

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
        self._sum = _checksum(self._sum, text)
        self._file.write(f'{text[:-1]}, "sum": "{self._sum}"}}\n')
        self._file.flush()


def _checksum(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}{text}".encode()).hexdigest()[:16]


def _cut_unfinished(path: Path) -> None:
    """A crash may leave a part of a line: it was never kept."""
    held = path.read_bytes()
    whole = held.rfind(b"\n") + 1
    if whole < len(held):
        with path.open("r+b") as file:
            file.truncate(whole)


def _lines(path: Path) -> Iterator[tuple[Prediction | Outcome, str]]:
    before = _START
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            text, _, tail = line.rstrip("\n").rpartition(', "sum": "')
            found = tail.removesuffix('"}')
            if _checksum(before, text + "}") != found:
                raise DataError(f"{path}: line {number} is damaged, or lines before it are missing")
            entry = json.loads(text + "}")
            made = entry.get("prediction")
            yield Prediction(**made) if made else Outcome(**entry["outcome"]), found
            before = found


def read(path: Path) -> tuple[list[Prediction], dict[int, Outcome]]:
    """All predictions of a file, and the outcomes by their numbers.

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
        else:
            outcomes[entry.number] = entry
    return predictions, outcomes


def scored(
    predictions: list[Prediction], outcomes: dict[int, Outcome], *, warns_at: float = 0.8
) -> dict[str, Any]:
    """How good they were.

    Gives `predictions` (settled and due, without those that were acted on), `acted`, `open`,
    `came_true` (share), `brier`, `ece`, `warnings` (the first of each metric's run of high ones),
    `false_warnings`, `false_per_day`, `lead_s` (median, from a warning until the threshold was
    reached). What cannot be said is None.
    """
    settled = [each for each in predictions if each.number in outcomes]
    fair = [each for each in settled if each.due and not each.acted]
    found: dict[str, Any] = {
        "predictions": len(fair),
        "acted": sum(each.acted for each in predictions),
        "open": len(predictions) - len(settled),
        "came_true": None,
        "brier": None,
        "ece": None,
    }
    if fair:
        said = np.array([each.probability for each in fair])
        true = np.array([float(outcomes[each.number].crossed_s is not None) for each in fair])
        found |= {
            "came_true": float(true.mean()),
            "brier": brier(said, true),
            "ece": calibration_error(said, true),
        }
    return found | _warnings(settled, outcomes, warns_at)


def _warnings(
    settled: list[Prediction], outcomes: dict[int, Outcome], warns_at: float
) -> dict[str, Any]:
    high: dict[str, float] = {}
    leads, false, count = [], 0, 0
    for each in settled:
        if each.probability < warns_at:
            continue
        begins = each.time_s - high.get(each.metric, -np.inf) > each.horizon_s
        high[each.metric] = each.time_s
        # What was acted on and did not happen may have been prevented.
        crossed = outcomes[each.number].crossed_s
        if not begins or (each.acted and crossed is None):
            continue
        count += 1
        if crossed is None:
            false += 1
        else:
            leads.append(crossed - each.time_s)
    times = [each.time_s for each in settled]
    days = (max(times) - min(times)) / _DAY_S if len(times) > 1 else 0.0
    return {
        "warnings": count,
        "false_warnings": false,
        "false_per_day": false / days if days else None,
        "lead_s": float(np.median(leads)) if leads else None,
    }
