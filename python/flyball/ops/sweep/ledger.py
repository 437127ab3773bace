"""What was tried, kept: one checksummed line a trial, so that a sweep can go on."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from flyball.errors import ConfigError, DataError
from flyball.ops.sweep.trial import Trial, checked, checked_line, line_of, read_line

__all__ = ["Ledger"]

_NAME = "trials.jsonl"


class Ledger:
    """The trials of a folder.

    Every trial that was ever made there is in it, whichever search made it: all of them count as
    tried. What decides about a single trial (strategy, data, money, protection, simulation) is in
    the first line and must stay the same.

    Parameters
    ----------
    folder : Path, optional
        Where it lies; without one nothing is kept.
    about : mapping
        What decides about a trial, as JSON can hold it.
    resume : bool
        Whether trials that are there already are taken over.

    Raises
    ------
    ConfigError
        If there are trials and `resume` was not asked for, or they are of another configuration.
    DataError
        If it cannot be read or written.
    """

    def __init__(self, folder: Path | None, *, about: Mapping[str, Any], resume: bool) -> None:
        self.trials: dict[str, Trial] = {}
        self.damaged = 0
        self._file: Any = None
        if folder is None:
            return
        self.path = folder / _NAME
        there = self.path.exists()
        if there and not resume:
            raise ConfigError(
                f"{folder} holds a sweep: --resume goes on with it, --folder names another place"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if there:
                self._read(about)
            else:
                self._write_draft(about)
            self._file = self.path.open("a", encoding="ascii")
        except OSError as error:
            raise DataError(f"{self.path}: {error.strerror or error}") from error

    def _read(self, about: Mapping[str, Any]) -> None:
        with self.path.open(encoding="ascii", errors="replace") as file:
            first = file.readline()
            try:
                before = checked(first)
            except (DataError, ValueError) as error:
                raise DataError(
                    f"{self.path}: its first line is damaged: what it was made with is not known"
                ) from error
            _same(before, checked(checked_line(about)), self.path.parent)
            for line in file:
                try:
                    trial = read_line(line)
                except (DataError, ValueError):
                    self.damaged += 1
                    continue
                self.trials[trial.job.key] = trial
        if self.damaged:  # They are made anew: what stays in the file is whole.
            self._write_draft(about)

    def _write_draft(self, about: Mapping[str, Any]) -> None:
        draft = self.path.with_suffix(".draft")
        with draft.open("w", encoding="ascii") as file:
            file.write(checked_line(about))
            for trial in self.trials.values():
                file.write(line_of(trial))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)

    def add(self, trial: Trial) -> None:
        """Keep a trial; it is with the system before this returns."""
        self.trials[trial.job.key] = trial
        if self._file is not None:
            self._file.write(line_of(trial))
            self._file.flush()

    def close(self) -> None:
        """End it; all of it is on the disk then."""
        if self._file is not None:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _same(before: Mapping[str, Any], now: Mapping[str, Any], folder: Path) -> None:
    changed = [key for key in sorted({*before, *now}) if before.get(key) != now.get(key)]
    if not changed:
        return
    told = "; ".join(
        f"{key} was {_short(before.get(key))}, is {_short(now.get(key))}" for key in changed
    )
    raise ConfigError(
        f"{folder} holds a sweep of something else: {told}. Give --folder another place, "
        "or what it was made with"
    )


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
