"""Examples run as they are, and files among them are valid."""

import subprocess
import sys
from pathlib import Path

import pytest

from flyball.config import run as run_file

EXAMPLES = Path(__file__).parents[2] / "examples"
SHORTER = {"05_live": ["3"]}


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda p: p.stem)
def test_an_example_runs(path: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, path, *SHORTER.get(path.stem, [])],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda p: p.stem)
def test_a_run_file_is_valid(path: Path) -> None:
    assert run_file.load(path).profile == "emergency"
