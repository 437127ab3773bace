"""Live runs against a local exchange: what strategies do wrong, and what people do to runs."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import flyball as fb
from flyball.errors import FlyballError
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.venue import ask_venue
from tests.integration.conftest import Run, command
from tests.integration.livetools import key_file, running, wait_for


@pytest.mark.parametrize(
    ("strategy", "attention", "reason"),
    [
        ("Sleeper", "late", None),
        ("Spinner", "late", None),
        ("Grabber", "late", None),
        ("Raiser", "gone", r"Raiser raised ValueError: a fault of the strategy's own"),
        ("Nonsense", "gone", r"Nonsense returned 'buy'"),
        ("Hog", "gone", r"the process held .* more than 300 MB|Hog raised MemoryError"),
        ("Quitter", "gone", r"SystemExit|3"),
    ],
)
def test_whatever_a_strategy_does_its_position_keeps_its_stop_and_is_closed_in_time(
    exchange: LocalExchange, tmp_path: Path, strategy: str, attention: str, reason: str | None
) -> None:
    with running(
        exchange, tmp_path, strategy, "--deadline", "300ms", "--max-memory", "300MB"
    ) as run:
        run.wait_protected()
        found = run.wait_status(
            lambda it: it["strategies"][0]["attention"] == attention,
            seconds=15,
            why=f"the strategy is not {attention}",
        )
        (said,) = found["strategies"]
        if reason is None:
            assert said["overruns"] >= 1, "it is counted"
        else:
            assert re.search(reason, said["reason"])
        assert found["instruments"][0]["position"] == 400
        assert len(run.stops()) == 1, "its stop rests at the venue"
        run.move_prices("0.97")
        run.wait_flat_at_venue()
        after = run.wait_status(lambda it: it["flat"], seconds=5, why="the engine is not flat")
        assert after["strategies"][0]["attention"] == attention
        if strategy == "Grabber":
            return  # Python hears nothing: it can only be killed
        told = run.end()
        assert told["flat_at_venue"] is True
        assert run.process.returncode == (0 if reason is None else 5), told["stderr"]
        assert ("Traceback" in told["stderr"]) is (reason is not None), "told once, not swallowed"
        assert told["stderr"].count("Traceback") <= 1
        assert not run.stops(), "nothing is left at the venue"


def test_a_run_whose_python_stands_still_is_killed_from_another_process(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with running(exchange, tmp_path, "Grabber", "--deadline", "300ms") as run:
        run.wait_protected()
        run.wait_status(
            lambda it: it["strategies"][0]["attention"] == "late", seconds=15, why="not late"
        )
        assert run.held()
        done = flyball("kill", "--state", run.state, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["flat"] is True
        assert not run.held()
        assert not run.stops()


def test_a_run_that_was_killed_goes_on_where_it_was(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        before = run.wait_protected()
        (stop,) = run.stops()
        run.crash()
    with running(exchange, tmp_path, "Holder") as run:
        again = run.wait_protected()
        for key in ("position", "entry", "stop", "orders"):
            assert again["instruments"][0][key] == before["instruments"][0][key], key
        assert [each["oid"] for each in run.stops()] == [stop["oid"]], "the same stop, and one"
        done = flyball("kill", "--state", run.state, "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["flat"] is True
        assert not run.held()
        run.crash()
    with running(exchange, tmp_path, "Holder") as run:
        found = run.wait_status(lambda it: it["account_known"], seconds=10, why="not known")
        assert found["killed"], "a kill outlives the process"
        time.sleep(0.5)
        assert not run.held(), "nothing is opened while it is killed"
        refused = flyball("resume", "--switch", "drawdown", "--state", run.state, "--yes")
        assert refused.returncode == 2
        assert "latched are operator" in refused.stderr
        released = flyball("resume", "--switch", "operator", "--state", run.state, "--yes")
        assert released.returncode == 0, released.stderr
        run.wait_protected()
        assert run.end()["flat_at_venue"] is True


def test_a_second_run_on_the_same_account_refuses(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        second = flyball(
            *("run", "maker", "--instrument", "XRP", "--profile", "emergency", "--set", "size=10"),
            *("--venue", exchange.url, "--keys", tmp_path / "keys.toml", "--state", run.state),
        )
        assert second.returncode == 2
        assert "another run trades on this account" in second.stderr
        assert run.status()["instruments"][0]["position"] == 400, "the first one is undisturbed"
        elsewhere = flyball(
            *("run", "maker", "--instrument", "XRP", "--profile", "emergency", "--set", "size=10"),
            *("--venue", exchange.url, "--keys", tmp_path / "keys.toml"),
            *("--state", tmp_path / "other"),
        )
        assert elsewhere.returncode == 2, "what it finds there, it did not do"
        assert "adopted" in elsewhere.stderr


def test_two_interrupts_leave_at_once_and_say_what_is_open(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        # It cannot be closed in order: the venue does not answer.
        os.kill(exchange.pid, signal.SIGSTOP)
        try:
            run.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            assert run.process.poll() is None, "it waits until it is flat"
            run.process.send_signal(signal.SIGINT)
            _, err = run.process.communicate(timeout=10)
        finally:
            os.kill(exchange.pid, signal.SIGCONT)
        assert run.process.returncode == 130, err
        assert "still open: +400 XRP; its stop rests at the venue" in err


def test_an_exchange_of_ones_own_ends_with_the_run_even_when_it_is_killed(
    tmp_path: Path, flyball: Run
) -> None:
    words = [
        *("run", "maker", "--instrument", "XRP", "--profile", "emergency", "--set", "size=10"),
        *("--set", "half_spread=200", "--json"),
    ]
    process = subprocess.Popen(
        command(words), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )

    def url() -> str | None:
        told = flyball("status", "--json", cwd=tmp_path)
        runs = json.loads(told.stdout)["runs"]
        return str(runs[0]["url"]) if runs else None

    try:
        served = wait_for(url, seconds=15, why="the run did not start")
    finally:
        process.kill()
        process.communicate()

    def is_gone() -> bool:
        try:
            ask_venue(served, "/info", {"type": "meta"})
        except FlyballError:
            return True
        return False

    wait_for(is_gone, seconds=5, why="the exchange outlived its run")
    told = flyball("status", cwd=tmp_path)
    assert told.returncode == 2
    assert "no live run goes on" in told.stderr
    assert flyball("kill", cwd=tmp_path).returncode == 2


def test_wrong_keys_are_refused_and_never_printed(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    own = exchange.keys[0]

    def attempt(*options: str | Path) -> str:
        done = flyball(
            *("run", "maker", "--instrument", "XRP", "--profile", "emergency"),
            *("--set", "size=10", "--state", tmp_path / "s", *options),
        )
        assert done.returncode == 2, done.stdout + done.stderr
        assert own.agent_key[2:] not in done.stdout + done.stderr
        return " ".join(done.stderr.split())

    here = ("--venue", exchange.url)
    good = key_file(tmp_path / "good.toml", own)
    assert "--keys is missing" in attempt(*here)
    readable = key_file(tmp_path / "readable.toml", own)
    readable.chmod(0o644)
    assert "chmod 600" in attempt(*here, "--keys", readable)
    testnet = tmp_path / "testnet.toml"
    testnet.write_text(good.read_text().replace('"local"', '"testnet"'))
    testnet.chmod(0o600)
    assert "holds keys for testnet, and the venue is local" in attempt(*here, "--keys", testnet)
    live = ("--live", "--venue", "hyperliquid", "--keys", testnet)
    assert "holds keys for testnet, and the venue is mainnet" in attempt(*live)
    confirm = ("--live", "--venue", "hyperliquid-testnet", "--keys", testnet)
    assert "give --confirm" in attempt(*confirm)
    assert "not confirmed" in attempt(*confirm, "--confirm", "abcdeg")
    broken = tmp_path / "broken.toml"
    broken.write_text(good.read_text().replace(own.agent_key, own.agent_key[:-1]))
    broken.chmod(0o600)
    assert "64 hexadecimal digits" in attempt(*here, "--keys", broken)
    stranger = tmp_path / "stranger.toml"
    stranger.write_text(good.read_text().replace(own.agent_key, "0x" + "7" * 64))
    stranger.chmod(0o600)
    assert "is no agent of" in attempt(*here, "--keys", stranger)
    master = tmp_path / "master.toml"
    owner = fb._core.key_address("0x" + "5" * 64)
    master.write_text(f'network = "local"\naccount = "{owner}"\nagent_key = "{"0x" + "5" * 64}"\n')
    master.chmod(0o600)
    assert "the account's own key" in attempt(*here, "--keys", master)
    assert "one of the two" in attempt("--live", "--paper", "--venue", "hyperliquid")
    assert "--live is about real venues" in attempt("--live", *here)
    assert "there is no venue" in attempt("--venue", "http://example.org:80")


def test_a_venue_that_is_not_there_and_a_folder_that_cannot_be_made_are_named(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    keys = key_file(tmp_path / "keys.toml", exchange.keys[0])
    common = ("run", "maker", "--instrument", "XRP", "--profile", "emergency", "--set", "size=10")
    gone = flyball(*common, "--venue", "http://127.0.0.1:9", "--keys", keys)
    assert gone.returncode == 3
    assert "does not answer" in gone.stderr
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = flyball(*common, "--venue", exchange.url, "--keys", keys, "--state", blocked / "state")
    assert done.returncode == 2
    assert "cannot be made" in done.stderr
    unlisted = flyball(
        *("run", "maker", "--instrument", "XRQ", "--profile", "emergency", "--set", "size=10"),
        *("--venue", exchange.url, "--keys", keys, "--state", tmp_path / "s"),
    )
    assert unlisted.returncode == 2
    assert "XRQ is not listed there" in unlisted.stderr
    port = int(exchange.url.rpartition(":")[2])
    with pytest.raises(fb.ConfigError, match=f"port {port} of 127.0.0.1 cannot be had"):
        LocalExchange(port=port)


def test_a_recording_of_an_exchange_is_a_dataset(
    exchange: LocalExchange, tmp_path: Path, flyball: Run
) -> None:
    done = flyball(
        *("data", "record", "--venue", exchange.url, "--instrument", "XRP", "--for", "4s"),
        *("--name", "recorded", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["lines"] > 5
    assert told["imported"]["contents"] == "book"
    assert told["imported"]["symbol"] == "XRP"
    checked = flyball("data", "check", "recorded", "--json", cwd=tmp_path)
    assert checked.returncode == 0, checked.stderr
    assert json.loads(checked.stdout)["counts"]["snapshots"] > 2


# Between the run's start and whoever looks on at it, for two seconds, no file can be written.
FULL_AT_THE_START = """
import resource, sys, threading
from flyball.ops.cli import follow
from flyball.ops.cli.main import main
before, hard = follow._say_killed, resource.getrlimit(resource.RLIMIT_FSIZE)[1]
def full(session):
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    free = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    threading.Timer(2.0, free).start()
    before(session)
follow._say_killed = full
sys.exit(main(sys.argv[1:]))
"""


def test_a_disk_that_is_full_while_a_run_starts_ends_neither_the_run_nor_its_protection(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    keys = key_file(tmp_path / "keys.toml", exchange.keys[0])
    words = tmp_path / "words.txt"
    with words.open("w") as told:
        done = subprocess.run(
            [
                *(sys.executable, "-c", FULL_AT_THE_START, "run", "maker", "--instrument", "XRP"),
                *("--profile", "emergency", "--set", "size=10", "--for", "5s", "--json"),
                *("--venue", exchange.url, "--keys", keys, "--state", tmp_path / "state"),
            ],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=told,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, words.read_text()
    ended = json.loads(done.stdout)
    assert ended["flat_at_venue"] is True
    assert ended["seconds"] > 4, "it went on after the disk was free again"
