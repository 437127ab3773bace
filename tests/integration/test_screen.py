"""Signals over arrays: screened, swept, and held against the whole engine."""

import json
import sys
import threading
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import flyball as fb
from flyball import _core
from flyball.config.run import Sim
from flyball.errors import ConfigError, StrategyError
from flyball.ops.report import sweep_report
from flyball.ops.sweep import Found, Sweep
from flyball.ops.sweep.ledger import Ledger
from flyball.ops.sweep.trial import Trial
from flyball.research.data import Catalogue
from flyball.trading.runtime import backtest
from flyball.trading.runtime.screening import Screened, Screener
from tests.integration.conftest import Run

BARS = 6_000
MINUTE_NS = 60 * 10**9
START_MS = 1_735_689_600_000

USERS = '''
def cross(bars, *, fast: int = 5, slow: int = 20):
    """Long while the fast average is above the slow one."""
    if fast == 13:
        raise ValueError("13 is no good")
    return bars.sma(fast) > bars.sma(slow)
'''


def cross(bars: fb.BarSeries, *, fast: int = 10, slow: int = 50) -> NDArray[np.bool_]:
    """Long while the fast average is above the slow one; flat at the end."""
    return (bars.sma(fast) > bars.sma(slow)) & (np.arange(len(bars)) < len(bars) - 9)


def turns(bars: fb.BarSeries, *, period: int = 30, part: float = 1.0) -> NDArray[np.float64]:
    """Against the last moves, long or short; flat at the end."""
    targets = np.where(np.nan_to_num(bars.zscore(period)) > 0, -part, part)
    targets[-9:] = 0.0
    return targets


def walked(folder: Path) -> fb.Dataset:
    """Bars of a walk with much volume, so that every order finds somebody."""
    chance = np.random.default_rng(5)
    close = np.round(2.0 * np.exp(np.cumsum(chance.normal(0, 0.0008, BARS))), 4)
    first = np.concatenate([[2.0], close[:-1]])
    high = np.round(np.maximum(first, close) * (1 + np.abs(chance.normal(0, 0.0004, BARS))), 4)
    low = np.round(np.minimum(first, close) * (1 - np.abs(chance.normal(0, 0.0004, BARS))), 4)
    times = START_MS + np.arange(BARS) * 60_000
    path = folder / "XRPUSDT_1m.csv"
    with path.open("w", encoding="ascii") as file:
        file.write("time_ms,open,high,low,close,volume\n")
        for line in zip(times, first, high, low, close, strict=True):
            file.write(",".join(map(str, line)) + ",90000000\n")
    (one,) = Catalogue(folder / "catalogue").import_path(
        path, name="minutes", venue="binance_usdm", kind="linear", symbol="XRPUSDT"
    )
    return one.dataset


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> fb.Dataset:
    """Bars of a walk."""
    return walked(tmp_path_factory.mktemp("market"))


