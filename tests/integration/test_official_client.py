"""The official hyperliquid-python-sdk trades on the local exchange. It judges, we do not."""

import time
from collections.abc import Callable, Iterator

import pytest
from hyperliquid.utils.error import ClientError
from hyperliquid.utils.types import Cloid

from tests.conftest import Tell
from tests.integration.served import (
    BUY,
    SELL,
    Desk,
    error,
    fresh_key,
    one,
    resting,
    served,
    statuses,
)

GTC = {"limit": {"tif": "Gtc"}}
ALO = {"limit": {"tif": "Alo"}}
IOC = {"limit": {"tif": "Ioc"}}


def stop(at: float) -> dict[str, object]:
    return {"trigger": {"triggerPx": at, "isMarket": True, "tpsl": "sl"}}


def profit(at: float, *, market: bool = True) -> dict[str, object]:
    return {"trigger": {"triggerPx": at, "isMarket": market, "tpsl": "tp"}}


def request(*, buy: bool, size: float, price: float, terms: object, **more: object) -> object:
    order = {"coin": "XRP", "is_buy": buy, "sz": size, "limit_px": price, "order_type": terms}
    return {"reduce_only": False, **order, **more}


@pytest.fixture
def desk() -> Iterator[Desk]:
    key, other = fresh_key(), fresh_key()
    accounts = [f"{key.address}=50000", f"{other.address}=1000"]
    named = [part for account in accounts for part in ("--account", account)]
    # So many calls in so few seconds are beyond what the venue allows an IP address.
    with served("--seed", "11", "--ip-weight", "100000", *named) as url:
        desk = Desk(url, key)
        desk.other = other.address
        yield desk
        desk.close()


def state(desk: Desk) -> dict[str, str]:
    """What is held, by coin."""
    positions = desk.ask("user_state", desk.address)["assetPositions"]
    return {it["position"]["coin"]: it["position"]["szi"] for it in positions}


def open_ids(desk: Desk) -> set[int]:
    return {order["oid"] for order in desk.ask("open_orders", desk.address)}


def word(desk: Desk, oid: int) -> str:
    """What became of an order."""
    told: str = desk.ask("query_order_by_oid", desk.address, oid)["order"]["status"]
    return told


def asks_about_the_market(desk: Desk) -> None:
    meta = desk.ask("meta")
    assert [it["name"] for it in meta["universe"]] == ["BTC", "XRP"]
    mids = desk.ask("all_mids")
    assert set(mids) == {"BTC", "XRP"}
    book = desk.ask("l2_snapshot", "XRP")
    bids, asks = book["levels"]
    assert len(bids) == len(asks) == 20
    assert float(bids[0]["px"]) < float(asks[0]["px"])
    contexts = desk.ask("meta_and_asset_ctxs")
    assert len(contexts[1]) == 2
    now = int(time.time() * 1000)
    candles = desk.ask("candles_snapshot", "XRP", "1m", now - 600_000, now + 60_000)
    assert candles[-1]["s"] == "XRP"
    assert desk.ask("funding_history", "XRP", 0) == []
    assert desk.ask("spot_meta")["universe"] == []
    assert desk.ask("spot_meta_and_asset_ctxs")[1] == []
    assert desk.ask("perp_dexs") == [None]


def asks_about_itself(desk: Desk) -> None:
    me = desk.address
    assert desk.ask("user_state", me)["withdrawable"] == "50000.0"
    assert desk.ask("spot_user_state", me) == {"balances": []}
    assert desk.ask("open_orders", me) == []
    assert desk.ask("frontend_open_orders", me) == []
    assert desk.ask("user_fills", me) == []
    assert desk.ask("user_fills_by_time", me, 0) == []
    assert desk.ask("historical_orders", me) == []
    assert desk.ask("user_funding_history", me, 0) == []
    assert desk.ask("user_non_funding_ledger_updates", me, 0) == []
    assert desk.ask("user_fees", me)["userCrossRate"] == "0.00045"
    assert desk.ask("user_rate_limit", me)["nRequestsCap"] == 10_000
    assert desk.ask("user_role", me) == {"role": "user"}
    assert desk.ask("user_role", fresh_key().address) == {"role": "missing"}
    assert desk.ask("extra_agents", me) == []
    assert desk.ask("query_sub_accounts", me) is None
    assert desk.ask("query_user_abstraction_state", me) == "disabled"
    assert desk.ask("query_user_to_multi_sig_signers", me) is None
    assert desk.ask("user_twap_slice_fills", me) == []
    assert desk.ask("user_vault_equities", me) == []
    assert len(desk.ask("portfolio", me)) == 8


