"""What the venue itself shows: the order book and the account's fills, over a websocket of its own.

The engine's connection is left alone. What is seen here decides nothing.
"""

import json
import threading
import time
from collections.abc import Mapping
from typing import Any, Literal

from flyball.config.endpoints import endpoint
from flyball.ops.dashboard.hub import Hub
from flyball.trading.runtime.runs import RunInfo

__all__ = ["Market"]

_LEVELS = 12
_OPEN_S = 5.0
_LOOK_S = 1.0
_PING_S = 15.0
_SILENT_S = 45.0
# The venue shows at most 2,000 fills again after a connection.
_KNOWN_FILLS = 4_096
_AGAIN_S = (0.5, 1.0, 2.0, 5.0, 10.0)
_MESSAGE_MAX = 4 << 20


class Market:
    """A thread that listens to the venue and puts books and fills into the hub.

    Topics: `book:SYMBOL` with `time_ms`, `bids` and `asks` (price, size, orders; nearest first),
    `venue` with how the connection is doing. Log: `fills`.
    """

    def __init__(self, run: RunInfo, hub: Hub) -> None:
        self._run, self._hub = run, hub
        self._ended = threading.Event()
        self._seen: dict[tuple[int, int], None] = {}
        self._thread = threading.Thread(target=self._serve, name="flyball-page-market", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._ended.set()

    def _serve(self) -> None:
        tries = 0
        while not self._ended.is_set():
            began = time.monotonic()
            try:
                self._listen()
                reason = "the connection was closed"
            except Exception as error:
                reason = str(error) or type(error).__name__
            if self._ended.is_set():
                return
            tries = 0 if time.monotonic() - began > _SILENT_S else tries + 1
            self._hub.put("venue", {"connected": False, "reason": reason[:200]})
            self._ended.wait(_AGAIN_S[min(tries, len(_AGAIN_S) - 1)])

    def _listen(self) -> None:
        from websockets.sync.client import connect

        where = endpoint(self._run.url)
        # A proxy is for what is outside this machine.
        proxy: Literal[True] | None = None if where.network == "local" else True
        with connect(
            where.websocket, open_timeout=_OPEN_S, max_size=_MESSAGE_MAX, proxy=proxy
        ) as socket:
            for wanted in self._wanted():
                socket.send(json.dumps({"method": "subscribe", "subscription": wanted}))
            self._hub.put("venue", {"connected": True, "reason": ""})
            heard = pinged = time.monotonic()
            while not self._ended.is_set():
                try:
                    text = socket.recv(timeout=_LOOK_S)
                except TimeoutError:
                    now = time.monotonic()
                    if now - heard > _SILENT_S:
                        raise TimeoutError(f"nothing was heard for {_SILENT_S:.0f} s") from None
                    if now - max(heard, pinged) > _PING_S:
                        socket.send('{"method": "ping"}')
                        pinged = now
                    continue
                heard = time.monotonic()
                self._hear(json.loads(text))

    def _wanted(self) -> list[dict[str, str]]:
        books = [{"type": "l2Book", "coin": it.symbol} for it in self._run.instruments]
        return [*books, {"type": "userFills", "user": self._run.account}]

    def _hear(self, message: Mapping[str, Any]) -> None:
        data = message.get("data")
        match message.get("channel"):
            case "l2Book" if data:
                self._book(data)
            case "userFills" if data:
                self._fills(data)

    def _book(self, data: Mapping[str, Any]) -> None:
        sides = [
            [[float(it["px"]), float(it["sz"]), int(it["n"])] for it in side[:_LEVELS]]
            for side in data["levels"]
        ]
        book = {"time_ms": data["time"], "bids": sides[0], "asks": sides[1]}
        self._hub.put(f"book:{data['coin']}", book)

    def _fills(self, data: Mapping[str, Any]) -> None:
        known = {it.symbol for it in self._run.instruments}
        rows = []
        for fill in sorted(data["fills"], key=lambda it: it["time"]):
            number = (fill["tid"], fill["oid"])
            if fill["coin"] not in known or number in self._seen:
                continue
            self._seen[number] = None
            if len(self._seen) > _KNOWN_FILLS:
                del self._seen[next(iter(self._seen))]
            rows.append(
                {
                    "time_ms": fill["time"],
                    "symbol": fill["coin"],
                    "side": "buy" if fill["side"] == "B" else "sell",
                    "price": float(fill["px"]),
                    "size": float(fill["sz"]),
                    "fee": float(fill["fee"]),
                    "pnl": float(fill["closedPnl"]),
                    "what": fill.get("dir", ""),
                    "taker": bool(fill.get("crossed")),
                    "liquidation": "liquidation" in fill,
                }
            )
        self._hub.add("fills", rows)
