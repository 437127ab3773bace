"""What a Hyperliquid message costs in Python: `python -m peers.wire WAY LINES`.

WAY: `msgspec` (typed) and `orjson` with a dict for each side of the book, `sdk` (the official
client's own way of a message) with the same dicts, `ccxt` (its own book).
"""

import collections
import importlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers.worker import serve

MESSAGES = 20_000
BOOK: dict[str, dict[float, float]] = {}
Take = Callable[[bytes], None]


def keep(levels: list[list[dict[str, str]]]) -> None:
    BOOK["bids"] = {float(it["px"]): float(it["sz"]) for it in levels[0]}
    BOOK["asks"] = {float(it["px"]): float(it["sz"]) for it in levels[1]}


def by_orjson() -> tuple[Take, list[str]]:
    loads: Any = importlib.import_module("orjson").loads
    return lambda text: keep(loads(text)["data"]["levels"]), ["orjson"]


def by_msgspec() -> tuple[Take, list[str]]:
    msgspec: Any = importlib.import_module("msgspec")
    level: Any = msgspec.defstruct("Level", [("px", str), ("sz", str), ("n", int)])
    data = msgspec.defstruct(
        "Data", [("coin", str), ("time", int), ("levels", tuple[list[level], list[level]])]
    )
    decode = msgspec.json.Decoder(msgspec.defstruct("Book", [("data", data)])).decode

    def take(text: bytes) -> None:
        bids, asks = decode(text).data.levels
        BOOK["bids"] = {float(it.px): float(it.sz) for it in bids}
        BOOK["asks"] = {float(it.px): float(it.sz) for it in asks}

    return take, ["msgspec"]


def by_sdk() -> tuple[Take, list[str]]:
    manager: Any = importlib.import_module("hyperliquid.websocket_manager").WebsocketManager
    made = manager.__new__(manager)
    made.active_subscriptions = collections.defaultdict(list)

    class Subscription:
        @staticmethod
        def callback(message: dict[str, Any]) -> None:
            keep(message["data"]["levels"])

    made.active_subscriptions["l2Book:btc"].append(Subscription)
    return lambda text: made.on_message(None, text.decode()), ["hyperliquid-python-sdk"]


def by_ccxt() -> tuple[Take, list[str]]:
    ccxt: Any = importlib.import_module("ccxt.pro")
    loads: Any = importlib.import_module("orjson").loads
    exchange = ccxt.hyperliquid()
    about = {"id": "BTC", "symbol": "BTC/USDC:USDC", "base": "BTC", "quote": "USDC"}
    kind = {"settle": "USDC", "baseName": "BTC", "type": "swap", "swap": True, "contract": True}
    ids = {"baseId": "0", "quoteId": "USDC", "settleId": "USDC", "info": {}, "limits": {}}
    spot = {"spot": False, "future": False, "option": False, "linear": True, "inverse": False}
    precision = {"precision": {"amount": 0.00001, "price": 0.1}, "active": True}
    exchange.set_markets([about | kind | ids | spot | precision])

    class Client:
        url = "wss://here"
        subscriptions: dict[str, Any] = {}
        futures: dict[str, Any] = {}

        def resolve(self, *_: Any) -> None:  # noqa: ANN401
            """Nobody waits."""

    client = Client()
    return lambda text: exchange.handle_order_book(client, loads(text)), ["ccxt"]


WAYS = {"orjson": by_orjson, "msgspec": by_msgspec, "sdk": by_sdk, "ccxt": by_ccxt}


def main() -> None:
    way, path = sys.argv[1:3]
    lines = [line for line in Path(path).read_bytes().splitlines() if line]
    json.loads(lines[0])
    messages = [lines[at % len(lines)] for at in range(MESSAGES)]
    take, packages = WAYS[way]()

    def run() -> dict[str, Any]:
        cpu = time.process_time()
        for message in messages:
            take(message)
        return {"cpu_s": time.process_time() - cpu, "messages": len(messages)}

    serve(run, *packages)


if __name__ == "__main__":
    main()
