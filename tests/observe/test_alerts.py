"""Alerts: the rules, when people are told, what is remembered, what never leaves."""

import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from flyball.config.channels import Channel, Channels, load_channels
from flyball.config.secret import Secret
from flyball.errors import ConfigError
from flyball.ops.alerts import RULES, Delivery, Manager, Message, Timing, read_history, rules_yaml
from flyball.ops.alerts.delivery import text_of
from flyball.ops.alerts.expression import Compare, Increase, Metric, Quantile
from flyball.ops.alerts.history import History, Labels
from flyball.ops.alerts.rules import Rule, rule
from flyball.ops.telemetry.collector import LATENCY, SPECS
from tests.conftest import ROOT

Series = dict[str, dict[Labels, float]]
SECOND = 10**9


class World:
    """Metrics that a test sets, and a manager that is stepped through seconds."""

    def __init__(self, folder: Path, timing: Timing | None = None) -> None:
        self.folder, self.timing = folder, timing
        self.second = 0
        self.series: Series = {"flyball_engine_up": {(): 1.0}}
        self.manager = Manager(folder, timing=timing)

    def put(self, name: str, value: float | None, **labels: str) -> None:
        key = tuple(sorted(labels.items()))
        place = self.series.setdefault(f"flyball_{name}", {})
        if value is None:
            place.pop(key, None)
        else:
            place[key] = value

    def step(self, seconds: int = 1) -> list[Message]:
        told = []
        for _ in range(seconds):
            self.second += 1
            told += self.manager.step(self.second * SECOND, float(self.second), self.copy())
        return told

    def copy(self) -> Series:
        return {name: dict(found) for name, found in self.series.items()}

    def restart(self) -> None:
        self.manager = Manager(self.folder, timing=self.timing)

    def names(self) -> list[str]:
        return [it.rule.name for it in self.manager.firing]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "alerts")


def names(told: list[Message]) -> list[tuple[str, list[str]]]:
    return [(it.what, [alert.rule.name for alert in it.alerts]) for it in told]


SETTINGS: list[tuple[str, Callable[[World], None], Callable[[World], None], int]] = [
    (
        "HighDrawdown",
        lambda it: it.put("drawdown_ratio", 0.0500),
        lambda it: it.put("drawdown_ratio", 0.0501),
        0,
    ),
    (
        "SwitchNear",
        lambda it: it.put("switch_distance_ratio", 0.2, switch="margin"),
        lambda it: it.put("switch_distance_ratio", 0.19, switch="margin"),
        5,
    ),
    (
        "SwitchTripped",
        lambda it: it.put("switch_tripped", 0, switch="drawdown"),
        lambda it: it.put("switch_tripped", 1, switch="drawdown"),
        0,
    ),
    ("Killed", lambda it: it.put("killed", 0), lambda it: it.put("killed", 1), 0),
    (
        "UnprotectedPosition",
        lambda it: it.put("position_unprotected_seconds", 5, instrument="XRP"),
        lambda it: it.put("position_unprotected_seconds", 5.1, instrument="XRP"),
        0,
    ),
    (
        "StaleFeed",
        lambda it: it.put("feed_age_seconds", 99, instrument="XRP", stream="trades"),
        lambda it: it.put("feed_age_seconds", 10.1, instrument="XRP", stream="book"),
        0,
    ),
    (
        "AccountUnknown",
        lambda it: it.put("account_known", 1),
        lambda it: it.put("account_known", 0),
        30,
    ),
    (
        "SentinelLatched",
        lambda it: it.put("sentinel_latched", 0),
        lambda it: it.put("sentinel_latched", 1),
        0,
    ),
    (
        "StrategyGone",
        lambda it: it.put("strategy_state", 1, strategy="A", state="late"),
        lambda it: it.put("strategy_state", 1, strategy="A", state="gone"),
        0,
    ),
    (
        "DrillOverdue",
        lambda it: it.put("drill_age_seconds", 29 * 86_400),
        lambda it: it.put("drill_age_seconds", 31 * 86_400),
        0,
    ),
    (
        "JournalFailing",
        lambda it: it.put("journal_failing", 0),
        lambda it: it.put("journal_failing", 1),
        2,
    ),
    (
        "JournalLagging",
        lambda it: it.put("journal_lag_records", 10_000),
        lambda it: it.put("journal_lag_records", 10_001),
        5,
    ),
    (
        "JournalBehind",
        lambda it: it.put("journal_lag_seconds", 5.0),
        lambda it: it.put("journal_lag_seconds", 5.1),
        0,
    ),
    (
        "StorageLow",
        lambda it: it.put("disk_free_bytes", 2 << 30),
        lambda it: it.put("disk_free_bytes", 1 << 30),
        60,
    ),
    (
        "KillNotKept",
        lambda it: it.put("kill_not_kept", 0),
        lambda it: it.put("kill_not_kept", 1),
        2,
    ),
    (
        "RequestsLow",
        lambda it: it.put("rate_requests_left", 1_000),
        lambda it: it.put("rate_requests_left", 999),
        60,
    ),
    (
        "MarketBehind",
        lambda it: it.put("market_behind_seconds", 2),
        lambda it: it.put("market_behind_seconds", 2.1),
        0,
    ),
    (
        "ClockSkew",
        lambda it: it.put("clock_skew_seconds", -1),
        lambda it: it.put("clock_skew_seconds", -1.1),
        60,
    ),
    (
        "SystemDown",
        lambda it: it.put("engine_up", 1),
        lambda it: it.put("engine_up", 0),
        300,
    ),
]


