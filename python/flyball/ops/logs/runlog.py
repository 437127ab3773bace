"""A log of a run: one line of JSON for each thing that happens, in the run's folder."""

import json
import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog

from flyball.config.secret import Secret
from flyball.ops.health import Health
from flyball.trading.runtime.runs import RunInfo

__all__ = ["RunLog", "redacted"]

_NAME = "log.jsonl"
_KEPT_BYTES = 64 << 20
# A private key is 64 hexadecimal digits. So is a hash, which is not missed in a log.
_KEY = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")
# What services call what must not be known, in an address or beside a colon.
_TOKEN = re.compile(
    r"(?i)\b(token|secret|password|passwd|api_?key|apikey|agent_key|key|k|auth)(\"?\s*[=:]\s*\"?)"
    r"([^\s&\"',}]+)"
)
_NAMES = re.compile(r"(?i)(.*_)?(token|secret|password|passwd|api_?key|agent_key|key|auth)")
_LOGIN = re.compile(r"(?<=//)[^/\s@]+@")
_ALARMS = {
    "Tripped", "FlattenLate", "Liquidated", "PositionMismatch", "PeakMismatch", "Unprotected",
    "Throttled", "OutcomeUnknown", "Gap",
}  # fmt: skip


def redacted(value: Any) -> Any:  # noqa: ANN401
    """The same without what looks like a key, a token or a login; a `Secret` is always hidden.

    Examples
    --------
    >>> redacted("json://user:pass@host/?token=abc and 0x" + "ab" * 32)
    'json://…@host/?token=… and …'
    """
    if isinstance(value, Secret):
        return "…"
    if isinstance(value, str):
        found = _LOGIN.sub("…@", _KEY.sub("…", value))
        return _TOKEN.sub(lambda it: it[1] + it[2] + "…", found)
    if isinstance(value, Mapping):
        return {
            str(key): "…" if _NAMES.fullmatch(str(key)) else redacted(each)
            for key, each in value.items()
        }
    if isinstance(value, list | tuple | set):
        return [redacted(each) for each in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    # What is not known is not asked what it looks like.
    return f"<{type(value).__name__}>"


def _redact(_: object, __: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = redacted(event)
    return found


class RunLog:
    """Writes what happens to a run. Each line names the run; those of orders name the order.

    Parameters
    ----------
    run : RunInfo
        The run; its folder gets the log.
    """

    def __init__(self, run: RunInfo) -> None:
        self.path = run.folder / _NAME
        if self.path.exists() and self.path.stat().st_size > _KEPT_BYTES:
            self.path.replace(self.path.with_suffix(".old.jsonl"))
        self._file: TextIO = self.path.open("a", encoding="utf-8")
        self.path.chmod(0o600)
        self._run = run
        self._told_ns = 0
        self._states: dict[str, str] = {}
        logger = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.format_exc_info,
                _redact,
                structlog.processors.JSONRenderer(serializer=json.dumps, ensure_ascii=False),
            ],
        )
        self._log = logger.bind(
            run=Path(run.journal).name,
            pid=run.pid,
            venue=run.venue,
            network=run.network,
            account=run.account,
        )

    def started(self) -> None:
        """The run goes on."""
        run = self._run
        self._log.info(
            "started",
            strategies=list(run.strategies),
            instruments=[it.symbol for it in run.instruments],
            profile=run.profile,
            simulated=run.simulated,
        )

    def ended(self) -> None:
        """It does not any more."""
        try:
            self._log.info("ended")
        finally:
            self._file.close()

    def look(self, status: Mapping[str, Any] | None, found: Health) -> None:
        """Note what is new: what the engine said, and parts that changed their state."""
        # Of an engine that does not answer the other parts are not known: they have not changed.
        for it in found.components if found.alive else (found["engine"],):
            before, self._states[it.name] = self._states.get(it.name), it.state
            if before is not None and before != it.state:
                well = it.state in ("ok", "off")
                say = self._log.info if well else self._log.warning
                say("health", part=it.name, state=it.state, was=before, reason=it.reason)
        if status is not None:
            self._notices(status)

    def _notices(self, status: Mapping[str, Any]) -> None:
        newest = self._told_ns
        for time_ns, notice in status["notices"]:
            if time_ns <= self._told_ns:
                continue
            ((kind, about),) = notice.items()
            say = self._log.warning if kind in _ALARMS else self._log.info
            say("engine", kind=kind, engine_ns=time_ns, **self._ids(about), about=about)
            newest = max(newest, time_ns)
        self._told_ns = newest

    def _ids(self, about: Mapping[str, Any]) -> dict[str, Any]:
        """By what it is found again: order, instrument, strategy."""
        order = about.get("order")
        inner: Mapping[str, Any] = order if isinstance(order, Mapping) else about
        told: dict[str, Any] = {}
        if "client_order_id" in inner:
            told["order"] = inner["client_order_id"]
        at = inner.get("instrument")
        if isinstance(at, int) and at < len(self._run.instruments):
            told["instrument"] = self._run.instruments[at].symbol
        return told

    def say(self, text: str, **about: Any) -> None:  # noqa: ANN401
        """Note something else."""
        self._log.info(text, **about)
