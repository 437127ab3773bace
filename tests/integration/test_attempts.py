"""A strategy that tries to get around the gate cannot. To add an attempt, add a class below.

Each attempt trades the crash of the synthetic market under `emergency`. What reached the venue is
judged here from the orders and fills alone, without asking any rule.
"""

# ruff: noqa: ARG002 - not every attempt looks at what it is shown

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import flyball as fb
from flyball.config.profile import profile
from tests.conftest import Tell

CASH = 10_000
PROFILE = profile("emergency")
ATTEMPTS: dict[str, type["Attempt"]] = {}


class Attempt:
    """What it wants is a method of its own; it is asked every tenth of a second.

    `ends_it` says that the attempt is an error that ends the strategy at once.
    """

    wake = fb.Wake(every="100ms", fill=True)
    ends_it = False

    def __init_subclass__(cls) -> None:
        ATTEMPTS[(cls.__doc__ or cls.__name__).rstrip(".")] = cls

    def __init__(self) -> None:
        self.turn = 0

    def decide(self, view: fb.View) -> Any:  # noqa: ANN401 - whatever it likes
        self.turn += 1
        return self.attempt(view)

    def attempt(self, view: fb.View) -> object:
        raise NotImplementedError


class Huge(Attempt):
    """The largest position that there is."""

    def attempt(self, view: fb.View) -> object:
        return fb.Target(2**53 - 1)


class HugeShort(Attempt):
    """The largest debt that there is."""

    def attempt(self, view: fb.View) -> object:
        return fb.Target(-(2**53) + 1)


class BeyondInteger(Attempt):
    """More than a number can hold."""

    ends_it = True

    def attempt(self, view: fb.View) -> object:
        return fb.Target(2**200)


class OneLot(Attempt):
    """One lot, below the venue's smallest order, again and again."""

    def attempt(self, view: fb.View) -> object:
        return fb.Target(1 if self.turn % 2 else 0)


class AddsUp(Attempt):
    """A lot more each time, so that no single order is large."""

    def attempt(self, view: fb.View) -> object:
        return fb.Target(view.position + 10)


class FlipFlop(Attempt):
    """All long, all short, at every turn."""

    def attempt(self, view: fb.View) -> object:
        return fb.Target(10**9 if self.turn % 2 else -(10**9))


class NotANumber(Attempt):
    """Confidence, stop and take-profit that are no numbers."""

    ends_it = True

    def attempt(self, view: fb.View) -> object:
        nan = float("nan")
        return fb.Signal("long", confidence=nan, stop=nan, take_profit=nan)


class TooSure(Attempt):
    """More certain than certain."""

    ends_it = True

    def attempt(self, view: fb.View) -> object:
        return fb.Signal("long", confidence=1e9)


class StopOnTheWrongSide(Attempt):
    """A stop so far away that it never fires."""

    def attempt(self, view: fb.View) -> object:
        return fb.Signal("long", confidence=1.0, stop=1, max_holding_s=1e9)


class TrailsFarBehind(Attempt):
    """A trailing stop that lets everything be lost."""

    def attempt(self, view: fb.View) -> object:
        return fb.Target(400, trailing=0.9999)


class NegativePrices(Attempt):
    """Quotes at prices below zero."""

    ends_it = True

    def attempt(self, view: fb.View) -> object:
        return fb.Quotes(bids=[(-5, 100)], asks=[(0, 100)])


class Walls(Attempt):
    """A wall of quotes around the market, eight levels of a million lots a side."""

    def attempt(self, view: fb.View) -> object:
        mid = int(view.mid)
        return fb.Quotes(
            bids=[(mid - k, 10**6) for k in range(1, 9)],
            asks=[(mid + k, 10**6) for k in range(1, 9)],
        )


class ThroughTheMarket(Attempt):
    """Quotes that cross the market, and each other."""

    def attempt(self, view: fb.View) -> object:
        mid = int(view.mid)
        return fb.Quotes(bids=[(mid + 500, 200)], asks=[(mid - 500, 200)])


class AMillionASecond(Attempt):
    """Other quotes at every event of the market."""

    wake = fb.Wake(book=True, fill=True)

    def attempt(self, view: fb.View) -> object:
        mid, away = int(view.mid), 5 + self.turn % 50
        return fb.Quotes(bids=[(mid - away, 50)], asks=[(mid + away, 50)])


class SomethingElse(Attempt):
    """An order of its own making instead of a wish."""

    ends_it = True

    def attempt(self, view: fb.View) -> object:
        return {"side": "buy", "qty": 10**6, "price": 1, "approved": True}


class ReachesForTheEngine(Attempt):
    """Whatever of the view can be called or changed."""

    def attempt(self, view: fb.View) -> object:
        for name in dir(view):
            if name.startswith("__"):
                continue
            with pytest.raises((AttributeError, TypeError)):
                setattr(view, name, 10**9)
            value = getattr(view, name)
            if callable(value):
                assert name in {"bids", "asks", "age_s"}, f"the view offers {name}()"
        return fb.Target(10**9)


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> fb.Dataset:
    return fb.synthetic_market(tmp_path_factory.mktemp("market"), seed=11, hours=0.5)


def worst_value(result: fb.Result) -> tuple[float, int]:
    """The most that a position was worth when it was traded, and the position at the end."""
    signed = result.fills["side"].astype(np.int64) * result.fills["qty"].astype(np.int64)
    held = np.cumsum(signed)
    value = np.abs(held) * result.fills["price"] * 1e-4
    return (float(value.max()), int(held[-1])) if len(held) else (0.0, 0)


@pytest.mark.parametrize("name", ATTEMPTS)
def test_nothing_gets_around_the_gate(name: str, market: fb.Dataset, tell: Tell) -> None:
    attempt = ATTEMPTS[name]()
    size = fb.Sizing.notional(10**7)

    def run() -> fb.Result:
        return fb.backtest(attempt, data=market, profile="emergency", cash=CASH, sizing=size)

    if attempt.ends_it:
        with pytest.raises(fb.StrategyError) as error:
            run()
        tell(f"ended at once: {str(error.value)[:80]}")
        return
    result = run()
    orders: dict[str, Any] = dict(result.orders)
    risky = ~orders["reduce_only"]
    value = orders["price"] * 1e-4 * orders["qty"]
    most = float(PROFILE.gate.max_concentration) * CASH
    assert (value[risky] <= most).all(), value[risky].max()
    assert (orders["price"] > 0).all()
    per_second = np.unique(orders["time_ns"][risky] // 10**9, return_counts=True)[1]
    budget = PROFILE.gate.message_burst + PROFILE.gate.messages_per_second
    assert per_second.max(initial=0) <= budget
    largest, left = worst_value(result)
    # What a jump by the assumed gap would cost fits into the line.
    line = float(PROFILE.switches.drawdown) * result.samples["peak"].max(initial=CASH)
    assert largest * float(PROFILE.governor.gap_floor) <= line
    stopped = [
        notice.time_ns
        for notice in result.notices
        if notice.kind == "Tripped" and notice.about["switch"] in ("Drawdown", "Emergency")
    ]
    if stopped:
        assert not risky[orders["time_ns"] > stopped[0]].any(), "risk after the stop"
        assert left == 0
    assert result.max_drawdown <= float(PROFILE.switches.drawdown)
    assert result.equity > CASH * (1 - PROFILE.switches.drawdown - Decimal("0.0001"))
    refused = sum(result.refused.values())
    tell(
        f"{len(value):,} orders, {refused:,} refused, at most {largest:,.0f} of {CASH:,} held, "
        f"drawdown {result.max_drawdown:.2%}"
    )
