"""`flyball top`: a run in the terminal, while it goes on."""

import importlib.util
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flyball.errors import ConfigError, FlyballError
from flyball.ops.cli.dashboard import drill
from flyball.ops.cli.selecting import one_run
from flyball.trading.runtime.runs import RunInfo, ask, read_run
from flyball.trading.runtime.sentinel import ask_sentinel

__all__ = ["top"]


def top(
    *,
    state: Annotated[
        Path | None,
        Parameter(help="The run's folder; the one run that goes on below runs/live by default."),
    ] = None,
) -> int:
    """Watch a run that goes on in another process: money, protection, switches, what it says.

    K kills in one step, q leaves; the run goes on. Nothing here releases anything: `flyball resume`
    does. Exit code 2 when there is no run.

    Example: flyball top --state runs/live/local-0x…
    """
    if importlib.util.find_spec("textual") is None:
        raise ConfigError("flyball top: textual is not installed: pip install 'flyball[observe]'")
    folder = one_run(None).folder if state is None else read_run(state).folder
    from flyball.ops.cli.topview import Seen, Top

    def look() -> Seen:
        run = read_run(folder)
        try:
            status = ask(run, "status")
        except FlyballError as error:
            reason = "it ended in order" if run.ended_ns is not None else str(error)
            return Seen(run=run, status=None, reason=reason)
        sentinel = ask_sentinel(folder, "status")
        return Seen(run=run, status=status, sentinel=sentinel, drill=drill(run, status))

    Top(look, lambda: _kill(read_run(folder))).run()
    return 0


def _kill(run: RunInfo) -> str:
    try:
        kept = bool(ask(run, "kill", "all")["kept"])
    except FlyballError:
        (run.folder / "KILL").touch()
        return "the run does not answer: the file KILL was written; look at the venue"
    return "killed: everything is being closed" + ("" if kept else ", NOT ON THE DISK YET")
