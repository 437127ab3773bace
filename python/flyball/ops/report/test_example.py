"""A small run by hand that the other tests of this room draw."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import numpy as np

from flyball.config.profile import profile
from flyball.domain import Dataset, Instrument, MarginTier
from flyball.trading.runtime.result import Notice, Result

START_NS = 1_760_130_000_000_000_000  # 2025-10-10 21:00 UTC
MINUTE_NS = 60 * 10**9
DROP = Notice(
    START_NS + 4 * MINUTE_NS,
    "Tripped",
    {"switch": "drawdown", "instrument": None, "limit": 5 * 10**10, "actual": 50_106_389_365},
)


def instrument(
    symbol: str = "XRPUSDT", *, kind: Literal["spot", "linear", "inverse"] = "linear"
) -> Instrument:
    return Instrument(
        symbol=symbol,
        venue="binance_usdm",
        kind=kind,
        tick_size=Decimal("0.0001"),
        lot_size=Decimal("0.1"),
        contract_size=Decimal(10 if kind == "inverse" else 1),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        margin_tiers=(MarginTier(from_notional=0, max_leverage=20),),
    )


def dataset(traded: Instrument, *, name: str = "example/XRPUSDT_5m") -> Dataset:
    return Dataset(
        name=name,
        folder=Path("example"),
        instrument=traded,
        contents="bars",
        first_ns=START_NS,
        last_ns=START_NS + 5 * MINUTE_NS,
        events=1000,
        interval_ns=5 * MINUTE_NS,
    )


def samples(
    equity: Sequence[float] = (10_000.0, 10_100.0, 9_800.0, 9_700.0, 9_590.0, 9_590.0),
    *,
    position: Sequence[int] = (0, 10_000, 10_000, 10_000, 10_000, 0),
    step_ns: int = MINUTE_NS,
) -> dict[str, Any]:
    values = np.array(equity, dtype=np.float64)
    count = values.size
    known = np.where(np.isfinite(values), values, -np.inf)
    held = np.resize(np.array(position, dtype=np.int64), count)
    return {
        "time_ns": START_NS + step_ns * np.arange(count, dtype=np.int64),
        "equity": values,
        "peak": np.maximum.accumulate(known) if count else values,
        "gross": np.abs(held) * 0.25,
        "position": held,
        "mark": np.array([0, *[25_000 - 10 * i for i in range(1, count)]], dtype=np.int64)[:count],
    }


def fills(count: int = 2, *, span_ns: int = 5 * MINUTE_NS) -> dict[str, Any]:
    return {
        "time_ns": START_NS + span_ns * np.arange(count, dtype=np.int64) // max(1, count),
        "instrument": np.zeros(count, dtype=np.uint16),
        "order": np.arange(1, count + 1, dtype=np.uint64),
        "side": np.resize(np.array([1, -1], dtype=np.int8), count),
        "price": np.full(count, 24_990, dtype=np.int64),
        "qty": np.full(count, 10_000, dtype=np.uint64),
        "fee": np.full(count, 1.25),
        "maker": np.zeros(count, dtype=np.bool_),
        "liquidation": np.zeros(count, dtype=np.bool_),
    }


def orders(purposes: Sequence[str] = ("entry", "flatten", "stop")) -> dict[str, Any]:
    count = len(purposes)
    return {
        "time_ns": START_NS + MINUTE_NS * np.arange(count, dtype=np.int64),
        "instrument": np.zeros(count, dtype=np.uint16),
        "order": np.arange(1, count + 1, dtype=np.uint64),
        "side": np.resize(np.array([1, -1, -1], dtype=np.int8), count),
        "price": np.full(count, 24_900, dtype=np.int64),
        "qty": np.full(count, 10_000, dtype=np.uint64),
        "reduce_only": np.zeros(count, dtype=np.bool_),
        "purpose": list(purposes),
        "kind": ["ioc"] * count,
    }


def notices() -> tuple[Notice, ...]:
    reason = {"Switch": "drawdown"}
    after = START_NS + 4 * MINUTE_NS
    flat = {"scope": "All", "reason": reason, "took_ns": 40_000_000, "attempts": 2}
    return (
        DROP,
        Notice(after, "FlattenStarted", {"scope": "All", "reason": reason}),
        Notice(after, "Exit", {"instrument": 0, "reason": reason, "position": 10_000}),
        Notice(after + 20_000_000, "TradeClosed", trade(-410.0)),
        Notice(after + 40_000_000, "Flat", flat),
        Notice(
            after + MINUTE_NS,
            "Refused",
            {
                "order": {},
                "refusal": {
                    "rule": "max_concentration",
                    "limit": 24_006_278_412_580,
                    "actual": 96_119_088_000_000,
                },
            },
        ),
    )


def trade(net: float) -> dict[str, int]:
    return {"instrument": 0, "net": round(net * 10**10), "opened_ns": START_NS + MINUTE_NS}


def result(**changes: Any) -> Result:  # noqa: ANN401
    """A run that lost 4.1 %, tripped the drawdown switch and was flat 40 ms later."""
    refused: Mapping[str, int] = {"max_concentration": 77}
    values: dict[str, Any] = {
        "strategy": "Breakout",
        "data": dataset(instrument()),
        "profile": profile("emergency"),
        "cash": Decimal(10_000),
        "equity": Decimal("9590.00"),
        "fees": Decimal("2.50"),
        "funding": Decimal("-0.27"),
        "max_drawdown": 0.0505,
        "flat": True,
        "samples": samples(),
        "fills": fills(),
        "orders": orders(),
        "notices": notices(),
        "refused": refused,
        "events": 1000,
        "decisions": 12,
        "not_ready": 0,
        "state_hash": "ca6a24bc24a1b879",
        "journal": Path("runs") / "example",
        "seconds": 0.25,
        "interrupted": False,
        "assumptions": {"fees": "maker 0.02%, taker 0.05%", "queue": "back"},
    }
    return Result(**(values | changes))


def test_the_example_adds_up() -> None:
    assert result().pnl == Decimal(-410)
    assert result().tripped == ("drawdown",)
    assert result().trades == 1
