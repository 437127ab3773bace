"""Rows: what is told, and its JSON."""

import json
from pathlib import Path

import pytest

import rows
from cases.bench import less, told
from contest import Entrant, Outcome


def outcome(name: str, role: str, seconds: list[float], **known: float) -> Outcome:
    entrant = Entrant(name=name, words=(), role=role)  # type: ignore[arg-type]
    return Outcome(entrant, rounds=[{"cpu_s": it, "rows": 100} | known for it in seconds])


@pytest.fixture
def played() -> dict[str, Outcome]:
    return {
        "flyball": outcome("flyball", "flyball", [3e-6, 2e-6, 9e-6]),
        "native": outcome("native", "measure", [1e-6]),
        "slow": outcome("slow", "peer", [40e-6, 20e-6]),
        "quick": outcome("quick", "peer", [5e-6, 6e-6]),
        "floor": outcome("floor", "floor", [1e-6]),
    }


def test_a_row_tells_the_best_round_of_each(played: dict[str, Outcome]) -> None:
    one = told("case", "data", played, ("ns", 1e9), per="rows", goal=15)
    assert one["flyball"] == pytest.approx(20)
    assert one["peers"] == {"slow": pytest.approx(200), "quick": pytest.approx(50)}
    assert one["ratio_best_peer"] == pytest.approx(2.5)
    assert one["floor"] == pytest.approx(10)
    assert one["reached"] is False
    assert "median 30" in one["note"]


def test_without_peers_there_is_no_ratio_and_without_us_no_figure(
    played: dict[str, Outcome],
) -> None:
    alone = told("case", "data", {"flyball": played["flyball"]}, ("ns", 1e9), per="rows")
    assert alone["peers"] == {}
    assert alone["ratio_best_peer"] is None
    assert alone["floor"] is None
    del played["flyball"]
    absent = told("case", "data", played, ("ns", 1e9), per="rows", goal=1)
    assert absent["flyball"] is None
    assert absent["reached"] is None


def test_a_difference_is_of_as_many_rows(played: dict[str, Outcome]) -> None:
    rest = {"quick": outcome("quick", "peer", [2e-6], rows=50)}
    found = less(played, rest, per="rows")
    assert list(found) == ["quick"]
    assert found["quick"].best() == pytest.approx(1e-6)


def test_the_json_has_what_is_promised(tmp_path: Path, played: dict[str, Outcome]) -> None:
    path = tmp_path / "bench.json"
    one = told("case", "data", played, ("ns", 1e9), per="rows")
    rows.write(path, [one], {"quick": "1.0"})
    (read,) = json.loads(path.read_text())
    assert {"case", "flyball", "unit", "peers", "ratio_best_peer", "floor"} <= set(read)
    assert read["versions"]["quick"] == "1.0"
    assert read["machine"]


def test_the_table_names_peers_floor_goal_and_who_is_absent(
    played: dict[str, Outcome], capsys: pytest.CaptureFixture[str]
) -> None:
    one = told("a case", "some data", played, ("ns", 1e9), per="rows", goal=15)
    rows.console.file = None  # type: ignore[assignment]
    rows.show([one], {"quick": "1.0"}, {"gone": "no CPython"})
    said = capsys.readouterr().out
    for words in ("a case", "some data", "quick", "floor", "not reached", "gone: no CPython"):
        assert words in said


@pytest.mark.parametrize(
    ("value", "text"), [(None, "-"), (1234.5, "1,234"), (12.34, "12.3"), (0.01234, "0.0123")]
)
def test_figures_show_the_digits_that_matter(value: float | None, text: str) -> None:
    assert rows.figure(value) == text
