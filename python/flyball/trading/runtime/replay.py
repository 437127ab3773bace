"""A journal, run again: the same events must give the same commands and the same state."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flyball import _core
from flyball.errors import JournalError
from flyball.trading.runtime.columns import collected

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Replayed", "equity_of", "replay"]

_RECORDS = 500_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Replayed:
    """What a replay came to. Every command and the final state were the recorded ones."""

    events: int
    commands: int
    snapshots: int
    state_hash: str
    recorded_by: str
    same_build: bool


def replay(journal: Path | str, *, progress: Callable[[int], None] | None = None) -> Replayed:
    """Run a journal again and compare every command and the final state.

    Parameters
    ----------
    journal : Path or str
        The journal's folder.
    progress : callable, optional
        Called with the number of events that were taken in so far.

    Raises
    ------
    JournalError
        If the journal cannot be read, was altered, or gives other commands or another state; the
        message names the place.
    """
    folder = Path(journal)
    about = json.loads(_core.journal_about(folder))
    if "engine" not in about:
        raise JournalError(f"{folder}: its header holds no engine configuration to replay with")
    run = _core.Replay(folder, json.dumps(about["engine"]))
    while (done := run.step(_RECORDS)) is None:
        if progress is not None:
            progress(run.events)
    build = str(about.get("build", "unknown"))
    return Replayed(
        events=done["events"],
        commands=done["commands"],
        snapshots=done["snapshots"],
        state_hash=done["state_hash"],
        recorded_by=build,
        same_build=build == _core.BUILD,
    )


def equity_of(
    journal: Path | str, *, step_ns: int
) -> "tuple[NDArray[np.int64], NDArray[np.float64]]":
    """The equity curve of the run that a journal recorded, by running it again.

    Parameters
    ----------
    journal : Path or str
        The journal's folder.
    step_ns : int
        How often equity is looked at, nanoseconds.

    Returns
    -------
    arrays of int64 and float64, shape (n,)
        Times (UTC nanoseconds) and equity (settlement currency, NaN where it was unknown).

    Raises
    ------
    JournalError
        If the journal cannot be read or does not replay.
    """
    folder = Path(journal)
    about = json.loads(_core.journal_about(folder))
    if "engine" not in about:
        raise JournalError(f"{folder}: its header holds no engine configuration to replay with")
    found = collected(_core.collect_journal(folder, json.dumps(about["engine"]), step_ns))
    samples = found["samples"]
    return samples["time_ns"], samples["equity"]
