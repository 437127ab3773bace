"""One model of a run's parts: state, reason, since when, what it depends on, what to do.

A pure function of what was seen and the time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flyball.trading.runtime.runs import RunInfo

__all__ = ["Component", "Health", "State", "health"]

State = Literal["ok", "degraded", "failed", "off"]
Status = Mapping[str, Any]

_ORDER: tuple[State, ...] = ("off", "ok", "degraded", "failed")
# Seconds by the machine's clock.
_FEED_OLD_S, _FEED_DEAD_S = 5.0, 30.0
_ACCOUNT_OLD_S = 12.0
_SENTINEL_OLD_S = 3.0
_SKEW_S = 1.0
_LAG_RECORDS = 10_000
_DISK_LOW, _DISK_OUT = 2 << 30, 256 << 20
_WEIGHT_LOW = 0.1
# What must work for trading to be possible at all.
_NEEDED = ("engine", "venue", "feed", "strategy")


@dataclass(frozen=True, kw_only=True, slots=True)
class Component:
    """One part of a run.

    Attributes
    ----------
    state : "ok", "degraded", "failed" or "off"
        `degraded` works with less than it should have; `off` is not part of this run.
    reason : str
        Why, in a sentence; empty when all is well.
    since_ns : int or None
        Since when, by the run's clock, where that is known.
    depends_on : tuple of str
        The parts without which it cannot be well.
    advice : str
        What a person can do; empty when there is nothing to do.
    """

    name: str
    state: State = "ok"
    reason: str = ""
    since_ns: int | None = None
    depends_on: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """All parts of a run, at one moment of its clock; `alive` is whether the engine answered."""

    time_ns: int
    components: tuple[Component, ...]
    alive: bool = True

    @property
    def state(self) -> State:
        """The worst state of all."""
        return max((it.state for it in self.components), key=_ORDER.index, default="off")

    @property
    def ready(self) -> bool:
        """Whether it could trade now: no part that trading needs has failed."""
        return all(self[name].state != "failed" for name in _NEEDED)

    def __getitem__(self, name: str) -> Component:
        return next(it for it in self.components if it.name == name)

    def roots(self) -> tuple[Component, ...]:
        """Parts that are not well and whose own dependencies are: where to begin."""
        bad = {it.name for it in self.components if it.state in ("degraded", "failed")}
        return tuple(
            it for it in self.components if it.name in bad and not bad.intersection(it.depends_on)
        )

    def summary(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "state": self.state,
            "alive": self.alive,
            "ready": self.ready,
            "time_ns": self.time_ns,
            "components": [
                {
                    "name": it.name,
                    "state": it.state,
                    "reason": it.reason,
                    "since_ns": it.since_ns,
                    "depends_on": list(it.depends_on),
                    "advice": it.advice,
                }
                for it in self.components
            ],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class _Seen:
    run: RunInfo
    status: Status
    now_ns: int
    disk_free: int | None
    alerts: Status | None

    def age_s(self, at_ns: int | None) -> float | None:
        if not at_ns:
            return None
        return max(0, self.now_ns - int(at_ns)) / 1e9 / self.run.clock[2]

    @property
    def joined(self) -> Status:
        found: Status = self.status["connections"]
        return found


# What a part is found to be: state, reason, since when, advice.
_Finding = tuple[State, str, int | None, str]
_WELL: _Finding = ("ok", "", None, "")


def _engine(seen: _Seen) -> _Finding:
    status = seen.status
    if status["killed"]:
        found = [it for it in status["kills"]["killed"] if it.get("scope") == "all"]
        why = f": {found[0]['why']}" if found else ""
        return (
            "failed",
            f"trading is killed{why}",
            int(found[0]["time_ns"]) if found else None,
            "look at the account; when it is flat: flyball resume --scope all",
        )
    if status["tripped"]:
        names = ", ".join(name for name, _ in status["tripped"])
        since = min(at for _, at in status["tripped"])
        stops = any(n in ("drawdown", "daily_loss", "emergency") for n, _ in status["tripped"])
        return (
            "failed" if stops else "degraded",
            f"tripped: {names}",
            since,
            "flyball status shows why; when it is flat: flyball resume --switch NAME",
        )
    for it in status["instruments"]:
        age = seen.age_s(it["unprotected_since_ns"])
        if age is not None and age > 1.0:
            return (
                "degraded",
                f"the position in {it['symbol']} has had no confirmed stop for {age:.1f} s",
                it["unprotected_since_ns"],
                "the engine closes it when that lasts; flyball kill closes it now",
            )
    if status["flattening"]:
        return "degraded", "the account is being closed", None, ""
    return _WELL


def _venue(seen: _Seen) -> _Finding:
    joined = seen.joined
    if not seen.status["account_known"]:
        return (
            "failed",
            "the account is not known: no connection, or it is being read",
            None,
            "the connection is made again by itself; look at the venue's status page",
        )
    if not joined["margins_agreed"]:
        return (
            "degraded",
            "the venue does not set money aside for a position as the profile wants: no new risk",
            None,
            "close what is held of the instrument, and cancel its orders; it is asked again",
        )
    heard = seen.age_s((seen.status.get("measures") or {}).get("account_heard_ns"))
    if heard is not None and heard > _ACCOUNT_OLD_S:
        return "degraded", f"the account's connection has been silent for {heard:.0f} s", None, ""
    limit = (seen.status.get("measures") or {}).get("weight_a_minute") or 0
    if limit and joined["weight_left"] < limit * _WEIGHT_LOW:
        return (
            "degraded",
            f"{joined['weight_left']} of {limit} of this minute's requests are left",
            None,
            "others ask from the same address, or orders are too many: trade less often",
        )
    if joined["open_actions"]:
        return "degraded", f"{joined['open_actions']} actions have no answer yet", None, ""
    return _WELL


def _feed(seen: _Seen) -> _Finding:
    joined = seen.joined
    heard = int(joined["market_heard_ns"])
    age = seen.age_s(heard)
    if age is None:
        return "failed", "nothing of the market was heard yet", seen.run.started_ns, ""
    if age > _FEED_OLD_S:
        state: State = "failed" if age > _FEED_DEAD_S else "degraded"
        return (
            state,
            f"the market has been silent for {age:.0f} s",
            heard,
            "no new risk is taken on old prices; look at the network and the venue's status page",
        )
    hidden = [it["symbol"] for it in seen.status["instruments"] if it["best"] is None]
    if hidden:
        return "degraded", f"no whole book of {', '.join(hidden)}", None, "it is asked for anew"
    skew = joined["market_delay_ns"] / 1e9
    if abs(skew) > _SKEW_S:
        return (
            "degraded",
            f"the venue's clock and ours are {skew:+.1f} s apart",
            None,
            "set this machine's clock (chrony, systemd-timesyncd)",
        )
    return _WELL


def _strategy(seen: _Seen) -> _Finding:
    for it in seen.status["strategies"]:
        if it["attention"] == "gone":
            return (
                "failed",
                f"{it['name']} is gone: {it['reason'] or 'its thread ended'}",
                None,
                "its position keeps stop and exits; mend it and start the run again",
            )
        if it["attention"] == "late":
            return (
                "degraded",
                f"{it['name']} is late ({it['overruns']} times): it may only reduce",
                None,
                "it must answer within --deadline: make it faster, or wake it less often",
            )
    return _WELL


def _journal(seen: _Seen) -> _Finding:
    joined = seen.joined
    if joined["journal_failing"]:
        return (
            "failed",
            f"it cannot be written; {joined['journal_lag']} records wait in memory",
            None,
            "make room on the disk, or see why it refuses writes; nothing is lost meanwhile",
        )
    if joined["journal_lag"] > _LAG_RECORDS:
        return (
            "degraded",
            f"{joined['journal_lag']} records wait to be written",
            None,
            "the disk is slow: look at what else writes to it",
        )
    if seen.status["kills"]["not_kept"]:
        return "failed", "a kill or a report could not be written", None, "look at the run's folder"
    return _WELL


def _sentinel(seen: _Seen) -> _Finding:
    found = seen.status["sentinel"]
    said, heard_ms = found["said"], found["heard_ms"]
    if not found["expected"] and said is None:
        return "off", "the run has none", None, "leave out --no-sentinel, and give it a key"
    if said is not None and said["latched"]:
        return (
            "failed",
            f"latched: {said['reason']}",
            None,
            "look at the account; when it is flat: flyball resume --sentinel --state FOLDER",
        )
    if said is None or heard_ms is None or heard_ms > _SENTINEL_OLD_S * 1e3:
        age = "never heard" if heard_ms is None else f"not heard for {heard_ms / 1e3:.1f} s"
        return "failed", f"{age}: no new risk", None, "it is started again; see sentinel.log"
    if said["wish"] != "nothing":
        return (
            "degraded",
            "it wants no new risk: it cannot see the account, or sees another one",
            None,
            "compare flyball status with the venue's page",
        )
    return _WELL


def _storage(seen: _Seen) -> _Finding:
    free = seen.disk_free
    if free is None:
        return "degraded", "it is not known how much room the disk has", None, ""
    if free < _DISK_LOW:
        return (
            "failed" if free < _DISK_OUT else "degraded",
            f"{free / (1 << 20):,.0f} MiB are left on the disk of {seen.run.folder}",
            None,
            "remove old journals (run-… folders but the newest), or give it more room",
        )
    return _WELL


def _alerts(seen: _Seen) -> _Finding:
    found = seen.alerts
    if found is None:
        return "off", "alerts go nowhere", None, "flyball run --alerts FILE delivers them"
    if found["failing"]:
        return (
            "degraded",
            f"not delivered: {', '.join(found['failing'])}",
            found.get("failing_since_ns"),
            "flyball alerts test sends one; look at the channel's address",
        )
    if found.get("chat"):
        return "degraded", f"no commands are taken from the chat: {found['chat']}", None, ""
    return _WELL


def _learning(_: _Seen) -> _Finding:
    return "off", "nothing is learnt in a run of this version", None, ""


_PARTS: tuple[tuple[str, Callable[[_Seen], _Finding], tuple[str, ...]], ...] = (
    ("storage", _storage, ()),
    ("venue", _venue, ()),
    ("feed", _feed, ("venue",)),
    ("journal", _journal, ("storage",)),
    ("engine", _engine, ("feed", "venue")),
    ("strategy", _strategy, ("engine",)),
    ("sentinel", _sentinel, ("venue",)),
    ("learning", _learning, ()),
    ("alerts", _alerts, ()),
)


def health(
    run: RunInfo,
    status: Status | None,
    *,
    now_ns: int,
    disk_free: int | None = None,
    alerts: Status | None = None,
) -> Health:
    """How the parts of a run are doing.

    Parameters
    ----------
    status : Mapping or None
        What `flyball status --json` gives of it; `None` when the engine did not answer.
    now_ns : int
        The run's clock.
    disk_free : int, optional
        Bytes that are free where its folder lies.
    alerts : Mapping, optional
        How alerts are delivered: `failing`, names of channels; `None` where there are none.
    """
    if status is None:
        return _silent(now_ns)
    seen = _Seen(run=run, status=status, now_ns=now_ns, disk_free=disk_free, alerts=alerts)
    components = []
    for name, find, depends_on in _PARTS:
        state, reason, since_ns, advice = find(seen)
        components.append(
            Component(
                name=name,
                state=state,
                reason=reason,
                since_ns=since_ns,
                depends_on=depends_on,
                advice=advice,
            )
        )
    return Health(time_ns=now_ns, components=tuple(components))


def _silent(now_ns: int) -> Health:
    """The engine did not answer: of the other parts nothing is known."""
    components = []
    for name, _, depends_on in _PARTS:
        own = name == "engine"
        components.append(
            Component(
                name=name,
                state="failed" if own else "degraded",
                reason="the engine does not answer" if own else "not known without the engine",
                depends_on=() if own else tuple({*depends_on, "engine"}),
                advice=(
                    "the sentinel closes everything; look at the venue, then start the run again"
                    if own
                    else ""
                ),
            )
        )
    return Health(time_ns=now_ns, components=tuple(components), alive=False)
