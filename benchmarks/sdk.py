"""The official SDK as a client of `flyball-bench-live`: one order for every best bid and offer.

`sdk.py modify` puts another order in the place of the one that rests: one action, one signature.
`sdk.py cancel` cancels the one that rests and places another: two of each, as the engine does it.
It ends when its standard input does.
"""

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from eth_account import Account
from eth_keys.main import KeyAPI
from hyperliquid.exchange import Exchange
from hyperliquid.info import Info

BUY = True
SIZE = 30
STEP = 0.0001
FIGURES = 4
POST_ONLY = {"limit": {"tif": "Alo"}}


class Quoter:
    """Wants one bid some steps below the best, and another one at every message."""

    def __init__(self, exchange: Exchange, coin: str, mode: str) -> None:
        self.exchange = exchange
        self.coin = coin
        self.mode = mode
        self.oid: int | None = None
        self.last = 0.0
        self.failed: list[str] = []

    def hear(self, message: dict[str, Any]) -> None:
        """Answer a best bid and offer with an order."""
        bid = message["data"]["bbo"][0]
        if bid is None:
            return
        best = float(bid["px"])
        price = round(best - 5 * STEP, FIGURES)
        if price == self.last:
            price = round(best - 6 * STEP, FIGURES)
        self.last = price
        self.quote(price)

    def quote(self, price: float) -> None:
        if self.oid is None:
            answer = self.exchange.order(self.coin, BUY, SIZE, price, POST_ONLY)
        elif self.mode == "modify":
            answer = self.exchange.modify_order(self.oid, self.coin, BUY, SIZE, price, POST_ONLY)
        else:
            self.exchange.cancel(self.coin, self.oid)
            answer = self.exchange.order(self.coin, BUY, SIZE, price, POST_ONLY)
        try:
            self.oid = answer["response"]["data"]["statuses"][0]["resting"]["oid"]
        except (KeyError, TypeError, IndexError):
            self.oid = None
            self.failed.append(str(answer))


def versions() -> dict[str, str]:
    told = {"python": platform.python_version()}
    for name in ["hyperliquid-python-sdk", "eth-account", "eth-keys", "coincurve"]:
        try:
            told[name] = version(name)
        except PackageNotFoundError:
            told[name] = "absent"
    told["signs with"] = type(KeyAPI().backend).__name__
    return told


def main() -> None:
    url, coin = os.environ["FLYBALL_URL"], os.environ["FLYBALL_COIN"]
    mode = sys.argv[1] if len(sys.argv) > 1 else "modify"
    if mode not in {"modify", "cancel"}:
        sys.exit(f"sdk.py: {mode!r} is neither modify nor cancel")
    key = Account.from_key(os.environ["FLYBALL_KEY"])
    exchange = Exchange(key, url, account_address=os.environ["FLYBALL_ACCOUNT"])
    quoter = Quoter(exchange, coin, mode)
    info = Info(url)
    print("ready", flush=True)
    info.subscribe({"type": "bbo", "coin": coin}, quoter.hear)
    sys.stdin.read()
    failed = {"failed": len(quoter.failed), "first failure": quoter.failed[:1]}
    print(json.dumps({"versions": versions(), "mode": mode, **failed}), flush=True)
    os._exit(0)  # The client's threads wait for more.


if __name__ == "__main__":
    main()
