"""Commands as people call them: what they print, what they keep, how they end."""

import json
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Run, command


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["demo"],
        ["backtest"],
        ["sweep"],
        ["replay"],
        ["exchange"],
        ["doctor"],
        ["data"],
        ["data", "import"],
        ["data", "record"],
        ["data", "ls"],
        ["data", "check"],
        ["risk"],
        ["risk", "var"],
        ["risk", "backtest"],
        ["risk", "stress"],
        ["risk", "gaps"],
        ["risk", "kelly"],
    ],
    ids=" ".join,
)
def test_every_command_has_help_and_every_leaf_an_example(flyball: Run, words: list[str]) -> None:
    done = flyball(*words, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout
    if words and words not in (["data"], ["risk"]):
        assert "Example: flyball" in " ".join(done.stdout.split())


def test_the_version_names_the_build(flyball: Run) -> None:
    done = flyball("--version")
    assert done.returncode == 0
    assert "build" in done.stdout


def test_doctor_is_content_and_says_so_in_json(flyball: Run) -> None:
    done = flyball("doctor", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 0, done.stdout
    assert told["ok"]
    assert {finding["name"] for finding in told["findings"]} >= {"python", "engine", "disk"}


@pytest.mark.parametrize(
    "options", [["--minutes", "6", "--speed", "60"], ["--backtest", "--hours", "2"]], ids="-".join
)
def test_the_demo_protects_ends_flat_and_replays(
    flyball: Run, tmp_path: Path, options: list[str]
) -> None:
    done = flyball("demo", "--json", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["flat"] is True
    assert told["replay_verified"] is True
    # Over sockets, at sixty times real time on a busy machine, what is held when the crash comes
    # and the last prices before flat are the machine's timing; in a backtest nothing is.
    assert told["max_drawdown"] <= 0.055
    if "--backtest" in options:
        assert told["tripped"], "a crash trips something"
        assert told["unprotected_drawdown"] > 0.25
        assert told["ms_to_flat"] > 0
    assert isinstance(told["trades"], int)
    assert isinstance(told["pnl"], float)
    assert told["what_is_simulated"]
    assert (tmp_path / told["journal"]).is_dir()
    assert "<html" in (tmp_path / told["report"]).read_text()
    verified = flyball("replay", told["journal"], "--verify", "--json", cwd=tmp_path)
    assert verified.returncode == 0, verified.stderr
    assert json.loads(verified.stdout)["state_hash"] == told["state_hash"]


def test_the_demo_tells_people_what_happened(flyball: Run, tmp_path: Path) -> None:
    done = flyball("demo", "--backtest", "--hours", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for word in ("protected", "max drawdown", "switches tripped", "report", "journal"):
        assert word in done.stdout


def test_an_import_is_found_done_the_second_time(
    flyball: Run, recording: Path, dataset: str
) -> None:
    listed = json.loads(flyball("data", "ls", "--json").stdout)["datasets"]
    (found,) = [d for d in listed if d["name"] == dataset]
    assert (found["symbol"], found["kind"], found["contents"]) == ("XRPUSDT", "linear", "book")
    again = json.loads(flyball("data", "import", recording.parent, "--json").stdout)
    assert again["imported"][0]["fresh"] is False
    checked = json.loads(flyball("data", "check", dataset, "--json").stdout)
    assert checked["counts"]["trades"] == 2000
    assert not [f for f in checked["findings"] if f["severity"] == "error"]


def test_the_same_backtest_twice_has_the_same_hash_and_its_journal_replays(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    first = flyball(*backtest_arguments, "--json", "--journal", journal)
    second = flyball(*backtest_arguments, "--json")
    assert first.returncode == second.returncode == 0, first.stderr
    one, two = json.loads(first.stdout), json.loads(second.stdout)
    assert one["state_hash"] == two["state_hash"]
    assert one["fills"] > 10
    replayed = json.loads(flyball("replay", journal, "--json").stdout)
    assert replayed["state_hash"] == one["state_hash"]
    assert replayed["events"] == one["events"]


def test_a_run_as_a_file_is_the_run_on_the_command_line(
    flyball: Run, backtest_arguments: list[str], dataset: str, tmp_path: Path
) -> None:
    file = tmp_path / "run.toml"
    file.write_text(
        f"""
strategy = "mean_reversion"
data = "{dataset}"
profile = "emergency"
cash = 10000
[sizing]
equity_fraction = 0.2
[parameters]
bars = "1s"
period = 30
"""
    )
    by_file = json.loads(flyball("backtest", file, "--json").stdout)
    by_words = json.loads(flyball(*backtest_arguments, "--json").stdout)
    assert by_file["state_hash"] == by_words["state_hash"]


def test_a_backtest_tells_its_profile_its_assumptions_and_its_report(
    flyball: Run, backtest_arguments: list[str], tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    done = flyball(*backtest_arguments, "--report", report)
    assert done.returncode == 0, done.stderr
    for words in ("switches.drawdown", "Assumed (simulated)", "order latency", "max drawdown"):
        assert words in done.stdout
    assert report.is_file()


def test_a_recording_can_be_traded_by_its_path(
    flyball: Run, recording: Path, tmp_path: Path
) -> None:
    done = flyball(
        *("backtest", "maker", "--data", recording, "--profile", "emergency", "--cash", "1000"),
        *("--set", "size=10", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "catalogue").is_dir()


def test_ctrl_c_stops_safely_and_leaves_a_journal_that_replays(
    flyball: Run, home: Path, dataset: str, tmp_path: Path
) -> None:
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import time\nimport flyball as fb\n\n\nclass Slow:\n"
        '    wake = fb.Wake(every="100ms")\n\n'
        "    def decide(self, view):\n        time.sleep(0.01)\n        return fb.Target(10)\n"
    )
    journal = tmp_path / "journal"
    words = [
        *("backtest", f"{slow}:Slow", "--data", dataset, "--profile", "emergency"),
        *("--cash", "1000", "--journal", str(journal)),
    ]
    running = subprocess.Popen(
        command(words), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (journal / "000000.fbj").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(1.0)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, out + err
    assert "interrupted" in out + err
    replayed = flyball("replay", journal, "--json")
    assert replayed.returncode == 0, replayed.stderr
