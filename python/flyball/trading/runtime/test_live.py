import json
import threading
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import flyball as fb
from flyball.config.keys import Keys
from flyball.trading.runtime import warden
from flyball.trading.runtime.clock import Clock
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.replay import replay
from flyball.trading.runtime.runs import ask, find_runs, read_run, scope_number, socket_for
from flyball.trading.runtime.venue import open_orders, positions


class InAndOut:
    """Long, short, long, with every look."""

    wake = fb.Wake(every="1s")

    def __init__(self) -> None:
        self.long = False

    def decide(self, _: fb.View) -> fb.Target:
        self.long = not self.long
        return fb.Target(100 if self.long else -100)


class Nothing:
    wake = fb.Wake(every="1s")

    def decide(self, _: fb.View) -> None:
        return None


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange(seed=5, speed=10) as served:
        yield served


def wait(what: Any, *, seconds: float = 10.0) -> None:  # noqa: ANN401
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.02)


def test_a_session_leaves_the_result_that_a_backtest_leaves_and_its_journal_replays(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with fb.LiveSession(
        InAndOut(), venue=exchange, instrument="XRP", profile="emergency", state=tmp_path
    ) as session:
        wait(lambda: session.status()["strategies"][0]["asked"] >= 8)
        status = session.status()
        assert session.is_alive
        assert status["strategies"][0]["name"] == "InAndOut"
        info = read_run(tmp_path)
        assert ask(info, "status")["time_ns"] >= status["time_ns"], "others hear the same"
        assert find_runs(tmp_path.parent)[0].folder == tmp_path
    result = session.result
    assert result is not None
    assert (result.live, result.flat, result.trades >= 3) == (True, True, True)
    assert result.cash == 10_000
    assert result.pnl == result.equity - result.cash
    assert result.fees > 0
    assert result.decisions >= 3
    assert len(result.fills["time_ns"]) >= 4
    assert result.assumptions["market"] == "made up"
    assert result.assumptions["fills"] == "simulated"
    assert str(result).startswith("Live run of InAndOut")
    assert result.journal is not None
    assert replay(result.journal).state_hash == result.state_hash
    assert fb.report(result, tmp_path / "report.html").is_file()
    account = exchange.keys[0].account
    assert not positions(exchange.url, account)
    assert not open_orders(exchange.url, account)
    ended = read_run(tmp_path)
    assert ended.ended_ns is not None
    with pytest.raises(fb.ConfigError, match="no run answers"):
        ask(ended, "status")


def test_a_position_that_is_held_at_the_end_keeps_its_stop_and_the_next_run_knows_it(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    keys = exchange.keys[0]

    def session(strategy: fb.Strategy) -> fb.LiveSession:
        return fb.LiveSession(
            strategy,
            venue=exchange,
            keys=keys,
            instrument="XRP",
            profile="emergency",
            state=tmp_path,
        )

    first = session(InAndOut()).start()
    wait(lambda: first.status()["instruments"][0]["stop"] is not None)
    result = first.stop(flatten=False)
    assert not result.flat
    held = positions(exchange.url, keys.account)
    (stop,) = open_orders(exchange.url, keys.account)
    assert stop["isTrigger"]
    second = session(Nothing()).start()
    wait(lambda: second.status()["account_known"])
    assert second.status()["instruments"][0]["position"] == int(held["XRP"])
    again = second.stop()
    assert again.flat
    assert not positions(exchange.url, keys.account)


def test_an_operator_stops_it_and_two_steps_release_it(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with fb.LiveSession(
        InAndOut(),
        venue=exchange,
        instrument="XRP",
        profile="emergency",
        state=tmp_path,
    ) as session:
        wait(lambda: session.status()["instruments"][0]["position"] != 0)
        session.kill()
        wait(lambda: session.status()["flat"])
        assert session.status()["killed"]
        # Flat is what the engine holds; the reset wants the venue's word for the whole account.
        wait(
            lambda: any(
                "Flat" in notice and notice["Flat"]["scope"] == "All"
                for _, notice in session.status()["notices"]
            )
        )
        session.reset("operator")
        wait(lambda: not session.status()["killed"])
        wait(lambda: session.status()["instruments"][0]["position"] != 0)
        with pytest.raises(fb.ConfigError, match="the run has XRP"):
            session.kill("instrument:BTC")


def test_what_protects_nothing_is_refused_where_money_is_real(exchange: LocalExchange) -> None:
    keys = Keys(network="mainnet", account="0x" + "1" * 40, agent_key="0x" + "1" * 64)
    with pytest.raises(fb.ConfigError, match="for simulated venues only"):
        fb.LiveSession(
            Nothing(), venue="hyperliquid", keys=keys, instrument="XRP", profile="unprotected"
        )
    with pytest.raises(fb.ConfigError, match="never used on another"):
        fb.LiveSession(
            Nothing(), venue=exchange.url, keys=keys, instrument="XRP", profile="emergency"
        )
    with pytest.raises(fb.ConfigError, match="wants keys"):
        fb.LiveSession(Nothing(), venue=exchange.url, instrument="XRP", profile="emergency")


def test_a_scaled_clock_counts_from_its_anchor() -> None:
    now = time.time_ns()
    clock = Clock(anchor_ns=now, start_ns=1_000, speed=100)
    assert 1_000 <= clock.now_ns() < 1_000 + 100 * 60 * 10**9
    assert abs(Clock().now_ns() - time.time_ns()) < 10**9


def test_a_long_path_has_its_socket_elsewhere(tmp_path: Path) -> None:
    assert socket_for(tmp_path) == tmp_path / "control.sock"
    far = tmp_path / ("x" * 120)
    found = socket_for(far)
    assert found.parent != far
    assert len(str(found)) < 100
    found.parent.rmdir()


def test_a_run_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(fb.ConfigError, match="no live run was ever started"):
        read_run(tmp_path)
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(fb.ConfigError, match="cannot be read"):
        read_run(tmp_path)


def test_scopes_are_named_by_symbol_and_strategy() -> None:
    run: Any = type("R", (), {})()
    run.instruments = [type("T", (), {"symbol": s})() for s in ("BTC", "XRP")]
    run.strategies = ("Maker", "Breakout")
    assert scope_number(run, "all") == "all"
    assert scope_number(run, "instrument:XRP") == "instrument:1"
    assert scope_number(run, "strategy:Breakout") == "strategy:1"
    for wrong in ("XRP", "instrument:", "strategy:XRP", "everything"):
        with pytest.raises(fb.ConfigError, match="--scope"):
            scope_number(run, wrong)


def test_sizes_of_memory_are_read() -> None:
    assert warden.memory_bytes("300MB") == 300_000_000
    assert warden.memory_bytes("2 GiB") == 2 << 30
    assert warden.memory_bytes("1000000") == 1_000_000
    for wrong in ("", "MB", "0MB", "2TB", "-1GB"):
        with pytest.raises(fb.ConfigError, match="no size of memory"):
            warden.memory_bytes(wrong)


def test_the_warden_raises_in_the_thread_again_and_again_until_it_ends() -> None:
    caught: list[str] = []

    def stubborn() -> None:
        for _ in range(3):
            try:
                while True:
                    time.sleep(0.001)
            except MemoryError:
                caught.append("caught")

    thread = threading.Thread(target=stubborn, daemon=True)
    thread.start()
    told: list[int] = []
    watch = warden.Warden(1, lambda: thread, told.append)
    thread.join(5)
    watch.stop()
    assert caught == ["caught"] * 3
    assert len(told) == 1, "it is said once"
    assert told[0] > 1


def test_a_local_exchange_says_why_it_does_not_start() -> None:
    with pytest.raises(fb.ConfigError, match="did not start"):
        LocalExchange(cash=[Decimal(-1)])
    with pytest.raises(fb.ConfigError, match="did not start"):
        LocalExchange(market={"nothing": {}})


def test_what_a_run_says_of_itself_is_json(exchange: LocalExchange, tmp_path: Path) -> None:
    session = fb.LiveSession(
        Nothing(),
        venue=exchange,
        instrument="XRP",
        profile="emergency",
        state=tmp_path,
    )
    with session:
        known = json.loads((tmp_path / "run.json").read_text())
    assert known["account"] == exchange.keys[0].account
    assert known["simulated"] is True
    assert exchange.keys[0].agent_key[2:] not in json.dumps(known)
