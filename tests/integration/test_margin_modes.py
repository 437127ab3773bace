"""Money that is set aside for positions: what the venue is told, and what is refused without it."""

import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

import flyball as fb
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.venue import ask_venue
from tests.integration.livetools import wait_for
from tests.integration.served import BUY, Desk


class Holder:
    """Long, as much as it is told; without a word it wants nothing."""

    wake = fb.Wake(every="1s")

    def __init__(self, wants: int | None = None) -> None:
        self.wants = wants

    def decide(self, _: fb.View) -> fb.Target | None:
        return None if self.wants is None else fb.Target(self.wants)


@pytest.fixture
def exchange() -> Iterator[LocalExchange]:
    with LocalExchange(seed=5, speed=10) as served:
        yield served


@pytest.fixture
def desk(exchange: LocalExchange) -> Iterator[Desk]:
    """Somebody else who acts on the account, with the official client."""
    keys = exchange.keys[0]
    made = Desk(exchange.url, Account.from_key(keys.agent_key), master=keys.account)
    yield made
    made.close()


def session(
    exchange: LocalExchange,
    state: Path,
    strategy: fb.Strategy,
    profile: str | Path = "emergency",
    *,
    adopt: bool = False,
) -> fb.LiveSession:
    return fb.LiveSession(
        strategy, venue=exchange, instrument="XRP", profile=profile, state=state, adopt=adopt
    )


def held(exchange: LocalExchange) -> dict[str, Any] | None:
    question = {"type": "clearinghouseState", "user": exchange.keys[0].account}
    found = ask_venue(exchange.url, "/info", question)["assetPositions"]
    return found[0]["position"] if found else None


def test_money_is_set_aside_for_a_position_enough_for_the_assumed_gap(
    exchange: LocalExchange, tmp_path: Path
) -> None:
    with session(exchange, tmp_path, Holder(100)) as running:
        position = wait_for(lambda: held(exchange), seconds=10, why="nothing is held")
        # 1 / (a gap of 40 % with fees + 2 % + 0.5 % + 2.5 %), rounded down.
        assert (position["leverage"]["type"], position["leverage"]["value"]) == ("isolated", 2)
        used, value = Decimal(position["marginUsed"]), Decimal(position["positionValue"])
        assert used / value == pytest.approx(Decimal("0.5"), abs=Decimal("0.01"))
        away = abs(Decimal(position["liquidationPx"]) / Decimal(position["entryPx"]) - 1)
        assert away > Decimal("0.4"), "further away than the gap"
        assert running.status()["connections"]["session"]["margins_refused"] == 0
    assert held(exchange) is None


def test_a_position_at_cross_margin_is_not_taken_over_by_a_profile_that_sets_money_aside(
    exchange: LocalExchange, desk: Desk, tmp_path: Path
) -> None:
    assert desk.do("market_open", "XRP", BUY, 100)["status"] == "ok"
    with pytest.raises(fb.ConfigError, match=r"XRP at cross margin.*Close it, or run with"):
        session(exchange, tmp_path / "isolated", Holder(), adopt=True).start()
    text = Path(fb.__file__).with_name("config") / "profiles" / "emergency.toml"
    own = tmp_path / "own.toml"
    own.write_text(text.read_text("utf-8").replace('"isolated"', '"cross"'), "utf-8")
    with session(exchange, tmp_path / "cross", Holder(), own, adopt=True) as running:
        wait_for(lambda: running.status()["account_known"], seconds=10, why="not known")
        position = held(exchange)
        assert position is not None
        assert position["leverage"]["type"] == "cross"
    assert held(exchange) is None


def test_a_position_that_others_opened_at_cross_margin_is_protected_and_nothing_is_added(
    exchange: LocalExchange, desk: Desk, tmp_path: Path
) -> None:
    strategy = Holder()
    with session(exchange, tmp_path, strategy) as running:
        wait_for(lambda: running.status()["account_known"], seconds=10, why="not known")
        assert desk.do("update_leverage", 5, "XRP")["status"] == "ok"
        assert desk.do("market_open", "XRP", BUY, 100)["status"] == "ok"

        def refused() -> bool:
            return int(running.status()["connections"]["session"]["margins_refused"]) > 0

        wait_for(refused, seconds=20, why="nobody saw that it is at cross margin")
        assert running.status()["instruments"][0]["stop"] is not None
        strategy.wants = 300
        time.sleep(2)
        position = held(exchange)
        assert position is not None
        assert position["szi"] == "100.0"
        strategy.wants = 0
        wait_for(lambda: held(exchange) is None, seconds=10, why="it is not closed")
        strategy.wants = 100
        position = wait_for(lambda: held(exchange), seconds=20, why="it does not go on")
        assert position["leverage"]["type"] == "isolated"
