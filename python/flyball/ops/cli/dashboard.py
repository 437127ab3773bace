"""`flyball dashboard`: the page of a run that goes on in another process; and that of our own."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flyball.ops.cli import console
from flyball.ops.cli.follow import Signals
from flyball.ops.cli.leash import Leash, Leashed, leash
from flyball.ops.cli.looks import alerts_look, health_look, predictions_look
from flyball.ops.cli.notices import is_alarm, sentence
from flyball.ops.cli.selecting import one_run
from flyball.ops.dashboard.serve import ADDRESS, Dashboard, is_built, missing
from flyball.ops.dashboard.source import Look, Parts
from flyball.ops.drills import record
from flyball.trading.runtime.runs import RunInfo, read_run

__all__ = ["AUTO", "beside_run", "dashboard", "drill", "parts"]

AUTO = "auto"
_NONE = "none"
_LOOK_S = 0.25


def dashboard(
    *,
    state: Annotated[
        Path | None,
        Parameter(help="The run's folder; the one run that goes on below runs/live by default."),
    ] = None,
    at: Annotated[str, Parameter(help="HOST:PORT on loopback; port 0 takes any.")] = ADDRESS,
    allow_host: Annotated[
        list[str],
        Parameter(help="Another name that a browser may reach it by: that of a tunnel or a proxy."),
    ] = [],  # noqa: B006
    json: Annotated[bool, Parameter(help="Print the link as one JSON object.")] = False,
    leashed: Leash = False,
) -> int:
    """Serve the page of a run that goes on in another process, until Ctrl-C.

    It goes on when the run ends, and shows the next one of the same folder. Exit code 2 when there
    is no run, something is not installed, or the address is taken.

    Example: flyball dashboard --state runs/live/local-0x…
    """
    folder = one_run(None).folder if state is None else read_run(state).folder
    if leashed:
        leash()
    found = Dashboard(folder, at=at, parts=parts(), names=tuple(allow_host), tell=_tell, past=True)
    with Signals() as signals, found:
        if json:
            console.print_json({"link": found.link, "url": found.url, "folder": folder})
        else:
            console.out.print(found.told(), markup=False)
        while not signals.count:
            time.sleep(_LOOK_S)
    return 0


def parts(looks: Mapping[str, Look] | None = None) -> Parts:
    """What this command knows to bring to the page: words, drills, and what else is given."""
    return Parts(words=sentence, is_alarm=is_alarm, looks={**_LOOKS, **(looks or {})})


@contextmanager
def beside_run(wanted: str, folder: Path) -> Iterator[Leashed | None]:
    """The page of a run of this process, in a process of its own, while the run goes on.

    `wanted` is an address, "none", or "auto": where a person looks on in a terminal, when the page
    is built and what it needs is installed. That it cannot be had is said, and ends nothing. While
    a strategy holds Python's lock here, the page there goes on, and its kill works.
    """
    if wanted == _NONE or (
        wanted == AUTO and (not console.err.is_terminal or missing() or not is_built())
    ):
        yield None
        return
    at = ADDRESS if wanted == AUTO else wanted
    words = ["dashboard", "--state", str(folder.absolute()), "--at", at]
    with Leashed(words, name="dashboard", tell=console.say) as child:
        yield child


def drill(run: RunInfo, _status: Mapping[str, Any] | None, /) -> dict[str, Any] | None:
    """How old the last drill of the run's profile is, and whether it counts for this build.

    Whether it was made with the same numbers is not looked at here: `flyball run --live` does.
    """
    name = run.profile.rpartition(" v")[0]
    try:
        found = json.loads(record.path_of(name).read_bytes())
        each = {str(it["name"]): it["passed"] is True for it in found["drills"]}
        age_s = (time.time_ns() - int(found["time_ns"])) / 1e9
        same = found["build"] == record.build_hash()
        version = f"{name} v{found['version']}" == run.profile
    except (OSError, ValueError, KeyError, TypeError):
        return {"age_s": None, "passed": False, "counts": False, "note": "", "drills": {}}
    notes = ["with another build of the engine"] * (not same)
    notes += ["of another version of the profile"] * (not version)
    return {
        "age_s": age_s,
        "passed": all(each.values()),
        "counts": same and version and all(each.values()),
        "note": ", ".join(notes),
        "drills": each,
    }


def _tell(text: str) -> None:
    console.say(f"flyball: {text}")


_LOOKS: Mapping[str, Look] = {
    "drill": drill,
    "health": health_look,
    "alerts": alerts_look,
    "predictions": predictions_look,
}
