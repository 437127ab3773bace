"""The sentinel, which acts when the engine's process does not any more."""

from decimal import Decimal

from flyball.ops.drills.stage import COIN, LOWEST, DrillFailed, Seen, Stage

__all__ = ["sentinel_killed", "sentinel_stopped"]


def _alone(stage: Stage, *, stopped: bool) -> Seen:
    """The engine's process is gone and the price falls further than the stop at the venue fills."""
    stage.spawn("Holder", guarded=True)
    held = stage.opened()
    stage.watched()
    (stop,) = stage.stops()
    exits = stage.profile.exits
    # Beyond what the venue's stop still fills: what closes is the sentinel.
    fall = exits.stop_distance + exits.stop_slippage + Decimal("0.02")
    factor = float(1 - fall)
    if factor < LOWEST:
        raise DrillFailed(f"a stop {exits.stop_distance} away leaves nothing to the sentinel")
    since = stage.now_ns()
    if stopped:
        stage.freeze()
    else:
        stage.crash()
    stage.move(factor)
    flat = stage.flat(since)
    ended = stage.wait(lambda: stage.sentinel_did("flat"), why="the sentinel does not say flat")
    sent = stage.sentinel_did("sent")[0]["time_ns"]
    closed = stage.fills()[0]
    if closed["oid"] == stop["oid"] or ended[0]["time_ns"] < sent:
        raise DrillFailed(f"it was not the sentinel that closed it: {closed}")
    _latched(stage, stopped=stopped)
    did = (
        f"the run's process stopped (SIG{'STOP' if stopped else 'KILL'}), "
        f"then {COIN} moved by {(factor - 1) * 100:+.1f} %"
    )
    saw = f"the sentinel closed {held} {COIN}; latched; nothing opened again"
    return Seen(did=did, saw=saw, ms_to_trip=stage.ms(sent - since), ms_to_flat=flat)


def _latched(stage: Stage, *, stopped: bool) -> None:
    """The engine that comes back is killed, and what is latched stays so."""
    if stopped:
        stage.go_on()
        stage.wait(lambda: stage.status()["killed"], why="what came back is not killed")
    stage.stays_flat()
    found = stage.sentinel()
    if found is None or not found["latched"]:
        raise DrillFailed(f"the sentinel is not latched: {found}")


def sentinel_stopped(stage: Stage) -> Seen:
    """The run's process is stopped, and comes back later: the sentinel closes."""
    return _alone(stage, stopped=True)


def sentinel_killed(stage: Stage) -> Seen:
    """The run's process is killed: the sentinel closes."""
    return _alone(stage, stopped=False)
