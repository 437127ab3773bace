"""`flyball exchange` as people call it: what it prints, how it ends, what it says to nonsense."""

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import requests

from tests.integration.conftest import Run, command
from tests.integration.served import served

USER = "0x14dc79964da2c08b23698b3d3cc7ca32193d9955"


def ask(url: str, **question: object) -> requests.Response:
    return requests.post(f"{url}/info", data=json.dumps(question), timeout=10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_url_first_and_stops_when_it_is_told(number: signal.Signals) -> None:
    process = subprocess.Popen(
        command(["exchange", "--json"]), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["url"]
    assert url.startswith("http://127.0.0.1:")
    assert ask(url, type="allMids").status_code == 200
    began = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert time.monotonic() - began < 5
    assert "stopped" in said
    with pytest.raises(requests.ConnectionError):
        ask(url, type="allMids")


def test_only_loopback_is_served() -> None:
    with served() as url:
        port = int(url.rpartition(":")[2])
        mine = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None)}
        for address in mine - {"127.0.0.1", "::1"}:
            with socket.socket(socket.AF_INET6 if ":" in str(address) else socket.AF_INET) as other:
                other.settimeout(2)
                assert other.connect_ex((str(address), port)) != 0, address


def test_a_port_that_is_taken_is_named(flyball: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = flyball("exchange", "--port", str(port))
    assert done.returncode == 2
    assert f"port {port} of 127.0.0.1 cannot be had" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--market", "nasdaq"], "must be synthetic, quiet, replay:PATH or mirror:URL"),
        (["--market", "replay:nowhere"], "cannot open nowhere"),
        (["--account", "0x12=5"], "must be ADDRESS=CASH"),
        (["--account", f"{USER}=much"], "must be ADDRESS=CASH"),
        (["--account", f"{USER}=-5"], "is below zero"),
        (["--account", f"{USER}=1", "--agent", f"{'0x' + '1' * 40}={USER}"], "there is no"),
        (["--speed", "0"], "speed must lie between 0.01 and 1000"),
        (["--crash", "soon"], "must be MINUTES:DROP"),
        (["--crash", "5:0.99"], "crash.drop: must lie between 0 and 0.95"),
        (["--market", "quiet", "--crash", "5:0.3"], "--crash is about the synthetic market"),
        (["--again"], "about a recording"),
    ],
)
def test_what_makes_no_sense_is_named(flyball: Run, arguments: list[str], words: str) -> None:
    done = flyball("exchange", *arguments)
    assert done.returncode in {2, 3}, done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_script_of_faults_is_read_and_its_mistakes_are_named(
    flyball: Run, tmp_path: Path
) -> None:
    script = tmp_path / "faults.toml"
    script.write_text('[[fault]]\nkind = "server_error"\ntarget = "info"\nuntil_ms = 3600000\n')
    with served("--faults", script) as url:
        assert ask(url, type="allMids").status_code == 503
    script.write_text('[[fault]]\nkind = "dorp"\n')
    done = flyball("exchange", "--faults", script)
    assert done.returncode == 2
    assert "faults:" in done.stderr
    assert "unknown variant `dorp`" in done.stderr
    assert flyball("exchange", "--faults", tmp_path / "none.toml").returncode == 3


def test_faults_can_be_changed_while_it_runs_when_that_was_asked_for() -> None:
    with served("--admin") as url:
        assert ask(url, type="allMids").status_code == 200
        script = '[[fault]]\nkind = "too_many_requests"\ntarget = "info"\n'
        assert requests.post(f"{url}/faults", data=script, timeout=10).status_code == 200
        assert ask(url, type="allMids").status_code == 429
        assert requests.get(f"{url}/faults", timeout=10).json()["fault"][0]["target"] == "info"
        assert requests.post(f"{url}/faults", data="", timeout=10).status_code == 200
        assert ask(url, type="allMids").status_code == 200
    with served() as url:
        assert requests.get(f"{url}/faults", timeout=10).status_code == 404


def test_one_seed_gives_one_market() -> None:
    start = "1700000000000"

    def candle(seed: str) -> object:
        with served("--seed", seed, "--start", start, "--speed", "500") as url:
            question = {"coin": "XRP", "interval": "1m", "startTime": 0, "endTime": 2**52}
            until = time.monotonic() + 20
            while time.monotonic() < until:
                candles = ask(url, type="candleSnapshot", req=question).json()
                if len(candles) > 2:
                    return candles[1]
                time.sleep(0.1)
            raise AssertionError(candles)

    assert candle("5") == candle("5")
    assert candle("5") != candle("6")


def test_a_recording_is_served_by_its_folder(flyball: Run, dataset: str, home: Path) -> None:
    done = flyball("data", "ls", "--json")
    assert done.returncode == 0, done.stderr
    folders = [path.parent for path in home.rglob("tape.fbt") if path.parent.name == dataset]
    assert folders, f"{dataset} is not below {home}"
    with served("--market", f"replay:{folders[0]}", "--again", "--speed", "50") as url:
        universe = ask(url, type="meta").json()["universe"]
        assert [it["name"] for it in universe] == ["XRP"]
        time.sleep(0.5)
        book = ask(url, type="l2Book", coin="XRP").json()
        assert len(book["levels"][0]) == 20
        assert 1.5 < float(book["levels"][0][0]["px"]) < 2.5
