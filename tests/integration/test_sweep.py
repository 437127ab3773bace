"""Sweeps as people run them: over recordings, in several processes, stopped and gone on with."""

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

import flyball as fb
from flyball.errors import ConfigError, StrategyError
from flyball.ops.report import sweep_report
from flyball.ops.sweep import Found, Sweep
from flyball.ops.sweep.cluster import placed
from flyball.ops.sweep.desk import Task
from flyball.ops.sweep.ledger import Ledger
from flyball.ops.sweep.trial import Trial, read_line
from flyball.trading.runtime.demo import synthetic_market
from tests.integration.conftest import Run, command

USERS = '''
from dataclasses import dataclass

import flyball as fb


@dataclass(frozen=True, kw_only=True)
class Cross:
    """Long while the fast average is above the slow one."""

    bars: str = "1m"
    fast: int = 5
    slow: int = 20

    quick = fb.Feature("sma", period="fast")
    steady = fb.Feature("sma", period="slow")

    def __post_init__(self):
        if self.fast == 13:
            raise ValueError("13 is no good")

    def decide(self, view):
        if self.fast == 14:
            raise RuntimeError("14 breaks")
        return fb.Signal("long" if view.quick > view.steady else "flat", confidence=0.5)
'''


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> fb.Dataset:
    """Twelve hours, simulated."""
    return synthetic_market(tmp_path_factory.mktemp("market"), seed=3, hours=12.0)


