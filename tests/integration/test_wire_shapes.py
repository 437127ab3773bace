"""Answers of the local exchange against recorded ones of the venue, key by key and type by type.

Every difference stands in a table with its reason, and a reason without a difference is an error.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import websocket
import yaml
from hyperliquid.utils.types import Cloid

from tests.conftest import Tell, recordings
from tests.integration.served import BUY, SELL, Desk, fresh_key, one, served
from tests.integration.wire_differences import EXPLAINED

Answers = dict[str, list[Any]]

# Under these keys stand names of instruments: a map, not a shape.
MAPS = {"mids"}
WHOLE_MAPS = {"allMids"}


def shape(value: object, path: str = "") -> Iterator[str]:
    """Every path in a value, with the type of what lies there."""
    if isinstance(value, dict):
        # What happened to an account has a shape for each kind of it.
        path = f"{path}<{value['type']}>" if path.endswith(".delta") else path
        yield f"{path or '.'} object"
        for key, inner in value.items():
            name = "*" if path.rpartition(".")[2] in MAPS else key
            yield from shape(inner, f"{path}.{name}")
    elif isinstance(value, list):
        yield f"{path or '.'} list"
        for inner in value:
            yield from shape(inner, f"{path}[]")
    else:
        kinds = {type(None): "null", bool: "flag", int: "number", float: "number", str: "string"}
        yield f"{path or '.'} {kinds[type(value)]}"


def shapes(name: str, answers: list[Any]) -> set[str]:
    if name in WHOLE_MAPS:
        answers = [{"mids": answer} for answer in answers]
    return {line for answer in answers for line in shape(answer)}


def cassettes(folder: Path) -> Answers:
    """Recorded answers of the official client's own tests, by the type of their question."""
    found: Answers = {}
    for path in sorted((folder / "hyperliquid_python_sdk_cassettes" / "info_test").glob("*.yaml")):
        for interaction in yaml.safe_load(path.read_text())["interactions"]:
            question = json.loads(interaction["request"]["body"])
            answer = json.loads(interaction["response"]["body"]["string"])
            found.setdefault(question["type"], []).append(answer)
    return found


# Files of the other client's tests, and what they hold.
ENDPOINTS = {
    "Futures/Account/GetAccountInfo": "clearinghouseState",
    "Futures/Account/GetFundingHistory": "userFunding",
    "Futures/ExchangeData/GetExchangeInfo": "meta",
    "Futures/ExchangeData/GetExchangeInfoAndTickers": "metaAndAssetCtxs",
    "Futures/ExchangeData/GetFundingRateHistory": "fundingHistory",
    "Futures/Trading/SetLeverage": "action updateLeverage",
    "Spot/Account/GetAccountLedger": "userNonFundingLedgerUpdates",
    "Spot/Account/GetBalances": "spotClearinghouseState",
    "Spot/Account/GetExtraAgents": "extraAgents",
    "Spot/Account/GetRateLimits": "userRateLimit",
    "Spot/ExchangeData/GetKlines": "candleSnapshot",
    "Spot/ExchangeData/GetOrderBook": "l2Book",
    "Spot/ExchangeData/GetPrices": "allMids",
    "Spot/Trading/GetOpenOrders": "openOrders",
    "Spot/Trading/GetOpenOrdersExtended": "frontendOpenOrders",
    "Spot/Trading/GetUserTrades": "userFills",
    "Spot/Trading/PlaceOrder": "action order",
}
# Questions that are not served are refused by name: there is nothing to compare.
NOT_SERVED = {
    "Futures/ExchangeData/GetSymbolsAtMaxOpenInterest",
    "Spot/Account/GetApprovedBuilderFee",
    "Spot/Account/GetSubAccounts",
    "Spot/Account/GetSubAccounts2",
    "Spot/ExchangeData/GetAssetInfo",
    "Spot/ExchangeData/GetExchangeInfo",
    "Spot/ExchangeData/GetExchangeInfoAndTickers",
}
SUBSCRIPTIONS = {
    "BookTicker": "bbo",
    "Klines": "candle",
    "Order": "orderUpdates",
    "OrderBook": "l2Book",
    "Prices": "allMids",
    "Trades": "trades",
    "UserEventTrade": "userEvents",
}


