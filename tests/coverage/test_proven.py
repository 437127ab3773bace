"""How well the gate and the switches are tested: `make test LONG=tests/coverage`, an hour.

No part of `make test`: a build with coverage takes minutes, and the mutants an hour. Wanted are
Debian's LLVM of the compiler's version, and cargo-mutants.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.coverage.branches import FILTERS, ROOT, never_taken

LEAST = 0.95
CHANGED = (
    "crates/core/src/risk/**",
    "crates/core/src/engine/protect.rs",
    "crates/core/src/engine/clock.rs",
    "crates/core/src/engine/doubt.rs",
)


@pytest.mark.long
def test_every_branch_of_the_gate_and_the_switches_is_taken_both_ways() -> None:
    total, missed = never_taken()
    print(f"{total} branches, {len(missed)} of them never taken")
    assert total > 0
    assert not missed, "\n".join(missed)


@pytest.mark.long
def test_a_change_of_the_gate_or_the_switches_is_noticed(tmp_path: Path) -> None:
    if shutil.which("cargo-mutants") is None:
        pytest.skip("cargo-mutants is needed: cargo install --locked cargo-mutants")
    files = [word for each in CHANGED for word in ("-f", each)]
    command = ["cargo", "mutants", "-p", "flyball-core", *files, "-o", str(tmp_path)]
    tests = ["--timeout", "30", "--", "--lib", "--locked", "--", *FILTERS]
    profiles = [f"CARGO_PROFILE_{name}" for name in ("TEST", "DEV")]
    quick = {f"{name}_{it}": "0" for name in profiles for it in ("DEBUG", "OPT_LEVEL")}
    subprocess.run([*command, *tests], cwd=ROOT, env={**os.environ, **quick}, check=False)
    told = json.loads((tmp_path / "mutants.out" / "outcomes.json").read_text("utf-8"))
    noticed = told["caught"] + told["timeout"]
    print(f"{noticed} of {noticed + told['missed']} changes were noticed")
    assert noticed >= LEAST * (noticed + told["missed"]) > 0
