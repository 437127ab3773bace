"""What the dashboard is shown beside a run's status: how its parts are, and what fires."""

import time
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from flyball.ops.alerts import delivery_state, folder_of, read_history
from flyball.ops.alerts.manager import Record, firing_of, seen_by
from flyball.ops.chat import chat_state
from flyball.ops.cli.watching import predicted
from flyball.ops.health import Health, health
from flyball.ops.telemetry import observe
from flyball.trading.runtime.runs import RunInfo

__all__ = ["alerts_look", "health_look", "health_of", "predictions_look", "with_chat"]

_LAST = 30
_CHAT_OLD_NS = 180 * 10**9


def health_of(run: RunInfo, status: Mapping[str, Any]) -> Health:
    """How the parts of a run are, by its status; in whatever process."""
    seen = observe(run, lambda: status)
    told = with_chat(run, delivery_state(run.folder))
    return health(run, status, now_ns=seen.now_ns, disk_free=seen.disk_free, alerts=told)


def with_chat(run: RunInfo, told: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """How alerts are delivered, and why no commands come by a chat, where they should."""
    chat = chat_state(run.folder)
    # What was left there by a run of another day says nothing.
    if chat is None or time.time_ns() - int(chat["kept_ns"]) > _CHAT_OLD_NS:
        return told
    return {**(told or {"failing": []}), "chat": chat["failing"]}


def health_look(run: RunInfo, status: Mapping[str, Any] | None, /) -> dict[str, Any] | None:
    """The parts of a run, for the page."""
    return None if status is None else health_of(run, status).summary()


def alerts_look(run: RunInfo, _status: Mapping[str, Any] | None, /) -> dict[str, Any]:
    """What fires and what was told of late, for the page: from the history that the run keeps."""
    path = folder_of(run.folder) / "history.jsonl"
    history = _history(path, path.stat().st_mtime_ns if path.exists() else 0)
    firing = [_row(it) | {"acknowledged": bool(seen_by(it, history))} for it in firing_of(history)]
    return {"firing": firing, "history": [_row(it) for it in history[-_LAST:]]}


def predictions_look(
    run: RunInfo, _status: Mapping[str, Any] | None, /
) -> Mapping[str, Any] | None:
    """What the run's watch sees coming, for the page."""
    return predicted(run.folder)


@lru_cache(maxsize=4)
def _history(path: Path, _changed_ns: int) -> list[Record]:
    """The page asks every second; the file is read again when it has changed."""
    return read_history(path)


def _row(it: Record) -> dict[str, Any]:
    text = it.summary if it.what == "firing" else f"{it.summary} ({it.what})"
    return {"name": it.rule, "severity": it.severity, "text": text, "since_ns": it.time_ns}