@pytest.mark.parametrize(
    ("name", "good", "bad", "for_s"), SETTINGS, ids=[each[0] for each in SETTINGS]
)
def test_a_rule_fires_beyond_its_threshold_after_its_time_and_not_before(
    world: World,
    name: str,
    good: Callable[[World], None],
    bad: Callable[[World], None],
    for_s: int,
) -> None:
    good(world)
    world.step(2)
    assert name not in world.names()
    bad(world)
    if for_s:
        world.step(for_s)
        assert name not in world.names()
    world.step()
    assert name in world.names()
    assert rule(name).for_s == for_s


def test_ratios_of_two_metrics(world: World) -> None:
    world.put("rate_weight_limit", 720)
    world.put("rate_weight_left", 71)
    world.put("queue_capacity", 8192)
    world.put("queue_depth", 5_000)
    world.step(11)
    assert {"RateBudgetLow", "QueueFilling"} <= set(world.names())


def test_the_sentinel_is_missed_only_where_there_should_be_one(world: World) -> None:
    world.put("sentinel_heard_age_seconds", 6)
    world.put("sentinel_expected", 0)
    world.step(2)
    assert world.names() == []
    world.put("sentinel_expected", 1)
    world.step()
    assert world.names() == ["SentinelLost"]


def test_too_many_rejections_of_enough_orders(world: World) -> None:
    world.put("orders_submitted_total", 0, purpose="entry")
    world.put("orders_rejected_total", 0, reason="margin")
    world.step()
    world.put("orders_submitted_total", 19, purpose="entry")
    world.put("orders_rejected_total", 19, reason="margin")
    world.step()
    assert world.names() == [], "too few to say anything"
    world.put("orders_submitted_total", 100, purpose="entry")
    world.put("orders_rejected_total", 5, reason="margin")
    world.restart()
    world.series["flyball_orders_rejected_total"] = {}
    world.put("orders_rejected_total", 0, reason="margin")
    world.step()
    world.put("orders_submitted_total", 200, purpose="entry")
    world.put("orders_rejected_total", 5, reason="margin")
    world.step()
    assert world.names() == [], "5 % is allowed"
    world.put("orders_rejected_total", 6, reason="margin")
    world.step()
    assert world.names() == ["HighErrorRate"]
    world.step(301)
    assert world.names() == [], "five minutes later none was rejected"


