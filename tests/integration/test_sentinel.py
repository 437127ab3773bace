"""The sentinel against a real run over a real exchange: stopped, killed, cut off, brought back."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from flyball.errors import ConfigError
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.sentinel import ask_sentinel, stand
from tests.integration.conftest import Run
from tests.integration.guarded import MS, guarded
from tests.integration.livetools import wait_for

FAULT = """[[fault]]
kind = "server_error"
target = "exchange"
probability = 0.8
"""


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange(seed=3, admin=True) as served:
        yield served


def test_a_run_that_is_stopped_is_acted_for_and_stays_stopped_when_it_comes_back(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with guarded(exchange, tmp_path, "Holder") as run:
        run.wait_watched()
        stopped_ns = time.time_ns()
        run.process.send_signal(signal.SIGSTOP)
        run.wait_flat_at_venue(seconds=10)
        flat = run.wait_report("flat")
        (tripped,) = run.report("tripped")
        assert tripped["about"]["cause"] == "silence"
        sent = run.report("sent")[0]
        assert (sent["time_ns"] - stopped_ns) / MS <= 2_000, "acting within two seconds"
        assert flat["time_ns"] > sent["time_ns"]
        assert not run.stops(), "its stops went last"
        assert stand(run.state)["report"]["broken_at"] is None
        told = flyball("status", "--state", run.state)
        assert "LATCHED" in told.stdout, "the run does not answer, and the sentinel is shown"
        run.resume()
        found = run.wait_status(lambda it: it["killed"], seconds=10, why="not killed")
        assert found["sentinel"]["said"]["latched"]
        time.sleep(1)
        assert not run.held(), "nothing is opened"
        refused = flyball("resume", "--switch", "operator", "--state", run.state, "--yes")
        still = run.wait_status(lambda it: it["killed"], seconds=5, why="not killed again")
        assert still["killed"], refused.stderr
        done = flyball("resume", "--sentinel", "--state", run.state, "--yes")
        assert done.returncode == 0, done.stderr
        assert stand(run.state)["refuses"] is None
        assert run.status()["killed"], "that is another latch"
        done = flyball("resume", "--switch", "operator", "--state", run.state, "--yes")
        assert done.returncode == 0, done.stderr
        run.wait_protected()
        assert run.end()["flat_at_venue"] is True


def test_a_run_that_is_killed_is_acted_for_and_none_starts_until_somebody_looked(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with guarded(exchange, tmp_path, "Holder") as run:
        run.wait_watched()
        killed_ns = time.time_ns()
        run.crash()
        run.wait_flat_at_venue(seconds=10)
        run.wait_report("flat")
        assert (run.report("sent")[0]["time_ns"] - killed_ns) / MS <= 2_000
        again = flyball(
            *("run", "maker", "--instrument", "XRP", "--profile", "emergency", "--set", "size=10"),
            *("--venue", exchange.url, "--keys", tmp_path / "keys.toml", "--state", run.state),
        )
        assert again.returncode == 2
        assert "the sentinel's latch is set" in " ".join(again.stderr.split())
        # Nobody un-latches it by ending the sentinel, or by taking its state away.
        os.kill(run.sentinel_pid(), signal.SIGKILL)
        wait_for(lambda: run.sentinel() is None, seconds=5, why="the sentinel lives")
        kept = run.state / "sentinel" / "state"
        text = kept.read_bytes()
        kept.unlink()
        assert "missing" in str(stand(run.state)["refuses"])
        kept.write_bytes(text.replace(b"silent", b"Silent"))
        assert "damaged" in str(stand(run.state)["refuses"])
        done = flyball("resume", "--sentinel", "--state", run.state, "--yes", "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["released"] is True
    with guarded(exchange, tmp_path, "Holder") as run:
        run.wait_watched()
        assert run.end()["flat_at_venue"] is True
        wait_for(lambda: run.sentinel() is None, seconds=5, why="it outlives its run")
        assert run.report("goodbye")


def test_a_sentinel_that_is_killed_is_started_again_and_one_that_hangs_is_missed(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with guarded(exchange, tmp_path, "Holder") as run:
        run.wait_watched()
        first = run.sentinel_pid()
        os.kill(first, signal.SIGKILL)
        wait_for(
            lambda: (it := run.sentinel()) and it["pid"] != first and it["engine"] == "alive",
            seconds=15,
            why="not started again",
        )
        assert run.status()["sentinel"]["starts"] == 2
        second = run.sentinel_pid()
        run.wait_status(
            lambda it: it["instruments"][0]["mode"] == "normal", seconds=10, why="still restrained"
        )
        os.kill(second, signal.SIGSTOP)

        def missed(status: dict[str, Any]) -> bool:
            # Before it was stopped it may have restrained the run for something it saw.
            said = [notice for _, notice in status["notices"] if "Sentinel" in notice]
            reduces = status["instruments"][0]["mode"] == "reduce_only"
            return said[-1] == {"Sentinel": {"state": "Lost"}} and bool(reduces)

        run.wait_status(missed, seconds=10, why="not missed")
        os.kill(second, signal.SIGCONT)
        run.wait_status(
            lambda it: it["instruments"][0]["mode"] == "normal", seconds=10, why="not heard again"
        )
        time.sleep(1)
        assert not run.report("tripped"), "it had not listened: that was no silence of the engine"
        assert run.status()["instruments"][0]["position"] == 400
        assert run.end()["flat_at_venue"] is True


def test_a_venue_that_fails_while_it_closes_is_asked_again_until_it_is_flat(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with guarded(exchange, tmp_path, "Holder") as run:
        run.wait_watched()
        posted = requests.post(f"{exchange.url}/faults", data=FAULT, timeout=10)
        assert posted.status_code == 200
        run.crash()
        run.wait_report("flat", seconds=30)
        assert not run.held()
        said = [line["about"]["status"] for line in run.report("answered")]
        assert said[-1] == 200


def test_a_sentinel_by_itself_wants_a_key_of_its_own_and_is_found_by_a_run(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    own = exchange.keys[0]
    path = tmp_path / "keys.toml"
    state = tmp_path / "state"
    words = ("sentinel", "--state", state, "--keys", path, "--venue", exchange.url)
    base = f'network = "local"\naccount = "{own.account}"\nagent_key = "{own.agent_key}"\n'

    def attempt(text: str) -> str:
        path.write_text(base + text)
        path.chmod(0o600)
        done = flyball(*words, "--profile", "emergency")
        assert done.returncode == 2, done.stdout + done.stderr
        return " ".join(done.stderr.split())

    assert "the sentinel has no key" in attempt("")
    assert "is the engine's" in attempt(f'[sentinel]\nagent_key = "{own.agent_key}"\n')
    assert "is no agent of" in attempt(f'[sentinel]\nagent_key = "0x{"7" * 64}"\n')
    with guarded(exchange, tmp_path, "Holder") as run:
        run.wait_watched()
        refused = flyball(*words, "--profile", "emergency")
        assert refused.returncode == 2
        assert "another sentinel watches there" in " ".join(refused.stderr.split())
        with pytest.raises(ConfigError, match="not latched"):
            ask_sentinel(run.state, "request_release")
        assert run.end()["flat_at_venue"] is True
