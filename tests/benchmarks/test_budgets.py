"""Hot paths keep to their budget of instructions, and the guard sees it when they do not."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from instructions import budgets, callgrind, stages
from peers.environments import Unavailable

ROOT = Path(__file__).parents[2]
BUILD_S = 1_500


@pytest.fixture(scope="module")
def valgrind() -> str:
    """Debian's valgrind: installed where that can be done; else why not."""
    if shutil.which("valgrind"):
        return "valgrind"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        pytest.skip("valgrind is not here: apt-get install valgrind")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "valgrind"]
    for words in (["apt-get", "update", "-qq"], install):
        done = subprocess.run(words, capture_output=True, text=True, env=quiet, check=False)
        if done.returncode != 0:
            pytest.skip(f"valgrind cannot be installed: {done.stderr.strip()[-200:]}")
    return "valgrind"


@pytest.fixture(scope="module")
def binary() -> Path:
    """The release build of the programme that walks the paths."""
    if shutil.which("cargo") is None:
        pytest.skip("no Rust toolchain here: https://rustup.rs")
    words = ["cargo", "build", "--release", "--locked", "--quiet", "-p", "flyball-benchmarks"]
    words += ["--bin", "flyball-bench"]
    subprocess.run(words, cwd=ROOT, check=True, timeout=BUILD_S)
    return ROOT / "target" / "release" / "flyball-bench"


def test_every_hot_path_keeps_to_its_budget(valgrind: str, binary: Path, tmp_path: Path) -> None:
    assert valgrind
    found = budgets.counted(binary, tmp_path)
    verdicts = budgets.judged(found, json.loads(budgets.FILE.read_text()), budgets.rustc())
    over = [
        f"{it.path}: {it.counted:,.0f} instructions a call, budget {it.budget:,.0f}"
        for it in verdicts
        if not it.held
    ]
    assert not over, (
        f"{over}; if that is meant: make bench BENCH_ONLY=budgets BENCH_RENEW=1, and the change log"
    )
    assert all(it.calls >= 100 for it in verdicts)


KEPT = {
    "rustc": "rustc 1.95.0",
    "tolerance": 0.03,
    "tolerance_other_compiler": 0.15,
    "instructions": {"path_market": 1_000},
}


@pytest.mark.parametrize(
    ("counted", "compiler", "held"),
    [
        (1_030.0, "rustc 1.95.0", True),
        (1_030.1, "rustc 1.95.0", False),
        (1_030.1, "rustc 1.96.0", True),
        (1_150.1, "rustc 1.96.0", False),
    ],
)
def test_a_path_over_its_budget_is_seen(counted: float, compiler: str, held: bool) -> None:  # noqa: FBT001
    (verdict,) = budgets.judged({"path_market": (counted, 10)}, KEPT, compiler)
    assert verdict.held is held


def test_a_path_without_a_budget_is_an_error() -> None:
    found = {"path_market": (1.0, 1), "path_new": (1.0, 1)}
    with pytest.raises(ValueError, match="renew it"):
        budgets.judged(found, KEPT, "rustc 1.95.0")


WRITTEN = """\
fl=src/main.rs
fn=flyball_bench::paths::path_market'main
10 5
fi=crates/core/src/book/mod.rs
77 7
fe=src/main.rs
cfn=flyball_core::risk::gate::Gate::review'flyball_bench::paths::path_market'main
calls=3 20
11 900
fl=crates/core/src/risk/gate.rs
fn=flyball_core::risk::gate::Gate::review'flyball_bench::paths::path_market'main
20 900

fn=main
cfn=flyball_bench::paths::path_market'main
calls=2 10
1 912
"""


def test_what_callgrind_writes_is_read() -> None:
    counted = callgrind.read(WRITTEN.splitlines())
    assert counted.a_call("path_market") == (456.0, 2)
    assert counted.a_call("review") == (300.0, 3)
    assert sum(counted.own.values()) == 912
    with pytest.raises(Unavailable, match="no call of path_other"):
        counted.a_call("path_other")


def test_inlined_code_counts_for_the_room_that_it_was_written_in() -> None:
    counted = callgrind.read(WRITTEN.splitlines())
    assert stages.rows_by_room(counted, 1.0)[:2] == [("core: risk", 900.0), ("core: book", 7.0)]
    assert "flyball_bench::paths::path_market;[core: book] 7" in stages.folded(
        counted, "path_market"
    )