def test_few_wins_among_enough_trades(world: World) -> None:
    for outcome in ("won", "lost"):
        world.put("trades_closed_total", 0, outcome=outcome)
    world.step()
    world.put("trades_closed_total", 7, outcome="won")
    world.put("trades_closed_total", 12, outcome="lost")
    world.step()
    assert world.names() == []
    world.put("trades_closed_total", 13, outcome="lost")
    world.step()
    assert world.names() == ["LowWinRate"]
    assert "35%" in world.manager.firing[0].summary
    world.put("trades_closed_total", 9, outcome="won")
    world.step()
    assert world.names() == [], "9 of 22 are more than 40 %"


def test_latency_is_the_slowest_hundredth_by_stage(world: World) -> None:
    def counted(stage: str, below: float, above: float) -> None:
        for bound, count in (("0.5", below), ("2.1", below + above), ("+Inf", below + above)):
            world.put("latency_seconds_bucket", count, stage=stage, le=bound)

    for stage in ("send", "answer", "decode"):
        counted(stage, 0, 0)
    world.step()
    counted("send", 1_000, 0)
    counted("answer", 900, 100)
    counted("decode", 0, 100)
    world.step(11)
    (alert,) = world.manager.firing
    assert dict(alert.labels) == {"stage": "answer"}
    assert alert.value == pytest.approx(0.5 + 1.6 * 0.9)


def test_what_the_engine_says_once_is_told_once(world: World) -> None:
    world.put("notices_total", 1, kind="position_mismatch")
    world.put("notices_total", 0, kind="liquidated")
    world.step()
    assert world.names() == [], "what was before the first look is not new"
    world.put("notices_total", 2, kind="position_mismatch")
    world.put("notices_total", 1, kind="liquidated")
    (told,) = world.step()
    assert {it.rule.name for it in told.alerts} == {"ReconciliationDifference", "Liquidated"}
    assert world.step(30) == []


def test_what_the_venues_records_say_otherwise_is_an_alert_until_an_operator_lets_go(
    world: World,
) -> None:
    world.put("restraint_share", 0.5, source="operator")
    world.step()
    assert world.names() == []
    world.put("restraint_share", 0, source="ledger")
    world.step()
    assert world.names() == ["LedgerDifference"]
    world.step(1_000)
    assert world.names() == ["LedgerDifference"], "nobody has looked"
    world.series["flyball_restraint_share"] = {}
    world.step()
    assert world.names() == []


def test_alerts_that_come_together_are_one_message(world: World) -> None:
    world.put("switch_tripped", 1, switch="drawdown")
    world.put("drawdown_ratio", 0.06)
    world.put("feed_age_seconds", 20, instrument="XRP", stream="book")
    told = world.step()
    assert names(told) == [("firing", ["HighDrawdown", "SwitchTripped", "StaleFeed"])]
    assert world.step(100) == []


def test_warnings_wait_for_each_other(world: World) -> None:
    world.put("drill_age_seconds", 99 * 86_400)
    assert world.step(3) == []
    world.put("rate_weight_limit", 100)
    world.put("feed_age_seconds", 20, instrument="XRP", stream="book")
    told = world.step(4)
    assert names(told) == [("firing", ["DrillOverdue", "StaleFeed"])]


def test_one_that_comes_and_goes_is_not_told_each_time(world: World) -> None:
    told = []
    for _ in range(20):
        world.put("killed", 1)
        told += world.step()
        world.put("killed", 0)
        told += world.step()
    assert [it.what for it in told].count("firing") == 1
    fired = [it for it in read_history(world.manager.path) if it.what == "firing"]
    assert len(fired) == 20, "each is in the history"


