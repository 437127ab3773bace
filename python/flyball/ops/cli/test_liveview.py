import io
import re
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from flyball.errors import ConfigError
from flyball.ops.cli import notices
from flyball.ops.cli.liveview import Shown, line, panel
from flyball.ops.cli.run import Where, _endpoint
from flyball.trading.runtime.runs import RunInfo, Traded

NOW = time.time_ns()
XRP = Traded(symbol="XRP", tick_size=Decimal("0.0001"), lot_size=Decimal(1))


def run(network: str = "local") -> RunInfo:
    return RunInfo(
        pid=1,
        venue="127.0.0.1:80",
        url="http://127.0.0.1:80",
        network=network,
        account="0x" + "12" * 20,
        strategies=("Breakout",),
        instruments=(XRP,),
        profile="emergency v1",
        limits={"switches.drawdown": "0.05", "switches.daily_loss": "1000"},
        socket="s",
        journal="j",
        clock=(0, 0, 1),
        started_ns=NOW,
        simulated=network == "local",
    )


def status(
    instrument: dict[str, Any] | None = None,
    **changes: Any,  # noqa: ANN401
) -> dict[str, Any]:
    quiet = {
        "symbol": "XRP",
        "best": [20_999, 21_000],
        "mark": 21_000,
        "position": 0,
        "entry": None,
        "unrealised": "0",
        "stop": None,
        "mode": "normal",
        "closing": None,
        "unprotected_since_ns": None,
        "orders": 0,
        "unknown_orders": 0,
    }
    strategy = {
        "name": "Breakout",
        "attention": changes.pop("attention", "awake"),
        "reason": changes.pop("reason", None),
        "asked": 1_234,
        "replaced": 0,
        "overruns": 2,
        "dropped": 1,
    }
    known = {
        "equity": "9987.42",
        "cash": "9988.13",
        "drawdown": 0.0042,
        "daily_loss": 0.001,
        "account_known": True,
        "tripped": [],
        "killed": False,
        "instruments": [{**quiet, **(instrument or {})}],
        "share": 1.0,
        "restraints": [],
        "strategies": [strategy],
        "notices": [],
        "connections": {
            "account_connects": 1,
            "market_connects": 1,
            "market_heard_ns": NOW,
            "journal_failing": False,
            "journal_lag": 0,
        },
    }
    return {**known, **changes}


def text(shown: Shown, width: int = 100) -> str:
    console = Console(width=width, file=io.StringIO(), force_terminal=False)
    with console.capture() as said:
        console.print(panel(shown))
    return said.get()


def words(shown: Shown) -> str:
    return " ".join(text(shown).replace("│", " ").split())


def test_a_quiet_run_shows_what_protects_it() -> None:
    said = words(Shown(run=run(), status=status(), first_equity="10000", elapsed="00:12"))
    for part in (
        "127.0.0.1:80 (simulated)",
        "0x1212…121212",
        "9,987.42 \u221212.58",
        "0.42\u202f% of 5\u202f%",
        "of no limit",
        "flat, XRP at 2.1",
        "none tripped",
        "0 reconnects account known",
        "awake asked 1,234, late 2, dropped 1",
        "00:12",
    ):
        assert " ".join(part.split()) in said, part


def test_a_position_shows_where_its_stop_rests() -> None:
    held = {"position": -1_189, "entry": 20_981, "unrealised": "-0.71", "stop": 21_360}
    said = words(Shown(run=run(), status=status(held)))
    assert "short 1,189 XRP at 2.0981, now 2.1 \u22120.71" in said
    assert "2.136 rests at the venue" in said
    bare = {"position": 10, "unprotected_since_ns": NOW, "entry": 1, "unrealised": "unknown"}
    assert "NONE confirmed" in words(Shown(run=run(), status=status(bare)))


def test_what_is_wrong_is_loud_and_real_money_is_named() -> None:
    bad = status(
        {"mode": "killed", "closing": "drawdown", "position": 5, "orders": 2, "unknown_orders": 1},
        equity="unknown",
        drawdown=None,
        tripped=[["drawdown", NOW]],
        killed=True,
        account_known=False,
        attention="gone",
        reason="Breakout raised ValueError: no",
    )
    bad["connections"] |= {"journal_failing": True, "journal_lag": 7, "market_heard_ns": 0}
    said = words(Shown(run=run("mainnet"), status=bad, first_equity="10000"))
    for part in (
        "REAL MONEY",
        "equity unknown",
        "drawdown unknown",
        "closing: drawdown",
        "2 open, 1 whose fate is unknown",
        "killed: may only reduce",
        "KILLED BY AN OPERATOR, DRAWDOWN",
        "nothing heard yet",
        "ACCOUNT NOT KNOWN",
        "GONE",
        "raised ValueError: no",
        "CANNOT BE WRITTEN, 7 records wait",
    ):
        assert part in said, part
    told = line(Shown(run=run(), status=bad))
    assert "DRAWDOWN" in told
    assert "\n" not in told


@pytest.mark.parametrize("width", [30, 40, 60, 200])
def test_a_narrow_terminal_loses_no_word(width: int) -> None:
    shown = Shown(run=run(), status=status({"position": 100, "stop": 20_500, "entry": 20_900}))
    said = text(shown, width)
    assert max(map(len, said.splitlines())) <= width
    squeezed = re.sub(r"[\s│]", "", said)
    assert "20,500" not in said
    assert "2.05restsatthevenue" in squeezed


def test_the_newest_notices_are_shown() -> None:
    old = [[NOW - 10**9 * k, {"Healed": {"instrument": 0}}] for k in range(9, 1, -1)]
    trip = {"switch": "drawdown", "instrument": None, "limit": 5 * 10**10, "actual": 6 * 10**10}
    said = words(Shown(run=run(), status=status(notices=[*old, [NOW, {"Tripped": trip}]])))
    assert said.count("XRP's book is whole again") == 4
    assert "TRIPPED: drawdown switch at 6 %, limit 5 %" in said


def test_every_notice_of_the_engine_has_words() -> None:
    source = Path(__file__).parents[4] / "crates/core/src/domain/notice.rs"
    body = source.read_text().split("pub enum Notice {")[1]
    kinds = set(re.findall(r"^    (\w+) \{", body, flags=re.MULTILINE))
    assert kinds == set(notices._SENTENCES)


def test_where_to_trade_makes_sense_before_anything_is_started() -> None:
    assert _endpoint(Where()) is None
    local = _endpoint(Where(venue="http://127.0.0.1:81"))
    assert local is not None
    assert not local.is_real
    real = _endpoint(Where(venue="hyperliquid-testnet", live=True))
    assert real is not None
    assert real.is_real
    paper = _endpoint(Where(venue="hyperliquid"))
    assert paper is not None
    assert paper.is_real
    for wrong, said in (
        (Where(live=True), "--live wants --venue"),
        (Where(venue="hyperliquid", live=True, paper=True), "one of the two"),
        (Where(venue="http://127.0.0.1:81", live=True), "about real venues"),
        (Where(venue="http://127.0.0.1:81", speed=2), "--speed"),
        (Where(speed=0), "--speed 0"),
        (Where(speed=1001), "--speed 1001"),
    ):
        with pytest.raises(ConfigError, match=said):
            _endpoint(wrong)
