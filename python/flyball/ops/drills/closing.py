"""Positions that must be closed, whatever the venue and its network do."""

import math
from decimal import Decimal

from flyball.config.profile import Profile
from flyball.domain import duration_ns
from flyball.errors import DataError
from flyball.ops.drills.stage import COIN, LOWEST, DrillFailed, Seen, Stage
from flyball.ops.drills.switches import lose

__all__ = [
    "blind_speed",
    "flatten",
    "frozen_feed",
    "lost_answers",
    "not_ours",
    "several_positions",
    "stop_at_venue",
    "stop_audit",
    "venue_errors",
]

_OTHER = "BTC"
# A deadline that is longer than this is waited for on a faster clock.
_LONGEST_S = 12.0
# One that is longer than this even so is none.
_TOO_LONG_S = 60.0
_FAULTY_S = 2.0


def stop_at_venue(stage: Stage) -> Seen:
    """The run is killed with a position: what rests at the venue is all that is left."""
    stage.spawn("Once")
    held = stage.opened()
    stage.crash()
    exits = stage.profile.exits
    factor = float(1 - exits.stop_distance * Decimal("1.1") - Decimal("0.002"))
    if factor < LOWEST:
        raise DrillFailed(f"a stop {exits.stop_distance} away cannot be reached")
    (stop,) = stage.stops()
    since = stage.move(factor)

    def gone_off() -> bool:
        return not stage.stops()

    stage.wait(gone_off, why="the stop at the venue did not go off")
    trip = stage.ms(stage.now_ns() - since)
    flat = stage.flat(since)
    closed = stage.fills()[0]
    if closed["oid"] != stop["oid"]:
        raise DrillFailed(f"it was not the stop that closed it: {closed}")
    did = f"the run's process killed, then {COIN} moved by {(factor - 1) * 100:+.1f} %"
    saw = f"the stop closed {held} {COIN}"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def stop_audit(stage: Stage) -> Seen:
    """The stop at the venue vanishes: there is a new one, or the position is closed."""
    stage.start("Once")
    stage.opened()
    old = stage.stops()[0]
    since = stage.now_ns()
    stage.cancel(old)

    def answered() -> str | None:
        if any(each["oid"] != old["oid"] for each in stage.stops()):
            return "a new stop rests"
        return None if stage.held() else "the position was closed"

    seconds = duration_ns(stage.profile.exits.max_unprotected) / 1e9 + stage.patience_s
    saw = stage.wait(answered, seconds=seconds, why="no new stop, and still a position")
    trip = stage.ms(stage.now_ns() - since)
    return Seen(did="the stop cancelled by another client", saw=saw, ms_to_trip=trip)


def flatten(stage: Stage) -> Seen:
    """Everything is closed, once, without a latch."""
    stage.start("Once")
    held = stage.opened()
    since = stage.now_ns()
    if stage.session is not None:
        stage.session.flatten()
    trip = stage.began(since)
    flat = stage.flat(since)
    if stage.status()["killed"]:
        raise DrillFailed("a flatten is no kill, and the run is killed")
    did, saw = "asked to close everything", f"{held} {COIN} closed"
    return Seen(did=did, saw=saw, ms_to_trip=trip, ms_to_flat=flat)


def _killed_under(stage: Stage, script: str, *, did: str) -> Seen:
    """A kill while the venue's network misbehaves, which ends after a while."""
    stage.start("Holder")
    held = stage.opened()
    since = stage.faults(script)
    if stage.session is not None:
        stage.session.kill()
    trip = stage.began(since)
    heals = since + int(_FAULTY_S * 1e9 * stage.speed)

    def over() -> bool:
        return stage.now_ns() >= heals

    stage.wait(over, why="time does not pass")
    early = _is_flat(stage)
    stage.faults("")
    flat = stage.flat(since, seconds=stage.patience_s * 2)
    stage.stays_flat()
    when = "while it lasted" if early else "once it was over"
    return Seen(did=did, saw=f"{held} {COIN} closed {when}", ms_to_trip=trip, ms_to_flat=flat)


