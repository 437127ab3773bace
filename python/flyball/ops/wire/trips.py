"""How long a trip takes: from the message that crosses a line to the wire, and to a flat account.

A run in a process of its own trips, is released and trips again; a relay beside it notes when its
messages pass. Its profile has a drawdown line of 2 % and hardly any other limit, so that the whole
account is held and a fall by 4 % trips it each time; it is the same engine with all its rules.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from flyball import config
from flyball.config.profile import profile as find_profile
from flyball.errors import FlyballError
from flyball.ops.drills.stage import CASH, DrillFailed, Stage
from flyball.ops.wire import strategies
from flyball.ops.wire.faults import Fault
from flyball.ops.wire.relay import Relay
from flyball.ops.wire.runner import spread

__all__ = ["Trip", "figures", "measure"]

_LEVEL = 0.96  # all of the account is held
_CHANGES = (
    ('name = "unprotected"', 'name = "measured"'),
    ("drawdown = 1000", "drawdown = 0.02"),
    ("position_loss = 0.99", "position_loss = 0.01"),
    ('cool_off = "5m"', 'cool_off = "100ms"'),
    # The stop at the venue finds nobody, so that the engine closes.
    ("stop_distance = 0.98", "stop_distance = 0.009"),
    ("stop_slippage = 0.10", "stop_slippage = 0.001"),
)
_MOST = Decimal("0.9")
_A_RUN = 4
_ASK_S = 0.1
_APART = 0.005
_MARK_S = 1.2  # a mark is pushed up to a second after it moved
_PATIENCE_S = 20.0
_FAULTY_S = 1.0  # a venue that fails does so for so long after the trip


@dataclass(frozen=True, kw_only=True, slots=True)
class Trip:
    """One trip, in nanoseconds.

    Attributes
    ----------
    event_to_wire_ns : int or None
        From the engine's taking the message that crossed the line until the closing order had left.
    wire_to_wire_ns : int or None
        The same from the moment at which that message was on its way to the run.
    to_flat_ns : int
        From the engine's taking the message until the venue had confirmed that nothing is left.
    attempts : int
        Closing orders.
    """

    event_to_wire_ns: int | None
    wire_to_wire_ns: int | None
    to_flat_ns: int
    attempts: int


def measure(
    fault: Fault, *, times: int, at_once: int = 1, tell: Callable[[int], None] = lambda _done: None
) -> list[Trip]:
    """Trip runs so many times under a fault: four times each, with exchanges of their own.

    A fifth trip within a minute would find the address's weight used up: what is left of it is then
    kept for protection, and nothing new is opened.

    Parameters
    ----------
    fault : Fault
        What goes wrong from before the move on: nothing that ends the run's process.
    times : int
        How many trips.
    at_once : int
        How many runs go on side by side.
    tell : callable
        Hears how many are done.

    Raises
    ------
    DrillFailed
        If one does not happen, or does not end flat.
    """
    # A venue that fails is asked again, and uses up as much by itself.
    a_run = 1 if fault.errors else _A_RUN
    rounds = [min(a_run, times - first) for first in range(0, times, a_run)]
    found: list[Trip] = []
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="trips") as pool:
        waiting = [
            pool.submit(_tripped, fault, at * a_run, count) for at, count in enumerate(rounds)
        ]
        try:
            for done in as_completed(waiting):
                found += done.result()
                tell(len(found))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def _tripped(fault: Fault, first: int, count: int) -> list[Trip]:
    """One run, tripped so many times."""
    with ExitStack() as stack:
        stage = stack.enter_context(_stage())
        relay = stack.enter_context(Relay(stage.exchange.url))
        stage.spawn(f"{Path(strategies.__file__)}:AllIn", url=relay.url)
        found: list[Trip] = []
        for at in range(first, first + count):
            if found:
                _again(stage)
            _entered(stage)
            found.append(_trip(stage, relay, fault, at=at))
    return found


class _Measured(Stage):
    """A stage whose profile is written into its own folder."""

    def __enter__(self) -> "_Measured":
        super().__enter__()
        text = (Path(config.__file__).parent / "profiles" / "unprotected.toml").read_text("utf-8")
        path = self.folder / "measured.toml"
        for old, new in _CHANGES:
            text = text.replace(old, new, 1)
        path.write_text(text, "utf-8")
        self.source, self.profile = str(path), find_profile(path)
        return self


def _stage() -> _Measured:
    return _Measured(profile=find_profile("unprotected"), source="", patience_s=_PATIENCE_S)


def _trip(stage: Stage, relay: Relay, fault: Fault, *, at: int) -> Trip:
    # Not always at the same point between two messages of the market.
    time.sleep(0.037 * (at % 27))
    relay.forget()
    fault.begin(stage)
    since = stage.move(_LEVEL)
    started = _noticed(stage, "FlattenStarted", since)[0]
    if fault.errors:
        time.sleep(_FAULTY_S)
        fault.end(stage)
    _, flat = _noticed(stage, "Flat", started)
    fault.end(stage)
    sent = relay.close_sent_ns(started)
    market = relay.market_ns(started)
    stage.flat(since)
    return Trip(
        event_to_wire_ns=None if sent is None else sent - started,
        wire_to_wire_ns=None if sent is None or market is None else sent - market,
        to_flat_ns=int(flat["took_ns"]),
        attempts=int(flat["attempts"]),
    )


def _noticed(stage: Stage, kind: str, since_ns: int) -> tuple[int, dict[str, Any]]:
    """The first notice about the whole account; asked for seldom, so as not to be in the way."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        with suppress(FlyballError):
            for at, about in stage.notices(kind, since_ns):
                if about["scope"] == "All":
                    return at, about
        time.sleep(_ASK_S)
    raise DrillFailed(f"no {kind} within {_PATIENCE_S:g} s")


