"""A small recording in Binance's raw layout, and the command as people call it."""

import gzip
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from flyball.trading.runtime.local import LocalExchange

START_NS = 1_721_347_020_000_000_000
Run = Callable[..., "subprocess.CompletedProcess[str]"]


def raw_lines(*, seconds: int, seed: int = 3) -> list[str]:
    """A perpetual that wanders: a snapshot, then ten book changes and some trades a second."""
    rng = random.Random(seed)
    mid, update, trade = 20_000, 1_000, 1
    bids = {mid - k: 500 + 10 * k for k in range(1, 40)}
    asks = {mid + k: 500 + 10 * k for k in range(1, 40)}

    def side(levels: dict[int, int]) -> list[list[str]]:
        return [[f"{tick / 10_000:.4f}", str(lots)] for tick, lots in levels.items()]

    snapshot = {"lastUpdateId": update, "bids": side(bids), "asks": side(asks)}
    lines = [f"{START_NS} {json.dumps(snapshot)}"]
    for step in range(seconds * 10):
        now = START_NS + (step + 1) * 100_000_000
        mid += rng.choice((-2, -1, 0, 1, 2)) + (mid < 19_000) - (mid > 21_000)
        changed_bids = {t: 0 for t in bids if t >= mid}
        changed_asks = {t: 0 for t in asks if t <= mid}
        for k in range(1, 12):
            changed_bids[mid - k] = rng.randint(100, 2_000)
            changed_asks[mid + k] = rng.randint(100, 2_000)
        for book, changes in ((bids, changed_bids), (asks, changed_asks)):
            for tick, lots in changes.items():
                if lots:
                    book[tick] = lots
                else:
                    book.pop(tick, None)
        data = {
            "e": "depthUpdate",
            "E": now // 1_000_000 - 5,
            "T": now // 1_000_000 - 5,
            "s": "XRPUSDT",
            "U": update + 1,
            "u": update + 3,
            "pu": update,
            "b": side(changed_bids),
            "a": side(changed_asks),
        }
        update += 3
        lines.append(f"{now} {json.dumps({'stream': 'xrpusdt@depth@0ms', 'data': data})}")
        if step % 3 == 0:
            maker = rng.random() < 0.5
            data = {
                "e": "trade",
                "E": now // 1_000_000 - 4,
                "T": now // 1_000_000 - 4,
                "s": "XRPUSDT",
                "t": trade,
                "p": f"{(mid - 1 if maker else mid + 1) / 10_000:.4f}",
                "q": str(rng.randint(1, 400)),
                "X": "MARKET",
                "m": maker,
            }
            trade += 1
            lines.append(f"{now + 1000} {json.dumps({'stream': 'xrpusdt@trade', 'data': data})}")
    return lines


def write_recording(folder: Path, *, seconds: int, name: str = "xrpusdt") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}_20240719.gz"
    with gzip.open(path, "wt") as file:
        file.write("\n".join(raw_lines(seconds=seconds)) + "\n")
    return path


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_recording(tmp_path_factory.mktemp("raw") / "perpetual_usdm", seconds=600)


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    """A local exchange of a test's own, whose prices and balances it may move."""
    with LocalExchange(seed=3, admin=True) as served:
        yield served


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which commands are run, with a catalogue in it."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def flyball(home: Path) -> Run:
    """Run the command: `flyball("data", "ls")`."""

    def run(*arguments: str | Path, cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command(arguments),
            cwd=cwd or home,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run


def command(arguments: Sequence[str | Path]) -> list[str]:
    return [sys.executable, "-m", "flyball.ops.cli.main", *map(str, arguments)]


@pytest.fixture(scope="session")
def dataset(flyball: Run, recording: Path) -> str:
    """The name of the imported recording."""
    done = flyball("data", "import", recording.parent, "--json")
    assert done.returncode == 0, done.stderr
    name: str = json.loads(done.stdout)["imported"][0]["name"]
    return name


@pytest.fixture
def backtest_arguments(dataset: str) -> list[str]:
    return [
        "backtest",
        "mean_reversion",
        "--data",
        dataset,
        "--profile",
        "emergency",
        "--cash",
        "10000",
        "--sizing",
        "equity_fraction=0.2",
        "--set",
        "bars=1s",
        "--set",
        "period=30",
    ]


def is_root() -> bool:
    return os.geteuid() == 0
