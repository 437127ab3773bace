"""Releasing what stopped trading: a ticket that says what is cleared, then typed words.

A kill is one step and always taken; this is meant to be slower. Nothing changes at the engine
before the second step is right, and it still refuses unless the account is flat and known. Where a
second factor was enrolled in the run's folder the second step wants its code too.
"""

import hmac
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from flyball.errors import ConfigError
from flyball.trading.runtime.factor import factor_of
from flyball.trading.runtime.latches import clears, latched, wait_released, why_not
from flyball.trading.runtime.runs import RunInfo, ask, scope_number
from flyball.trading.runtime.sentinel import ask_sentinel, stand

__all__ = ["Releases", "Ticket"]

_LASTS_S = 60.0
_TICKETS_MAX = 8
_ACCOUNT_DIGITS = 6
_SENTINEL = "sentinel"
_LOOK_S = 0.05
_PATIENCE_S = 5.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Ticket:
    """The first step: what would be released, and what must be typed for the second."""

    number: str
    name: str
    types: str
    clears: str
    stays: tuple[str, ...]
    factor: bool
    run_ns: int
    until: float

    def told(self) -> dict[str, Any]:
        """As the page is told."""
        return {
            "ticket": self.number,
            "name": self.name,
            "type_this": self.types,
            "clears": self.clears,
            "stays": list(self.stays),
            "factor": self.factor,
            "seconds": round(self.until - time.monotonic()),
        }


class Releases:
    """Tickets that were asked for. Each is good once, for a minute, for the same run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tickets: dict[str, Ticket] = {}

    def request(self, run: RunInfo, name: str) -> Ticket:
        """The first step.

        Parameters
        ----------
        name : str
            "operator", the name of a switch, "instrument:XRP", or "sentinel".

        Raises
        ------
        ConfigError
            If it is not latched, or cannot be released as things stand.
        """
        if name == _SENTINEL:
            said, stays = _sentinel_latch(run), latched(ask(run, "status"))
        else:
            status = ask(run, "status")
            stopping = latched(status)
            if name not in stopping:
                raise ConfigError(f"{name} is not latched")
            if not _is_ready(status):
                raise ConfigError(f"not yet: {why_not(status, name)}")
            said, stays = clears(name), [each for each in stopping if each != name]
        ticket = Ticket(
            number=secrets.token_hex(16),
            name=name,
            types=f"release {run.account[-_ACCOUNT_DIGITS:].lower()}",
            clears=said,
            stays=tuple(stays),
            factor=factor_of(run.folder) is not None,
            run_ns=run.started_ns,
            until=time.monotonic() + _LASTS_S,
        )
        with self._lock:
            self._forget_old()
            while len(self._tickets) >= _TICKETS_MAX:
                del self._tickets[next(iter(self._tickets))]
            self._tickets[ticket.number] = ticket
        return ticket

    def confirm(self, run: RunInfo, number: str, typed: str, code: str = "") -> dict[str, Any]:
        """The second step: `released`, and what is still latched.

        Parameters
        ----------
        typed : str
            The words that the first step asked for.
        code : str
            Of the second factor, where there is one.

        Raises
        ------
        ConfigError
            If there is no such ticket, it is over, or the words or the code are not those that were
            asked for: the ticket is gone then.
        """
        with self._lock:
            self._forget_old()
            ticket = self._tickets.pop(number, None)
        if ticket is None or ticket.run_ns != run.started_ns:
            raise ConfigError("that step is over: begin again")
        given = " ".join(typed.lower().split())
        if not hmac.compare_digest(given.encode(), ticket.types.encode()):
            raise ConfigError(f"not released: type {ticket.types!r}")
        if (factor := factor_of(run.folder)) is not None:
            factor.take(code)
        if ticket.name == _SENTINEL:
            return _release_sentinel(run)
        before = ask(run, "status")
        what, wanted = _engine_words(run, ticket.name)
        ask(run, f"request_{what}", wanted)
        ask(run, f"confirm_{what}", wanted)
        released, left = wait_released(run, ticket.name, since_ns=int(before["time_ns"]))
        reason = "" if released else why_not(before, ticket.name)
        return {"released": released, "latched": left, "reason": reason}

    def _forget_old(self) -> None:
        now = time.monotonic()
        self._tickets = {key: it for key, it in self._tickets.items() if it.until > now}


def _is_ready(status: dict[str, Any]) -> bool:
    closing = any(it["closing"] for it in status["instruments"])
    known = status["account_known"] and status["equity"] != "unknown"
    return bool(status["flat"] and known and not closing)


def _engine_words(run: RunInfo, name: str) -> tuple[str, str]:
    """What the engine is asked for, and about what."""
    if name == "operator":
        return "release", "all"
    if name.startswith("instrument:"):
        return "release", scope_number(run, name)
    return "reset", name


def _sentinel_latch(run: RunInfo) -> str:
    reason = stand(run.folder)["refuses"]
    if reason is None:
        raise ConfigError("the sentinel's latch is not set")
    if ask_sentinel(run.folder, "status") is None:
        raise ConfigError(
            "the sentinel does not run: `flyball resume --sentinel --state FOLDER` releases it"
        )
    return f"the sentinel's latch ({reason}): runs may trade again, losses are counted from here"


def _release_sentinel(run: RunInfo) -> dict[str, Any]:
    ask_sentinel(run.folder, "request_release")
    ask_sentinel(run.folder, "confirm_release")
    until = time.monotonic() + _PATIENCE_S
    while (left := stand(run.folder)["refuses"]) is not None and time.monotonic() < until:
        time.sleep(_LOOK_S)
    return {"released": left is None, "latched": latched(ask(run, "status")), "reason": left or ""}
