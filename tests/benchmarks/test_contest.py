"""Contestants in turns, and what becomes of one that is not there or fails."""

import subprocess
import sys
from pathlib import Path

import pytest

from contest import Entrant, contest
from peers import environments
from peers.environments import REQUIREMENTS, Environments, Unavailable

WORKER = """
import sys
sys.path.insert(0, {benchmarks!r})
from peers.worker import serve
turn = 0
def work():
    global turn
    turn += 1
    with open({log!r}, "a") as log:
        log.write({name!r})
    if turn > {turns}:
        raise ValueError("it had enough")
    return {{"rows": 10, "turn": turn, "cpu_s": 1.0 / turn}}
serve(work)
"""


@pytest.fixture
def places(tmp_path: Path) -> Environments:
    return Environments(tmp_path / "peers")


def worker(folder: Path, name: str, turns: int = 99) -> tuple[str, ...]:
    script = folder / f"{name}.py"
    benchmarks = str(Path(__file__).parents[2] / "benchmarks")
    log = str(folder / "log")
    script.write_text(WORKER.format(benchmarks=benchmarks, log=log, name=name, turns=turns))
    return (sys.executable, str(script))


def test_they_work_in_turns(tmp_path: Path, places: Environments) -> None:
    entrants = [Entrant(name=name, words=worker(tmp_path, name)) for name in "ABC"]
    outcomes = contest(entrants, rounds=3, environments=places, scratch=tmp_path)
    assert (tmp_path / "log").read_text() == "ABCABCABC"
    assert [outcome.best() for outcome in outcomes] == [pytest.approx(1 / 3)] * 3
    assert outcomes[0].median() == pytest.approx(1 / 2)
    assert outcomes[0].last("turn") == 3
    assert outcomes[0].rounds[0]["peak_mb"] > 1


def test_one_that_fails_is_named_and_the_others_go_on(tmp_path: Path, places: Environments) -> None:
    entrants = [
        Entrant(name="A", words=worker(tmp_path, "A", turns=1)),
        Entrant(name="B", words=worker(tmp_path, "B")),
        Entrant(name="C", words=("/nowhere/at/all",)),
    ]
    first, second, third = contest(entrants, rounds=2, environments=places, scratch=tmp_path)
    assert first.failed == "ValueError: it had enough"
    assert not second.failed
    assert len(second.rounds) == 2
    assert "/nowhere/at/all" in third.failed


def test_a_peer_that_cannot_be_installed_is_skipped_with_the_reason(
    tmp_path: Path, places: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "interpreter", lambda: None)
    entrant = Entrant(name="hft", words=("peers.hft",), environment="hftbacktest")
    (outcome,) = contest([entrant], rounds=1, environments=places, scratch=tmp_path)
    assert outcome.failed == "no CPython 3.12 here, and hftbacktest is pinned for it"


def test_what_pip_says_is_the_reason(
    tmp_path: Path, places: Environments, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(words: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(words, 1, "", "noise\nERROR: nobody has that\n")

    monkeypatch.setattr(environments, "interpreter", lambda: sys.executable)
    monkeypatch.setattr(environments.subprocess, "run", refused)  # type: ignore[attr-defined]
    with pytest.raises(Unavailable, match="raptorbt cannot be installed: ERROR: nobody has that"):
        places.python("raptorbt")
    assert not list(tmp_path.rglob("installed"))


def test_every_environment_is_pinned_and_hashed() -> None:
    names = {path.stem for path in REQUIREMENTS.glob("*.in")}
    assert names == {path.stem for path in REQUIREMENTS.glob("*.txt")}
    assert len(names) == 7
    for path in REQUIREMENTS.glob("*.txt"):
        text = path.read_text()
        assert "://" not in text
        pinned = [line for line in text.splitlines() if "==" in line and not line.startswith(" ")]
        assert pinned
        assert text.count("--hash=sha256:") >= len(pinned)
