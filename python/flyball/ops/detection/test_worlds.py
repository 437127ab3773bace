"""Runs in virtual time: what is seen of them, and that a fault is seen where it is put in."""

import numpy as np
import pytest

from flyball.errors import ConfigError, DataError
from flyball.ops.detection.normal import Market
from flyball.ops.detection.readings import METRICS, index
from flyball.ops.detection.streams import Floats
from flyball.ops.detection.test_trial import market
from flyball.ops.detection.worlds import FAULTS, SHOWS, Worlds
from flyball.ops.detection.worldtrial import injected, plan, quiet

# A gross fault, and what it must do to one of the metrics that it is said to show in.
GROSS = {
    "feed_freeze": ("feed_age", 10.0),
    "slow_venue": ("lost", 1.0),
    "memory_leak": ("memory_step", 50.0),
    "creeping_latency": ("feed_way", 0.2),
    "loss_streak": ("fees", 3.0),
    "reject_storm": ("odd_rejects", 4.0),
    "clock_drift": ("clock_step", 0.02),
    "disk_filling": ("disk_step", 2.0),
    "stuck_strategy": ("late", 1.0),
    "wrong_price": ("price_step", 500.0),
    "missing_fills": ("late_fills", 0.5),
    "foreign_trades": ("mismatches", 1.0),
    "spread_blowout": ("spread", 3.0),
    "message_flood": ("messages", 1.0),
    "reconnect_loop": ("reconnects", 5.0),
    "journal_lag": ("journal_lag", 100.0),
    "rate_drain": ("actions", 2.0),
    "funding_spike": ("funding", 0.5),
    "sentinel_lost": ("sentinel_age", 5.0),
    "starved": ("wake_lag", 0.3),
}


def deviation(values: Floats, name: str, usual: float) -> float:
    return float(np.nanmax(np.abs(values[:, index(name)] - usual)))


def test_there_are_twenty_classes_and_each_shows_in_metrics_that_there_are() -> None:
    names = {metric.name for metric in METRICS}
    assert len(FAULTS) == 20
    assert set(FAULTS) == set(SHOWS) == set(GROSS)
    for fault, shows in SHOWS.items():
        assert set(shows) <= names
        assert GROSS[fault][0] in shows


def test_a_run_trades_and_everything_of_it_is_known_and_repeatable() -> None:
    seen = Worlds(market(), [7, 8, 7]).step(90)
    assert np.isfinite(seen[60:, 0]).all()
    assert np.array_equal(seen[:, 0], seen[:, 2], equal_nan=True)
    assert not np.array_equal(seen[:, 0], seen[:, 1], equal_nan=True)
    last = dict(zip((metric.name for metric in METRICS), seen[-1, 0], strict=True))
    assert last["fills"] > 0.0
    assert last["actions"] > 0.1
    assert 0.02 < last["feed_way"] < 0.2
    assert 0.04 < last["answer_way"] < 0.4
    assert last["mismatches"] == 0.0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_shows_where_it_is_said_to_and_ends(fault: str) -> None:
    name, least = GROSS[fault]
    worlds = Worlds(market(), [12])
    usual = float(np.nanmedian(worlds.step(120)[60:, 0, index(name)]))
    assert deviation(worlds.step(60)[:, 0], name, usual) < least, "nothing is wrong yet"
    worlds.inject(0, fault, 1.0)
    assert deviation(worlds.step(90)[:, 0], name, usual) >= least
    worlds.end(0)
    assert np.isfinite(worlds.step(60)[-1, 0]).all(), "it goes on"


def test_what_makes_no_sense_is_refused() -> None:
    worlds = Worlds(market(), [1])
    with pytest.raises(ConfigError, match="no class of faults"):
        worlds.inject(0, "bad_mood", 0.5)
    with pytest.raises(ConfigError, match="between 0 and 1"):
        worlds.inject(0, "starved", 1.5)
    worlds.inject(0, "starved", 0.5)
    with pytest.raises(ConfigError, match="already"):
        worlds.inject(0, "feed_freeze", 0.5)
    short = market().part(0.0, 0.1)
    with pytest.raises(DataError, match="an hour or more"):
        Worlds(Market(messages=short.messages, spread=short.spread, step=short.step), [1])


def test_a_plan_follows_from_its_seed_and_no_run_is_used_twice() -> None:
    planned = plan(seed=5, each=3)
    assert planned == plan(seed=5, each=3)
    assert len({one.seed for one in planned}) == len(planned) == 60
    assert all(0.0 <= one.size <= 1.0 for one in planned)
    other = plan(seed=6, each=3)
    assert not {one.seed for one in planned} & {one.seed for one in other}


def test_a_short_trial_finds_most_faults_and_is_quiet_without_any() -> None:
    found, said = injected(market(), seed=7, each=1, jobs=1, tell=lambda _text: None)
    assert len(found) == 20
    detected = [one.seconds for one in found if one.seconds is not None]
    assert len(detected) >= 15
    assert all(0.0 < seconds <= 300.0 for seconds in detected)
    assert {each.metric for each in said} >= {"memory", "feed_delay", "weight_left"}
    incidents = quiet(market(), seed=7, runs=2, hours=0.5, jobs=1, tell=lambda _text: None)
    assert len(incidents) <= 1