def places_and_cancels(desk: Desk) -> None:
    first = resting(desk.do("order", "XRP", BUY, 100, 1.5, GTC))
    assert open_ids(desk) == {first}
    post = resting(desk.do("order", "XRP", SELL, 100, 3.0, ALO))
    cloid = Cloid.from_int(77)
    named = resting(desk.do("order", "BTC", BUY, 0.01, 50_000, GTC, cloid=cloid))
    found = desk.ask("query_order_by_cloid", desk.address, cloid)
    assert found["order"]["order"]["oid"] == named
    assert open_ids(desk) == {first, post, named}
    assert one(desk.do("cancel", "XRP", first)) == "success"
    assert word(desk, first) == "canceled"
    assert one(desk.do("cancel_by_cloid", "BTC", cloid)) == "success"
    assert open_ids(desk) == {post}
    orders = [request(buy=True, size=10, price=1.4 + k / 100, terms=GTC) for k in range(5)]
    several = [it["resting"]["oid"] for it in statuses(desk.do("bulk_orders", orders))]
    assert open_ids(desk) == {post, *several}
    gone = desk.do("bulk_cancel", [{"coin": "XRP", "oid": oid} for oid in [post, *several]])
    assert statuses(gone) == ["success"] * 6
    names = [Cloid.from_int(100 + k) for k in range(3)]
    orders = [request(buy=True, size=10, price=1.4, terms=GTC, cloid=name) for name in names]
    statuses(desk.do("bulk_orders", orders))
    gone = desk.do("bulk_cancel_by_cloid", [{"coin": "XRP", "cloid": name} for name in names])
    assert statuses(gone) == ["success"] * 3
    assert open_ids(desk) == set()


def modifies(desk: Desk) -> None:
    old = resting(desk.do("order", "XRP", BUY, 100, 1.5, GTC))
    new = resting(desk.do("modify_order", old, "XRP", BUY, 120, 1.51, ALO))
    assert new > old
    (order,) = desk.ask("open_orders", desk.address)
    assert (order["oid"], order["sz"], order["limitPx"]) == (new, "120.0", "1.51")
    cloid = Cloid.from_int(5)
    resting(desk.do("order", "XRP", BUY, 50, 1.4, GTC, cloid=cloid))
    resting(desk.do("modify_order", cloid, "XRP", BUY, 60, 1.41, GTC, cloid=Cloid.from_int(6)))
    wanted = [
        {"oid": new, "order": request(buy=True, size=130, price=1.52, terms=GTC)},
        {"oid": Cloid.from_int(6), "order": request(buy=True, size=70, price=1.42, terms=GTC)},
        {"oid": old, "order": request(buy=True, size=70, price=1.42, terms=GTC)},
    ]
    answers = statuses(desk.do("bulk_modify_orders_new", wanted))
    assert ["resting" in it for it in answers] == [True, True, False]
    orders = desk.ask("open_orders", desk.address)
    assert sorted(order["sz"] for order in orders) == ["130.0", "70.0"]
    for order in orders:
        assert one(desk.do("cancel", "XRP", order["oid"])) == "success"