def _again(stage: Stage) -> None:
    """Put the price and the money back, release the latch, and wait for the next position."""
    stage.move(1.0)
    time.sleep(_MARK_S)
    worth, _, _ = stage.worth()
    stage.transfer(CASH - worth)
    stage.wait(lambda: _heard(stage), why="the run hears neither of the money nor of the mark")

    def released() -> bool:
        stage.operate("request_reset", "drawdown")
        stage.operate("confirm_reset", "drawdown")
        time.sleep(_ASK_S)
        return not stage.status()["tripped"]

    stage.wait(released, why="not released")


def _entered(stage: Stage) -> None:
    def all_in() -> bool:
        equity, value, _ = stage.worth()
        return value > _MOST * equity and bool(stage.stops())

    stage.wait(all_in, why="not all of the account is held")


def _heard(stage: Stage) -> bool:
    """Whether the run knows of the money, and its mark is where its book is."""
    told = stage.status()
    (market, *_) = told["instruments"]
    if told["equity"] == "unknown" or market["best"] is None or market["mark"] is None:
        return False
    bid, _ = market["best"]
    return Decimal(told["equity"]) > CASH - 1 and abs(market["mark"] / bid - 1) < _APART


def figures(trips: list[Trip]) -> dict[str, Any]:
    """Microseconds to the wire, milliseconds to a flat account; how many kept to 1 ms and 1 s."""

    def of(values: list[int | None], unit: float) -> dict[str, float | int]:
        return spread([None if value is None else value / unit for value in values])

    def within(values: Sequence[int | None], most: int) -> int:
        return sum(value is not None and value <= most for value in values)

    return {
        "trips": len(trips),
        "event_to_wire_us": of([each.event_to_wire_ns for each in trips], 1e3),
        "wire_to_wire_us": of([each.wire_to_wire_ns for each in trips], 1e3),
        "to_flat_ms": of([each.to_flat_ns for each in trips], 1e6),
        "event_within_1ms": within([each.event_to_wire_ns for each in trips], 10**6),
        "wire_within_1ms": within([each.wire_to_wire_ns for each in trips], 10**6),
        "flat_within_1s": within([each.to_flat_ns for each in trips], 10**9),
        "attempts_max": max((each.attempts for each in trips), default=0),
    }
