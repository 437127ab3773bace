"""Which run a command is about."""

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flyball.errors import ConfigError, FlyballError
from flyball.trading.runtime.runs import ROOT, RunInfo, ask, find_runs, read_run

__all__ = ["State", "ended_text", "one_run", "try_status"]

State = Annotated[
    Path | None,
    Parameter(help="The run's folder; the one run that goes on below runs/live by default."),
]


def one_run(state: Path | None) -> RunInfo:
    """The run in a folder, or the only one that goes on.

    Raises
    ------
    ConfigError
        If none goes on there, or several do.
    """
    if state is not None:
        run = read_run(state)
        if try_status(run) is None:
            raise ConfigError(f"{state}: no run goes on there: {ended_text(run)}")
        return run
    going = [run for run in find_runs() if try_status(run) is not None]
    if not going:
        raise ConfigError(
            f"no live run goes on below {ROOT.absolute()}: name its folder with --state. "
            "Stops of a run that ended rest at the venue"
        )
    if len(going) > 1:
        folders = ", ".join(str(run.folder) for run in going)
        raise ConfigError(f"several runs go on: name one with --state: {folders}")
    return going[0]


def try_status(run: RunInfo) -> dict[str, Any] | None:
    """How it is doing; `None` when it does not go on."""
    try:
        return ask(run, "status")
    except FlyballError:
        return None


def ended_text(run: RunInfo) -> str:
    """How a run ended that does not answer, as far as that can be told."""
    if run.ended_ns is not None:
        return "ended in order"
    try:
        os.kill(run.pid, 0)
    except ProcessLookupError:
        return f"it did not end in order (process {run.pid} is gone); its stops rest at the venue"
    except OSError:
        pass
    return f"it does not answer (process {run.pid} is there); its stops rest at the venue"