@pytest.fixture(scope="module")
def users(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A function of a user's own file."""
    path = tmp_path_factory.mktemp("users") / "mine.py"
    path.write_text(USERS)
    return f"{path}:cross"


@pytest.fixture(scope="module")
def small(market: fb.Dataset, users: str) -> Sweep:
    """Eight combinations, less two that make no sense."""
    return Sweep(
        strategy=users,
        grid=["fast=5..20:5", "slow=15..60:45"],
        where=["fast<slow"],
        data=market,
        profile="unprotected",
        cash=10_000,
        sizing=fb.Sizing.equity_fraction(0.2),
        splits="walk_forward=3",
        step="15m",
        confirm=2,
    )


@pytest.fixture(scope="module")
def found(small: Sweep) -> Found:
    """What that came to."""
    return small.run()


def plain(found: Found) -> Mapping[str, Any]:
    return {key: value for key, value in found.items() if key != "speed"}


def screened(
    signals: fb.Signals,
    data: fb.Dataset,
    *,
    sizing: fb.Sizing,
    profile: fb.Profile | None = None,
    sim: Sim | None = None,
) -> Screened:
    screener = Screener(
        data=data,
        profile=profile or fb.profile("unprotected"),
        cash=Decimal(10_000),
        sizing=sizing,
        sim=sim or Sim(),
    )
    edges = np.array([data.last_ns], dtype=np.int64)
    return screener.run(signals, first_ns=data.first_ns, last_ns=data.last_ns, edges_ns=edges)


def both(
    signals: fb.Signals, data: fb.Dataset, sizing: fb.Sizing, profile: fb.Profile | None = None
) -> tuple[Mapping[str, Any], fb.Result]:
    chosen = profile or fb.profile("unprotected")
    walked = screened(signals, data, sizing=sizing, profile=chosen)
    result = fb.backtest(signals, data=data, profile=chosen, cash=10_000, sizing=sizing)
    return walked.figures, result


@pytest.mark.parametrize(
    "signals",
    [fb.Signals(cross, fast=7, slow=31), fb.Signals(turns), fb.Signals(turns, part=0.5)],
    ids=repr,
)
def test_screening_and_engine_are_the_same_to_the_last_unit(
    market: fb.Dataset, signals: fb.Signals
) -> None:
    # Fixed lots, every order finds enough, nothing protects, flat at the end: both mean the same.
    figures, result = both(signals, market, fb.Sizing.lots(100))
    assert result.trades == figures["trades"] > 50
    assert Decimal(figures["equity"]) == result.equity
    assert Decimal(figures["fees"]) == result.fees
    # The engine looks at the mid of the touch along the path, screening at the path itself: half a
    # spread of 100 lots apart, and a hundredth of a percent of 10 000 is a whole.
    assert figures["max_drawdown"] == pytest.approx(result.max_drawdown, abs=2e-5)


@pytest.mark.parametrize("fast", [5, 9])
def test_with_a_share_of_equity_they_differ_by_roundings(market: fb.Dataset, fast: int) -> None:
    # A size is worked out from equity, which the engine marks at another tick of the same bar: a
    # lot more or less in some trades.
    figures, result = both(fb.Signals(cross, fast=fast), market, fb.Sizing.equity_fraction(0.5))
    assert result.trades == figures["trades"] > 50
    gained = float(result.equity) - 10_000
    assert float(figures["equity"]) - 10_000 == pytest.approx(gained, rel=1e-3)


def test_stops_act_in_both(market: fb.Dataset) -> None:
    # The engine's path goes in steps of 0.1 % and its stop is left at a step, screening's where it
    # lies: at most so much of the value apart for each stop.
    near = fb.profile("unprotected")
    exits = near.exits.__class__(
        **{
            **{key: getattr(near.exits, key) for key in near.exits.__struct_fields__},
            "stop_distance": Decimal("0.005"),
        }
    )
    struct = {key: getattr(near, key) for key in near.__struct_fields__}
    near = fb.Profile(**{**struct, "exits": exits})
    signals = fb.Signals(cross, fast=30, slow=120)
    sizing = fb.Sizing.lots(1_000)
    figures, result = both(signals, market, sizing, near)
    free, _ = both(signals, market, sizing)
    assert figures["exits"] > 10
    assert figures["equity"] != free["equity"]
    assert abs(figures["trades"] - result.trades) <= 0.02 * result.trades + 1
    step = 1_000 * 2.2 * 0.001
    apart = float(figures["equity"]) - float(result.equity)
    assert 0 < apart < figures["exits"] * step


def test_the_drawdown_line_holds_in_both(market: fb.Dataset) -> None:
    # Screening walks up to the line and closes there. In the engine the governor lets nothing be
    # opened that could cross it, so it stands still before.
    strict = fb.profile("unprotected")
    switches = strict.switches.__class__(
        **{
            **{key: getattr(strict.switches, key) for key in strict.switches.__struct_fields__},
            "drawdown": Decimal("0.03"),
        }
    )
    struct = {key: getattr(strict, key) for key in strict.__struct_fields__}
    strict = fb.Profile(**{**struct, "switches": switches})
    figures, result = both(fb.Signals(turns, period=9), market, fb.Sizing.lots(9_000), strict)
    assert figures["tripped"]
    assert figures["max_drawdown"] == pytest.approx(0.03, abs=2e-3)
    assert 0.02 < result.max_drawdown < 0.03
    free, _ = both(fb.Signals(turns, period=9), market, fb.Sizing.lots(9_000))
    assert free["max_drawdown"] > 0.06


def test_longer_bars_are_the_engines(market: fb.Dataset) -> None:
    signals = fb.Signals(cross, bars="5m", fast=3, slow=9)
    figures, result = both(signals, market, fb.Sizing.lots(100))
    assert figures["trades"] == result.trades > 20
    assert Decimal(figures["equity"]) == result.equity
    with pytest.raises(ConfigError, match="take a multiple"):
        screened(fb.Signals(cross, bars="90s"), market, sizing=fb.Sizing.lots(1))


def test_indicators_are_worked_out_once_and_equal_naive_ones(market: fb.Dataset) -> None:
    screener = Screener(
        data=market,
        profile=fb.profile("unprotected"),
        cash=Decimal(1),
        sizing=fb.Sizing.lots(1),
        sim=Sim(),
    )
    bars = screener.series(MINUTE_NS)
    assert bars.sma(20) is bars.feature("sma", period=20)
    assert not bars.sma(20).flags.writeable
    windows = np.lib.stride_tricks.sliding_window_view
    close, high, low = bars.close, bars.high, bars.low
    np.testing.assert_allclose(bars.sma(20)[19:], windows(close, 20).mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(bars.std(20)[19:], windows(close, 20).std(axis=1, ddof=1), rtol=1e-9)
    np.testing.assert_array_equal(bars.highest(20)[19:], windows(high, 20).max(axis=1))
    np.testing.assert_array_equal(bars.lowest(20, offset=1)[20:], windows(low, 20)[:-1].min(axis=1))
    assert np.isnan(bars.std(20)[:19]).all()
    ema, seen = float(close[:20].mean()), [float(close[:20].mean())]
    for price in close[20:].tolist():
        ema += (price - ema) * 2 / 21
        seen.append(ema)
    np.testing.assert_allclose(bars.ema(20)[19:], seen, rtol=1e-12)
    spans = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    average = float(spans[:14].mean())
    for span in spans[14:50].tolist():
        average += (span - average) / 14
    assert bars.atr(14)[50] == pytest.approx(average)
    moves = np.diff(close[:80])
    gain, loss = float(moves[:14].clip(0).mean()), float((-moves[:14]).clip(0).mean())
    for move in moves[14:].tolist():
        gain += (max(move, 0.0) - gain) / 14
        loss += (max(-move, 0.0) - loss) / 14
    assert bars.rsi(14)[79] == pytest.approx(100 * gain / (gain + loss))
    with pytest.raises(ConfigError, match="looks at more than bars"):
        bars.feature("microprice")


def test_a_run_leaves_pythons_lock_to_others(
    market: fb.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody is made to let go of the lock: whoever else gets on meanwhile was let.
    told: list[str] = []
    begun = threading.Event()

    def drive(run: _core.Run, _progress: object, _last_ns: object) -> bool:
        begun.set()
        run.step(10**9)
        told.append("over")
        return False

    monkeypatch.setattr(backtest, "_drive", drive)
    signals, sizing = fb.Signals(cross, fast=3, slow=9), fb.Sizing.lots(1)
    before = sys.getswitchinterval()
    sys.setswitchinterval(1_000.0)
    try:
        for _ in range(20):
            told.clear()
            begun.clear()
            words: dict[str, Any] = {"data": market, "profile": "unprotected", "cash": 10_000}
            thread = threading.Thread(
                target=fb.backtest, args=(signals,), kwargs={**words, "sizing": sizing}
            )
            thread.start()
            begun.wait()
            told.append("meanwhile")
            thread.join()
            if told == ["meanwhile", "over"]:
                return
    finally:
        sys.setswitchinterval(before)
    raise AssertionError("the engine kept the lock while it ran")


def test_a_strategy_that_is_asked_all_the_time_leaves_pythons_lock_to_others_too(
    market: fb.Dataset,
) -> None:
    class Busy:
        bars = "1m"
        asked = 0

        def decide(self, _view: fb.View) -> None:
            self.asked += 1

    ended, turns = threading.Event(), [0]

    def others() -> None:
        while not ended.is_set():
            turns[0] += 1
            ended.wait(1e-4)

    busy = Busy()
    thread = threading.Thread(target=others)
    thread.start()
    try:
        before = turns[0]
        for _ in range(20):
            fb.backtest(busy, data=market, profile="unprotected", cash=10_000)
    finally:
        ended.set()
        thread.join()
    assert busy.asked > 10 * BARS
    assert turns[0] - before > 20, "others had their turns"


def test_indicators_that_nobody_asked_for_longest_are_forgotten(market: fb.Dataset) -> None:
    table = Screener(
        data=market,
        profile=fb.profile("unprotected"),
        cash=Decimal(1),
        sizing=fb.Sizing.lots(1),
        sim=Sim(),
    ).series(MINUTE_NS).table  # fmt: skip
    bars = fb.BarSeries(table, kept_bytes=3 * 8 * len(table))
    first, second, third = bars.sma(2), bars.sma(3), bars.sma(4)
    assert bars.sma(2) is first
    fourth = bars.sma(5)
    assert bars.sma(2) is first
    assert bars.sma(5) is fourth
    assert bars.sma(4) is third
    again = bars.sma(3)
    assert again is not second
    np.testing.assert_array_equal(again, second)


def test_a_sweep_of_a_function_adds_up(found: Found, small: Sweep, tmp_path: Path) -> None:
    assert json.loads(json.dumps(plain(found), allow_nan=False)) == plain(found)
    assert found["trials"]["made"] == 6
    assert len(found["folds"]) == 3
    assert all(fold["anew"]["error"] == "" for fold in found["folds"])
    again = found["screening"]["again"]
    assert [one["parameters"] for one in again] == [row["parameters"] for row in found["table"][:2]]
    assert "governor" in " ".join(found["screening"]["left_out"])
    for one in again:
        assert one["engine"]["state_hash"]
        assert one["engine"]["total_return"] == pytest.approx(
            one["screened"]["total_return"], abs=2e-4
        )
    page = sweep_report(found, tmp_path / "sweep.html").read_text()
    assert "Screened, and through the whole engine" in page
    assert "funding, margin and liquidation" in page
    engine = replace(small, strategy="breakout", grid=["channel=20,40"], where=(), splits="none")
    assert engine.run()["screening"] is None


@pytest.mark.parametrize("jobs", [2, 5])
def test_threads_change_nothing(found: Found, small: Sweep, jobs: int) -> None:
    told = small.run(jobs=jobs)
    assert plain(told) == plain(found)
    assert told["speed"]["threads"]


def test_a_stopped_screening_goes_on_and_ends_the_same(
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
            small.run(folder=tmp_path, jobs=2)
    again = small.run(folder=tmp_path, resume=True)
    assert plain(again) == plain(found)
    assert again["speed"]["trials_kept"] == 3
    once_more = small.run(folder=tmp_path, resume=True)
    assert once_more["speed"]["trials_run"] == 0
    # Runs of the engine are kept too, and are no trials that were tried.
    assert once_more["trials"]["earlier_here"] == 0
    assert plain(once_more) == plain(found)


@pytest.mark.parametrize("splits", ["rolling=2", "kfold=3", "combinatorial=4/2"])
def test_every_way_to_split_and_chance(small: Sweep, splits: str) -> None:
    told = replace(small, splits=splits, random=4, grid=["fast=2..12", "slow=20..90"]).run(jobs=2)
    assert told["trials"]["made"] == 4
    assert told["outside"]["rank"] > 0.0


def test_optuna_screens_too(small: Sweep) -> None:
    pytest.importorskip("optuna", reason="optuna is not installed: flyball[research]")
    wanted = replace(small, optuna=10, grid=["fast=2..12", "slow=20..90", "bars=1m,5m"], where=())
    told = wanted.run()
    assert told["search"] == "optuna tpe"
    assert plain(wanted.run(jobs=2)) == plain(told)


def test_what_fails_is_told(small: Sweep) -> None:
    some = replace(small, grid=["fast=5,13", "slow=20"], where=(), splits="none")
    told = some.run()
    assert (told["trials"]["made"], told["trials"]["failed"]) == (1, 1)
    assert "13 is no good" in told["trials"]["first_failure"]["error"]
    with pytest.raises(StrategyError, match="13 is no good"):
        replace(some, grid=["fast=13", "slow=20"]).run()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sizing": None}, "give a sizing"),
        ({"sizing": fb.Sizing.volatility_target(0.01)}, "knows no volatility"),
        ({"grid": ["fats=2,4"], "where": ()}, "the nearest is 'fast'"),
        ({"confirm": -1}, "below zero"),
    ],
)
def test_what_makes_no_sense_is_said(small: Sweep, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        replace(small, **changes).run()


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (np.zeros(3), "shape"),
        (np.full(BARS, 2), "whole numbers beyond"),
        (np.full(BARS, 1.5), "beyond -1 and 1"),
        (np.full(BARS, "long"), "targets are numbers"),
    ],
)
def test_targets_that_are_none_are_refused(
    market: fb.Dataset, returned: NDArray[Any], words: str
) -> None:
    with pytest.raises(StrategyError, match=words):
        screened(fb.Signals(lambda _: returned), market, sizing=fb.Sizing.lots(1))


def test_the_command_screens_a_file(
    flyball: Run, market: fb.Dataset, users: str, tmp_path: Path
) -> None:
    done = flyball(
        "sweep", users, "--data", market.name, "--catalogue", str(market.folder.parent),
        "--profile", "unprotected", "--cash", "10000", "--sizing", "lots=100",
        "--grid", "fast=5,10", "--set", "slow=40", "--folder", str(tmp_path / "kept"),
        "--confirm", "1", "--jobs", "2",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Screened → through the whole engine" in done.stdout
    assert "2 threads" in done.stdout