def test_what_lasts_is_told_again_escalated_and_then_over(tmp_path: Path) -> None:
    timing = Timing(escalate_s=300.0)
    world = World(tmp_path, timing)
    world.put("killed", 1)
    assert names(world.step()) == [("firing", ["Killed"])]
    assert names(world.step(300)) == [("escalated", ["Killed"])]
    assert names(world.step(900)) == [("again", ["Killed"])]
    world.put("killed", 0)
    assert names(world.step()) == [("over", ["Killed"])]


def test_what_somebody_has_seen_is_told_no_more(world: World) -> None:
    world.put("killed", 1)
    (told,) = world.step()
    (world.folder / "acknowledged" / told.alerts[0].id).write_text("Ann\n")
    assert world.step(2_000) == []
    assert world.manager.firing[0].acknowledged == "Ann"
    world.put("killed", 0)
    assert names(world.step()) == [("over", ["Killed"])]
    world.put("killed", 1)
    assert names(world.step()) == [("firing", ["Killed"])], "it has come anew"


def test_a_restart_remembers_what_was_told_and_seen(world: World) -> None:
    world.put("killed", 1)
    world.put("switch_tripped", 1, switch="drawdown")
    (told,) = world.step()
    killed = next(it for it in told.alerts if it.rule.name == "Killed")
    (world.folder / "acknowledged" / killed.id).write_text("Ann\n")
    world.step()
    world.restart()
    assert world.step(298) == []
    assert names(world.step(1)) == [("escalated", ["SwitchTripped"])]
    assert {it.acknowledged for it in world.manager.firing} == {"Ann", None}


def test_a_history_that_was_cut_short_is_read_as_far_as_it_goes(world: World) -> None:
    world.put("killed", 1)
    world.step()
    with world.manager.path.open("a") as file:
        file.write('{"time_ns": 1, "id": "x", "wh')
    world.restart()
    assert world.names() == ["Killed"]
    assert world.step() == []


def test_what_held_is_not_over_because_the_engine_says_nothing(world: World) -> None:
    world.put("killed", 1)
    world.step()
    world.series = {"flyball_engine_up": {(): 0.0}}
    assert world.step(10) == []
    assert world.names() == ["Killed"]


def test_an_increase_counts_through_a_restart_of_its_counter() -> None:
    past = History([("x", 10.0)])
    for second, value in enumerate((5.0, 7.0, 1.0, 4.0)):
        past.add(float(second), {"x": {(): value}})
    assert past.increase("x", 10.0)[()] == 2 + 1 + 3
    for second in range(4, 30):
        past.add(float(second), {"x": {(): 4.0}})
    assert past.increase("x", 10.0)[()] == 0


def test_every_rule_asks_for_metrics_that_there_are() -> None:
    known = {it.full_name for it in SPECS} | {LATENCY, LATENCY + "_bucket", "up"}
    import re

    for it in RULES:
        used = set(re.findall(r"\bflyball_\w+", it.expression.promql()))
        assert used <= known, f"{it.name}: {used - known}"


def test_prometheus_rules_are_the_same_ones() -> None:
    shipped = ROOT / "deploy" / "prometheus" / "rules.yml"
    assert shipped.read_text() == rules_yaml(), "flyball alerts rules --prometheus > rules.yml"


def test_every_rule_is_documented_with_its_threshold() -> None:
    page = (ROOT / "docs" / "observability.md").read_text()
    for it in RULES:
        assert f"| `{it.name}` | {it.severity} |" in page


