"""Whatever a strategy does, stops, switches and closing go on: each in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


def misbehave(way: str, folder: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.misbehaving", way, str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("way", "attention", "says"),
    [
        ("sleep", "late", ""),
        ("spin", "late", ""),
        ("raise", "gone", "out of ideas"),
        ("nonsense", "gone", "buy!"),
        ("hoard", "gone", "more than 400 MB"),
        ("leave", "gone", "SystemExit"),
    ],
)
def test_the_account_is_flat_at_the_venue_whatever_the_strategy_does(
    way: str, attention: str, says: str, tmp_path: Path
) -> None:
    seen = misbehave(way, tmp_path)
    assert seen["attention"] == attention
    assert seen["overruns"] >= (attention == "late")
    assert says in f"{seen['reason']} {seen['told']}"
    assert seen["exits"] or seen["tripped"], "the engine itself closed the position"
    assert seen["flat_s"] < 10
