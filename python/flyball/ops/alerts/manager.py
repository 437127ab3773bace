"""Alerts over time: pending, firing, told once, acknowledged, escalated, over; kept in a file."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

from flyball.errors import ConfigError
from flyball.ops.alerts.history import History, Labels
from flyball.ops.alerts.rules import RULES, WATCHDOG, Rule

__all__ = [
    "Alert",
    "Manager",
    "Message",
    "Record",
    "Timing",
    "acknowledge",
    "firing_of",
    "read_history",
    "seen_by",
]

What: TypeAlias = Literal["firing", "again", "escalated", "over"]

_KEPT_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How often people are told. Seconds of the machine's clock.

    Attributes
    ----------
    quiet_s : float
        After a message about an alert nothing more is said about it for so long: one that comes and
        goes is not told each time.
    again_s : mapping
        What still holds, and nobody acknowledged, is told again after this, by severity.
    group_s : float
        Warnings wait so long for others that come with them; what is critical does not wait.
    escalate_s : float
        A critical alert that nobody acknowledged goes to the channels of escalation after this.
    """

    quiet_s: float = 60.0
    again_s: Mapping[str, float] = field(
        default_factory=lambda: {"critical": 900.0, "warning": 14_400.0, "info": float("inf")}
    )
    group_s: float = 5.0
    escalate_s: float = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """One alert: a rule and the labels for which it holds. Times are UTC nanoseconds since 1970."""

    id: str
    rule: Rule
    labels: Labels
    value: float
    since_ns: int
    fired_ns: int | None = None
    told_ns: int | None = None
    acknowledged: str | None = None
    escalated: bool = False
    waits: bool = False

    @property
    def summary(self) -> str:
        """What it says, in a sentence."""
        return self.rule.said(dict(self.labels), self.value)

    @property
    def action(self) -> str:
        """What a person can do."""
        words = dict(self.labels)
        return self.rule.action.replace("{switch}", words.get("switch", "NAME"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    """What is told at once: alerts that belong together."""

    what: What
    alerts: tuple[Alert, ...]

    @property
    def severity(self) -> str:
        """The worst of them."""
        order = ("info", "warning", "critical")
        return max((it.rule.severity for it in self.alerts), key=order.index)


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """A line of the history."""

    time_ns: int
    id: str
    what: str
    rule: str
    labels: Mapping[str, str]
    severity: str
    value: float
    summary: str
    by: str | None = None


def alert_id(rule: str, labels: Labels) -> str:
    """A short name of an alert: the same whenever it comes again."""
    text = json.dumps([rule, labels])
    return hashlib.blake2s(text.encode(), digest_size=4).hexdigest()


def read_history(path: Path) -> list[Record]:
    """The lines of a history; one that was cut short is left out."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    found = []
    for line in text.splitlines():
        try:
            found.append(Record(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def firing_of(history: list[Record]) -> list[Record]:
    """The alerts that are not over, as they began."""
    known: dict[str, Record] = {}
    for it in history:
        if it.what == "firing":
            known[it.id] = it
        elif it.what == "over":
            known.pop(it.id, None)
    return list(known.values())


def seen_by(it: Record, history: list[Record]) -> str | None:
    """Who acknowledged an alert since it began."""
    found = [
        other.by
        for other in history
        if other.id == it.id and other.what == "acknowledged" and other.time_ns >= it.time_ns
    ]
    return found[-1] if found else None


def acknowledge(folder: Path, ids: set[str], *, by: str) -> set[str]:
    """Say that somebody has seen alerts: their ids, or "all". Gives those that this is said of.

    Raises
    ------
    ConfigError
        If one of them does not fire.
    """
    firing = {it.id for it in firing_of(read_history(folder / "history.jsonl"))}
    wanted = firing if ids == {"all"} else ids
    if unknown := wanted - firing:
        raise ConfigError(f"{', '.join(sorted(unknown))}: does not fire (flyball alerts)")
    (folder / "acknowledged").mkdir(parents=True, exist_ok=True)
    for each in wanted:
        (folder / "acknowledged" / each).write_text(f"{by}\n", encoding="utf-8")
    return wanted


class Manager:
    """Evaluates rules, and says whom to tell what.

    Parameters
    ----------
    folder : Path
        Where the history and acknowledgements lie: `history.jsonl`, `acknowledged/ID`.
    """

    def __init__(
        self, folder: Path, *, rules: Sequence[Rule] = RULES, timing: Timing | None = None
    ) -> None:
        self._rules = [it for it in rules if it is not WATCHDOG]
        self._timing = timing or Timing()
        self._path = folder / "history.jsonl"
        self._acks = folder / "acknowledged"
        self._acks.mkdir(parents=True, exist_ok=True, mode=0o700)
        ranged = [pair for it in self._rules for pair in it.expression.ranged()]
        self.past = History(ranged)
        self._alerts: dict[str, Alert] = {}
        self._quiet: dict[str, int] = {}
        self._restore()

    @property
    def path(self) -> Path:
        """The history."""
        return self._path

    @property
    def firing(self) -> list[Alert]:
        """What fires now, the worst first."""
        order = {"critical": 0, "warning": 1, "info": 2}
        found = [it for it in self._alerts.values() if it.fired_ns is not None]
        return sorted(found, key=lambda it: (order[it.rule.severity], it.since_ns))

    def step(
        self, now_ns: int, at_s: float, found: Mapping[str, Mapping[Labels, float]]
    ) -> list[Message]:
        """Take in metrics, and say what is to be told.

        Parameters
        ----------
        now_ns : int
            UTC nanoseconds since 1970.
        at_s : float
            Seconds of a clock that does not go back.
        found : mapping
            Series by name and labels.
        """
        self.past.add(at_s, found)
        self._acknowledge(now_ns)
        told: list[Message] = []
        over: list[Alert] = []
        holding: set[str] = set()
        for rule in self._rules:
            for labels, value in rule.expression.evaluate(self.past).items():
                alert = self._holds(rule, labels, value, now_ns)
                holding.add(alert.id)
        # While the engine says nothing, what held is not known to be over.
        blind = 0.0 in found.get("flyball_engine_up", {}).values()
        for id_, alert in list(self._alerts.items()):
            if id_ in holding or (blind and alert.fired_ns is not None):
                continue
            del self._alerts[id_]
            if alert.fired_ns is None:
                continue
            self._write(alert, "over", now_ns)
            self._forget_acknowledgement(id_)
            if alert.told_ns is not None:
                over.append(alert)
        told += self._due(now_ns)
        if over:
            told.append(Message(what="over", alerts=tuple(over)))
        return told

    def _holds(self, rule: Rule, labels: Labels, value: float, now_ns: int) -> Alert:
        id_ = alert_id(rule.name, labels)
        known = self._alerts.get(id_)
        alert = (
            Alert(id=id_, rule=rule, labels=labels, value=value, since_ns=now_ns)
            if known is None
            else replace(known, value=value)
        )
        if alert.fired_ns is None and now_ns - alert.since_ns >= rule.for_s * 1e9:
            alert = replace(alert, fired_ns=now_ns, waits=True)
            self._write(alert, "firing", now_ns)
        self._alerts[id_] = alert
        return alert

    def _due(self, now_ns: int) -> list[Message]:
        """What is to be told now, of what fires."""
        fresh, again, escalated = [], [], []
        for alert in self.firing:
            if alert.waits:
                fresh.append(alert)
            elif alert.acknowledged is None and alert.told_ns is not None:
                since_s = (now_ns - alert.told_ns) / 1e9
                fired_s = (now_ns - (alert.fired_ns or now_ns)) / 1e9
                critical = alert.rule.severity == "critical"
                if critical and not alert.escalated and fired_s >= self._timing.escalate_s:
                    escalated.append(alert)
                elif since_s >= self._timing.again_s[alert.rule.severity]:
                    again.append(alert)
        told = self._fresh(fresh, now_ns)
        if again:
            told.append(Message(what="again", alerts=self._told(again, "told", now_ns)))
        if escalated:
            marked = [replace(it, escalated=True) for it in escalated]
            told.append(Message(what="escalated", alerts=self._told(marked, "escalated", now_ns)))
        return told

    def _fresh(self, fresh: list[Alert], now_ns: int) -> list[Message]:
        """What began to fire: what is critical at once, warnings with those that come with them."""
        quiet_ns = self._timing.quiet_s * 1e9
        loud = [it for it in fresh if now_ns - self._quiet.get(it.id, -(1 << 62)) >= quiet_ns]
        urgent = any(it.rule.severity == "critical" for it in loud)
        waited = any(now_ns - (it.fired_ns or 0) >= self._timing.group_s * 1e9 for it in loud)
        if not (urgent or waited):
            return []
        return [Message(what="firing", alerts=self._told(loud, "told", now_ns))]

    def _told(self, alerts: Iterable[Alert], what: str, now_ns: int) -> tuple[Alert, ...]:
        told = []
        for alert in alerts:
            done = replace(alert, told_ns=now_ns, waits=False)
            self._alerts[alert.id] = done
            self._quiet[alert.id] = now_ns
            self._write(done, what, now_ns)
            told.append(done)
        return tuple(told)

    def _acknowledge(self, now_ns: int) -> None:
        """Somebody said `flyball alerts ack`: a file with their name in it."""
        for path in self._acks.iterdir():
            alert = self._alerts.get(path.name)
            if alert is None or alert.acknowledged is not None:
                continue
            by = path.read_text(encoding="utf-8", errors="replace").strip() or "somebody"
            alert = replace(alert, acknowledged=by, waits=False)
            self._alerts[path.name] = alert
            self._write(alert, "acknowledged", now_ns, by=by)

    def _forget_acknowledgement(self, id_: str) -> None:
        (self._acks / id_).unlink(missing_ok=True)

    def _write(self, alert: Alert, what: str, now_ns: int, *, by: str | None = None) -> None:
        line: dict[str, Any] = {
            "time_ns": now_ns,
            "id": alert.id,
            "what": what,
            "rule": alert.rule.name,
            "labels": dict(alert.labels),
            "severity": alert.rule.severity,
            "value": alert.value,
            "summary": alert.summary,
            "by": by,
        }
        if self._path.exists() and self._path.stat().st_size > _KEPT_BYTES:
            self._path.replace(self._path.with_suffix(".old.jsonl"))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self._path.chmod(0o600)

    def _restore(self) -> None:
        """Go on where the last run stopped: what fired and was told is not told anew."""
        rules = {it.name: it for it in self._rules}
        for record in read_history(self._path):
            rule = rules.get(record.rule)
            if rule is None:
                continue
            if record.what == "over":
                self._alerts.pop(record.id, None)
                continue
            labels = tuple(sorted(record.labels.items()))
            known = self._alerts.get(record.id) or Alert(
                id=record.id,
                rule=rule,
                labels=labels,
                value=record.value,
                since_ns=record.time_ns,
                fired_ns=record.time_ns,
                waits=True,
            )
            if record.what in ("told", "escalated"):
                self._quiet[record.id] = record.time_ns
                escalated = known.escalated or record.what == "escalated"
                known = replace(known, told_ns=record.time_ns, waits=False, escalated=escalated)
            elif record.what == "acknowledged":
                known = replace(known, acknowledged=record.by, waits=False)
            self._alerts[record.id] = known