def _is_flat(stage: Stage) -> bool:
    """Whether the venue says so; it may say nothing."""
    try:
        return not stage.held()
    except DataError:
        return False


def lost_answers(stage: Stage) -> Seen:
    """What is sent is executed, and its answer lost."""
    script = "\n".join(
        f'[[fault]]\nkind = "lost_ack"\ntarget = "{target}"' for target in ("exchange", "post")
    )
    did = f"every answer to an action lost for {_FAULTY_S:g} s, then killed"
    return _killed_under(stage, script, did=did)


def venue_errors(stage: Stage) -> Seen:
    """The venue answers every action with an error, and executes none."""
    script = "\n".join(
        f'[[fault]]\nkind = "server_error"\ntarget = "{target}"'
        for target in ("exchange", "post", "info")
    )
    did = f"HTTP 503 to everything for {_FAULTY_S:g} s, then killed"
    return _killed_under(stage, script, did=did)


def _blind_s(profile: Profile) -> float:
    return (duration_ns(profile.gate.max_data_age) + duration_ns(profile.exits.max_blind)) / 1e9


def blind_speed(profile: Profile) -> int:
    """How fast the clock must run so that blindness does not last too long."""
    return max(1, min(30, math.ceil(_blind_s(profile) / _LONGEST_S)))


def frozen_feed(stage: Stage) -> Seen:
    """Market data stops while every connection stands."""
    stage.start("Once")
    held = stage.opened()
    since = stage.faults('[[fault]]\nkind = "frozen_feed"\ntarget = "market"')
    wait_s = _blind_s(stage.profile) / stage.speed
    if wait_s > _TOO_LONG_S:
        raise DrillFailed(
            f"the profile allows {_blind_s(stage.profile):g} s without market data: that is "
            f"{wait_s:g} s at {stage.speed} times real time, and no protection"
        )
    seconds = wait_s + stage.patience_s

    def closing() -> float | None:
        for at, about in stage.notices("Exit", since):
            if about["reason"] == "Blind":
                return max(0.001, stage.ms(at - since))
        return None

    trip = stage.wait(closing, seconds=seconds, why="nothing closed what nobody can value")
    flat = stage.flat(since)
    did = f"market data frozen; the profile allows {_blind_s(stage.profile):g} s"
    return Seen(did=did, saw=f"{held} {COIN} closed", ms_to_trip=trip, ms_to_flat=flat)


def not_ours(stage: Stage) -> Seen:
    """Another client of the account makes the position larger: all of it is closed."""
    stage.start("Once")
    held = stage.opened()
    stage.trade(COIN, held)
    lots = int(stage.held()[COIN])

    def adopted() -> bool:
        return bool(stage.status()["instruments"][0]["position"] == lots)

    # The account is read every twenty seconds, and after every fill that was not asked for.
    stage.wait(adopted, seconds=25.0, why="the run does not see what it did not open")
    since = stage.now_ns()
    stage.operate("kill", "all")
    trip = stage.began(since)
    flat = stage.flat(since)
    did = f"another client bought {held} {COIN} beside the run's {held}, then killed"
    return Seen(did=did, saw=f"all {lots} closed", ms_to_trip=trip, ms_to_flat=flat)


def several_positions(stage: Stage) -> Seen:
    """Two positions, one of them not ours: a switch closes both."""
    stage.start("Holder", guard=(_OTHER,))
    stage.opened()
    stage.trade(_OTHER, Decimal("0.004"))
    both = {COIN, _OTHER}

    def protected() -> bool:
        return {each["coin"] for each in stage.stops()} == both == set(stage.held())

    stage.wait(protected, seconds=25.0, why="not both positions have a stop at the venue")
    since, lost, patience_s = lose(stage, stage.profile.switches.drawdown)
    trip = stage.trip("drawdown", since, seconds=patience_s)
    flat = stage.flat(since)
    stage.stays_flat()
    did = f"another client bought {_OTHER}; {lost}"
    return Seen(did=did, saw="both closed", ms_to_trip=trip, ms_to_flat=flat)
