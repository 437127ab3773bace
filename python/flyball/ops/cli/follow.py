"""A live session while it goes on: shown to people, interrupted by them, ended safely."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from rich.live import Live

from flyball.errors import FlyballError
from flyball.ops.cli import console
from flyball.ops.cli.liveview import Shown, line, panel
from flyball.ops.cli.notices import sentence
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.result import Result
from flyball.trading.runtime.runs import ask

__all__ = ["Signals", "follow"]

_LOOK_S = 0.25
_LINE_S = 5.0
# What looks on while a session goes on.
Beside = Callable[[LiveSession], AbstractContextManager[None]]
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Signals:
    """Interrupts while something must end safely: the first asks, the second leaves at once."""

    count: int = 0
    leave: Callable[[], None] | None = None
    _before: dict[int, Any] = field(default_factory=dict)

    def __enter__(self) -> "Signals":
        for each in _SIGNALS:
            self._before[each] = signal.signal(each, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)

    def _heard(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1 and self.leave is not None:
            self.leave()


def follow(
    session: LiveSession,
    signals: Signals,
    *,
    length_s: float | None,
    flatten: bool,
    beside: Beside | None = None,
) -> Result:
    """Start a session, show it until it is to end, and end it safely.

    What is `beside` it is entered when it has started, and left when it has ended.
    """
    session.start()
    signals.leave = lambda: _leave(session)
    _say_killed(session)
    shower = _Shower(session, length_s)
    try:
        with shower, nullcontext() if beside is None else beside(session):
            while signals.count == 0 and not shower.is_over:
                if not session.is_alive:
                    console.say("flyball: THE ENGINE'S THREAD HAS ENDED: stops rest at the venue")
                    break
                shower.show()
                time.sleep(_LOOK_S)
            if flatten:
                console.say("closing everything … (once more leaves at once)")
            return _stopped(session, flatten=flatten, shower=shower)
    finally:
        if session.is_running:
            session.stop(flatten=flatten)


def _say_killed(session: LiveSession) -> None:
    """What is killed from before, why, and what to do about it."""
    kills = session.status()["kills"]
    if kills["alarm"]:
        console.say(f"flyball: EVERYTHING IS KILLED: {kills['alarm']}")
    for each in kills["killed"]:
        console.say(f"flyball: killed: {each['scope']}, by {each['trigger']}: {each['why']}")
    if kills["killed"]:
        console.say(
            "flyball: look at the account; then, when it is flat, `flyball resume --scope SCOPE` "
            "(or --switch SWITCH) releases it"
        )


class _Shower:
    """Shows a session: a view that is drawn anew in a terminal, lines elsewhere."""

    def __init__(self, session: LiveSession, length_s: float | None) -> None:
        self._session, self._length_s = session, length_s
        self._began = time.monotonic()
        self._first: str | None = None
        self._lined = -_LINE_S
        self._told_ns = 0
        self._live: Live | None = None

    def __enter__(self) -> "_Shower":
        if console.err.is_terminal:
            self._live = Live(console=console.err, auto_refresh=False, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    @property
    def is_over(self) -> bool:
        """Whether the time that was given is over."""
        return self._length_s is not None and time.monotonic() - self._began >= self._length_s

    def _elapsed(self) -> str:
        def text(seconds: float) -> str:
            minutes, rest = divmod(int(seconds), 60)
            hours, minutes = divmod(minutes, 60)
            return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"

        now = text(time.monotonic() - self._began)
        return now if self._length_s is None else f"{now} of {text(self._length_s)}"

    def show(self, status: dict[str, Any] | None = None) -> None:
        """Look at it and show what is there."""
        try:
            found = self._session.status() if status is None else status
        except FlyballError as error:
            console.say(f"flyball: {error}")
            return
        if self._first is None and found["equity"] != "unknown":
            self._first = found["equity"]
        shown = Shown(
            run=self._session.info,
            status=found,
            first_equity=self._first,
            elapsed=self._elapsed(),
        )
        if self._live is not None:
            self._live.update(panel(shown), refresh=True)
            return
        self._tell_notices(found)
        if time.monotonic() - self._lined >= _LINE_S:
            self._lined = time.monotonic()
            console.say(line(shown))

    def _tell_notices(self, status: dict[str, Any]) -> None:
        newest = self._told_ns
        for time_ns, notice in status["notices"]:
            if time_ns > self._told_ns:
                ((kind, about),) = notice.items()
                console.say(f"  {sentence(kind, about, self._session.info)}")
                newest = max(newest, time_ns)
        self._told_ns = newest


def _stopped(session: LiveSession, *, flatten: bool, shower: _Shower) -> Result:
    """End a session on a thread of its own: this one goes on hearing interrupts."""
    outcome: list[Result | BaseException] = []

    def end() -> None:
        try:
            outcome.append(session.stop(flatten=flatten))
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=end, name="flyball-end", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
        try:
            shower.show(ask(session.info, "status"))
        except FlyballError:
            continue
    (found,) = outcome
    if isinstance(found, BaseException):
        raise found
    return found


def _leave(session: LiveSession) -> None:
    """Say what is still open, and end without waiting for anything."""
    said = ["flyball: left at once"]
    try:
        status = ask(session.info, "status")
        for traded, it in zip(session.info.instruments, status["instruments"], strict=False):
            if it["position"]:
                stop = it["stop"]
                rests = (
                    f"its stop rests at the venue, at {stop * traded.tick_size}"
                    if stop is not None
                    else "NO STOP OF IT IS CONFIRMED AT THE VENUE"
                )
                held = it["position"] * traded.lot_size
                said.append(f"still open: {held:+} {traded.symbol}; {rests}")
            if it["orders"]:
                said.append(f"orders at the venue: {it['orders']} in {traded.symbol}")
    except Exception as error:
        said.append(f"what is open is not known ({error}); stops rest at the venue")
    said.append(f"journal: {session.info.journal}")
    with suppress(OSError):
        sys.stderr.write("\n".join(said) + "\n")
        sys.stderr.flush()
    os._exit(130)
