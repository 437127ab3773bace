"""The three strategies over the recordings: the same run is the same run, and a journal replays."""

from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.conftest import Imported, Tell

import flyball as fb


class Market(NamedTuple):
    """A recording, an account for it, and bars and sizes that suit it."""

    path: str
    cash: str
    bars: str
    window: int
    size: int
    every: str = "250ms"
    half_spread: float = 2.0


MARKETS = {
    "spot, 24 h": Market("books/binance_spot_nexousdt_20240723", "10000", "1m", 20, 5_000),
    "perpetual": Market("books/binance_usdm_btcusdt_20240718", "10000", "1s", 20, 10),
    "inverse": Market("books/binance_coinm_btcusd_perp_20240808", "1", "1s", 20, 5),
    "hyperliquid": Market("books/hyperliquid_btc_20250126", "10000", "1s", 5, 500),
    "XRP bars, a crash": Market(
        "bars/binance_usdm_5m_2025_oct10/XRPUSDT_5m.csv.gz", "10000", "5m", 48, 1_000, "5m", 20.0
    ),
}  # fmt: skip


def strategies(market: Market) -> dict[str, fb.Strategy]:
    return {
        "breakout": fb.Breakout(bars=market.bars, channel=market.window),
        "mean_reversion": fb.MeanReversion(bars=market.bars, period=market.window),
        "maker": fb.Maker(
            size=market.size, every=market.every, half_spread=market.half_spread
        ),
    }  # fmt: skip


@pytest.mark.parametrize("strategy", ["breakout", "mean_reversion", "maker"])
@pytest.mark.parametrize("name", MARKETS)
def test_a_run_repeats_and_its_journal_replays(
    name: str, strategy: str, shared: Path, imported: Imported, tmp_path: Path, tell: Tell
) -> None:
    market = MARKETS[name]
    assert (shared / market.path).exists()
    data = imported(market.path)
    sizing = None if strategy == "maker" else fb.Sizing.equity_fraction("0.2")

    def run(journal: Path | None) -> fb.Result:
        return fb.backtest(
            strategies(market)[strategy],
            data=data,
            profile="emergency",
            cash=Decimal(market.cash),
            sizing=sizing,
            journal=journal,
        )

    first, second = run(tmp_path / "journal"), run(None)
    assert first.state_hash == second.state_hash
    assert fb.replay(tmp_path / "journal").state_hash == first.state_hash
    assert first.max_drawdown < 0.0501, "the drawdown switch stands at 5 %"
    orders, fills = len(first.orders["time_ns"]), len(first.fills["time_ns"])
    tell(
        f"{data.events:,} events, {first.decisions:,} decisions, {orders:,} orders, {fills:,} "
        f"fills, P&L {first.pnl:+.6f}, drawdown {first.max_drawdown:.2%}, tripped "
        f"{', '.join(first.tripped) or 'none'}, state {first.state_hash[:12]}"
    )
