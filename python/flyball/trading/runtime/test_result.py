"""What a run leaves behind, from a short one over a synthetic market."""

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

import flyball as fb
from flyball.trading.runtime.result import Notice


class InAndOut:
    """Long for ten minutes, flat for ten minutes."""

    wake = fb.Wake(every="10m")

    def __init__(self) -> None:
        self.long = False

    def decide(self, _: fb.View) -> fb.Target:
        self.long = not self.long
        return fb.Target(100 if self.long else 0)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> fb.Dataset:
    return fb.synthetic_market(tmp_path_factory.mktemp("market"), seed=3, hours=1)


@pytest.fixture(scope="module")
def result(market: fb.Dataset) -> fb.Result:
    return fb.backtest(InAndOut(), data=market, profile="emergency", cash=1_000)


def test_the_same_run_is_the_same_to_the_last_bit(market: fb.Dataset, result: fb.Result) -> None:
    again = fb.backtest(InAndOut(), data=market, profile="emergency", cash=1_000)
    assert again.state_hash == result.state_hash
    assert again.equity == result.equity
    richer = fb.backtest(InAndOut(), data=market, profile="emergency", cash=1_001)
    assert richer.state_hash != result.state_hash


def test_columns_are_arrays_of_one_length(result: fb.Result) -> None:
    times, equity = result.equity_curve()
    assert times.dtype == np.int64
    assert len(times) == len(equity) > 100
    assert np.all(np.diff(times) >= 0)
    assert equity[-1] == pytest.approx(float(result.equity), abs=1e-6)
    for table in (result.samples, result.fills, result.orders):
        assert len({len(column) for column in table.values()}) == 1


def test_frames_have_times_and_prices(result: fb.Result) -> None:
    fills = result.frame("fills")
    tick = float(result.data.instrument.tick_size)
    assert fills.height == len(result.fills["price"]) > 0
    assert fills["price"].to_list() == pytest.approx((result.fills["price"] * tick).tolist())
    assert str(fills["time"].dtype) == "Datetime(time_unit='ns', time_zone='UTC')"
    assert result.frame("samples").height == len(result.samples["equity"])


def test_money_adds_up(result: fb.Result) -> None:
    closed = [notice.about["net"] for notice in result.notices if notice.kind == "TradeClosed"]
    assert result.trades == len(closed) > 1
    if result.flat:
        assert result.pnl == sum(Decimal(net).scaleb(-10) for net in closed)
    assert result.won == sum(net > 0 for net in closed)


def test_it_prints_for_people_and_machines(result: fb.Result) -> None:
    text, html = str(result), result._repr_html_()
    for word in ("P&L", "max drawdown", "switches tripped", "emergency v3"):
        assert word in text
    assert "<table>" in html
    assert "P&amp;L" in html
    told = json.loads(json.dumps(result.summary()))
    assert told["pnl"] == float(result.pnl)
    assert told["state_hash"] == result.state_hash


def test_small_amounts_are_not_rounded_away(result: fb.Result) -> None:
    coins = replace(result, cash=Decimal(1), equity=Decimal("0.99987"))
    assert "-0.00013000 on 1.00000000" in str(coins)


def test_time_to_flat_is_that_of_the_whole_account_first(result: fb.Result) -> None:
    def flat(scope: object, reason: object, took_ms: int) -> Notice:
        return Notice(0, "Flat", {"scope": scope, "reason": reason, "took_ns": took_ms * 10**6})

    one = flat({"Instrument": 0}, {"Switch": "position_loss"}, 20)
    everything = flat("All", {"Switch": "drawdown"}, 30)
    ordinary = flat({"Instrument": 0}, "MaxHolding", 10)
    assert replace(result, notices=(ordinary,)).ms_to_flat is None
    assert replace(result, notices=(ordinary, one)).ms_to_flat == 20
    assert replace(result, notices=(one, everything)).ms_to_flat == 30


@pytest.mark.parametrize(
    ("bars", "word"), [("1m", "5m"), ("7m", "5m"), (fb.Bars("tick", 10), "5m")]
)
def test_bars_that_cannot_be_made_are_refused(market: fb.Dataset, bars: object, word: str) -> None:
    strategy = fb.MeanReversion(bars=bars)  # type: ignore[arg-type]
    five = replace(market, contents="bars", interval_ns=300 * 10**9)
    with pytest.raises(fb.ConfigError, match=f'take "{word}"'):
        fb.backtest(strategy, data=five, profile="emergency", cash=1_000)
