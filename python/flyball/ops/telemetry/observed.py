"""A run as it was seen at one moment: what all metrics are read from."""

import shutil
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball.errors import FlyballError
from flyball.trading.runtime.runs import RunInfo

__all__ = ["JournalWait", "Observed", "observe"]

Status = Mapping[str, Any]

_SAMPLES_MAX = 2_000


class JournalWait:
    """For how long records are known to wait for the journal, from one look at a run to the next.

    Each look tells how many records the engine has handed over and how many of them the journal's
    thread has taken in. The oldest that waits was handed over before the first look that counted
    it: at least so long ago, and at most by the time between two looks longer.
    """

    def __init__(self) -> None:
        # Seconds of a clock that does not go back, and records handed over by then.
        self._samples: deque[tuple[float, int]] = deque()
        self._lock = threading.Lock()

    def update(self, *, waiting: int, written: int, at_s: float) -> float:
        """Take a look; seconds for which the oldest has waited, 0 while none waits."""
        with self._lock:
            while self._samples and self._samples[0][1] <= written:
                self._samples.popleft()
            if not waiting:
                return 0.0
            self._samples.append((at_s, written + waiting))
            if len(self._samples) > _SAMPLES_MAX:
                # A journal that stands still for long: the first look is what counts.
                self._samples = deque(list(self._samples)[::2])
            return max(0.0, at_s - self._samples[0][0])


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
    journal_wait_s : float or None
        For how long the oldest record that waits for the journal has waited; `None` when that is
        not known, after a single look.
    """

    run: RunInfo
    status: Status | None
    now_ns: int
    disk_free: int | None = None
    drill_age_s: float | None = None
    journal_wait_s: float | None = None

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
    waits: JournalWait | None = None,
) -> Observed:
    """Look at a run now.

    Parameters
    ----------
    ask : callable
        Gives its status, or raises a `FlyballError` when it does not answer.
    drilled_ns : callable
        When its profile was drilled last, UTC nanoseconds since 1970.
    waits : JournalWait, optional
        What earlier looks at the same run have shown of its journal.
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
        journal_wait_s=_waited(status, waits),
    )


def _waited(status: Status | None, waits: JournalWait | None) -> float | None:
    try:
        waiting = int((status or {})["connections"]["journal_lag"])
        written = int((status or {})["measures"]["journal_written"])
    except (KeyError, TypeError):
        return None
    if waits is not None:
        return waits.update(waiting=waiting, written=written, at_s=time.monotonic())
    return None if waiting else 0.0


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