def takes_and_closes(desk: Desk) -> None:
    opened = one(desk.do("market_open", "XRP", BUY, 1000))
    assert opened["filled"]["totalSz"] == "1000.0"
    assert state(desk) == {"XRP": "1000.0"}
    fill = desk.ask("user_fills", desk.address)[0]
    assert (fill["dir"], fill["crossed"], fill["feeToken"]) == ("Open Long", True, "USDC")
    price = float(desk.ask("all_mids")["XRP"])
    taken = one(desk.do("order", "XRP", BUY, 500, round(price * 1.02, 4), IOC))
    assert taken["filled"]["totalSz"] == "500.0"
    part = one(desk.do("order", "XRP", SELL, 300, round(price * 0.98, 4), IOC, reduce_only=True))
    assert part["filled"]["totalSz"] == "300.0"
    assert state(desk) == {"XRP": "1200.0"}
    closed = one(desk.do("market_close", "XRP"))
    assert closed["filled"]["totalSz"] == "1200.0"
    assert state(desk) == {}
    sold = one(desk.do("market_open", "BTC", SELL, 0.02))
    assert sold["filled"]["totalSz"] == "0.02"
    assert state(desk) == {"BTC": "-0.02"}
    assert one(desk.do("market_close", "BTC"))["filled"]["totalSz"] == "0.02"
    fills = desk.ask("user_fills_by_time", desk.address, 0, aggregate_by_time=True)
    assert [fill["time"] for fill in fills] == sorted(fill["time"] for fill in fills)


def protects(desk: Desk) -> None:
    assert "filled" in one(desk.do("market_open", "XRP", BUY, 1000))
    waits = resting(desk.do("order", "XRP", SELL, 1000, 1.0, stop(1.2), reduce_only=True))
    limit = resting(
        desk.do("order", "XRP", SELL, 1000, 4.0, profit(4.0, market=False), reduce_only=True)
    )
    kinds = {it["orderType"] for it in desk.ask("frontend_open_orders", desk.address)}
    assert kinds == {"Stop Market", "Take Profit Limit"}
    assert (
        statuses(desk.do("bulk_cancel", [{"coin": "XRP", "oid": oid} for oid in (waits, limit)]))
        == ["success"] * 2
    )
    pair = [
        request(buy=False, size=1000, price=1.0, terms=stop(1.2), reduce_only=True),
        request(buy=False, size=1000, price=3.5, terms=profit(4.0), reduce_only=True),
    ]
    both = statuses(desk.do("bulk_orders", pair, grouping="positionTpsl"))
    assert all("resting" in it for it in both)
    assert all(it["isPositionTpsl"] for it in desk.ask("frontend_open_orders", desk.address))
    assert "filled" in one(desk.do("market_close", "XRP"))
    assert open_ids(desk) == set(), "they went with the position"
    parent = request(buy=True, size=100, price=1.5, terms=GTC)
    answers = statuses(desk.do("bulk_orders", [parent, *pair], grouping="normalTpsl"))
    assert answers[1:] == ["waitingForFill", "waitingForFill"]
    tree = desk.ask("frontend_open_orders", desk.address)
    assert sorted(len(order["children"]) for order in tree) == [0, 0, 2]
    assert one(desk.do("cancel", "XRP", answers[0]["resting"]["oid"])) == "success"
    assert open_ids(desk) == set(), "children go with their parent"


