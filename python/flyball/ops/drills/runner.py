"""All drills, run side by side: each at an exchange of its own."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any

from flyball.config.profile import Profile
from flyball.errors import ConfigError
from flyball.ops.drills import alone, closing, kills, switches
from flyball.ops.drills.stage import DrillFailed, Seen, Stage

__all__ = ["DRILLS", "Drill", "Outcome", "run_drills"]


def _real_time(_profile: Profile) -> int:
    return 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Drill:
    """One drill: what it does on a stage, and how fast the stage's clock must run for a profile."""

    name: str
    run: Callable[[Stage], Seen]
    speed: Callable[[Profile], int] = _real_time

    @property
    def about(self) -> str:
        """What it is about, in a line."""
        return (self.run.__doc__ or "").partition("\n")[0]


def _drill(run: Callable[[Stage], Seen], **more: Any) -> Drill:  # noqa: ANN401
    return Drill(name=run.__name__, run=run, **more)


_DRAWDOWN = switches.money_speed(lambda profile: profile.switches.drawdown)
_DAILY_LOSS = switches.money_speed(lambda profile: profile.switches.daily_loss)
_EMERGENCY = switches.money_speed(lambda profile: profile.switches.emergency)

# The longest first. A drill is a function of a stage: another one is another line.
DRILLS: tuple[Drill, ...] = (
    _drill(closing.frozen_feed, speed=closing.blind_speed),
    _drill(closing.not_ours),
    _drill(closing.several_positions),
    _drill(kills.restart_latched),
    _drill(kills.kill_state_lost),
    _drill(alone.sentinel_stopped),
    _drill(alone.sentinel_killed),
    _drill(kills.kill_stuck),
    _drill(kills.kill_signal),
    _drill(closing.lost_answers),
    _drill(closing.venue_errors),
    _drill(closing.stop_at_venue),
    _drill(switches.drawdown, speed=_DRAWDOWN),
    _drill(switches.daily_loss, speed=_DAILY_LOSS),
    _drill(switches.emergency, speed=_EMERGENCY),
    _drill(switches.position_loss),
    _drill(switches.leverage),
    _drill(switches.margin),
    _drill(closing.stop_audit),
    _drill(closing.flatten),
    _drill(kills.kill_api),
    _drill(kills.kill_command),
    _drill(kills.kill_file),
    _drill(kills.kill_scopes),
    _drill(kills.kill_orders_of_others),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """How a drill went. Milliseconds and seconds by the machine's clock."""

    name: str
    passed: bool
    ms_to_trip: float | None
    ms_to_flat: float | None
    did: str
    saw: str
    speed: int
    seconds: float

    def row(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def run_drills(
    profile: Profile,
    *,
    source: str,
    only: Sequence[str] = (),
    at_once: int = 6,
    patience_s: float = 10.0,
    armed: Profile | None = None,
    tell: Callable[[Outcome], None] = lambda _outcome: None,
) -> list[Outcome]:
    """Run the drills of a profile; in their own order, whatever ended first.

    Parameters
    ----------
    profile : Profile
        What is drilled.
    source : str
        The profile's name, or its file.
    only : sequence of str
        Names of drills; all by default.
    at_once : int
        How many run side by side.
    patience_s : float
        Seconds that something may take that should happen at once.
    armed : Profile, optional
        What protects the accounts in truth, to see that the drills fail.
    tell : callable
        Hears of each as it ends.

    Raises
    ------
    ConfigError
        If there is no drill of a name.
    """
    known = {drill.name: drill for drill in DRILLS}
    if unknown := [name for name in only if name not in known]:
        raise ConfigError(f"there is no drill {unknown[0]!r}: known are {', '.join(known)}")
    chosen = [drill for drill in DRILLS if not only or drill.name in only]
    found: dict[str, Outcome] = {}
    with ThreadPoolExecutor(max_workers=at_once, thread_name_prefix="drill") as pool:
        waiting = [
            pool.submit(
                _run,
                drill,
                Stage(
                    profile=profile,
                    source=source,
                    patience_s=patience_s,
                    speed=drill.speed(profile),
                    armed=armed,
                ),
            )
            for drill in chosen
        ]
        for done in as_completed(waiting):
            outcome = done.result()
            found[outcome.name] = outcome
            tell(outcome)
    return [found[drill.name] for drill in chosen]


def _run(drill: Drill, stage: Stage) -> Outcome:
    began = time.monotonic()
    seen, failure = Seen(did=drill.about, saw=""), ""
    try:
        with stage:
            seen = drill.run(stage)
    except DrillFailed as error:
        failure = str(error)
    except Exception as error:
        failure = f"{type(error).__name__}: {error}"
    return Outcome(
        name=drill.name,
        passed=not failure,
        ms_to_trip=seen.ms_to_trip,
        ms_to_flat=seen.ms_to_flat,
        did=seen.did,
        saw=failure or seen.saw,
        speed=stage.speed,
        seconds=time.monotonic() - began,
    )
