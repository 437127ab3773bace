"""A real run at a local exchange is watched: quiet while nothing is wrong, and only then.

The engine, its sockets and its threads are real, the market is simulated. The watch looks ten times
a second, so that it knows what is usual after a quarter of a minute instead of two.
"""

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

import flyball as fb
from flyball.ops.detection.ledger import Ledger, Outcome, Prediction, read
from flyball.ops.detection.readings import machine
from flyball.ops.detection.watch import Watch, Watcher
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.venue import send_text
from tests.integration.conftest import Run
from tests.integration.livetools import wait_for

EVERY_S = 0.1
WARM_S = 18.0
FAULTS = {
    "wild_price": ("factor = 1.1\nprobability = 1.0", {"basis", "price_step"}),
    "frozen_feed": ("", {"feed_age", "messages"}),
    "disconnect": ("probability = 0.2", {"reconnects"}),
}


def watched(session: fb.LiveSession, folder: Path, told: list[str]) -> tuple[Watch, Watcher]:
    watch = Watch(folder, tell=told.append)
    watcher = Watcher(
        session,
        watch,
        now_ns=lambda: session.info.now_ns,
        folder=folder,
        tell=told.append,
        every_s=EVERY_S,
    )
    return watch, watcher


def seen(watch: Watch) -> set[str]:
    """What any incident is about."""
    return {metric for incident in list(watch.incidents) for metric in incident.metrics}


def test_faults_of_a_real_feed_are_seen_and_a_quiet_run_is_quiet(
    exchange: LocalExchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Other tests fill the same disk and take the same processors.
    first = machine(tmp_path)
    monkeypatch.setattr(
        "flyball.ops.detection.watch.machine",
        lambda _: replace(first, steady_s=time.monotonic(), wall_s=time.time()),
    )
    told: list[str] = []
    session = fb.LiveSession(
        fb.MeanReversion(bars="1s", period=5),
        venue=exchange,
        instrument="XRP",
        profile="emergency",
        sizing=fb.Sizing.equity_fraction(0.2),
        state=tmp_path,
    )
    with session:
        watch, watcher = watched(session, tmp_path, told)
        with watcher:
            time.sleep(WARM_S)
            assert not watch.incidents, told
            assert watcher.looks > 0.8 * WARM_S / EVERY_S
            for kind, (keys, shows) in FAULTS.items():
                assert not shows & seen(watch), "not before it is there"
                script = f'[[fault]]\nkind = "{kind}"\ntarget = "market"\n{keys}\n'
                send_text(exchange.url, "/faults", script)
                wait_for(
                    lambda shows=shows: shows & seen(watch),  # type: ignore[misc]
                    seconds=12,
                    why=f"{kind} is not seen: {told}",
                )
                send_text(exchange.url, "/faults", "fault = []")
                time.sleep(1.0)
    lines = [json.loads(it) for it in (tmp_path / "incidents.jsonl").read_text().splitlines()]
    assert {it["metric"] for it in lines} == seen(watch)


@pytest.mark.long
def test_flyball_run_keeps_its_predictions(flyball: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = flyball(
        *("run", "mean_reversion", "--instrument", "XRP", "--profile", "emergency"),
        *("--sizing", "equity_fraction=0.2", "--set", "bars=1s", "--set", "period=20"),
        *("--no-sentinel", "--state", state, "--for", "78s", "--json"),
    )
    assert done.returncode == 0, done.stderr
    predictions, _ = read(state / "predictions.jsonl")
    assert {"drawdown", "memory", "disk_free", "weight_left"} <= {it.metric for it in predictions}
    assert max(it.probability for it in predictions) < 0.8
    assert "unusual" not in done.stderr
    assert json.loads(done.stdout)["flat_at_venue"] is True


def test_flyball_run_without_predictions_keeps_none(flyball: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = flyball(
        *("run", "mean_reversion", "--instrument", "XRP", "--profile", "emergency"),
        *("--sizing", "equity_fraction=0.2", "--set", "bars=1s", "--no-predict"),
        *("--no-sentinel", "--state", state, "--for", "2s"),
    )
    assert done.returncode == 0, done.stderr
    assert not (state / "predictions.jsonl").exists()


def test_flyball_run_predicts_unless_told_otherwise(flyball: Run, tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state).mkdir()
    (state / "predictions.jsonl").write_text("not a prediction\n")
    done = flyball(
        *("run", "mean_reversion", "--instrument", "XRP", "--profile", "emergency"),
        *("--sizing", "equity_fraction=0.2", "--set", "bars=1s"),
        *("--no-sentinel", "--state", state, "--for", "2s"),
    )
    # What it kept is damaged: that is said, and it trades all the same.
    assert done.returncode == 0, done.stderr
    assert "NOTHING IS PREDICTED" in done.stderr
    assert "line 1 is damaged" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("nab", "nowhere"), 3, "is not the benchmark's folder"),
        (("score", "--seed", "7"), 2, "must be 1000 or more"),
        (("score", "--days", "0"), 2, "must be 1 or more"),
        (("score", "--recording", "nowhere"), 3, "less than three hours of best prices"),
        (("predictions", "nowhere"), 3, "there are no predictions"),
    ],
)
def test_what_cannot_be_scored_is_said(
    flyball: Run, words: tuple[str, ...], code: int, message: str
) -> None:
    done = flyball("observe", *words)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert message in done.stderr


def test_predictions_of_a_run_are_scored_by_a_command(flyball: Run, tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "predictions.jsonl")
    for number, probability in ((1, 0.9), (2, 0.1)):
        ledger.keep(
            Prediction(
                number=number,
                time_s=1000.0 * number,
                metric="memory",
                value=1.0,
                threshold=2.0,
                horizon_s=300.0,
                raw=probability,
                probability=probability,
                due=True,
                acted=False,
            )
        )
        crossed = 1200.0 if number == 1 else None
        ledger.settle(Outcome(number=number, crossed_s=crossed, time_s=3000.0))
    ledger.close()
    found = json.loads(flyball("observe", "predictions", tmp_path, "--json").stdout)
    assert found["brier"] == pytest.approx(0.01)
    assert (found["warnings"], found["lead_s"]) == (1, 200.0)


def test_the_benchmark_is_scored_by_a_command(flyball: Run, tmp_path: Path) -> None:
    for name in ("data/realKnownCause", "labels", "config"):
        (tmp_path / name).mkdir(parents=True)
    times = [
        f"2024-01-{1 + at // 288:02} {at % 288 // 12:02}:{at % 12 * 5:02}:00" for at in range(2000)
    ]
    rows = [f"{time},{50.0 if 1500 <= at < 1520 else at % 7}" for at, time in enumerate(times)]
    csv = "\n".join(["timestamp,value", *rows]) + "\n"
    (tmp_path / "data/realKnownCause/made.csv").write_text(csv)
    labels = {"realKnownCause/made.csv": [[times[1490], times[1540]]]}
    (tmp_path / "labels/combined_windows.json").write_text(json.dumps(labels))
    cost = {"tpWeight": 1.0, "fnWeight": 1.0, "fpWeight": 0.11}
    (tmp_path / "config/profiles.json").write_text(json.dumps({"standard": {"CostMatrix": cost}}))
    found = json.loads(flyball("observe", "nab", tmp_path, "--json").stdout)
    assert (found["windows"], found["detected"]) == (1, 1)
    assert found["scores"]["standard"] > 50.0
    assert "made" in flyball("observe", "nab", tmp_path).stdout
