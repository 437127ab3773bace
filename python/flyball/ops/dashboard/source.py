"""Looks at a run again and again, and puts what is there into the hub."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from flyball.errors import FlyballError
from flyball.ops.dashboard.hub import Hub
from flyball.ops.dashboard.market import Market
from flyball.ops.dashboard.past import past
from flyball.ops.dashboard.picture import Notices, about, picture, point
from flyball.trading.runtime.runs import RunInfo, ask, read_run
from flyball.trading.runtime.sentinel import ask_sentinel, stand

__all__ = ["LOGS", "PARTS", "Look", "Parts", "Source", "Words", "hub"]

Status = Mapping[str, Any]

# Rows that are kept, and whether old ones are thinned out rather than dropped.
LOGS = {"points": (4_000, True), "fills": (2_000, False), "notices": (500, False)}
PARTS = ("health", "alerts", "predictions", "learning", "drill")
_SENTINEL_EVERY_S = 1.0
_PARTS_EVERY_S = 1.0
_POINT_EVERY_MS = 250


class Look(Protocol):
    """A part of the page that somebody else measures.

    It is given the run and its newest status, `None` while the engine does not answer, and gives
    what JSON can hold; `None` where it has nothing. docs/dashboard.md says what is shown of it.
    """

    def __call__(self, run: RunInfo, status: Status | None, /) -> Any:  # noqa: ANN401
        """What is there now."""


class Words(Protocol):
    """Puts a notice of the engine into words."""

    def __call__(self, kind: str, about: Status, run: RunInfo, /) -> str:
        """One line."""


def _plain(kind: str, _about: Status, _run: RunInfo) -> str:
    return kind


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What others bring to the page. Where one is missing the page says so."""

    words: Words = _plain
    is_alarm: Callable[[str], bool] = bool
    looks: Mapping[str, Look] = field(default_factory=dict)


def hub() -> Hub:
    """A hub with the logs that the page shows."""
    return Hub(LOGS)


class Source:
    """A thread that asks a run how it is doing.

    Topics: `about` (the run), `run` (whether it answers), `status`, `refused`, `parts` (which of
    them are there), and one for each part. Logs: `points`, `notices`; the venue's see `Market`.

    Parameters
    ----------
    folder : Path
        The run's folder. Another run that starts there is gone on with.
    hub : Hub
        Where it goes.
    parts : Parts
        What others bring.
    every_s : float
        Seconds between two looks, by the machine's clock.
    past : bool
        Whether the curves begin with what the run's journal holds already.
    """

    def __init__(
        self, folder: Path, hub: Hub, *, parts: Parts, every_s: float = 0.25, past: bool = False
    ) -> None:
        self._wants_past = past
        self._folder, self._hub, self._parts, self._every_s = folder, hub, parts, every_s
        self._ended = threading.Event()
        self.run = read_run(folder)
        self._begin(self.run)
        self._thread = threading.Thread(target=self._serve, name="flyball-page", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()
        self._market.stop()
        self._thread.join(2.0)

    def _begin(self, run: RunInfo) -> None:
        self.run = run
        self._notices = Notices()
        self._sentinel: dict[str, Any] | None = None
        self._due = dict.fromkeys(("sentinel", "parts"), 0.0)
        self._silent_since: float | None = None
        self._last_point_ms = 0
        for log in LOGS:
            self._hub.replace(log, [])
        self._hub.put("about", about(run))
        self._market = Market(run, self._hub)
        self._market.start()
        self._past: list[list[Any]] | None = None
        if self._wants_past:
            wait = threading.Thread(
                target=self._read_past, args=(run,), name="flyball-page-past", daemon=True
            )
            wait.start()

    def _read_past(self, run: RunInfo) -> None:
        found = past(Path(run.journal), lambda: self._ended.is_set() or self.run.pid != run.pid)
        if self.run.started_ns == run.started_ns:
            self._past = found

    def _serve(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self.look()
            except Exception as error:  # what others bring must not end what shows it
                self._hub.put("run", {"state": "error", "reason": f"{error}"[:300]})
            self._ended.wait(max(0.01, self._every_s - (time.monotonic() - began)))

    def look(self) -> None:
        """Look once."""
        began = time.perf_counter()
        try:
            status: dict[str, Any] | None = ask(self.run, "status")
        except FlyballError as error:
            status = None
            self._silent(str(error))
        if status is not None:
            answered_ms = (time.perf_counter() - began) * 1e3
            self._silent_since = None
            self._hub.put("run", {"state": "answers", "answered_ms": round(answered_ms, 2)})
            self._show(status)
        if self._is_due("parts", _PARTS_EVERY_S):
            self._look_at_parts(status)

    def _silent(self, reason: str) -> None:
        """It does not answer: it ended, it died, or it stands still. Another may have begun."""
        with suppress(FlyballError):
            found = read_run(self._folder)
            if (found.pid, found.started_ns) != (self.run.pid, self.run.started_ns):
                self._market.stop()
                self._begin(found)
                return
            self.run = found
        now = time.monotonic()
        self._silent_since = now if self._silent_since is None else self._silent_since
        state = "ended" if self.run.ended_ns is not None else "silent"
        if state == "silent" and not _is_there(self.run.pid):
            state = "died"
        silent_s = now - self._silent_since
        self._hub.put("run", {"state": state, "silent_s": round(silent_s, 1), "reason": reason})

    def _show(self, status: dict[str, Any]) -> None:
        if self._is_due("sentinel", _SENTINEL_EVERY_S):
            self._sentinel = _sentinel(self._folder)
        self._hub.put("status", picture(self.run, status, self._sentinel))
        if self._past:
            own = self._hub.rows("points")
            first_ms = own[0][0] if own else status["time_ns"] // 1_000_000
            before, self._past = [it for it in self._past if it[0] < first_ms], None
            self._hub.replace("points", [*before, *own])
        row = point(status)
        if row[0] - self._last_point_ms >= _POINT_EVERY_MS:
            self._last_point_ms = row[0]
            self._hub.add("points", [row])
        words, is_alarm = self._parts.words, self._parts.is_alarm
        said = [
            {
                "time_ms": time_ns // 1_000_000,
                "kind": kind,
                "text": words(kind, told, self.run),
                "alarm": is_alarm(kind),
            }
            for time_ns, kind, told in self._notices.new(status["notices"])
        ]
        if said or self._hub.topic("refused") is None:
            self._hub.add("notices", said)
            seen = {"rules": self._notices.refused, "missed": self._notices.missed}
            self._hub.put("refused", seen)

    def _look_at_parts(self, status: dict[str, Any] | None) -> None:
        found: dict[str, str] = {}
        for name in PARTS:
            look = self._parts.looks.get(name)
            if look is None:
                found[name] = "not there"
                continue
            try:
                value = look(self.run, status)
            except Exception as error:
                found[name] = f"{type(error).__name__}: {error}"[:300]
                continue
            found[name] = "" if value is not None else "nothing"
            if value is not None:
                self._hub.put(name, value)
        if self._hub.topic("parts") != found:
            self._hub.put("parts", found)

    def _is_due(self, what: str, every_s: float) -> bool:
        now = time.monotonic()
        if now < self._due[what]:
            return False
        self._due[what] = now + every_s
        return True


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _sentinel(folder: Path) -> dict[str, Any] | None:
    """How the sentinel is doing; what it keeps when it does not run and is latched."""
    found = ask_sentinel(folder, "status")
    if found is not None:
        return found
    kept = stand(folder)
    if kept["refuses"] is None:
        return None
    return {"pid": None, "latched": True, "reason": kept["refuses"]}
