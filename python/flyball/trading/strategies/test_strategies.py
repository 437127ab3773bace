from types import SimpleNamespace
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from flyball.domain import View
from flyball.trading.strategies.breakout import Breakout
from flyball.trading.strategies.maker import Maker
from flyball.trading.strategies.mean_reversion import MeanReversion


def view(**values: float) -> View:
    return cast("View", SimpleNamespace(position=0, **values))


def maker_view(microprice: float, position: int) -> View:
    bid, ask = int(microprice) - 1, int(microprice) + 2
    return cast("View", SimpleNamespace(microprice=microprice, position=position, bid=bid, ask=ask))


@given(st.floats(10, 1e6), st.integers(-1_000, 1_000))
def test_the_maker_never_crosses_itself_or_the_market(microprice: float, position: int) -> None:
    quotes = Maker(size=100).decide(maker_view(microprice, position))
    if quotes is None:
        return
    assert quotes.bids[0][0] < quotes.asks[0][0]
    assert quotes.bids[0][0] < int(microprice) + 2
    assert quotes.asks[0][0] > int(microprice) - 1


@given(st.floats(1_000, 1e6), st.integers(-1_000, 999))
def test_a_longer_position_never_bids_higher(microprice: float, position: int) -> None:
    now = Maker(size=10).decide(maker_view(microprice, position))
    longer = Maker(size=10).decide(maker_view(microprice, position + 1))
    if now and longer:
        assert longer.bids[0] <= now.bids[0]


def test_the_maker_wants_nothing_without_a_market() -> None:
    assert Maker(size=1).decide(view(microprice=float("nan"), bid=0.0, ask=0.0)) is None


def test_breakout_goes_with_the_break_and_stops_behind_it() -> None:
    up = Breakout().decide(view(close=110.0, top=100.0, bottom=90.0, atr=4.0))
    assert up is not None
    assert (up.side, up.confidence, up.stop) == ("long", 1.0, 98.0)
    down = Breakout().decide(view(close=89.0, top=100.0, bottom=90.0, atr=4.0))
    assert down is not None
    assert (down.side, down.confidence, down.stop) == ("short", 0.75, 101.0)


def test_breakout_waits_between_the_lines() -> None:
    assert Breakout().decide(view(close=100.0, top=100.0, bottom=90.0, atr=4.0)) is None
    assert Breakout().decide(view(close=200.0, top=100.0, bottom=90.0, atr=0.0)) is None


def test_mean_reversion_fades_and_leaves_when_it_is_back() -> None:
    far = MeanReversion().decide(view(z=-4.0))
    assert far is not None
    assert (far.side, far.confidence) == ("long", 1.0)
    assert MeanReversion().decide(view(z=0.1)) is None, "nothing is held"
    held = cast("View", SimpleNamespace(z=0.1, position=5))
    back = MeanReversion().decide(held)
    assert back is not None
    assert back.side == "flat"