def others(folder: Path) -> Answers:
    """Recorded answers and messages of another client's tests."""
    root = folder / "jkorf_hyperliquid"
    found: Answers = {}
    for path in sorted((root / "Endpoints").rglob("*.txt")):
        name = str(path.relative_to(root / "Endpoints").with_suffix(""))
        assert name in ENDPOINTS or name in NOT_SERVED, f"{name} is not looked at"
        if name in ENDPOINTS:
            body = path.read_text(encoding="utf-8-sig").split("\n", 3)[3]
            found.setdefault(ENDPOINTS[name], []).append(json.loads(body))
    for path in sorted((root / "Subscriptions").glob("*.txt")):
        if path.stem == "Concurrent":
            continue  # A script for two streams at once: the shapes are those of Klines.
        text = path.read_text(encoding="utf-8-sig")
        _, _, rest = text.partition("\n<")
        acknowledged, _, pushed = rest.partition("\n=")
        kind = SUBSCRIPTIONS[path.stem]
        found.setdefault(f"ack {kind}", []).append(json.loads(acknowledged))
        found.setdefault(f"ws {kind}", []).append(json.loads(pushed))
    return found


def request(*, buy: bool, size: float, price: float, terms: object, **more: object) -> object:
    order = {"coin": "XRP", "is_buy": buy, "sz": size, "limit_px": price, "order_type": terms}
    return {"reduce_only": False, **order, **more}


def lively(desk: Desk) -> Answers:
    """An account with everything that the recordings show; the answers to its actions."""
    gtc, ioc = {"limit": {"tif": "Gtc"}}, {"limit": {"tif": "Ioc"}}
    stop = {"trigger": {"triggerPx": 1.2, "isMarket": True, "tpsl": "sl"}}
    profit = {"trigger": {"triggerPx": 4.0, "isMarket": True, "tpsl": "tp"}}
    placed = desk.do("order", "XRP", BUY, 10, 1.5, gtc)
    leverage = desk.do("update_leverage", 3, "BTC", is_cross=False)
    for _ in range(2):
        assert "filled" in one(desk.do("market_open", "XRP", BUY, 100))
    assert "filled" in one(desk.do("market_open", "BTC", SELL, 0.02))
    assert "filled" in one(desk.do("order", "XRP", SELL, 50, 1.0, ioc, reduce_only=True))
    desk.do("order", "XRP", BUY, 10, 1.5, ioc)
    group = [
        request(buy=True, size=100, price=1.5, terms=gtc, cloid=Cloid.from_int(3)),
        request(buy=False, size=100, price=1.0, terms=stop, reduce_only=True),
        request(buy=False, size=100, price=3.5, terms=profit, reduce_only=True),
    ]
    desk.do("bulk_orders", group, grouping="normalTpsl")
    deposit = {"type": "transfer", "user": desk.address, "usd": "100"}
    assert requests.post(f"{desk.url}/admin", json=deposit, timeout=10).status_code == 200
    desk.do("usd_transfer", 5, desk.other)
    desk.do("withdraw_from_bridge", 10, desk.address)
    desk.do("approve_agent", "bot")
    return {"action order": [placed], "action updateLeverage": [leverage]}


def asked(url: str, user: str) -> Answers:
    """Our answers to the same questions."""
    now = int(time.time() * 1000) + 7_200_000
    times = {"startTime": 0, "endTime": now}
    questions: list[dict[str, Any]] = [
        *({"type": name} for name in ("meta", "metaAndAssetCtxs", "allMids")),
        {"type": "l2Book", "coin": "XRP"},
        {"type": "fundingHistory", "coin": "XRP", **times},
        {"type": "candleSnapshot", "req": {"coin": "XRP", "interval": "1m", **times}},
        *(
            {"type": name, "user": user}
            for name in (
                *("clearinghouseState", "spotClearinghouseState", "openOrders", "userFills"),
                *("frontendOpenOrders", "historicalOrders", "portfolio", "userRateLimit"),
                *("userRole", "extraAgents"),
            )
        ),
        *(
            {"type": name, "user": user, **times}
            for name in ("userFillsByTime", "userFunding", "userNonFundingLedgerUpdates")
        ),
    ]
    found: Answers = {}
    for question in questions:
        answer = requests.post(f"{url}/info", json=question, timeout=10)
        assert answer.status_code == 200, question
        found[question["type"]] = [answer.json()]
    return found