def is_told_why_not(desk: Desk) -> None:
    price = float(desk.ask("all_mids")["XRP"])
    refused = {
        "minimum value of $10": ("XRP", BUY, 1, 1.5, GTC),
        "divisible by tick size": ("XRP", BUY, 100, 1.50001, GTC),
        "invalid size": ("XRP", BUY, 10.5, 1.5, GTC),
        "Post only order would have immediately matched": ("XRP", BUY, 100, 9.0, ALO),
        "could not immediately match": ("XRP", BUY, 100, 1.5, IOC),
        "Insufficient margin": ("XRP", BUY, 10_000_000, 1.5, GTC),
        "Invalid TP/SL price": ("XRP", SELL, 100, round(price * 2, 3), stop(round(price * 2, 3))),
    }
    for words, order in refused.items():
        assert words in error(desk.do("order", *order)), words
    only = desk.do("order", "XRP", SELL, 100, 9.0, GTC, reduce_only=True)
    assert "Reduce only order would increase position" in error(only)
    assert "never placed, already canceled, or filled" in error(desk.do("cancel", "XRP", 99_999))
    later = int(time.time() * 1000) + 10_000
    assert "enough volume traded. Required: $1000000" in error(desk.do("schedule_cancel", later))
    assert desk.do("schedule_cancel", None)["status"] == "ok"
    assert "Invalid leverage value" in error(desk.do("update_leverage", 21, "XRP"))
    assert "No isolated position" in error(desk.do("update_isolated_margin", 10, "XRP"))
    assert "not served" in error(desk.do("set_referrer", "ASDFASDF"))
    assert "not served" in error(desk.do("usd_class_transfer", 10, to_perp=False))
    nonce = int(time.time() * 1000)
    assert desk.do("noop", nonce)["status"] == "ok"
    assert f"duplicate nonce {nonce}" in error(desk.do("noop", nonce))
    desk.expires_after(nonce - 60_000)
    assert "expire" in error(desk.do("order", "XRP", BUY, 100, 1.5, GTC))
    desk.expires_after(nonce + 60_000)
    one(desk.do("cancel", "XRP", resting(desk.do("order", "XRP", BUY, 100, 1.5, GTC))))
    desk.expires_after(None)
    stranger = Desk(desk.url, fresh_key())
    words = f"User or API Wallet {stranger.key.address.lower()} does not exist."
    assert error(stranger.do("order", "XRP", BUY, 100, 1.5, GTC)) == words
    stranger.close()
    with pytest.raises(ClientError) as raised:
        desk.ask("post", "/info", {"type": "nothing"})
    assert raised.value.status_code == 422


def sets_leverage_and_moves_money(desk: Desk) -> None:
    assert desk.do("update_leverage", 3, "XRP")["response"] == {"type": "default"}
    one(desk.do("market_open", "XRP", BUY, 100))
    (position,) = desk.ask("user_state", desk.address)["assetPositions"]
    assert position["position"]["leverage"] == {"type": "cross", "value": 3}
    switch = error(desk.do("update_leverage", 3, "XRP", is_cross=False))
    assert switch == "Cannot switch leverage type with open position."
    one(desk.do("market_close", "XRP"))
    assert desk.do("update_leverage", 4, "XRP", is_cross=False)["status"] == "ok"
    one(desk.do("market_open", "XRP", BUY, 100))
    assert desk.do("update_isolated_margin", 10, "XRP")["status"] == "ok"
    (position,) = desk.ask("user_state", desk.address)["assetPositions"]
    alone = position["position"]
    assert (alone["leverage"]["type"], alone["leverage"]["value"]) == ("isolated", 4)
    used, value = float(alone["marginUsed"]), float(alone["positionValue"])
    assert float(alone["leverage"]["rawUsd"]) == pytest.approx(used - value)
    assert used == pytest.approx(value / 4 + 10, rel=0.02)
    assert desk.do("update_isolated_margin", -5, "XRP")["status"] == "ok"
    for amount in (-1_000, 10**7):
        assert "Insufficient margin" in error(desk.do("update_isolated_margin", amount, "XRP"))
    one(desk.do("market_close", "XRP"))
    before = float(desk.ask("user_state", desk.address)["withdrawable"])
    assert desk.do("usd_transfer", 250.5, desk.other)["status"] == "ok"
    assert desk.ask("user_state", desk.other)["withdrawable"] == "1250.5"
    assert desk.do("withdraw_from_bridge", 100, desk.address)["status"] == "ok"
    after = float(desk.ask("user_state", desk.address)["withdrawable"])
    assert after == pytest.approx(before - 350.5)
    assert "Insufficient balance" in error(desk.do("usd_transfer", 10**7, desk.other))
    ledger = desk.ask("user_non_funding_ledger_updates", desk.address, 0)
    assert [row["delta"]["type"] for row in ledger] == ["internalTransfer", "withdraw"]


