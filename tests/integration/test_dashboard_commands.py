"""`flyball run --dashboard` and `flyball dashboard`, as people call them."""

import json
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from flyball.ops.dashboard.tokens import FILE
from flyball.trading.runtime.local import LocalExchange
from tests.integration.conftest import Run, command
from tests.integration.livetools import child_of, running, wait_for
from tests.integration.standin import StandIn


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def looked(url: str, token: str) -> dict[str, Any]:
    asked = urllib.request.Request(f"{url}status", headers={"authorization": f"Bearer {token}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=5) as answer:
        found: dict[str, Any] = json.loads(answer.read())
        return found


def test_a_run_serves_its_page_and_prints_its_link_once(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    port = free_port()
    with running(exchange, tmp_path, "Holder", "--dashboard", f"127.0.0.1:{port}") as run:
        run.wait_protected()
        token_file = run.state / FILE
        wait_for(token_file.exists, seconds=15, why="no token")
        token = token_file.read_text().strip()

        def held() -> bool:
            try:
                found = looked(f"http://127.0.0.1:{port}/", token)["status"]
            except OSError:
                return False
            return found is not None and found["instruments"][0]["position"] == 400

        wait_for(held, seconds=15, why="its status is not served")
        told = run.end()
        assert run.process.returncode == 0
        assert told["stderr"].count(token) == 1
        assert f"http://127.0.0.1:{port}/#{token}" in told["stderr"]


def test_a_port_that_is_taken_does_not_stop_a_run(exchange: LocalExchange, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        at = f"127.0.0.1:{taken.getsockname()[1]}"
        with running(exchange, tmp_path, "Holder", "--dashboard", at) as run:
            run.wait_protected()
            pid = run.process.pid
            # It is a process of its own that begins beside the run, and has nothing to serve at.
            wait_for(lambda: child_of(pid, "dashboard"), seconds=20, why="it did not begin")
            wait_for(lambda: not child_of(pid, "dashboard"), seconds=30, why="it did not end")
            told = run.end()
            assert run.process.returncode == 0
            assert f"the dashboard: {at}: " in told["stderr"]
            assert "--dashboard none" in told["stderr"]


def test_the_page_of_a_run_lives_while_a_strategy_holds_pythons_lock(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    port = free_port()
    with running(exchange, tmp_path, "Grabber", "--dashboard", f"127.0.0.1:{port}") as run:
        token_file = run.state / FILE
        wait_for(token_file.exists, seconds=20, why="no token")
        run.wait_protected()
        time.sleep(1.0)
        token, url = token_file.read_text().strip(), f"http://127.0.0.1:{port}/"

        def fresh() -> bool:
            try:
                found = looked(url, token)["status"]
            except OSError:
                return False
            return bool(found and found["instruments"][0]["position"] == 400)

        wait_for(fresh, seconds=15, why="its status is not served")
        asked = urllib.request.Request(
            f"{url}kill",
            data=b'{"scope": "all"}',
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert json.loads(answer.read()) == {"way": "socket", "kept": True}
        run.wait_flat_at_venue()
        child = child_of(run.process.pid, "dashboard")
        assert child is not None
        run.crash()
        wait_for(lambda: not Path(f"/proc/{child}").exists(), seconds=10, why="the child stays")


def test_without_a_terminal_no_port_is_opened_unasked(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with running(exchange, tmp_path, "Holder") as run:
        run.wait_protected()
        told = run.end()
        assert "dashboard" not in told["stderr"]
        assert not (run.state / FILE).exists()


def test_the_command_serves_a_run_of_another_process(tmp_path: Path) -> None:
    with StandIn(tmp_path / "s") as stand:
        process = subprocess.Popen(
            command(["dashboard", "--state", stand.folder, "--at", "127.0.0.1:0", "--json"]),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            lines = ""
            while not lines.rstrip().endswith("}"):
                more = process.stdout.readline()
                assert more, process.communicate()
                lines += more
            told = json.loads(lines)
            token = told["link"].rpartition("#")[2]
            assert told["link"] == f"{told['url']}#{token}"
            wait_for(
                lambda: looked(told["url"], token)["status"], seconds=10, why="nothing is served"
            )
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("words", ["dashboard", "top"])
def test_without_a_run_it_is_a_message(flyball: Run, words: str) -> None:
    done = flyball(words, "--state", "nowhere")
    assert done.returncode == 2
    assert "no live run was ever started there" in done.stderr


def test_an_address_beyond_loopback_is_refused(flyball: Run, tmp_path: Path) -> None:
    stand = StandIn(tmp_path / "s")
    done = flyball("dashboard", "--state", stand.folder, "--at", "0.0.0.0:8765")
    assert done.returncode == 2
    assert "loopback only" in done.stderr
