"""A run is looked at: what is unusual is told, what is predicted is kept, scored and acted on."""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyball.errors import ConfigError, DataError
from flyball.ops.detection.bank import Bank
from flyball.ops.detection.ledger import read
from flyball.ops.detection.readings import METRICS, Machine, Readings, index, machine
from flyball.ops.detection.watch import Watch, Watcher, thresholds

START_NS = 1_700_000_000_000_000_000


def status(second: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A status as a run gives it, of a run in which nothing happens."""
    return {
        "time_ns": START_NS + second * 10**9,
        "equity": "10000.00",
        "drawdown": 0.0,
        "instruments": [
            {"best": [21_000, 21_001], "mark": 21_000, "orders": 1, "unknown_orders": 0}
        ],
        "strategies": [{"attention": "awake", "asked": second}],
        "notices": [],
        "connections": {
            "account_connects": 1,
            "open_actions": 0,
            "weight_left": 600,
            "session": {
                "actions": second // 5,
                "sent_again": 0,
                "lost": 0,
                "malformed": 0,
                "orphans": 0,
                "foreign_orders": 0,
                "foreign_fills": 0,
                "late_fills": 0,
            },
            "market_connects": 1,
            "market_messages": 12 * second,
            "market_malformed": 0,
            "market_heard_ns": START_NS + second * 10**9,
            "market_delay_ns": 500_000,
            "journal_failing": False,
            "journal_lag": 0,
        },
        "sentinel": {"expected": True, "heard_ms": 50},
        **changes,
    }


def host(second: float) -> Machine:
    return Machine(
        steady_s=second, wall_s=1.7e9 + second, cpu_s=0.01 * second, memory=4e7, disk_free=1e10
    )


class Shown:
    """A watch of a run whose status a test writes, and what it told."""

    def __init__(self, folder: Path, **options: Any) -> None:  # noqa: ANN401
        self.told: list[str] = []
        self.watch = Watch(folder, tell=self.told.append, **options)
        self.second = 0

    def look(self, seconds: int, **changes: Any) -> None:  # noqa: ANN401
        for _ in range(seconds):
            self.second += 1
            made = {
                name: change(self.second) if callable(change) else change
                for name, change in changes.items()
            }
            now = status(self.second, **made)
            self.watch.look(now, now_ns=now["time_ns"], at=host(self.second))


Show = Callable[..., Shown]


@pytest.fixture
def show(tmp_path: Path) -> Iterator[Show]:
    """Makes watches of one folder, and closes them."""
    made: list[Shown] = []

    def make(**options: Any) -> Shown:  # noqa: ANN401
        made.append(Shown(tmp_path, **options))
        return made[-1]

    yield make
    for each in made:
        each.watch.close()


class Restricted:
    """Takes down what a run was restricted to."""

    def __init__(self) -> None:
        self.shares: list[tuple[Decimal, str]] = []

    def restrict(self, share: Decimal, source: str) -> None:
        self.shares.append((share, source))


def test_readings_are_rates_and_ages_in_their_units() -> None:
    readings = Readings()
    for second in range(1, 61):
        found = readings.read(
            status(second), now_ns=START_NS + second * 10**9 + 250_000_000, at=host(second)
        )
    wanted = {
        "feed_age": 0.25,
        "feed_delay": 0.0005,
        # 12 a second, nearly all of ten seconds' fading sum, which takes a discrete step a second.
        "messages": math.log1p(12.0 * 0.1 / (1.0 - math.exp(-0.1)) * (1.0 - math.exp(-6.0))),
        "weight_left": 0.5,
        "sentinel_age": 0.05,
        "spread": math.log(1e4 / 21_000.5),
        "cpu": 0.01,
        "memory": 40.0,
        "clock_step": 0.0,
    }
    for name, value in wanted.items():
        assert found[index(name)] == pytest.approx(value, rel=0.01, abs=1e-6), name


def test_what_a_status_does_not_say_is_missing_and_not_zero() -> None:
    readings = Readings()
    blind = status(1, equity="unknown", drawdown=None)
    blind["instruments"][0] |= {"best": None, "mark": None}
    blind["sentinel"] = {"expected": False, "heard_ms": None}
    found = readings.read(blind, now_ns=START_NS + 10**9, at=host(1))
    for name in ("equity_step", "drawdown", "spread", "basis", "sentinel_age", "margin_used"):
        assert math.isnan(found[index(name)]), name


def test_measures_are_read_where_a_build_has_them() -> None:
    readings, found = Readings(), np.zeros(0)
    for second in range(1, 4):
        measures = {
            "totals": {
                "fills": {"taker": second, "maker": second},
                "refused": [["governor", 7 * second], ["message_rate", 2 * second]],
                "rejected": [["would_trade", 7 * second], ["tick", 3 * second]],
                "funding": str(-second),
            },
            "account": {"maintenance": 250.0},
        }
        found = readings.read(
            status(second, measures=measures), now_ns=START_NS + second * 10**9, at=host(second)
        )
    kept = math.exp(-1.0 / 60.0)
    assert found[index("fills")] == pytest.approx(2.0 + 2.0 * kept)
    assert found[index("refusals")] == pytest.approx(2.0 + 2.0 * kept)
    assert found[index("odd_rejects")] == pytest.approx(3.0 + 3.0 * kept)
    assert found[index("funding")] == pytest.approx(-1.0 - math.exp(-0.1))
    assert found[index("margin_used")] == 0.025


def test_a_notice_counts_once_however_long_it_is_shown() -> None:
    readings = Readings()
    notices = [[START_NS + 10**9, {"PositionMismatch": {"instrument": 0}}]]
    values = [
        readings.read(
            status(second, notices=notices), now_ns=START_NS + second * 10**9, at=host(second)
        )[index("mismatches")]
        for second in range(1, 4)
    ]
    assert values == pytest.approx([math.exp(-k / 60.0) for k in range(3)])


def test_a_bank_of_many_runs_says_what_a_bank_of_one_says() -> None:
    chance = np.random.default_rng(1)
    many, one = Bank(runs=(3,)), Bank()
    for second in range(400):
        values = chance.normal(size=(3, len(METRICS)))
        if second > 300:
            values[1, index("feed_age")] += 40.0
        wide = many.update(values, time_s=float(second))
        narrow = one.update(values[1], time_s=float(second))
        for name, flags in narrow.items():
            assert np.array_equal(wide[name][1], flags), (second, name)
    assert wide["robust z"][1, index("feed_age")]
    assert not wide["robust z"][0, index("feed_age")]


def test_a_feed_that_stops_is_told_once_within_ten_seconds(tmp_path: Path, show: Show) -> None:
    shown = show()
    shown.look(200)
    assert shown.told == []
    frozen = status(200)["connections"]
    shown.look(10, connections=lambda _second: frozen)
    assert len(shown.watch.incidents) == 1
    assert "feed_age" in shown.watch.incidents[0].metrics
    shown.look(100, connections=lambda _second: frozen)
    assert len(shown.watch.incidents) == 1, "what goes on is not told again"
    lines = [json.loads(it) for it in (tmp_path / "incidents.jsonl").read_text().splitlines()]
    assert "feed_age" in {it["metric"] for it in lines}
    assert {it["incident"] for it in lines} == {1}
    pairs = [(it["metric"], it["detector"]) for it in lines]
    assert len(pairs) == len(set(pairs)), "each is kept once"


def test_a_price_that_is_gone_is_an_event_of_its_own(show: Show) -> None:
    shown = show()
    shown.look(200)
    nothing = [{"best": None, "mark": None, "orders": 1, "unknown_orders": 0}]
    shown.look(10, instruments=nothing)
    (incident,) = shown.watch.incidents
    assert {alarm.detector for alarm in incident.alarms} >= {"missing"}


def falling(second: int) -> float:
    """A drawdown that reaches the line of 5 % five minutes after it began at second 200."""
    return max(0.0, second - 200) / 300.0 * 0.05


def test_a_predicted_failure_restricts_the_run_before_it_comes(tmp_path: Path, show: Show) -> None:
    run = Restricted()
    shown = show(restrict=run)
    shown.look(200)
    assert run.shares == []
    shown.look(250, drawdown=falling)
    assert falling(shown.second) < 0.05, "the line is not reached yet"
    assert run.shares[-1] == (Decimal(0), "prediction"), "it may only reduce"
    shares = [share for share, _ in run.shares]
    assert shares == sorted(shares, reverse=True)
    assert any("drawdown" in text for text in shown.told)
    # Each is kept before anybody knows, and settled when the line is reached.
    shown.look(200, drawdown=falling)
    shown.watch.close()
    predictions, outcomes = read(tmp_path / "predictions.jsonl")
    own = [each for each in predictions if each.metric == "drawdown" and each.number in outcomes]
    acted = [each for each in own if each.acted]
    assert acted
    assert all(outcomes[each.number].crossed_s is not None for each in acted)
    assert shown.watch.state()["score"]["acted"] == len([e for e in predictions if e.acted])


def test_what_is_certain_restricts_when_it_was_said_twice(show: Show) -> None:
    run = Restricted()
    shown = show(restrict=run)
    shown.look(209)
    # Beyond the line already: that is no prediction, it is certain. Twice, ten looks apart.
    shown.look(11, drawdown=0.06)
    assert run.shares == [(Decimal(0), "prediction")]


def test_without_a_run_that_can_be_restricted_it_is_only_told(show: Show) -> None:
    shown = show()
    shown.look(200)
    shown.look(250, drawdown=falling)
    assert shown.watch.state()["share"] == "1"
    assert shown.watch.probabilities["drawdown"] > 0.8


def test_a_restriction_outlives_a_restart_and_is_let_go_after_calm(show: Show) -> None:
    run = Restricted()
    shown = show(restrict=run)
    shown.look(1_500, restraints=[["operator", 0.5], ["prediction", 0.25]])
    assert run.shares == [(Decimal("0.5"), "prediction"), (Decimal(1), "prediction")]


def test_a_run_learns_from_predictions_of_the_one_before(tmp_path: Path, show: Show) -> None:
    first = show()
    first.look(1_000)
    first.watch.close()
    again = show()
    assert again.watch.state()["score"]["predictions"] > 50
    again.look(200)
    again.watch.close()
    numbers = [each.number for each in read(tmp_path / "predictions.jsonl")[0]]
    assert numbers == list(range(1, len(numbers) + 1))


def test_damaged_predictions_are_named(tmp_path: Path, show: Show) -> None:
    (tmp_path / "predictions.jsonl").write_text('{"prediction": {}, "sum": "0"}\n')
    with pytest.raises(DataError, match="line 1 is damaged"):
        show()


def test_the_runs_own_lines_are_what_is_forecast() -> None:
    found = {
        each.metric: each.value
        for each in thresholds(drawdown=Decimal("0.02"), max_memory=3 * 10**8)
    }
    assert (found["drawdown"], found["memory"]) == (0.02, 300.0)


class Ending:
    """A run whose status fails, in one way or another."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked = threading.Event()

    def status(self) -> dict[str, Any]:
        self.asked.set()
        raise self.error


@pytest.mark.parametrize("error", [ConfigError("not running"), KeyError("equity")])
def test_whatever_goes_wrong_in_looking_never_reaches_the_run(
    tmp_path: Path, error: Exception
) -> None:
    told: list[str] = []
    run = Ending(error)
    watch = Watch(tmp_path, tell=told.append)
    with Watcher(run, watch, now_ns=time.time_ns, folder=tmp_path, tell=told.append, every_s=0.01):
        assert run.asked.wait(5.0)
        time.sleep(0.1)
    assert len(told) == (0 if isinstance(error, ConfigError) else 1), "and it is told once"


def test_the_machine_says_what_it_holds(tmp_path: Path) -> None:
    found = machine(tmp_path)
    assert found.memory > 1e6
    assert found.disk_free > 0
    assert math.isnan(machine(tmp_path / "nowhere").disk_free)
