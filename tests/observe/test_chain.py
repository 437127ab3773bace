"""The real chain: a run's metrics, Prometheus with the shipped rules, Alertmanager, a receiver."""

import http.server
import json
import re
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flyball.ops.telemetry import MetricsServer, Observed, registry, render
from tests.conftest import ROOT
from tests.observe.conftest import NOW_NS, Status, recorded, run_info

DEPLOY = ROOT / "deploy"


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class Receiver(http.server.ThreadingHTTPServer):
    """Whoever is told: keeps what came, by path, with the time at which it came."""

    def __init__(self) -> None:
        self.came: list[tuple[str, float, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Take)

    def alerts(self, path: str, name: str, status: str = "firing") -> list[float]:
        return [
            at
            for where, at, body in list(self.came)
            for it in body["alerts"]
            if where == path and it["labels"]["alertname"] == name and it["status"] == status
        ]


class _Take(http.server.BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.came.append((self.path, time.monotonic(), body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def receiving() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def process(words: list[str], folder: Path) -> Iterator[None]:
    with (folder / f"{Path(words[0]).name}.log").open("w") as log:
        started = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log)
        try:
            yield
        finally:
            started.terminate()
            try:
                started.wait(10)
            except subprocess.TimeoutExpired:
                started.kill()
                started.wait()


def wait(what: Any, seconds: float, why: str) -> Any:  # noqa: ANN401
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := what():
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {why}")


def ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/-/ready", timeout=1) as answer:
            return int(answer.status) == 200
    except OSError:
        return False


@contextmanager
def chain(
    folder: Path, metrics: int, receiver: int, commands: tuple[str, str]
) -> Iterator[tuple[int, int]]:
    """Prometheus and Alertmanager as they are shipped, with other ports. Their own ones."""
    prometheus, alertmanager = free_port(), free_port()
    shipped = (DEPLOY / "prometheus" / "prometheus.yml").read_text()
    text = shipped.replace("127.0.0.1:9464", f"127.0.0.1:{metrics}")
    (folder / "prometheus.yml").write_text(
        text.replace("127.0.0.1:9093", f"127.0.0.1:{alertmanager}")
    )
    (folder / "rules.yml").write_text((DEPLOY / "prometheus" / "rules.yml").read_text())
    routing = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text()
    (folder / "alertmanager.yml").write_text(
        routing.replace("127.0.0.1:9465", f"127.0.0.1:{receiver}")
    )
    with (
        process(
            [
                commands[1],
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/am",
                f"--web.listen-address=127.0.0.1:{alertmanager}",
                "--cluster.listen-address=",
            ],
            folder,
        ),
        process(
            [
                commands[0],
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/tsdb",
                f"--web.listen-address=127.0.0.1:{prometheus}",
                # As in compose.yaml: what was sent before Alertmanager was found is sent again.
                "--rules.alert.resend-delay=5s",
            ],
            folder,
        ),
    ):
        wait(lambda: ready(alertmanager) and ready(prometheus), 40, "both ready")
        yield prometheus, alertmanager


def ask(port: int, query: str) -> Any:  # noqa: ANN401
    words = urllib.parse.urlencode({"query": query})
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/query?{words}", timeout=5) as told:
        return json.load(told)["data"]["result"]


class Stage:
    """A run's metrics, whose status a test changes."""

    def __init__(self, folder: Path) -> None:
        self.status: Status | None = recorded()
        self._run = run_info(folder)
        self._began = time.monotonic()

    def look(self) -> Observed:
        later = int((time.monotonic() - self._began) * 1e9)
        status = self.status
        if status is not None:
            # Feeds go on being heard.
            for it in status["measures"]["account"]["instruments"]:
                it["heard_ns"] = [[name, NOW_NS + later] for name, _ in it["heard_ns"]]
        return Observed(
            run=replace(self._run), status=status, now_ns=NOW_NS + later, disk_free=50 << 30
        )


def test_an_alert_reaches_a_person_and_so_does_the_proof_that_it_would(
    tmp_path: Path, prometheus: str, alertmanager: str
) -> None:
    stage = Stage(tmp_path)
    made = registry(stage.look)
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        server = stack.enter_context(
            MetricsServer(
                ("127.0.0.1", 0), lambda wanted: render(made, openmetrics_text=wanted), keep_s=0
            )
        )
        port = int(server.url.rpartition(":")[2])
        asked, _ = stack.enter_context(
            chain(tmp_path, port, receiver.server_address[1], (prometheus, alertmanager))
        )
        wait(lambda: receiver.alerts("/watchdog", "Watchdog"), 30, "the watchdog's alert")
        assert ask(asked, 'up{job="flyball"}')[0]["value"][1] == "1"
        assert not receiver.alerts("/alerts", "SwitchTripped")
        assert stage.status is not None
        switches = stage.status["measures"]["account"]["switches"]
        next(it for it in switches if it["switch"] == "drawdown")["tripped_ns"] = NOW_NS
        tripped = time.monotonic()
        wait(lambda: receiver.alerts("/alerts", "SwitchTripped"), 20, "the switch's alert")
        took = receiver.alerts("/alerts", "SwitchTripped")[0] - tripped
        (_, _, body) = next(it for it in receiver.came if it[0] == "/alerts")
        (alert,) = body["alerts"]
        assert alert["annotations"]["summary"] == "The switch drawdown has tripped"
        assert "flyball resume --switch drawdown" in alert["annotations"]["action"]
        next(it for it in switches if it["switch"] == "drawdown")["tripped_ns"] = None
        wait(
            lambda: receiver.alerts("/alerts", "SwitchTripped", "resolved"),
            40,
            "that it is over",
        )
    print(f"a tripped switch reached the receiver after {took:.2f} s")


def test_a_run_that_is_gone_is_noticed_from_outside(
    tmp_path: Path, prometheus: str, alertmanager: str
) -> None:
    """Nobody serves the metrics: with a shorter time the shipped rule finds it."""
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        asked, _ = stack.enter_context(
            chain(tmp_path, free_port(), receiver.server_address[1], (prometheus, alertmanager))
        )
        wait(lambda: ask(asked, 'ALERTS{alertname="SystemDown"}'), 20, "that it is pending")
        (found,) = ask(asked, 'ALERTS{alertname="SystemDown"}')
        assert found["metric"]["alertstate"] == "pending", "five minutes have not passed"


RULE_TESTS = """
rule_files: [rules.yml]
evaluation_interval: 1s
tests:
"""


def one(name: str, series: str, values: str, at: str, labels: str, summary: str) -> str:
    """A test of one alert, as promtool wants it."""
    return f"""
  - interval: 1s
    input_series:
      - series: '{series}'
        values: '{values}'
    alert_rule_test:
      - alertname: {name}
        eval_time: {at}
        exp_alerts:
          - exp_labels: {{{labels}}}
            exp_annotations: {{summary: "{summary}", action: "ACTION"}}
"""


def test_rules_fire_in_prometheus_as_they_do_here(tmp_path: Path, promtool: str) -> None:
    from flyball.ops.alerts.rules import rule

    def fired(name: str, labels: str = "", **words: str) -> str:
        severity = rule(name).severity
        return ", ".join(filter(None, [labels, f"severity: {severity}"])) + "".join(words)

    cases = [
        one(
            "HighDrawdown", "flyball_drawdown_ratio", "0.05x5 0.06x5", "8s",
            fired("HighDrawdown"), "The account is 6% below its peak",
        ),
        one(
            "SwitchTripped", 'flyball_switch_tripped{switch="margin"}', "0x5 1x5", "6s",
            fired("SwitchTripped", "switch: margin"), "The switch margin has tripped",
        ),
        one(
            "AccountUnknown", "flyball_account_known", "1x5 0x50", "40s",
            fired("AccountUnknown"), "The account has not been known for half a minute",
        ),
        one(
            "UnprotectedPosition", 'flyball_position_unprotected_seconds{instrument="XRP"}',
            "0x3 6x9", "6s", fired("UnprotectedPosition", "instrument: XRP"),
            "The position in XRP has had no confirmed stop for 6s",
        ),
        one(
            "ReconciliationDifference",
            'flyball_notices_total{kind="position_mismatch",instance="a"}', "0x30 1x30", "40s",
            fired("ReconciliationDifference", "instance: a"),
            "The venue held another position than we thought; the venue's was taken over",
        ),
        one(
            "SystemDown", 'up{job="flyball"}', "1x5 0x400", "310s",
            fired("SystemDown", "job: flyball"), "The engine has not answered for five minutes",
        ),
        one(
            "ClockSkew", "flyball_clock_skew_seconds", "0x5 -2x90", "80s",
            fired("ClockSkew"), "The venue's clock and ours are 2s apart",
        ),
        one(
            "StrategyLate",
            'flyball_strategy_overruns_total{strategy="A",instance="a"}', "0x10 0+1x50", "70s",
            fired("StrategyLate", "instance: a, strategy: A"), "LATE",
        ),
    ]  # fmt: skip
    text = RULE_TESTS
    for case in cases:
        name = re.findall(r"alertname: (\w+)", case)[0]
        labels = dict(re.findall(r"(\w+): (\w+)", case.split("exp_labels: {")[1].split("}")[0]))
        text += case.replace(
            "ACTION", rule(name).action.replace("{switch}", labels.get("switch", ""))
        )
    (tmp_path / "rules.yml").write_text((DEPLOY / "prometheus" / "rules.yml").read_text())
    (tmp_path / "tests.yml").write_text(text.replace('summary: "LATE"', f'summary: "{late()}"'))
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "tests.yml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def late() -> str:
    """50 overruns: Prometheus extrapolates to the ends of what it saw."""
    return "The strategy A was late 50.41 times within five minutes"


@pytest.mark.parametrize("name", ["prometheus.yml", "rules.yml"])
def test_prometheus_takes_what_is_shipped(promtool: str, name: str) -> None:
    kind = "rules" if name == "rules.yml" else "config"
    done = subprocess.run(
        [promtool, "check", kind, str(DEPLOY / "prometheus" / name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_alertmanager_takes_what_is_shipped(alertmanager: str) -> None:
    assert alertmanager
    done = subprocess.run(
        ["amtool", "check-config", str(DEPLOY / "alertmanager" / "alertmanager.yml")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