@pytest.fixture(scope="module")
def cross(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A strategy of a user's own file."""
    path = tmp_path_factory.mktemp("users") / "cross.py"
    path.write_text(USERS)
    return f"{path}:Cross"


@pytest.fixture(scope="module")
def small(market: fb.Dataset, cross: str) -> Sweep:
    """Eight combinations, less those that make no sense."""
    return Sweep(
        strategy=cross,
        grid=["fast=2..8:2", "slow=6..12:6"],
        where=["fast<slow"],
        data=market,
        profile="unprotected",
        cash=10_000,
        sizing=fb.Sizing.equity_fraction(0.2),
        splits="walk_forward=3",
    )


@pytest.fixture(scope="module")
def found(small: Sweep) -> Found:
    """What that came to."""
    return small.run()


def _plain(found: Found) -> dict[str, Any]:
    return {key: value for key, value in found.items() if key != "speed"}


def test_a_sweep_is_json_and_adds_up(found: Found) -> None:
    assert json.loads(json.dumps(_plain(found), allow_nan=False)) == _plain(found)
    assert found["trials"]["made"] == 6
    assert len(found["table"]) == 6
    assert [row["score"] for row in found["table"]] == sorted(
        (row["score"] for row in found["table"]), reverse=True
    )
    assert found["best"]["parameters"] == found["table"][0]["parameters"]
    assert found["steps"] == (found["folds"][-1]["test"][-1][1] - found["first_ns"]) // 60e9
    assert len(found["folds"]) == 3
    assert found["luck"]["deflated"] <= found["luck"]["probabilistic"]
    assert found["overfitting"]["halves"] == 12_870
    assert {row["parameters"]["slow"] for row in found["table"]} == {6, 12}


def test_a_trial_is_the_backtest_of_its_parameters(found: Found, small: Sweep) -> None:
    best = found["best"]
    path, _, _ = str(small.strategy).rpartition(":")
    scope: dict[str, Any] = {}
    exec(compile(Path(path).read_text(), path, "exec"), scope)
    result = fb.backtest(
        scope["Cross"](**best["parameters"]),
        data=small.data,
        profile="unprotected",
        cash=10_000,
        sizing=fb.Sizing.equity_fraction(0.2),
    )
    assert best["state_hash"] == result.state_hash
    assert best["equity"] == str(result.equity)
    assert best["trades"] == result.trades
    # The curve ends with the last whole step.
    assert 10_000 * (1 + best["total_return"]) == pytest.approx(float(result.equity), rel=2e-3)


def test_processes_change_nothing(found: Found, small: Sweep) -> None:
    assert _plain(small.run(jobs=2)) == _plain(found)


def test_what_was_stopped_goes_on_and_ends_the_same(
    found: Found, small: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Ledger.add

    def stop_after_three(self: Ledger, trial: Trial) -> None:
        add(self, trial)
        if len(self.trials) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "add", stop_after_three)
        with pytest.raises(KeyboardInterrupt):
            small.run(folder=tmp_path)
    with pytest.raises(ConfigError, match="--resume"):
        small.run(folder=tmp_path)
    again = small.run(folder=tmp_path, resume=True)
    assert _plain(again) == _plain(found)
    assert again["speed"]["trials_kept"] == 3
    once_more = small.run(folder=tmp_path, resume=True)
    assert once_more["speed"]["trials_run"] == 0
    assert json.dumps(_plain(once_more)) == json.dumps(_plain(found)), "in the same order too"
    with pytest.raises(ConfigError, match="cash was 10000, is 500"):
        replace(small, cash=500).run(folder=tmp_path, resume=True)


def test_a_strategy_that_was_edited_is_another_one(small: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(USERS)
    mine = replace(small, strategy=f"{path}:Cross", grid=["fast=2,4"], where=())
    mine.run(folder=tmp_path / "kept")
    path.write_text(USERS.replace("confidence=0.5", "confidence=0.4"))
    with pytest.raises(ConfigError, match="strategy's code was"):
        mine.run(folder=tmp_path / "kept", resume=True)


def test_a_file_that_cannot_be_loaded_is_named(small: Sweep, tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("import no_such_module_of_anybody")
    with pytest.raises(ConfigError, match=r"broken\.py: cannot be loaded: .*no_such_module"):
        replace(small, strategy=f"{path}:Cross").run()


def test_earlier_trials_count_and_are_not_chosen(small: Sweep, tmp_path: Path) -> None:
    wide = replace(small, splits="none")
    before = wide.run(folder=tmp_path)
    narrow = replace(wide, grid=["fast=2,4", "slow=12"], where=(), earlier=100)
    after = narrow.run(folder=tmp_path, resume=True)
    assert after["speed"]["trials_run"] == 0
    assert after["trials"]["made"] == 2
    assert after["trials"]["earlier_here"] == 4
    assert after["luck"]["trials"] == 106
    assert before["luck"]["trials"] == 6
    assert after["luck"]["expected_maximum"] > before["luck"]["expected_maximum"]


def test_chance_and_optuna_are_the_same_for_the_same_seed(small: Sweep) -> None:
    by_chance = replace(small, random=4, grid=["fast=2..8", "slow=9..20"], splits="none")
    one, same = by_chance.run(), by_chance.run(jobs=2)
    other = replace(by_chance, seed=2).run()
    assert _plain(one) == _plain(same)
    assert one["hash"] != other["hash"]


def test_each_split_of_optuna_has_its_own_search(small: Sweep, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed: flyball[research]")
    wanted = replace(
        small,
        optuna=10,
        grid=["fast=2..10", "slow=4..30", "bars=1m,2m"],
        splits="kfold=2",
    )
    one = wanted.run(folder=tmp_path)
    assert one["search"] == "optuna tpe"
    assert 10 <= one["trials"]["made"] <= 30
    assert _plain(wanted.run(jobs=2)) == _plain(one)
    again = wanted.run(folder=tmp_path, resume=True)
    assert again["speed"]["trials_run"] == 0
    assert _plain(again) == _plain(one)


def test_cmaes_says_what_it_lacks(small: Sweep) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed: flyball[research]")
    texts = replace(small, optuna=2, sampler="cmaes", grid=["fast=2..9", "bars=1m,2m"], where=())
    with pytest.raises(ConfigError, match="wants ranges"):
        texts.run()
    try:
        import cmaes  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: F401
    except ModuleNotFoundError:
        with pytest.raises(ConfigError, match="pip install cmaes"):
            replace(texts, grid=["fast=2..9", "slow=9..20"]).run()
    else:
        made = replace(texts, grid=["fast=2..9", "slow=10..20"], optuna=4, splits="none").run()
        assert made["trials"]["made"] >= 2


@pytest.mark.parametrize("splits", ["rolling=2", "kfold=3", "combinatorial=4/2"])
def test_every_way_to_split(small: Sweep, splits: str) -> None:
    told = replace(small, splits=splits, grid=["fast=2,4", "slow=12"], where=()).run()
    assert told["splits"] == splits
    assert told["outside"]["rank"] > 0.0
    assert (told["outside"]["anew"] is not None) == splits.startswith("rolling")
    if splits.startswith("combinatorial"):
        assert told["paths"]["count"] == 3
        assert len(told["folds"]) == 6


def test_a_part_by_itself_begins_with_the_cash(found: Found) -> None:
    for fold in found["folds"]:
        assert fold["anew"]["error"] == ""
        grown = 10_000 * (1 + fold["anew"]["total_return"])
        assert grown == pytest.approx(float(fold["anew"]["equity"]), rel=5e-3)
        assert fold["anew"]["trades"] > 0


def test_what_fails_is_told_and_not_ranked(small: Sweep) -> None:
    told = replace(small, grid=["fast=4,13,14", "slow=20"], where=(), splits="none").run()
    assert told["trials"]["made"] == 1
    assert told["trials"]["failed"] == 2
    assert "13 is no good" in told["trials"]["first_failure"]["error"]
    broken = replace(small, grid=["fast=14", "slow=20"], where=(), splits="none")
    with pytest.raises(StrategyError, match="14 breaks"):
        broken.run()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grid": ["fats=2,4"], "where": ()}, "the nearest is 'fast'"),
        ({"grid": ["fast=2..8"], "where": ()}, "wants a step"),
        ({"where": ["fast>slow", "slow>100"]}, "no combination"),
        ({"fixed": {"slow": 5}}, "varied and set"),
        ({"splits": "backwards=3"}, "--splits wants"),
        ({"splits": "combinatorial=6"}, "--splits wants"),
        ({"splits": "kfold=1"}, "2 at least"),
        ({"splits": "walk_forward=5000"}, "cannot be cut"),
        ({"splits": "none", "purge": -1}, "below zero"),
        ({"step": "1d"}, "not two of them long"),
        ({"random": 3, "optuna": 3}, "name one of them"),
        ({"random": 0}, "at least 1"),
        ({"score": "calmar"}, "is wanted"),
        ({"cash": -5}, "above zero"),
        ({"strategy": "brekout"}, "the nearest is 'breakout'"),
        ({"strategy": "nowhere.py:Cross"}, "no such Python file"),
    ],
)
def test_what_makes_no_sense_is_said_before_anything_runs(
    small: Sweep, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(small, **changes).run()


@dataclass(frozen=True, kw_only=True)
class Held:
    """A class instead of a name."""

    lots: int = 1
    wake = fb.Wake(every="1h")

    def decide(self, view: fb.View) -> fb.Target:  # noqa: ARG002
        """Hold."""
        return fb.Target(self.lots)


def test_a_class_and_a_single_trial(market: fb.Dataset) -> None:
    told = Sweep(
        strategy=Held, grid=["lots=10"], data=market, profile="unprotected", cash=10_000
    ).run()
    assert told["strategy"] == "Held"
    assert "nothing to be chosen from" in told["overfitting"]["reason"]
    assert told["stability"] is None
    assert told["landscape"] is None


def test_a_trial_has_the_protection_that_trading_has(market: fb.Dataset) -> None:
    # The market ends in a crash of 37 %: with nothing in the way a large position is gone.
    held = Sweep(
        strategy=Held, grid=["lots=1,9000"], data=market, profile="unprotected", cash=10_000
    )
    worst = [
        max(row["max_drawdown"] for row in replace(held, profile=profile).run()["table"])
        for profile in ("unprotected", "emergency")
    ]
    assert worst[0] > 0.5
    assert worst[1] < 0.06


def test_the_report_says_what_was_found(found: Found, tmp_path: Path) -> None:
    page = sweep_report(found, tmp_path / "sweep.html").read_text()
    assert page.count("<svg") >= 6
    assert "simulated" in page
    assert "fast 2, slow 6" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "nan" not in page.lower().replace("<nan", "")
    for fold in found["folds"]:
        assert f"{fold['rank']:.0%}".replace("%", "\u202f%") in page


def test_a_tape_that_is_not_there_is_written_once(small: Sweep, tmp_path: Path) -> None:
    task = Task.of(
        small.strategy,
        fixed={},
        data=small.data,
        profile=fb.profile("unprotected"),
        cash=Decimal(1),
        sizing=None,
        sim=small.sim,
        step_ns=60 * 10**9,
    )
    sent: list[int] = []

    def send() -> bytes:
        sent.append(1)
        return small.data.tape.read_bytes()

    assert placed(task, send, home=tmp_path) is task
    away = replace(task, data=replace(task.data, folder=tmp_path / "elsewhere"))
    for _ in range(2):
        here = placed(away, send, home=tmp_path)
        assert here.data.tape.read_bytes() == small.data.tape.read_bytes()
    assert len(sent) == 1
    torn = replace(away, tape="1-0000000000000000")
    with pytest.raises(fb.DataError, match="did not arrive whole"):
        placed(torn, send, home=tmp_path)


def test_the_command(flyball: Run, shared: Path, tmp_path: Path) -> None:
    recording = shared / "bars" / "binance_usdm_1m_202505" / "XRPUSDT_1m.csv.gz"
    words = [
        "sweep", "breakout", "--data", str(recording), "--catalogue", str(tmp_path / "catalogue"),
        "--profile", "emergency", "--cash", "10000", "--sizing", "equity_fraction=0.1",
        "--grid", "channel=60,120", "--grid", "stop=2..4:2", "--set", "bars=5m",
        "--splits", "walk_forward=2", "--jobs", "2", "--folder", str(tmp_path / "kept"),
        "--report", str(tmp_path / "sweep.html"),
    ]  # fmt: skip
    done = flyball(*words, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["trials"]["made"] == 4
    assert told["steps"] == 719
    assert Path(told["report"]).is_file()
    refused = flyball(*words)
    assert refused.returncode == 2
    assert "--resume goes on with it" in refused.stderr
    again = flyball(*words, "--resume")
    assert again.returncode == 0
    assert "Luck alone would show" in again.stdout
    assert told["hash"] in again.stdout
    bare = flyball("sweep", "breakout", "--grid", "channel=5,6")
    assert bare.returncode == 2
    assert "--data is missing" in bare.stderr


def test_an_interrupt_ends_all_processes_and_loses_nothing(shared: Path, tmp_path: Path) -> None:
    recording = shared / "bars" / "binance_usdm_1m_202505" / "XRPUSDT_1m.csv.gz"
    kept = tmp_path / "kept" / "trials.jsonl"
    words = command([
        "sweep", "breakout", "--data", str(recording), "--catalogue", str(tmp_path / "catalogue"),
        "--profile", "emergency", "--cash", "10000", "--sizing", "equity_fraction=0.1",
        "--grid", "channel=10..400:1", "--splits", "none", "--jobs", "2",
        "--folder", str(tmp_path / "kept"),
    ])  # fmt: skip
    with subprocess.Popen(
        words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        until = time.monotonic() + 60
        while time.monotonic() < until and not (
            kept.exists() and kept.read_bytes().count(b"\n") > 3
        ):
            time.sleep(0.05)
        os.killpg(running.pid, signal.SIGINT)  # As a terminal does it.
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert "--resume goes on" in said
    assert "Traceback" not in said
    lines = kept.read_text().splitlines(keepends=True)
    assert all(read_line(line).events > 0 for line in lines[1:])
    assert 3 <= len(lines[1:]) < 391
