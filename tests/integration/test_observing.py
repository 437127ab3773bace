"""A live run that is looked on at: metrics, health, alerts that arrive."""

import http.server
import json
import socket
import subprocess
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from flyball.ops.logs import export
from flyball.trading.runtime.local import LocalExchange
from tests.integration.conftest import command
from tests.integration.livetools import running, wait_for

CANARY = "tok3n-of-nobody-51ce"


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange(seed=3, admin=True) as served:
        yield served


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class _Take(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append(body.decode())  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[tuple[int, list[str]]]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Take)
    came: list[str] = []
    server.came = came  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield int(server.server_address[1]), came
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def value(text: str, name: str) -> float:
    (line,) = (it for it in text.splitlines() if it.startswith(name + " "))
    return float(line.rpartition(" ")[2])


def flyball(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(list(words)), capture_output=True, text=True, timeout=60, check=False
    )


def parts(text: str) -> dict[str, Any]:
    return {it["name"]: it for it in json.loads(text)["components"]}


def test_a_run_tells_what_happens_to_it(exchange: LocalExchange, tmp_path: Path) -> None:
    pytest.importorskip("apprise", reason="alerts go through apprise: flyball[observe]")
    port, channels = free_port(), tmp_path / "channels.toml"
    with receiving() as (hook, came):
        channels.write_text(
            f'[[channel]]\nname = "hook"\nurl = "json://127.0.0.1:{hook}/?k={CANARY}"\n'
        )
        channels.chmod(0o600)
        options = ("--metrics", f"127.0.0.1:{port}", "--alerts", str(channels), "--no-sentinel")
        with running(exchange, tmp_path, "Holder", *options) as run:
            run.wait_protected()
            status, text = wait_for(lambda: get(port, "/metrics"), seconds=10, why="no metrics")
            assert status == 200
            assert value(text, 'flyball_position_units{instrument="XRP"}') == 400
            assert value(text, 'flyball_orders_submitted_total{purpose="stop"}') >= 1
            sent = 'flyball_latency_seconds_count{stage="send"}'
            answered = 'flyball_latency_seconds_count{stage="answer"}'
            assert value(text, sent) >= 2
            assert value(text, answered) >= 2
            assert get(port, "/healthz")[0] == 200
            ready, told = get(port, "/readyz")
            assert ready == 200, told
            assert parts(told)["engine"]["state"] == "ok"
            state = str(run.state)
            printed = flyball("metrics", "--state", state)
            assert value(printed.stdout, 'flyball_position_units{instrument="XRP"}') == 400
            assert flyball("alerts", "--state", state).returncode == 0

            assert flyball("kill", "--state", state, "--json").returncode == 0
            wait_for(
                lambda: [it for it in came if "Trading is killed" in it],
                seconds=10,
                why="nobody was told",
            )
            assert get(port, "/readyz")[0] == 503, "it could not trade"
            assert get(port, "/healthz")[0] == 200, "and it lives"
            shown = flyball("alerts", "--state", state, "--json")
            assert shown.returncode == 1
            (firing,) = (it for it in json.loads(shown.stdout)["firing"] if it["rule"] == "Killed")
            assert firing["acknowledged"] is None
            assert flyball("alerts", "ack", firing["id"], "--by", "Ann", "--state", state).stdout
            wait_for(
                lambda: "Ann" in flyball("alerts", "--state", state, "--json").stdout,
                seconds=10,
                why="it was not acknowledged",
            )
            found = json.loads(flyball("status", "--state", state, "--json").stdout)
            engine = {it["name"]: it for it in found["runs"][0]["health"]["components"]}["engine"]
            assert "killed" in engine["reason"]
            ended = run.end()
    log = (run.state / "log.jsonl").read_text()
    lines = [json.loads(line) for line in log.splitlines()]
    assert [it["event"] for it in (lines[0], lines[-1])] == ["started", "ended"]
    assert {it["run"] for it in lines} == {"run-000001"}
    said = {it["kind"] for it in lines if it["event"] == "engine"}
    assert {"FlattenStarted", "Flat"} <= said
    engine_part = [it for it in lines if it["event"] == "health" and it["part"] == "engine"]
    assert engine_part[0]["was"] == "ok"
    assert "killed" in engine_part[0]["reason"]
    follow_orders(run.state / "run-000001")
    everything = json.dumps(came) + ended["stderr"] + shown.stdout + log
    everything += (run.state / "alerts" / "history.jsonl").read_text()
    assert CANARY not in everything


def follow_orders(journal: Path) -> None:
    """The lives of its orders, in the journal and as spans."""
    told = flyball("trace", str(journal), "--json")
    assert told.returncode == 0, told.stderr
    orders = json.loads(told.stdout)["orders"]
    entry = next(it for it in orders if it["purpose"] == "entry")
    assert entry["end"] == "filled"
    assert entry["woken_ns"] <= entry["steps"][0]["time_ns"] <= entry["ended_ns"]
    assert entry["steps"][0]["what"] == "submitted"
    assert sum(it["qty"] for it in entry["steps"] if it["what"] == "fill") == entry["qty"] == 400
    numbers = [it["event"] for it in entry["steps"]]
    assert numbers == sorted(numbers)
    stop = next(it for it in orders if it["purpose"] == "stop")
    assert stop["end"] == "cancelled"
    assert any(it["purpose"] == "flatten" and it["end"] == "filled" for it in orders)
    shown = flyball("trace", str(journal), "--order", str(entry["order"]))
    assert "the strategy was woken" in shown.stdout

    memory = pytest.importorskip(
        "opentelemetry.sdk.trace.export.in_memory_span_exporter",
        reason="spans go through OpenTelemetry: flyball[observe]",
    )
    exporter = memory.InMemorySpanExporter()
    assert export(journal, exporter) == len(orders)
    spans = exporter.get_finished_spans()
    roots = [it for it in spans if it.parent is None]
    assert len(roots) == len(orders)
    assert len({it.context.trace_id for it in roots}) == len(orders)
    (whole,) = (it for it in roots if it.attributes["flyball.order"] == entry["order"])
    assert whole.start_time == entry["woken_ns"]
    assert whole.end_time == entry["ended_ns"]
    inside = {it.name for it in spans if it.parent and it.parent.span_id == whole.context.span_id}
    assert inside == {"decide", "answer"}


def test_a_busy_port_is_said_and_the_run_goes_on(exchange: LocalExchange, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        options = ("--metrics", f"127.0.0.1:{port}", "--no-sentinel")
        with running(exchange, tmp_path, "Holder", *options) as run:
            run.wait_protected()
            ended = run.end()
    assert f"no metrics: 127.0.0.1:{port} cannot be listened at" in ended["stderr"]


def test_channels_that_others_can_read_are_refused_before_anything_starts(tmp_path: Path) -> None:
    channels = tmp_path / "channels.toml"
    channels.write_text(f'[[channel]]\nname = "hook"\nurl = "json://x/?k={CANARY}"\n')
    channels.chmod(0o644)
    words = ["run", "breakout", "--instrument", "XRP", "--profile", "emergency"]
    done = flyball(*words, "--sizing", "equity_fraction=0.1", "--alerts", str(channels))
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    assert CANARY not in done.stderr
