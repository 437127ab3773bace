import time
from decimal import Decimal
from typing import Any

import pytest

from flyball.ops.dashboard.picture import (
    Notices,
    gate,
    latencies,
    picture,
    point,
    switch_rows,
)
from flyball.trading.runtime.runs import RunInfo, Traded

LIMITS = {
    "switches.drawdown": "0.05",
    "switches.emergency": "1000",
    "switches.daily_loss": "0.10",
    "switches.position_loss": "0.02",
    "switches.leverage": "5",
    "switches.margin": "1.2",
}


def run() -> RunInfo:
    return RunInfo(
        pid=1,
        venue="v",
        url="http://127.0.0.1:80",
        network="local",
        account="0x" + "12" * 20,
        strategies=("S",),
        instruments=(Traded(symbol="XRP", tick_size=Decimal("0.0001"), lot_size=Decimal(1)),),
        profile="p v1",
        limits=LIMITS,
        socket="s",
        journal="j",
        clock=(0, 0, 1),
        started_ns=0,
        simulated=True,
    )


def status(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    held = {"symbol": "XRP", "best": [99, 101], "mark": 98, "position": 10, "entry": 100}
    known = {
        "time_ns": 5_000_000_000,
        "equity": "9000",
        "cash": "9000",
        "peak": "10000",
        "drawdown": 0.01,
        "daily_loss": 0.1,
        "flat": False,
        "flattening": False,
        "account_known": True,
        "killed": False,
        "kills": {"killed": [], "not_kept": False, "alarm": None},
        "tripped": [],
        "instruments": [{**held, "locked": False, **changes.pop("held", {})}],
        "strategies": [],
        "connections": {
            "market_heard_ns": time.time_ns() - 10**9,
            "market_delay_ns": 2_000_000,
            "market_connects": 1,
            "account_connects": 3,
            "market_messages": 1,
            "market_malformed": 0,
            "journal_failing": False,
            "journal_lag": 0,
            "weight_left": 1,
            "open_actions": 0,
            "session": {"lost": 0},
        },
    }
    return {**known, **changes}


def used(found: dict[str, Any], sentinel: dict[str, Any] | None = None) -> dict[str, Any]:
    return {row["name"]: row for row in switch_rows(run(), found, sentinel)}


def test_each_switch_tells_how_much_of_its_way_is_used() -> None:
    rows = used(status(), {"leverage": 2.5, "margin_ratio": 2.4})
    assert rows["drawdown"]["used"] == pytest.approx(0.2)
    assert rows["daily_loss"]["used"] == 1.0
    assert rows["position_loss"]["used"] == 1.0, "98 against 100 is its line of 2 %"
    assert rows["leverage"]["used"] == 0.5
    assert rows["margin"]["used"] == 0.5, "it fires below its limit"
    assert rows["leverage"]["source"] == "sentinel"
    assert (rows["emergency"]["never"], rows["emergency"]["used"]) == (True, None)


@pytest.mark.parametrize("side", [1, -1])
def test_a_position_that_gains_uses_nothing_of_its_switch(side: int) -> None:
    found = status(held={"position": side, "mark": 100 + side})
    assert used(found)["position_loss"]["value"] == 0.0


def test_what_is_not_known_is_not_a_zero() -> None:
    found = status(equity="unknown", drawdown=None, daily_loss=None, held={"mark": None})
    rows = used(found)
    names = ("drawdown", "daily_loss", "position_loss", "leverage", "margin")
    assert [rows[name]["used"] for name in names] == [None] * 5
    assert point(found)[:4] == [5_000, None, 10_000.0, None]


def test_the_engines_own_measure_is_taken_where_it_tells() -> None:
    measured = {"switch": "leverage", "limit": 5.0, "value": 1.0, "distance": 0.8}
    rows = used(status(measures={"account": {"switches": [measured]}}), {"leverage": 4.0})
    assert (rows["leverage"]["value"], rows["leverage"]["source"]) == (1.0, "engine")
    assert rows["drawdown"]["source"] == "engine"


def test_a_trip_is_told_with_its_time() -> None:
    assert used(status(tripped=[["drawdown", 7]]))["drawdown"]["tripped_ns"] == 7


def test_a_point_has_the_middle_of_the_book_or_the_mark() -> None:
    assert point(status()) == [5_000, 9_000.0, 10_000.0, pytest.approx(10_000.0), [100.0]]
    assert point(status(held={"best": None}))[4] == [98]


def test_the_feeds_age_is_by_the_machines_clock() -> None:
    shown = picture(run(), status(), None)
    assert 1_000 <= shown["feed"]["age_ms"] < 5_000
    assert shown["feed"]["reconnects"] == 2
    never = status()
    never["connections"]["market_heard_ns"] = 0
    assert picture(run(), never, None)["feed"]["age_ms"] is None


def test_quantiles_are_bounds_of_buckets() -> None:
    counted = {"counts": [98, 1, 1], "sum_ns": 200_000_000}
    stages = [["decode", counted], ["sign", {"counts": [0, 0, 0], "sum_ns": 0}]]
    told = {"latencies": {"bounds_ns": [1_000_000, 2_000_000], "stages": stages}}
    (row,) = latencies(status(measures=told))
    assert (row["name"], row["count"], row["mean"]) == ("decode", 100, 2.0)
    assert (row["p50"], row["p99"]) == (1.0, 2.0)
    counted["counts"] = [1, 0, 99]
    assert latencies(status(measures=told))[0]["p99"] is None, "beyond every bound"
    assert latencies(status()) == []


def test_the_gate_is_told_by_whoever_counts() -> None:
    assert gate(status()) is None
    totals = {
        "attempted": 5,
        "submitted": [["entry", 3], ["stop", 1]],
        "refused": [["governor", 1], ["killed", 0]],
        "rejected": [],
    }
    assert gate(status(measures={"totals": totals})) == {
        "attempted": 5,
        "submitted": 4,
        "refused": {"governor": 1},
        "rejected": {},
    }


def notice(at: int, kind: str = "Gap") -> list[Any]:
    return [at, {kind: {"refusal": {"rule": "killed"}}}]


def test_a_notice_is_told_once_also_where_several_came_at_one_moment() -> None:
    seen = Notices()
    assert [it[0] for it in seen.new([notice(1), notice(2)])] == [1, 2]
    assert seen.new([notice(1), notice(2)]) == []
    found = seen.new([notice(1), notice(2), notice(2, "Refused"), notice(3)])
    assert [(at, kind) for at, kind, _ in found] == [(2, "Refused"), (3, "Gap")]
    assert (seen.refused, seen.missed) == ({"killed": 1}, False)
    seen.new([notice(9)])
    assert seen.missed is True, "those before it may have gone by"
