"""One cell, played: a run, its sentinel and an exchange in processes of their own."""

import time
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

from flyball.errors import FlyballError
from flyball.ops.drills.stage import COIN, DrillFailed, Stage
from flyball.ops.wire import strategies
from flyball.ops.wire.cells import STRATEGIES, Cell, Outcome
from flyball.ops.wire.judge import Watch
from flyball.trading.runtime.venue import ask_venue

__all__ = ["play"]

_SHARE = 0.9  # of the venue's leverage: margin and fees must fit beside it
_HELD_S = 5.0  # a position that stands still, or changes, is waited for so long
_LOOK_S = 0.02
_STILL, _STILL_CHANGING = 20, 5  # looks
_STILL_ALL = 90  # all that the venue lends is bought bit by bit
_AFTER_S = 3.0  # a fault goes on so long after the last move
_FLAT_S = 30.0
_SAID_S = 60.0
_QUIET_S = 1.0
_AGE_MS = 2_000


def play(cell: Cell) -> Outcome:
    """Play a cell and judge it. What cannot be played says why in `failure`."""
    began = time.monotonic()
    stage = Stage(profile=cell.profile, source=cell.source, patience_s=_FLAT_S)
    try:
        with stage:
            outcome = _played(cell, stage)
    except (DrillFailed, FlyballError, OSError) as error:
        outcome = _named(cell, failure=f"{type(error).__name__}: {error}")
    return Outcome(**{**outcome.row(), "seconds": time.monotonic() - began})


def _named(cell: Cell, **more: object) -> Outcome:
    known = {
        "cell": cell.name,
        "profile": cell.profile.name,
        "strategy": cell.strategy,
        "window": cell.window.name,
        "fault": cell.fault.name,
        "kind": cell.fault.kind,
        "line": float(cell.profile.switches.drawdown),
        "emergency": float(cell.profile.switches.emergency),
        "gap_assumed": float(cell.profile.governor.gap_floor),
    }
    return Outcome(**{**known, **more})  # type: ignore[arg-type]


def _played(cell: Cell, stage: Stage) -> Outcome:
    universe = ask_venue(stage.exchange.url, "/info", {"type": "meta"})["universe"]
    most = next(each["maxLeverage"] for each in universe if each["name"] == COIN)
    path = f"{Path(strategies.__file__)}:{STRATEGIES[cell.strategy].__name__}"
    stage.spawn(path, guarded=cell.protected, more={strategies.MOST: str(_SHARE * most)})
    stage.opened()
    if cell.protected:
        stage.watched()
    with Watch(stage) as watch:
        side = _held(stage, cell)
        watch.silent = cell.fault.silences
        began_ns = stage.now_ns()
        cell.fault.begin(stage)
        time.sleep(cell.fault.lead_s)
        watch.moved_ns = stage.now_ns()
        for level in cell.window.steps(side):
            stage.move(level)
            watch.look()
            time.sleep(cell.window.pause_s)
        time.sleep(_AFTER_S)
        watch.ask()
        cell.fault.end(stage)
        watch.over_ns = stage.now_ns()
        watch.silent = stage.process is None or stage.process.poll() is not None
        _brought_to_an_end(stage, watch)
        said = _waited(watch)
        time.sleep(_QUIET_S)
        watch.look()
        watch.ask()
        return _judged(cell, stage, watch, held=side != 0, began_ns=began_ns, said=said)


def _side_of(held: Decimal | None) -> int:
    """1 is long, -1 short, 0 nothing."""
    return 0 if not held else 1 if held > 0 else -1


def _side(stage: Stage) -> int:
    return _side_of(stage.held().get(COIN))


def _held(stage: Stage, cell: Cell) -> int:
    """The side that is held once its size stands still; of what changes by itself, the next one."""
    changes = cell.strategy == "flip_flop"
    still = _STILL_CHANGING if changes else _STILL if cell.protected else _STILL_ALL
    first, until = _side(stage), time.monotonic() + _HELD_S
    last, same = None, 0
    while time.monotonic() < until:
        now = stage.held().get(COIN)
        same = same + 1 if now == last else 0
        last = now
        new = not changes or _side_of(now) != first
        if now and new and same >= still:
            break
        time.sleep(_LOOK_S)
    return _side_of(last)


def _brought_to_an_end(stage: Stage, watch: Watch) -> None:
    """Whatever has not been stopped is stopped by an operator; then the account must be flat."""
    if not watch.silent and not _stopped(stage):
        stage.operate("kill", "all")
    stage.flat(stage.now_ns())


def _stopped(stage: Stage) -> bool:
    with suppress(FlyballError):
        found = stage.status()
        return bool(found["killed"]) or found["instruments"][0]["mode"] == "killed"
    return False


def _waited(watch: Watch) -> bool:
    """Whether it is said within a minute that nothing is left."""
    try:
        return watch.stage.wait(lambda: _said(watch), seconds=_SAID_S, why="not said to be flat")
    except DrillFailed:
        return False


def _said(watch: Watch) -> bool:
    """Whether engine or sentinel has said that nothing is left, after the first stop."""
    watch.ask()
    sentinel = watch.stage.sentinel()
    if sentinel is not None and sentinel["latched"] and sentinel["flat"]:
        return True
    if watch.silent and not watch.stops:
        # The stop at the venue was first: there is nothing left to act upon.
        return (
            sentinel is not None and sentinel["held"] == "nothing" and sentinel["age_ms"] < _AGE_MS
        )
    return bool(watch.stops) and any(at >= min(watch.stops) for at in watch.flats)


def _judged(
    cell: Cell, stage: Stage, watch: Watch, *, held: bool, began_ns: int, said: bool
) -> Outcome:
    fills = watch.fills()
    stop_ns = min(watch.stops, default=None)
    ended = [at for at in watch.flats if stop_ns is not None and at >= stop_ns]
    moved_ns, acts = watch.moved_ns or began_ns, stage.sentinel_did("sent")
    drawdown, line = watch.drawdown, cell.profile.switches.drawdown
    errors = {f"{watch.errors} errors of the venue"} if watch.errors else set()
    return _named(
        cell,
        drawdown=float(drawdown),
        overshoot=max(float(drawdown - line), 0.0),
        move_met=float(watch.move_met),
        held=held,
        stopped_by="" if stop_ns is None else watch.stops[stop_ns],
        flat=not stage.held() and not stage.orders(),
        said_flat=said,
        ms_to_closed=None if watch.closed_ns is None else (watch.closed_ns - moved_ns) / 1e6,
        ms_to_act=(acts[0]["time_ns"] - began_ns) / 1e6 if acts else None,
        ms_to_stop=None if stop_ns is None else (stop_ns - moved_ns) / 1e6,
        ms_to_flat=(min(ended) - stop_ns) / 1e6 if ended and stop_ns else None,
        ms_after_fault=(min(ended) - watch.over_ns) / 1e6 if ended and watch.over_ns else None,
        orders_after_stop=0 if stop_ns is None else len(watch.risky_after(stop_ns)),
        signs=tuple(sorted(watch.signs | errors)),
        fills=len(fills),
        looks=watch.looks,
    )
