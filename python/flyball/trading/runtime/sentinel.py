"""The sentinel: a process of its own that watches over an account and the run that trades on it.

The process is this module. It reads one line that says what to watch over, with its key, from its
standard input, and runs until there is nothing to watch over. Its loop never takes Python's lock.
"""

import fcntl
import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyball import _core
from flyball.config.endpoints import Endpoint
from flyball.config.keys import Keys
from flyball.config.profile import Profile
from flyball.errors import ConfigError, FlyballError
from flyball.trading.runtime.clock import Clock
from flyball.trading.runtime.runs import ask_socket, socket_for

__all__ = ["Watched", "ask_sentinel", "command", "log_path", "plan_line", "serve", "stand"]

_FOLDER = "sentinel"
_INFO = "sentinel.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Watched:
    """What a sentinel watches over."""

    endpoint: Endpoint
    keys: Keys
    profile: Profile
    state: Path
    clock: Clock
    with_run: bool
    own_exchange: bool


def plan_line(watched: Watched) -> str:
    """What the process reads: one line of JSON. The sentinel's key stands in it.

    Raises
    ------
    ConfigError
        If the sentinel has no key.
    """
    keys, where, clock = watched.keys, watched.endpoint, watched.clock
    if keys.sentinel_key is None:
        raise ConfigError(
            "the sentinel has no key: approve a second agent and add to the key file [sentinel] "
            'with agent_key = "0x…", or say --no-sentinel'
        )
    limits = watched.profile.engine()
    plan = {
        "http": where.http,
        "mainnet": keys.network == "mainnet",
        "user": keys.account,
        "engine_agent": _core.key_address(keys.agent_key),
        "run": str(watched.state.absolute()),
        "limits": {name: limits[name] for name in ("switches", "exits")},
        "clock": None if clock == Clock() else clock.engine(),
        "with_run": watched.with_run,
        "own_exchange": watched.own_exchange,
    }
    return json.dumps({"plan": plan, "key": keys.sentinel_key}) + "\n"


def command() -> list[str]:
    """How the process is started."""
    return [sys.executable, "-m", "flyball.trading.runtime.sentinel"]


def log_path(state: Path) -> Path:
    """Where what the process says goes. The folder is made."""
    (state / _FOLDER).mkdir(parents=True, exist_ok=True, mode=0o700)
    return state / "sentinel.log"


def serve(line: str) -> None:
    """Watch over what the line says, until there is nothing to watch over.

    Raises
    ------
    ConfigError
        If the venue refuses the key, another sentinel watches there, or a file cannot be written.
    """
    asked = json.loads(line)
    state = Path(asked["plan"]["run"])
    folder = state / _FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _alone(folder)
    socket = socket_for(folder)
    info = {"pid": os.getpid(), "socket": str(socket)}
    draft = state / f"{_INFO}.draft"
    draft.write_text(json.dumps(info) + "\n", encoding="utf-8")
    draft.replace(state / _INFO)
    _core.run_sentinel(json.dumps({**asked["plan"], "socket": str(socket)}), asked["key"])


def _alone(folder: Path) -> None:
    """Refuse where another sentinel watches, before what it says of itself is written over."""
    path = folder / "lock"
    if not path.exists():  # and is not made here: a folder with files but no state was damaged
        return
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{folder}: another sentinel watches there") from None


def ask_sentinel(state: Path, what: str) -> dict[str, Any] | None:
    """Ask the sentinel of a run's folder; `None` when none runs there.

    Raises
    ------
    ConfigError
        If it refuses.
    """
    try:
        info = json.loads((state / _INFO).read_bytes())
        answer: dict[str, Any] = ask_socket(Path(info["socket"]), {"what": what})
    except (OSError, ValueError, KeyError, FlyballError):
        return None
    if "error" in answer:
        raise ConfigError(f"the sentinel refuses: {answer['error']}")
    return answer


def stand(state: Path) -> Mapping[str, Any]:
    """What the sentinel of a folder keeps: `refuses`, why no run may trade, and `report`."""
    found: dict[str, Any] = json.loads(_core.sentinel_stand(state))
    return found


def _main() -> int:
    # A session of its own: it outlives whoever started it, and the terminal.
    with suppress(OSError):
        os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.readline()
    sys.stdin.close()
    try:
        serve(line)
    except FlyballError as error:
        sys.stderr.write(f"flyball sentinel: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_main())