def lets_an_agent_trade(desk: Desk) -> None:
    from eth_account import Account

    answer, agent_key = desk.do("approve_agent", "bot")
    assert answer["status"] == "ok"
    assert [it["name"] for it in desk.ask("extra_agents", desk.address)] == ["bot"]
    agent = Desk(desk.url, Account.from_key(agent_key), master=desk.address)
    oid = resting(agent.do("order", "XRP", BUY, 100, 1.5, GTC))
    assert open_ids(desk) == {oid}
    assert desk.ask("open_orders", agent.key.address) == [], "the agent itself has nothing"
    assert desk.ask("user_role", agent.key.address)["role"] == "agent"
    assert one(agent.do("cancel", "XRP", oid)) == "success"
    assert "Must deposit" in error(agent.do("usd_transfer", 1, desk.other))
    assert desk.do("approve_agent", "bot")[0]["status"] == "ok"
    assert "does not exist" in error(agent.do("order", "XRP", BUY, 100, 1.5, GTC))
    desk.calls += agent.calls
    agent.close()


def listens(desk: Desk) -> None:
    me = desk.address
    about_the_market = [
        {"type": "allMids"},
        {"type": "l2Book", "coin": "XRP"},
        {"type": "trades", "coin": "XRP"},
        {"type": "bbo", "coin": "XRP"},
        {"type": "candle", "coin": "XRP", "interval": "1m"},
        {"type": "activeAssetCtx", "coin": "XRP"},
    ]
    about_me = ["userEvents", "userFills", "orderUpdates", "userFundings"]
    numbers = [desk.listen(it) for it in about_the_market]
    for kind in [*about_me, "userNonFundingLedgerUpdates", "webData2"]:
        desk.listen({"type": kind, "user": me})
    desk.listen({"type": "activeAssetData", "user": me, "coin": "XRP"})
    for subscription in about_the_market:
        assert desk.wait_for(subscription["type"])["data"]
    for kind in ("userFills", "userFundings", "userNonFundingLedgerUpdates"):
        assert desk.wait_for(kind)["data"]["isSnapshot"] is True
    assert desk.wait_for("activeAssetData")["data"]["coin"] == "XRP"
    assert desk.wait_for("webData2")["data"]["clearinghouseState"]
    oid = one(desk.do("market_open", "XRP", BUY, 50))["filled"]["oid"]
    fill = desk.wait_for("user", lambda it: "fills" in it["data"])["data"]["fills"][0]
    assert fill["oid"] == oid
    fresh = desk.wait_for("userFills", lambda it: "isSnapshot" not in it["data"])
    assert fresh["data"]["fills"][0]["tid"] == fill["tid"]
    update = desk.wait_for("orderUpdates", lambda it: it["data"][0]["order"]["oid"] == oid)
    assert update["data"][0]["status"] in {"open", "filled"}
    printed = desk.wait_for(
        "trades", lambda it: any(trade["tid"] == fill["tid"] for trade in it["data"])
    )
    assert any(me.lower() in trade["users"] for trade in printed["data"])
    assert desk.do("usd_transfer", 1, desk.other)["status"] == "ok"
    desk.wait_for("userNonFundingLedgerUpdates", lambda it: "isSnapshot" not in it["data"])
    one(desk.do("market_close", "XRP"))
    assert desk.unlisten(about_the_market[1], numbers[1])


STEPS: list[Callable[[Desk], None]] = [
    asks_about_the_market,
    asks_about_itself,
    places_and_cancels,
    modifies,
    takes_and_closes,
    protects,
    is_told_why_not,
    sets_leverage_and_moves_money,
    lets_an_agent_trade,
    listens,
]


def test_the_official_client_trades_on_the_local_exchange(desk: Desk, tell: Tell) -> None:
    for step in STEPS:
        before = desk.calls
        step(desk)
        print(f"{step.__name__}: {desk.calls - before} calls")
    assert open_ids(desk) == set()
    assert state(desk) == {}
    assert desk.calls >= 60
    tell(f"{desk.calls} calls of hyperliquid-python-sdk on the local exchange")


def test_an_ip_address_that_asks_too_much_gets_429_through_the_official_client() -> None:
    key = fresh_key()
    with served("--account", f"{key.address}=100") as url:
        desk = Desk(url, key)
        # Both halves of the client asked two questions of weight 20 each when they began.
        for _ in range(56):
            desk.ask("meta")
        with pytest.raises(ClientError) as raised:
            desk.ask("meta")
        assert raised.value.status_code == 429
        desk.close()
