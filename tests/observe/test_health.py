"""Health: each part's state, why, and what to do; from a run's status and the time alone."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flyball.ops.health import Health, Watchdog, health
from tests.observe.conftest import NOW_NS, Status, recorded, run_info

PARTS = {
    "feed", "venue", "engine", "strategy", "journal", "sentinel", "learning", "storage", "alerts",
}  # fmt: skip


def found(
    change: Callable[[Status], Any] = lambda _: None,
    *,
    later_s: float = 0.0,
    disk_free: int = 50 << 30,
    alerts: Status | None = None,
) -> Health:
    status = recorded()
    change(status)
    return health(
        run_info(Path()),
        status,
        now_ns=NOW_NS + int(later_s * 1e9),
        disk_free=disk_free,
        alerts=alerts,
    )


def test_a_run_that_goes_well_is_well_and_says_what_it_has_not() -> None:
    well = found()
    assert {it.name for it in well.components} == PARTS
    states = {it.name: it.state for it in well.components}
    assert [name for name, state in states.items() if state == "off"] == [
        "sentinel",
        "learning",
        "alerts",
    ] or states["sentinel"] == "ok"
    assert well.ready
    assert well.alive
    assert well.state == "ok"
    assert not well.roots()


def kill(status: Status) -> None:
    status["killed"] = True
    status["kills"]["killed"] = [
        {"scope": "all", "trigger": "file", "time_ns": 7, "why": "KILL was there"}
    ]


def trip(name: str) -> Callable[[Status], None]:
    return lambda status: status["tripped"].append((name, 42))


def on_strategy(**changes: object) -> Callable[[Status], None]:
    return lambda status: status["strategies"][0].update(changes)


def joined(**changes: object) -> Callable[[Status], None]:
    return lambda status: status["connections"].update(changes)


def guarded(**changes: object) -> Callable[[Status], None]:
    said = {"latched": False, "reason": None, "wish": "nothing"}
    return lambda status: status.update(
        sentinel={"expected": True, "heard_ms": 40, "starts": 1, "said": {**said, **changes}}
    )


@pytest.mark.parametrize(
    ("change", "part", "state", "reason", "ready"),
    [
        (kill, "engine", "failed", "killed: KILL was there", False),
        (trip("drawdown"), "engine", "failed", "tripped: drawdown", False),
        (trip("leverage"), "engine", "degraded", "tripped: leverage", True),
        (lambda it: it.update(account_known=False), "venue", "failed", "not known", False),
        (joined(margins_agreed=False), "venue", "degraded", "does not set money aside", True),
        (joined(weight_left=3), "venue", "degraded", "3 of", True),
        (joined(open_actions=2), "venue", "degraded", "2 actions", True),
        (joined(market_heard_ns=0), "feed", "failed", "nothing of the market", False),
        (joined(market_delay_ns=-3 * 10**9), "feed", "degraded", "-3.0 s apart", True),
        (on_strategy(attention="late", overruns=4), "strategy", "degraded", "4 times", True),
        (on_strategy(attention="gone", reason="boom"), "strategy", "failed", "boom", False),
        (joined(journal_failing=True), "journal", "failed", "cannot be written", True),
        (joined(journal_lag=50_000), "journal", "degraded", "50000 records", True),
        (guarded(latched=True, reason="silence"), "sentinel", "failed", "silence", True),
        (guarded(wish="reduce"), "sentinel", "degraded", "no new risk", True),
    ],
)
def test_what_is_wrong_is_found_in_its_part_with_what_to_do(
    change: Callable[[Status], Any], part: str, state: str, reason: str, *, ready: bool
) -> None:
    sick = found(change)
    assert sick[part].state == state
    assert reason in sick[part].reason
    assert sick.ready == ready
    assert sick.alive
    assert [it.name for it in sick.roots()] == [part]


def test_a_silent_market_is_old_and_then_dead_since_it_was_heard() -> None:
    heard = recorded()["connections"]["market_heard_ns"]
    assert found(later_s=4)["feed"].state == "ok"
    old, dead = found(later_s=8)["feed"], found(later_s=40)["feed"]
    assert (old.state, dead.state) == ("degraded", "failed")
    assert old.since_ns == heard
    assert not found(later_s=40).ready


def test_a_position_without_a_stop_is_told_with_its_age() -> None:
    def bare(status: Status) -> None:
        status["instruments"][0].update(stop=None, unprotected_since_ns=NOW_NS - 3 * 10**9)

    assert "no confirmed stop for 3.0 s" in found(bare)["engine"].reason


def test_a_full_disk_fails_before_it_is_full() -> None:
    assert found(disk_free=1 << 30)["storage"].state == "degraded"
    assert found(disk_free=100 << 20)["storage"].state == "failed"
    assert found(disk_free=100 << 20).state == "failed"


def test_a_channel_that_fails_is_named() -> None:
    state = {"failing": ["phone"], "failing_since_ns": 5}
    assert "phone" in found(alerts=state)["alerts"].reason
    assert found(alerts={"failing": []})["alerts"].state == "ok"


def test_of_an_engine_that_does_not_answer_nothing_else_is_known() -> None:
    gone = health(run_info(Path()), None, now_ns=NOW_NS)
    assert not gone.alive
    assert not gone.ready
    assert gone["engine"].state == "failed"
    assert [it.name for it in gone.roots()] == ["engine"]
    assert {it.name for it in gone.components} == PARTS


def test_dependencies_end_somewhere() -> None:
    parts = {it.name: it.depends_on for it in found().components}

    def depth(name: str, above: tuple[str, ...] = ()) -> int:
        assert name not in above, f"{name} depends on itself"
        return 1 + max((depth(it, (*above, name)) for it in parts[name]), default=0)

    assert max(depth(name) for name in parts) <= 4


def test_systemd_is_told_in_time_and_only_while_the_engine_lives(tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(path))
        heard.settimeout(2)
        dog = Watchdog({"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "2000"})
        assert dog.wanted
        dog.ready()
        dog.feed(alive=False)
        dog.feed(alive=True, text="health: ok")
        dog.feed(alive=True)
        dog.stopping()
        said = [heard.recv(100).decode() for _ in range(3)]
    assert said[:2] == ["READY=1", "WATCHDOG=1\nSTATUS=health: ok"]
    assert said[2] in ("WATCHDOG=1", "STOPPING=1")


def test_without_systemd_nothing_is_said() -> None:
    dog = Watchdog({})
    assert not dog.wanted
    assert not dog.tell("READY=1")
