"""A process with a strategy that misbehaves once it holds a position: what becomes of the account?

Run as a programme: it prints one JSON object and leaves, whatever its threads still do.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import flyball as fb
from flyball.domain import View
from flyball.trading.runtime.live import LiveSession
from flyball.trading.runtime.local import LocalExchange
from flyball.trading.runtime.venue import ask_venue, open_orders, positions

LOTS = 400
PATIENCE_S = 20.0


def _sleep() -> None:
    time.sleep(60)


def _spin() -> None:
    while True:
        pass


def _raise() -> None:
    raise ValueError("out of ideas")


def _hoard() -> None:
    kept: list[bytes] = []
    while True:
        kept.append(bytes(1 << 20))


def _leave() -> None:
    sys.exit()


WAYS: dict[str, Callable[[], object]] = {
    "sleep": _sleep,
    "spin": _spin,
    "raise": _raise,
    "nonsense": lambda: "buy!",
    "hoard": _hoard,
    "leave": _leave,
}


@dataclass(frozen=True, kw_only=True)
class Misbehaving:
    """Long; and then something that no strategy should do."""

    way: str
    wake = fb.Wake(every="50ms")

    def decide(self, view: View) -> fb.Target | None:
        """Be long, and misbehave."""
        return fb.Target(LOTS) if view.position == 0 else cast("None", WAYS[self.way]())


def _until(what: str, done: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not done():
        if time.monotonic() > until:
            raise TimeoutError(what)
        time.sleep(0.02)


def run(way: str, folder: Path) -> dict[str, Any]:
    told: list[str] = []
    limit = 400_000_000 if way == "hoard" else None
    exchange = LocalExchange(cash=[Decimal(10_000)], admin=True)
    session = LiveSession(
        Misbehaving(way=way),
        venue=exchange,
        instrument="XRP",
        profile="emergency",
        state=folder / "state",
        deadline="200ms",
        max_memory=limit,
        tell=told.append,
    ).start()
    url, account = exchange.endpoint.http, session.venue.keys.account

    def strategy() -> dict[str, Any]:
        found: dict[str, Any] = session.status()["strategies"][0]
        return found

    _until("a position", lambda: bool(positions(url, account)))
    # One that hoards is late before it is ended.
    ignored = {"awake", "late"} if way == "hoard" else {"awake"}
    _until("inattention", lambda: strategy()["attention"] not in ignored)
    _until("its stop", lambda: any(order["reduceOnly"] for order in open_orders(url, account)))
    before = strategy()
    # The market falls by three percent: more than the position may lose.
    fell = time.monotonic()
    ask_venue(url, "/admin", {"type": "move_prices", "coin": "XRP", "factor": "0.97"})
    _until("flat at the venue", lambda: not positions(url, account))
    flat_s = time.monotonic() - fell
    _until("nothing rests", lambda: not open_orders(url, account))
    status = session.status()
    return {
        "attention": before["attention"],
        "overruns": before["overruns"],
        "reason": before["reason"],
        "told": told,
        "tripped": [name for name, _ in status["tripped"]],
        "exits": [it["Exit"]["reason"] for _, it in status["notices"] if "Exit" in it],
        "flat_s": flat_s,
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(sys.argv[1], Path(sys.argv[2]))) + "\n")
    sys.stdout.flush()
    os._exit(0)
