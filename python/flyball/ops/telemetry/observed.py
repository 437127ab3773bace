"""A run as it was seen at one moment: what all metrics are read from."""

import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.errors import FlyballError
from flyball.trading.runtime.runs import RunInfo

__all__ = ["Observed", "observe"]

Status = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Observed:
    """A run at one moment.

    Attributes
    ----------
    run : RunInfo
        Who trades what where.
    status : Mapping or None
        What `flyball status --json` gives of it; `None` when the engine did not answer.
    now_ns : int
        The run's clock.
    disk_free : int or None
        Bytes that are free where its folder lies.
    drill_age_s : float or None
        Seconds since its profile was drilled; `None` when that is not known.
    """

    run: RunInfo
    status: Status | None
    now_ns: int
    disk_free: int | None = None
    drill_age_s: float | None = None

    @property
    def measures(self) -> Mapping[str, Any]:
        """What the engine and its threads measure; empty when they did not answer."""
        found = None if self.status is None else self.status.get("measures")
        return found or {}

    def age_s(self, at_ns: int | None) -> float | None:
        """Seconds since a moment of the run's clock, by the machine's; `None` before it."""
        if not at_ns:
            return None
        return max(0, self.now_ns - int(at_ns)) / 1e9 / self.run.clock[2]


def observe(
    run: RunInfo,
    ask: Callable[[], Status],
    *,
    drilled_ns: Callable[[], int | None] = lambda: None,
) -> Observed:
    """Look at a run now.

    Parameters
    ----------
    ask : callable
        Gives its status, or raises a `FlyballError` when it does not answer.
    drilled_ns : callable
        When its profile was drilled last, UTC nanoseconds since 1970.
    """
    try:
        status: Status | None = ask()
    except FlyballError:
        status = None
    drilled = drilled_ns()
    return Observed(
        run=run,
        status=status,
        now_ns=run.now_ns,
        disk_free=_free(run.folder),
        drill_age_s=None if drilled is None else (time.time_ns() - drilled) / 1e9,
    )


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
