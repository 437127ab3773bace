"""A recording served by the local exchange: live and backtest decide the same on the same events.

The live run's journal holds every event that its engine took in. Asked again on them, one by one,
a strategy decides what it decided then, whatever it decides on: books, features, its position. And
a backtest over the market's events of the journal gives the same decisions, in the same order, of a
strategy that looks at the market only (fills come a little earlier or later in the simulator).
"""

import json
import time
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

import flyball as fb
from flyball import _core
from flyball.domain import Dataset, Strategy, View
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.plan import bound_strategy
from tests.conftest import Imported, Tell

SECONDS = 12.0
PROFILE = "emergency"


@dataclass(frozen=True, kw_only=True)
class Around:
    """Quotes around the middle, whatever is held: it looks at the market only."""

    wake = fb.Wake(book=True)
    imbalance = fb.Feature("imbalance", levels=5)
    depth = 5

    def decide(self, view: View) -> fb.Quotes:
        """Further away on the side that is pressed."""
        away = 50 + round(40 * view.imbalance) + len(view.bids)
        middle = round(view.mid / 10) * 10
        return fb.Quotes(bids=[(middle - 10 * away, 20)], asks=[(middle + 10 * away, 20)])


@dataclass(frozen=True, kw_only=True)
class Turning:
    """Long, flat, short by what it holds and what the book says: it looks at everything."""

    wake = fb.Wake(book=True)

    def decide(self, view: View) -> fb.Target | None:
        """Always somewhere else than now."""
        if view.position == 0:
            return fb.Target(100 if view.bid_qty > view.ask_qty else -100)
        return fb.Target(0) if view.unrealised != 0 else None


def run_live(strategy: Strategy, data: Dataset, folder: Path) -> tuple[Path, dict[str, object]]:
    market = {"replay": {"path": str(data.folder)}}
    with (
        LocalExchange(cash=[Decimal(1_000_000)], market=market) as venue,
        LiveSession(
            strategy, venue=venue, instrument="BTC", profile=PROFILE, state=folder / "state"
        ) as session,
    ):
        time.sleep(SECONDS)
        result = session.stop()
    assert result.journal is not None
    about = json.loads(_core.journal_about(result.journal))
    return result.journal, about["engine"]


def alike(live: tuple[int, str], simulated: tuple[int, str]) -> bool:
    """The same decision at the same time.

    The venue counts whole milliseconds, and what it says of one can be there before that has begun.
    A backtest hears nothing before it happened.
    """
    return live[1] == simulated[1] and 0 <= simulated[0] - live[0] < 1_000_000


@pytest.mark.parametrize("strategy", [Around(), Turning()], ids=["market", "everything"])
def test_live_and_backtest_decide_the_same_on_the_same_events(
    strategy: Strategy, imported: Imported, tmp_path: Path, tell: Tell
) -> None:
    data = imported("books/hyperliquid_btc_20250126")
    journal, engine = run_live(strategy, data, tmp_path)
    decided = _core.journal_decisions(journal)
    again = _core.decide_again(journal, json.dumps(engine), bound_strategy(strategy, sized=False))
    wakes, decisions, differing = again
    tell(
        f"{len(decided)} live decisions of {wakes} wakes, {len(differing)} differ when asked again"
    )
    assert decisions == len(decided) > 20
    assert differing == []
    if not isinstance(strategy, Around):
        return
    folder = tmp_path / "tape"
    folder.mkdir()
    recorded = replace(data, name="served", folder=folder, clock_offset_ns=0)
    events = _core.journal_market(journal, recorded.tape, json.dumps({"name": "served"}))
    simulated = tmp_path / "backtest"
    fb.backtest(strategy, data=recorded, profile=PROFILE, cash=1_000_000, journal=simulated)
    same = _core.journal_decisions(simulated)
    tell(f"{events} events over the socket; the backtest gives {len(same)} decisions")
    # Events of one instant wake it once live, where a newer question replaces one that is not read
    # yet, and once each in the backtest: every live decision is there, and at its time.
    assert all(any(alike(one, other) for other in same) for one in decided)