def file_of(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "channels.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


CANARY = "tok3n-of-nobody-7f3a"
CHANNEL = f'[[channel]]\nname = "phone"\nurl = "json://127.0.0.1:1/?k={CANARY}"\n'


def test_channels_are_read_only_from_a_file_of_ones_own(tmp_path: Path) -> None:
    found = load_channels(file_of(tmp_path, CHANNEL))
    assert found.channels[0].url.reveal().endswith(CANARY)
    assert CANARY not in repr(found)
    with pytest.raises(ConfigError, match="chmod 600"):
        load_channels(file_of(tmp_path, CHANNEL, 0o644))


@pytest.mark.parametrize(
    "text",
    [
        CHANNEL + "speed = 3\n",
        CHANNEL + 'severity = "loud"\n',
        CHANNEL.replace("name", "nam"),
        CHANNEL + CHANNEL,
        CHANNEL + "url = 3\n",
        CHANNEL.replace('url = "', "url = "),
        "",
    ],
)
def test_no_message_about_channels_repeats_an_address(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_channels(file_of(tmp_path, text))
    assert CANARY not in str(raised.value)


def message(world: World) -> Message:
    world.put("killed", 1)
    (told,) = world.step()
    return told


def test_a_channel_gets_what_it_wants_and_a_failing_one_holds_up_nobody(world: World) -> None:
    said: list[tuple[str, str]] = []
    done, blocked = threading.Event(), threading.Event()

    def send(channel: Channel, title: str, body: str, severity: str) -> bool:
        if channel.name == "stuck":
            blocked.wait(10)
            return False
        if channel.name == "broken":
            raise RuntimeError(channel.url.reveal())
        said.append((channel.name, title + body + severity))
        done.set()
        return True

    def channel(name: str, *, escalation: bool = False) -> Channel:
        return Channel(name=name, url=Secret(f"x://{CANARY}"), escalation=escalation)

    channels = Channels(
        channels=(
            channel("stuck"),
            channel("broken"),
            channel("phone"),
            channel("boss", escalation=True),
        )
    )
    delivery = Delivery(channels, "Holder on local", send)
    delivery.tell(message(world))
    assert done.wait(5)
    state = delivery.state()
    assert [name for name, _ in said] == ["phone"], "nobody is escalated to yet"
    assert "Trading is killed" in said[0][1]
    assert CANARY not in said[0][1] + str(state)
    told = world.step(300)
    done.clear()
    for each in told:
        delivery.tell(each)
    assert done.wait(5)
    blocked.set()
    delivery.end(0.1)
    assert {"boss", "phone"} == {name for name, _ in said}
    assert "broken" in delivery.state()["failing"]


def test_messages_say_what_to_do(world: World) -> None:
    world.put("switch_tripped", 1, switch="drawdown")
    (told,) = world.step()
    title, body = text_of(told, "Holder on hyperliquid")
    assert title == "critical: SwitchTripped · Holder on hyperliquid"
    assert "flyball resume --switch drawdown" in body
    assert f"flyball alerts ack {told.alerts[0].id}" in body


def test_the_history_can_be_read_by_others(world: World) -> None:
    world.put("drawdown_ratio", 0.07)
    world.step()
    lines = [json.loads(line) for line in world.manager.path.read_text().splitlines()]
    assert [it["what"] for it in lines] == ["firing", "told"]
    assert lines[0]["summary"] == "The account is 7% below its peak"
    assert world.manager.path.stat().st_mode & 0o077 == 0


def test_expressions_are_written_as_they_are_evaluated() -> None:
    metric = Metric("x", {"a": ("b", "c")})
    assert Compare(Increase(metric, 300, ("a",)), ">", 3).promql() == (
        'sum by (instance, a) (increase(x{a=~"b|c"}[5m])) > 3'
    )
    assert Quantile(0.99, Metric("y"), 90).promql() == (
        "histogram_quantile(0.99, sum by (instance, le) (rate(y_bucket[90s])))"
    )


def test_values_are_told_in_their_units() -> None:
    def said(name: str, value: float, **labels: str) -> str:
        found: Rule = rule(name)
        words: Mapping[str, str] = labels
        return found.said(words, value)

    assert said("StorageLow", 1 << 30) == "1,024 MiB are left on the disk of the run"
    assert said("SentinelLost", 7.25) == "The sentinel has not been heard for 7.25 s: no new risk"
    assert "43.2 min" in said("DrillOverdue", 2_592)
