"""`flyball replay`: a journal, run again."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flyball import _core
from flyball.ops.cli import console
from flyball.trading.runtime.replay import replay as run_again

__all__ = ["replay"]


def replay(
    journal: Annotated[Path, Parameter(help="The journal's folder.")],
    *,
    verify: Annotated[
        bool, Parameter(help="Compare every command and the final state (always done).")
    ] = True,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> None:
    """Run a journal again: the same events must give the same commands and the same state.

    Checks every checksum and the hash chain on the way. Exit code 4 when anything differs.

    Example: flyball replay runs/demo-7/journal --verify
    """
    del verify  # Replaying without comparing would show nothing.
    with console.progress_bar("replaying"):
        done = run_again(journal)
    told = {
        "verified": True,
        "events": done.events,
        "commands": done.commands,
        "snapshots": done.snapshots,
        "state_hash": done.state_hash,
        "recorded_by_build": done.recorded_by,
        "this_build": _core.BUILD,
    }
    if json:
        console.print_json(told)
        return
    console.table(
        "The journal replays: same commands, same state",
        [(name.replace("_", " "), str(value)) for name, value in told.items()],
    )
    if not done.same_build:
        console.say("It was recorded by another build, and this one behaves the same on it.")
