"""Drills: they pass where protection is there, and fail where it is not."""

import json
from pathlib import Path

import pytest

import flyball as fb
from flyball.config.profile import profile
from flyball.ops.drills import record
from flyball.ops.drills.runner import DRILLS, run_drills
from flyball.ops.drills.stage import Stage
from flyball.trading.runtime.local import LocalExchange
from tests.integration.conftest import Run
from tests.integration.livetools import key_file

SWITCHES = ("drawdown", "daily_loss", "emergency", "position_loss", "leverage", "margin")


def test_what_protects_acts_and_the_venue_says_that_the_account_is_flat() -> None:
    kills = ("stop_at_venue", "kill_file", "kill_signal", "restart_latched")
    only = (*SWITCHES, *kills, "sentinel_stopped", "sentinel_killed")
    found = run_drills(profile("emergency"), source="emergency", only=only, patience_s=20.0)
    assert {each.name: each.saw for each in found if not each.passed} == {}
    for each in found:
        assert each.ms_to_flat is not None
        assert each.did
    assert {each.name for each in found} == set(only)


def test_a_drill_fails_when_the_protection_is_not_there() -> None:
    found = run_drills(
        profile("emergency"),
        source="emergency",
        only=SWITCHES,
        armed=profile("unprotected"),
        patience_s=2.0,
    )
    assert [each.name for each in found if each.passed] == []
    for each in found:
        assert "did not trip" in each.saw, (each.name, each.saw)


@pytest.mark.parametrize("name", ["sentinel_stopped", "sentinel_killed"])
def test_the_sentinels_drill_fails_where_no_sentinel_watches(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = Stage._keys
    monkeypatch.setattr(Stage, "_keys", lambda self, **_: keys(self, guarded=False))
    monkeypatch.setattr(Stage, "watched", lambda _self: None)
    (found,) = run_drills(profile("emergency"), source="emergency", only=[name], patience_s=2.5)
    assert not found.passed
    assert "not flat at the venue" in found.saw


def test_a_switch_that_cannot_fire_fails_its_drill(flyball: Run, tmp_path: Path) -> None:
    done = flyball(
        *("drill", "--profile", "unprotected", "--only", "drawdown", "--only", "margin", "--json"),
        cwd=tmp_path,
    )
    assert done.returncode == 1, done.stderr
    told = json.loads(done.stdout)
    assert told["passed"] is False
    assert [(each["name"], each["passed"]) for each in told["drills"]] == [
        ("drawdown", False),
        ("margin", False),
    ]
    assert all("cannot be reached" in each["saw"] for each in told["drills"])
    assert not (tmp_path / "runs" / "drills").exists(), "a part of the drills counts for nothing"
    unknown = flyball("drill", "--only", "nothing", cwd=tmp_path)
    assert unknown.returncode == 2
    assert "there is no drill 'nothing'" in unknown.stderr


def test_a_drill_counts_for_its_own_numbers_and_its_own_build(tmp_path: Path) -> None:
    chosen, names = profile("emergency"), [drill.name for drill in DRILLS]

    def drilled(which: str = "emergency") -> str:
        wanted = chosen if which == "emergency" else profile(Path(which))
        try:
            record.drilled(wanted, source=which, names=names, folder=tmp_path)
        except fb.ConfigError as error:
            return str(error)
        return ""

    assert "was never drilled" in drilled()
    assert "flyball drill --profile emergency" in drilled()
    rows = [{"name": name, "passed": True} for name in names]
    path = record.write_record(chosen, rows, folder=tmp_path)
    assert drilled() == ""
    other = tmp_path / "mine.toml"
    text = (Path(fb.__file__).parent / "config/profiles/emergency.toml").read_text()
    other.write_text(text.replace("drawdown = 0.05 ", "drawdown = 0.06 "))
    assert "was drilled with other numbers" in drilled(str(other))
    good = path.read_text()
    path.write_text(good.replace(record.build_hash(), "0" * 64))
    assert "with another build" in drilled()
    path.write_text(good[:-20])
    assert "cannot be read" in drilled()
    record.write_record(chosen, [{**rows[0], "passed": False}, *rows[1:]], folder=tmp_path)
    assert f"did not pass its drill ({names[0]})" in drilled()
    record.write_record(chosen, rows[1:], folder=tmp_path)
    assert "did not pass" in drilled(), "one that was not run has not passed"


def test_live_wants_a_profile_that_was_drilled(tmp_path: Path, flyball: Run) -> None:
    with LocalExchange() as exchange:
        own = exchange.keys[0]
    keys = key_file(tmp_path / "keys.toml", own)
    keys.write_text(keys.read_text().replace('"local"', '"testnet"'))
    done = flyball(
        *("run", "maker", "--instrument", "XRP", "--profile", "emergency", "--set", "size=10"),
        *("--venue", "hyperliquid-testnet", "--live", "--keys", keys),
        *("--confirm", own.account[-6:]),
        cwd=tmp_path,
    )
    assert done.returncode == 2, done.stderr
    said = " ".join(done.stderr.split())
    assert "was never drilled" in said
    assert "flyball drill --profile emergency" in said


@pytest.mark.parametrize("drill", DRILLS, ids=lambda it: it.name)
def test_every_drill_is_documented(drill: object) -> None:
    page = (Path(__file__).parents[2] / "docs" / "drills.md").read_text()
    name = getattr(drill, "name", "")
    assert f"`{name}`" in page
