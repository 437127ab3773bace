"""The same market gives the same orders as last time. Meant changes: FLYBALL_GOLDEN=write."""

import hashlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

import flyball as fb

EXPECTED = Path(__file__).parent / "expected.json"
SIZING = fb.Sizing.equity_fraction(0.5)

CASES: dict[str, tuple[fb.Strategy, fb.Sizing | None, fb.Sim, str]] = {
    "mean_reversion": (fb.MeanReversion(period=30), SIZING, fb.Sim(), "emergency"),
    "mean_reversion_unprotected": (fb.MeanReversion(period=30), SIZING, fb.Sim(), "unprotected"),
    "breakout": (fb.Breakout(bars="1m", channel=20), SIZING, fb.Sim(), "emergency"),
    "maker_back": (fb.Maker(size=200), None, fb.Sim(), "emergency"),
    "maker_probability": (
        fb.Maker(size=200),
        None,
        fb.Sim(queue="probability", order_jitter="30ms"),
        "emergency",
    ),
}


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> fb.Dataset:
    return fb.synthetic_market(tmp_path_factory.mktemp("market"), seed=11, hours=1)


def fingerprint(result: fb.Result) -> dict[str, object]:
    """Orders, fills and the account at the end. Not the state's hash: that knows its layout too."""
    hasher = hashlib.sha256()
    for table in (result.orders, result.fills):
        for name in sorted(table):
            column = np.asarray(table[name])
            text = column.dtype.kind in "US"
            hasher.update(name.encode())
            hasher.update("|".join(column).encode() if text else column.tobytes())
    return {
        "orders_and_fills": hasher.hexdigest(),
        "orders": len(result.orders["time_ns"]),
        "fills": len(result.fills["time_ns"]),
        "equity": str(result.equity),
        "tripped": list(result.tripped),
    }


@pytest.mark.parametrize("name", CASES)
def test_behaviour_is_what_it_was(name: str, market: fb.Dataset) -> None:
    strategy, sizing, sim, profile = CASES[name]
    result = fb.backtest(
        strategy, data=market, profile=profile, cash=10_000, sizing=sizing, sim=sim
    )
    now = fingerprint(result)
    known = json.loads(EXPECTED.read_text()) if EXPECTED.exists() else {}
    if os.environ.get("FLYBALL_GOLDEN") == "write":
        EXPECTED.write_text(json.dumps({**known, name: now}, indent=1, sort_keys=True) + "\n")
    else:
        assert now == known[name]
