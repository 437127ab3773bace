"""`flyball chat`: commands from Telegram to a run that goes on in another process."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flyball.config.channels import load_channels
from flyball.errors import ConfigError
from flyball.ops.chat import AskedRun, Chatting
from flyball.ops.cli import console
from flyball.ops.cli.follow import Signals
from flyball.ops.cli.leash import Leash, leash
from flyball.ops.cli.selecting import State, one_run
from flyball.trading.runtime.runs import read_run

__all__ = ["chat"]

_LOOK_S = 0.25


def chat(
    channels: Annotated[Path, Parameter(help="The file of channels, with its table [chat].")],
    *,
    state: State = None,
    leashed: Leash = False,
) -> int:
    """Take commands for a run from Telegram until Ctrl-C; `flyball run --alerts` does it by itself.

    /status, /alerts, /ack, /restrict, /kill and /flatten, the last two with a code that is asked
    for; only from the chats and users that the file lists. Nothing is released by it.

    Example: flyball chat channels.toml --state runs/live/local-0x…
    """
    found = load_channels(channels).chat
    if found is None:
        raise ConfigError(f"{channels}: has no table [chat] (see docs/observability.md)")
    folder = one_run(None).folder if state is None else read_run(state).folder
    if leashed:
        leash()
    with Signals() as signals, Chatting(folder, found, AskedRun(folder), tell=_tell):
        _tell(f"chat: commands are taken from {len(found.users)} users in {len(found.chats)} chats")
        while not signals.count:
            time.sleep(_LOOK_S)
    return 0


def _tell(text: str) -> None:
    console.say(f"flyball: {text}")
