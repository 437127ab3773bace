"""The life of each order of a run, from its journal."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyball import _core

__all__ = ["Life", "Step", "lives"]

_ENDS = {"rejected", "cancelled", "filled", "not_found", "refused"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """Something that happened to an order.

    Attributes
    ----------
    what : str
        `submitted`, `working`, `fill`, `cancel`, `asked`, `unknown`, `triggered`, or an end.
    event : int
        The journal's event that it was, or that it answers, counted from 1.
    time_ns : int
        When the engine heard of it, by the run's clock: UTC nanoseconds since 1970.
    """

    what: str
    event: int
    time_ns: int
    about: dict[str, Any]


@dataclass(slots=True)
class Life:
    """One order: what it was, why, and what became of it."""

    order: int
    about: dict[str, Any]
    woken_ns: int | None = None
    decided_event: int | None = None
    steps: list[Step] = field(default_factory=list)

    @property
    def began_ns(self) -> int:
        """When what it answers reached us: what woke the strategy, or the event itself."""
        return self.steps[0].time_ns if self.woken_ns is None else self.woken_ns

    def _ended(self) -> tuple[str, int] | None:
        left = int(self.about["qty"])
        for step in self.steps:
            if step.what in _ENDS:
                return step.what, step.time_ns
            if step.what == "fill":
                left -= int(step.about["qty"])
                if left <= 0:
                    # Nobody says so when the last fill does.
                    return "filled", step.time_ns
        return None

    @property
    def ended_ns(self) -> int | None:
        """When it ended; `None` while it lives."""
        found = self._ended()
        return None if found is None else found[1]

    @property
    def end(self) -> str:
        """How it ended; `open` while it lives."""
        found = self._ended()
        return "open" if found is None else found[0]


def lives(journal: Path) -> list[Life]:
    """The orders of a run, those that the gate refused too, in the order in which they came.

    A refusal is in the journal when it is news: the same rule in the same instrument once a second.

    Raises
    ------
    JournalError
        If the journal cannot be read.
    """
    known: dict[int, Life] = {}
    found: list[Life] = []
    decided: dict[int, dict[str, Any]] = {}
    for line in _core.journal_orders(journal):
        about = json.loads(line)
        event, time_ns, what = about.pop("event"), about.pop("time_ns"), about.pop("what")
        if what == "decided":
            decided[about["strategy"]] = {**about, "event": event}
            continue
        order = about.pop("order")
        step = Step(what=what, event=event, time_ns=time_ns, about=about)
        if what in ("submitted", "refused"):
            life = Life(order=order, about=about)
            cause = decided.get(about["strategy"])
            if cause is not None and cause["event"] == event:
                life.woken_ns, life.decided_event = cause["woken_ns"], event
            known[order] = life
            found.append(life)
        elif order not in known:
            # An order of the run before, or one that the venue made.
            continue
        known[order].steps.append(step)
    return found
