"""Looks at a run twice a second, within its process, and tells people."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from prometheus_client.core import Metric

from flyball.ops.alerts.delivery import Delivery
from flyball.ops.alerts.history import vectors
from flyball.ops.alerts.manager import Manager, Message

__all__ = ["AlertWatch", "delivery_state", "folder_of"]

# Twice a second: a second of waiting is half of what an alert may take.
_EVERY_S = 0.5


def folder_of(state: Path) -> Path:
    """Where a run keeps its alerts."""
    return state / "alerts"


def delivery_state(state: Path) -> Mapping[str, Any] | None:
    """How a run in another process delivers alerts; `None` where it delivers none."""
    try:
        found = json.loads((folder_of(state) / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


class AlertWatch:
    """A thread that evaluates the rules twice a second. A context manager.

    Parameters
    ----------
    look : callable
        Gives the metrics now.
    manager : Manager
        The rules and their alerts.
    delivery : Delivery, optional
        Where messages go; nowhere without one.
    tell : callable
        Takes a line for the terminal.
    """

    def __init__(
        self,
        look: Callable[[], Iterable[Metric]],
        manager: Manager,
        delivery: Delivery | None,
        *,
        tell: Callable[[str], None],
    ) -> None:
        self._look, self._manager, self._delivery = look, manager, delivery
        self._tell = tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flyball-alerts", daemon=True)
        self._failed = ""
        self._state_path = manager.path.with_name("state.json")
        self._kept: Mapping[str, Any] | None = None

    def __enter__(self) -> "AlertWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(2 * _EVERY_S)
        self._state_path.unlink(missing_ok=True)
        if self._delivery is not None:
            self._delivery.end()

    def state(self) -> Mapping[str, Any] | None:
        """How alerts are delivered; `None` where they go nowhere."""
        return None if self._delivery is None else self._delivery.state()

    def _work(self) -> None:
        while not self._ended.wait(_EVERY_S):
            try:
                told = self._manager.step(time.time_ns(), time.monotonic(), vectors(self._look()))
                self._keep_state()
                self._failed = ""
            except OSError as error:
                self._complain(f"alerts cannot be kept: {error.strerror or error}")
                continue
            except Exception as error:
                self._complain(f"alerts are not evaluated: {type(error).__name__}: {error}")
                continue
            for message in told:
                self._say(message)

    def _keep_state(self) -> None:
        """How delivery is doing, for other processes."""
        state = self.state()
        if state != self._kept:
            draft = self._state_path.with_suffix(".draft")
            draft.write_text(json.dumps(state), encoding="utf-8")
            draft.replace(self._state_path)
            self._kept = state

    def _complain(self, text: str) -> None:
        if text != self._failed:
            self._failed = text
            self._tell(f"flyball: {text}")

    def _say(self, message: Message) -> None:
        if self._delivery is not None:
            self._delivery.tell(message)
        for alert in message.alerts:
            head = {"over": "over", "firing": alert.rule.severity}.get(message.what, message.what)
            with contextlib.suppress(OSError):
                self._tell(f"  alert, {head}: {alert.summary} ({alert.id})")