def heard(url: str, desk: Desk) -> Answers:
    """Our acknowledgements and messages."""
    socket = websocket.create_connection(f"ws{url.removeprefix('http')}/ws", timeout=10)
    found: Answers = {}
    more = {"candle": {"coin": "XRP", "interval": "1m"}, "allMids": {}}
    user = {"user": desk.address}
    for kind in SUBSCRIPTIONS.values():
        about = user if kind in {"orderUpdates", "userEvents"} else {"coin": "XRP"}
        subscription = {"type": kind, **more.get(kind, about)}
        socket.send(json.dumps({"method": "subscribe", "subscription": subscription}))
    one(desk.do("order", "XRP", BUY, 10, 1.4, {"limit": {"tif": "Gtc"}}))
    one(desk.do("market_open", "XRP", BUY, 20))
    kinds = {"user": "userEvents"}
    wanted = {f"ack {kind}" for kind in SUBSCRIPTIONS.values()}
    wanted |= {f"ws {kind}" for kind in SUBSCRIPTIONS.values()}
    until = time.monotonic() + 10
    while wanted - set(found) and time.monotonic() < until:
        message = json.loads(socket.recv())
        if message["channel"] == "subscriptionResponse":
            name = f"ack {message['data']['subscription']['type']}"
        else:
            name = f"ws {kinds.get(message['channel'], message['channel'])}"
        found.setdefault(name, []).append(message)
    socket.close()
    return found


@pytest.fixture(scope="module")
def ours() -> Answers:
    key, other = fresh_key(), fresh_key()
    hour = 3_600_000
    # Its clock is three seconds before an hour: funding is paid while it is looked at.
    start = (int(time.time() * 1000) // hour + 1) * hour - 3000
    accounts = ("--account", f"{key.address}=50000", "--account", f"{other.address}=100")
    settings = ("--seed", "3", "--ip-weight", "100000", "--start", str(start), "--admin")
    with served(*settings, *accounts) as url:
        desk = Desk(url, key)
        desk.other = other.address
        acted = lively(desk)
        streamed = heard(url, desk)
        until = time.monotonic() + 10
        while not desk.ask("user_funding_history", key.address, 0) and time.monotonic() < until:
            time.sleep(0.1)
        answered = asked(url, key.address)
        desk.close()
    return {**acted, **streamed, **answered}


def differences(theirs: Answers, ours: Answers) -> set[tuple[str, str, str]]:
    """What is on one side only, of answers that both have."""
    found = set()
    for name in set(theirs) & set(ours):
        there, here = shapes(name, theirs[name]), shapes(name, ours[name])
        found |= {(name, line, "theirs") for line in there - here}
        found |= {(name, line, "ours") for line in here - there}
    return found


def explanation(difference: tuple[str, str, str]) -> tuple[str, str, str] | None:
    """The row of the table that it falls under."""
    name, line, where = difference
    rows = (row for row in EXPLAINED if (row[0], row[2]) == (name, where))
    return next((row for row in rows if line.startswith(row[1])), None)


def wire() -> Path:
    data = recordings()
    if data is None:
        pytest.skip("there are no recordings: set FLYBALL_SHARED to the folder that has data/")
    return data / "wire"


def test_answers_have_the_shape_of_the_recorded_ones(ours: Answers, tell: Tell) -> None:
    official, other = cassettes(wire()), others(wire())
    theirs = {name: [*official.get(name, []), *other.get(name, [])] for name in official | other}
    # About staking, time-weighted orders and vaults: an empty list is all there is here.
    assert set(theirs) - set(ours) == {
        "delegatorHistory",
        "userTwapSliceFills",
        "userVaultEquities",
    }
    found = {difference: explanation(difference) for difference in differences(theirs, ours)}
    unexplained = sorted(difference for difference, row in found.items() if row is None)
    assert not unexplained, "\n".join(map(str, unexplained))
    stale = set(EXPLAINED) - set(found.values())
    assert not stale, f"explained, and not there: {stale}"
    compared = set(theirs) & set(ours)
    paths = sum(len(shapes(name, theirs[name])) for name in compared)
    tell(f"{len(compared)} answers and messages, {paths} paths, {len(EXPLAINED)} explained rows")


def test_the_comparison_would_see_a_difference() -> None:
    theirs: Answers = {"userRole": [{"role": "vault", "data": None}]}
    ours: Answers = {"userRole": [{"role": 1}]}
    assert differences(theirs, ours) == {
        ("userRole", ".role string", "theirs"),
        ("userRole", ".data null", "theirs"),
        ("userRole", ".role number", "ours"),
    }
