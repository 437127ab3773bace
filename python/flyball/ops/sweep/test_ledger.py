from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyball.errors import ConfigError, DataError
from flyball.ops.sweep.desk import Grid
from flyball.ops.sweep.ledger import Ledger
from flyball.ops.sweep.trial import Job, Trial, line_of, read_line

ABOUT = {"data": "xrp", "cash": "10000"}


def _trial(fast: int, *, window: tuple[int, int] | None = None) -> Trial:
    returns = np.random.default_rng(fast).normal(0.0, 0.01, 30).astype(np.float32)
    return Trial(
        job=Job(parameters={"fast": fast, "bars": "5m"}, window=window),
        returns=returns,
        equity="10012.25",
        tripped=("drawdown",),
        state_hash="ab" * 32,
        max_drawdown=0.1,
    )


def _filled(folder: Path, count: int) -> Path:
    with Ledger(folder, about=ABOUT, resume=False) as ledger:
        for fast in range(count):
            ledger.add(_trial(fast))
    return folder / "trials.jsonl"


def test_a_trial_comes_back_from_its_line_to_the_last_bit() -> None:
    for trial in (_trial(3), _trial(4, window=(5, 10**18))):
        again = read_line(line_of(trial))
        assert again.returns.tobytes() == trial.returns.tobytes()
        assert again.job.key == trial.job.key
        assert (again.equity, again.tripped) == (trial.equity, trial.tripped)
        assert line_of(again) == line_of(trial)


@given(st.data())
def test_every_flipped_letter_is_damage(data: st.DataObject) -> None:
    line = line_of(_trial(1))
    at = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.sampled_from('aZ09+ "{\n'))
    if line[at] == other:
        return
    with pytest.raises(DataError):
        read_line(line[:at] + other + line[at + 1 :])


def test_what_was_finished_is_there_again(tmp_path: Path) -> None:
    _filled(tmp_path, 3)
    with Ledger(tmp_path, about=ABOUT, resume=True) as ledger:
        assert sorted(ledger.trials) == sorted(_trial(fast).job.key for fast in range(3))
        ledger.add(_trial(9))
    with Ledger(tmp_path, about=ABOUT, resume=True) as ledger:
        assert len(ledger.trials) == 4
        assert ledger.damaged == 0


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_line_that_was_cut_is_left_out_and_the_rest_stays(tmp_path: Path, cut: int) -> None:
    path = _filled(tmp_path, 3)
    path.write_bytes(path.read_bytes()[:-cut])
    with Ledger(tmp_path, about=ABOUT, resume=True) as ledger:
        assert len(ledger.trials) == 2
        assert ledger.damaged == 1
        ledger.add(_trial(2))
    with Ledger(tmp_path, about=ABOUT, resume=True) as ledger:
        assert len(ledger.trials) == 3
        assert ledger.damaged == 0, "the file was made whole"


def test_a_line_in_the_middle_that_is_damaged_is_left_out(tmp_path: Path) -> None:
    path = _filled(tmp_path, 3)
    lines = path.read_text().splitlines(keepends=True)
    lines[2] = lines[2].replace("10012.25", "90012.25")
    path.write_text("".join(lines))
    with Ledger(tmp_path, about=ABOUT, resume=True) as ledger:
        assert _trial(1).job.key not in ledger.trials
        assert len(ledger.trials) == 2


def test_a_folder_is_not_taken_over_unasked(tmp_path: Path) -> None:
    _filled(tmp_path, 1)
    with pytest.raises(ConfigError, match="--resume goes on with it"):
        Ledger(tmp_path, about=ABOUT, resume=False)


def test_another_configuration_is_refused_by_name(tmp_path: Path) -> None:
    _filled(tmp_path, 1)
    with pytest.raises(ConfigError, match="cash was 10000, is 5000"):
        Ledger(tmp_path, about={**ABOUT, "cash": "5000"}, resume=True)
    with pytest.raises(ConfigError, match="sim was None, is fast"):
        Ledger(tmp_path, about={**ABOUT, "sim": "fast"}, resume=True)


def test_a_first_line_that_is_damaged_is_not_guessed(tmp_path: Path) -> None:
    path = _filled(tmp_path, 1)
    path.write_text("x" + path.read_text())
    with pytest.raises(DataError, match="first line is damaged"):
        Ledger(tmp_path, about=ABOUT, resume=True)


def test_steps_take_the_newest_equity_that_is_known() -> None:
    grid = Grid.over(0, 40, 10)
    times = np.array([5, 10, 19, 21, 40])
    equity = np.array([100.0, 110.0, 121.0, np.nan, 60.5])
    found = grid.returns(times, equity, cash=100.0)
    assert found.tolist() == pytest.approx([0.1, 0.1, 0.0, -0.5])


def test_what_is_lost_stays_lost() -> None:
    grid = Grid.over(0, 30, 10)
    times = np.array([10, 20, 30])
    found = grid.returns(times, np.array([-5.0, 100.0, 200.0]), cash=100.0)
    assert found.tolist() == [-1.0, 0.0, 0.0]


def test_what_protection_brought_to_a_standstill_is_told() -> None:
    moved = np.array([0.1] + [0.0] * 39, dtype=np.float32)
    job = Job(parameters={"a": 1})
    assert Trial(job=job, returns=moved).standstill
    assert not Trial(job=job, returns=moved[::-1].copy()).standstill
    assert not Trial(job=job, returns=np.zeros(40, dtype=np.float32)).standstill
