"""A run as it was seen once, and Debian's Prometheus and Alertmanager where they can be had."""

import copy
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from flyball.ops.telemetry import Observed
from flyball.trading.runtime.runs import RunInfo, Traded

Status = dict[str, Any]
Look = Callable[..., Observed]

# What a live run said of itself, with a position and its stop (local exchange: simulated).
RECORDED: Status = json.loads((Path(__file__).parent / "status.json").read_text())
NOW_NS: int = RECORDED["time_ns"]


def recorded() -> Status:
    """A copy that a test may change."""
    return copy.deepcopy(RECORDED)


def run_info(folder: Path) -> RunInfo:
    return RunInfo(
        pid=os.getpid(),
        venue="127.0.0.1:80",
        url="http://127.0.0.1:80",
        network="local",
        account="0x" + "12" * 20,
        strategies=("Holder",),
        instruments=(Traded(symbol="XRP", tick_size=Decimal("0.000001"), lot_size=Decimal(1)),),
        profile="emergency v2",
        limits={},
        socket="s",
        journal="j",
        clock=(0, 0, 1),
        started_ns=NOW_NS - 13 * 10**9,
        simulated=True,
        folder=folder,
    )


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """The run at the moment of its recording; with another status, or later."""

    def seen(status: Status | None = None, *, later_s: float = 0.0, **known: Any) -> Observed:  # noqa: ANN401
        return Observed(
            run=run_info(tmp_path),
            status=recorded() if status is None else status,
            now_ns=NOW_NS + int(later_s * 1e9),
            disk_free=known.get("disk_free", 50 << 30),
            drill_age_s=known.get("drill_age_s"),
        )

    return seen


@cache
def _debian(package: str, command: str) -> str | None:
    """A command of a Debian package: installed where that can be done; else why not."""
    if shutil.which(command):
        return None
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return f"{command} is not here: apt-get install {package}"
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(words, capture_output=True, text=True, env=quiet, check=False)
        if done.returncode != 0:
            return f"{package} cannot be installed: {done.stderr.strip()[-200:]}"
    return None if shutil.which(command) else f"{package} has no {command}"


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' own judge of metrics, rules and expressions."""
    if missing := _debian("prometheus", "promtool"):
        pytest.skip(missing)
    return "promtool"


@pytest.fixture(scope="session")
def prometheus(promtool: str) -> str:
    """Prometheus itself."""
    assert promtool
    return "prometheus"


@pytest.fixture(scope="session")
def alertmanager() -> str:
    """Alertmanager itself."""
    if missing := _debian("prometheus-alertmanager", "prometheus-alertmanager"):
        pytest.skip(missing)
    return "prometheus-alertmanager"
