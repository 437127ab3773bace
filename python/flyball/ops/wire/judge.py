"""What a cell is judged by: the account at the venue, looked at as another client does."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from flyball.errors import DataError, FlyballError
from flyball.ops.drills.stage import CASH, COIN, Stage
from flyball.trading.runtime.venue import ask_venue

__all__ = ["GRACE_MS", "Watch"]

_LOOK_S = 0.025
_TRIES = 40
_ASK_EVERY = 8
# What was on its way when all trading stopped.
GRACE_MS = 10


@dataclass
class Watch:
    """Looks at the account every 25 ms, and asks the run and its sentinel every 200 ms.

    Fractions are of 1. Moves are those against what is held, from its entry, or from the best price
    since then where that is further.
    """

    stage: Stage
    silent: bool = False  # the run is not asked
    peak: Decimal = CASH
    drawdown: Decimal = Decimal(0)
    move_met: Decimal = Decimal(0)
    looks: int = 0
    errors: int = 0  # looks that the venue answered with an error
    stops: dict[int, str] = field(default_factory=dict)  # when all trading stopped, and by what
    flats: dict[int, int] = field(default_factory=dict)  # when it was said to be flat; took ns
    signs: set[str] = field(default_factory=set)  # what the run says of the fault
    moved_ns: int | None = None  # when prices began to move
    over_ns: int | None = None  # when the fault was over
    closed_ns: int | None = None  # when nothing was held for the first time after that

    def __post_init__(self) -> None:
        self._best: tuple[int, Decimal] | None = None  # the side that is held, and its best mark
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        count = 0
        while not self._over.wait(_LOOK_S):
            self._try_look()
            if count % _ASK_EVERY == 0:
                self.ask()
            count += 1

    def look(self) -> None:
        """Look now, as often as it takes."""
        for _ in range(_TRIES):
            if self._try_look():
                return
            time.sleep(0.002)

    def _try_look(self) -> bool:
        try:
            query = {"type": "clearinghouseState", "user": self.stage.account}
            state = ask_venue(self.stage.exchange.url, "/info", query)
        except DataError:
            with self._lock:
                self.errors += 1
            return False
        worth = Decimal(state["marginSummary"]["accountValue"])
        with self._lock:
            self.looks += 1
            if self.moved_ns and not self.closed_ns and not state["assetPositions"]:
                self.closed_ns = self.stage.now_ns()
            self.peak = max(self.peak, worth)
            self.drawdown = max(self.drawdown, 1 - worth / self.peak)
            held = [each["position"] for each in state["assetPositions"]]
            self._held(next((each for each in held if each["coin"] == COIN), None))
        return True

    def _held(self, position: dict[str, Any] | None) -> None:
        if position is None or not Decimal(position["szi"]) or not position["entryPx"]:
            self._best = None
            return
        size, entry = Decimal(position["szi"]), Decimal(position["entryPx"])
        side = 1 if size > 0 else -1
        mark = Decimal(position["positionValue"]) / abs(size)
        best = self._best[1] if self._best and self._best[0] == side else entry
        best = max(best, mark) if side > 0 else min(best, mark)
        self._best = side, best
        self.move_met = max(self.move_met, (best - mark) * side / best)

    def ask(self) -> None:
        """Hear what run and sentinel say: stops of all trading, and flat accounts."""
        if not self.silent:
            with suppress(FlyballError):
                self._engine(self.stage.status())
        for line in self.stage.sentinel_did("tripped"):
            self.stops.setdefault(int(line["time_ns"]), f"sentinel: {line['about']['cause']}")
        for line in self.stage.sentinel_did("flat"):
            self.flats.setdefault(int(line["time_ns"]), int(line["about"]["took_ms"]) * 1_000_000)
        found = self.stage.sentinel()
        if found is not None and found["engine"] != "alive":
            self.signs.add(f"sentinel: the engine is {found['engine']}")
        if found is not None and found["latched"]:
            self.signs.add("sentinel latched")
            self.stops.setdefault(int(found["latched_since_ns"]), "sentinel")
            if found["not_kept"]:
                self.signs.add("sentinel's outbox")

    def _engine(self, status: dict[str, Any]) -> None:
        for at, notice in status["notices"]:
            started, flat = notice.get("FlattenStarted"), notice.get("Flat")
            if started and started["scope"] == "All":
                self.stops.setdefault(at, _reason(started["reason"]))
            if flat and flat["scope"] == "All":
                self.flats.setdefault(at, int(flat["took_ns"]))
        connections = status["connections"]
        signs = {
            "journal": connections["journal_failing"],
            "outbox": connections["session"]["not_kept"],
            "kills": status["kills"]["not_kept"],
            "sent again": connections["session"]["sent_again"],
        }
        self.signs |= {name for name, true in signs.items() if true}

    def fills(self) -> list[dict[str, Any]]:
        """The account's fills, the oldest first; what they met is taken into account."""
        found = sorted(self.stage.fills(), key=lambda each: (each["time"], each["tid"]))
        held, cost = Decimal(0), Decimal(0)
        for each in (it for it in found if it["coin"] == COIN):
            size, price = Decimal(each["sz"]), Decimal(each["px"])
            signed = size if each["side"] == "B" else -size
            if held and (held > 0) != (signed > 0):
                entry = cost / held
                against = (entry - price) if held > 0 else (price - entry)
                self.move_met = max(self.move_met, against / entry)
                closed = min(abs(held), size)
                cost -= entry * closed * (1 if held > 0 else -1)
                left = signed + (closed if signed < 0 else -closed)
                held += signed - left
                signed = left
            cost, held = cost + signed * price, held + signed
        return found

    def risky_after(self, stop_ns: int) -> list[dict[str, Any]]:
        """Orders that could add risk and reached the venue later than 10 ms after the stop."""
        clock = self.stage.exchange.clock
        stop_ms = (clock.start_ns + stop_ns - clock.anchor_ns) // 1_000_000
        query = {"type": "historicalOrders", "user": self.stage.account}
        found = ask_venue(self.stage.exchange.url, "/info", query)
        return [
            each["order"]
            for each in found
            if not each["order"]["reduceOnly"] and each["order"]["timestamp"] > stop_ms + GRACE_MS
        ]


def _reason(reason: object) -> str:
    """`{"Switch": "drawdown"}` is `drawdown`."""
    return str(next(iter(reason.values())) if isinstance(reason, dict) else reason).lower()
