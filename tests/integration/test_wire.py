"""Cells of the crash matrix over the wire, a few of them; `flyball proof --wire` runs the whole."""

from pathlib import Path

import pytest

from flyball.config.profile import profile
from flyball.ops.wire.cells import Cell, Outcome, few_cells
from flyball.ops.wire.faults import FAULTS
from flyball.ops.wire.play import play
from flyball.ops.wire.runner import run_cells
from flyball.ops.wire.trips import figures, measure
from flyball.ops.wire.windows import made_gap
from tests.integration.conftest import Run

KNOWN = {fault.name: fault for fault in FAULTS}


@pytest.fixture(scope="module")
def outcomes() -> list[Outcome]:
    cells = few_cells([(profile("emergency"), "emergency")], profile("unprotected"), data=None)
    return run_cells(cells, at_once=4)


def test_every_fault_ends_within_the_line_and_verified_flat(outcomes: list[Outcome]) -> None:
    protected = [each for each in outcomes if each.profile == "emergency"]
    assert {each.fault for each in protected} == set(KNOWN)
    assert {each.cell: each.failure for each in protected if each.failure} == {}
    for each in protected:
        assert each.held, each.cell
        assert each.fills >= 2, each.cell
        assert each.move_met > 0.09, f"{each.cell} met nothing"
        assert each.drawdown > 0.01, f"{each.cell} lost nothing"
        assert each.overshoot == 0, (each.cell, each.drawdown)
        assert each.flat, each.cell
        assert each.said_flat, each.cell
        assert each.orders_after_stop == 0, each.cell


def test_without_protection_the_same_jump_goes_far_beyond_the_line(
    outcomes: list[Outcome],
) -> None:
    (other,) = [each for each in outcomes if each.profile == "unprotected"]
    assert other.drawdown > 0.3
    assert not other.failure


def test_every_fault_was_there(outcomes: list[Outcome]) -> None:
    signs = {each.fault: each.signs for each in outcomes if each.profile == "emergency"}
    assert signs["none"] == ()
    assert {"journal", "outbox"} <= set(signs["disk_full"])
    for name in ("venue_5xx", "venue_5xx_executed"):
        assert any("errors of the venue" in sign for sign in signs[name]), signs[name]
    for name in ("engine_sigkill", "engine_sigstop", "engine_sigkill_disk_full"):
        assert "sentinel: the engine is silent" in signs[name] or "sentinel latched" in signs[name]


def test_what_nothing_protects_goes_beyond_the_line(tmp_path: Path) -> None:
    # The line of one profile, and a run under another one.
    cell = Cell(
        profile=profile("emergency"),
        source="unprotected",
        strategy="all_in",
        window=made_gap(0.10),
        fault=KNOWN["none"],
    )
    found = play(cell)
    assert not found.failure
    assert found.overshoot > 0.03
    assert found.drawdown == pytest.approx(0.10, abs=0.02)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["none", "disk_full", "venue_5xx"])
def test_a_line_that_is_crossed_leads_to_the_wire_and_to_a_flat_account(name: str) -> None:
    found = figures(measure(KNOWN[name], times=2))
    assert found["trips"] == 2
    for key in ("event_to_wire_us", "wire_to_wire_us", "to_flat_ms"):
        assert found[key]["count"] == 2, "seen on the wire"
        assert 0 < found[key]["p50"] <= found[key]["max"]
    assert found["wire_to_wire_us"]["max"] > found["event_to_wire_us"]["p50"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--full",), "--wire and --full"),
        (("--html", "x.html"), "--wire and --html"),
        (("--window", "gap"), "--wire and --window"),
        (("--profile", "unprotected"), "always run"),
        (("--profile", "nothing"), "there is no profile"),
    ],
)
def test_what_is_not_about_the_wire_is_refused(
    flyball: Run, words: tuple[str, ...], said: str
) -> None:
    done = flyball("proof", "--wire", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_page_tells_of_every_fault() -> None:
    page = (Path(__file__).parents[2] / "docs" / "proof.md").read_text()
    for fault in FAULTS:
        assert f"`{fault.name}`" in page
