"""The crash matrix, run as a person runs it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def flyball(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "flyball.ops.cli.main", "proof", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def found(*arguments: str) -> dict[str, Any]:
    ran = flyball("--quick", "--json", "-", *arguments)
    assert ran.returncode in (0, 1), ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


@pytest.fixture(scope="module")
def matrix(shared: Path) -> dict[str, Any]:
    return found("--data", str(shared / "bars"), "--threads", "2")


def test_the_same_seed_gives_the_same_table_whatever_the_threads(
    matrix: dict[str, Any], shared: Path
) -> None:
    again = found("--data", str(shared / "bars"), "--threads", "1")
    assert again == matrix
    other = found("--data", str(shared / "bars"), "--seed", "2")
    assert other["table_hash"] != matrix["table_hash"]


def test_what_was_asked_for_is_there(matrix: dict[str, Any]) -> None:
    assert set(matrix["profile"]) == {"conservative", "emergency", "strict"}
    for figures in matrix["profile"].values():
        assert {"worst_drawdown", "p99_drawdown", "line", "overshoot_max"} <= set(figures)
        assert figures["breaches"] == 0
        assert figures["orders_after_stop"]["count"] == 0
        assert figures["not_flat"]["count"] == 0
    assert matrix["cells"] == 4 * matrix["unprotected"]["cells"]
    assert matrix["false_trips_per_1000h"] is not None
    assert matrix["windows"]["count"]["synthetic"] == 16


def test_without_protection_the_same_cells_ruin_the_account(matrix: dict[str, Any]) -> None:
    assert matrix["unprotected"]["worst_drawdown"] > 0.9
    assert matrix["profile"]["emergency"]["worst_drawdown"] < 0.15


def test_what_did_not_run_is_counted_as_not_run(matrix: dict[str, Any]) -> None:
    missing = matrix["not_run"]
    assert missing["not_drawn"] == matrix["cells_total"] - matrix["cells"]
    blocked = {row["fault"]: row for row in missing["no_such_world"]}
    assert {"disk_full", "sentinel_alone", "venue_5xx"} == set(blocked)
    assert all(row["cells"] > 0 and row["reason"] for row in blocked.values())
    ran = {fault for figures in matrix["profile"].values() for fault in figures["by_fault"]}
    assert not ran & set(blocked)


def test_the_predecessors_loss_is_reconstructed_and_every_profile_gets_the_same_market(
    matrix: dict[str, Any],
) -> None:
    case = matrix["predecessor"]
    losses = {(name, path): out["drawdown"] for name, path, out in case["outcomes"]}
    assert losses["unprotected", "continuous"] == pytest.approx(0.4021, abs=0.0005)
    assert losses["emergency", "continuous"] < 0.05
    assert losses["strict", "jump"] < losses["emergency", "jump"] < 0.15


def test_made_gaps_are_run_where_there_are_no_recordings(tmp_path: Path) -> None:
    told = found("--data", str(tmp_path), "--profile", "emergency")
    assert told["windows"]["count"] == {"synthetic": 16}
    assert told["predecessor"] is None
    assert list(told["profile"]) == ["emergency"]


def test_a_report_is_one_file_that_needs_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "proof.html"
    ran = flyball("--quick", "--data", str(tmp_path), "--html", str(page))
    assert ran.returncode in (0, 1), ran.stderr
    text = page.read_text()
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    for word in ("simulated", "The crash matrix", "Not run", "disk full"):
        assert word in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--full", "--quick"), "name one of them"),
        (("--quick", "--data", "/nowhere"), "no such folder"),
        (("--quick", "--profile", "nothing"), "there is no profile"),
        (("--quick", "--profile", "unprotected"), "always run"),
        (("--quick", "--seed", "-1"), "must not be below 0"),
    ],
)
def test_bad_input_says_what_is_wrong(arguments: tuple[str, ...], said: str) -> None:
    ran = flyball(*arguments)
    assert ran.returncode == 2
    assert said in ran.stderr
