"""A sweep on a Ray cluster: two nodes on this machine, loopback alone."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from flyball.config.run import Sizing
from flyball.errors import ConfigError
from flyball.ops.sweep import Sweep
from flyball.ops.sweep.search import library
from flyball.trading.runtime.demo import synthetic_market

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: flyball[cluster]")
def test_two_nodes_find_what_one_process_finds_also_when_one_goes_away(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.integration.rayscript", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["hash"] == told["here"]
    assert told["trials"] == 12
    assert told["nodes"] == 2
    assert told["one_went_away"]
    assert told["screened"] == told["screened_here"]
    assert told["confirmed"] == 2


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed: flyball[cluster]")
@pytest.mark.parametrize(
    ("address", "words"),
    [("127.0.0.1:1", "no cluster answers"), ("nowhere", "wants HOST:PORT"), ("a:b", "wants HOST")],
)
def test_a_cluster_that_is_not_there_is_not_waited_for(
    address: str, words: str, tmp_path: Path
) -> None:
    market = synthetic_market(tmp_path, seed=3, hours=0.5)
    sweep = Sweep(
        strategy="mean_reversion",
        grid=["period=5,6"],
        data=market,
        profile="unprotected",
        cash=10_000,
        sizing=Sizing.lots(1),
        splits="none",
    )
    with pytest.raises(ConfigError, match=words):
        sweep.run(ray=address)


def test_what_is_not_installed_is_named() -> None:
    with pytest.raises(ConfigError, match=r"pip install flyball\[cluster\]"):
        library("no_such_library_of_anybody", "cluster")
