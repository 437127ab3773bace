"""`flyball sentinel`: watch over an account by itself, beside a run on the same machine."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from flyball.config.endpoints import endpoint
from flyball.config.keys import load_keys
from flyball.config.profile import profile as find_profile
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.trading.runtime.clock import Clock
from flyball.trading.runtime.sentinel import Watched, plan_line, serve

__all__ = ["sentinel"]


def sentinel(
    *,
    state: Annotated[Path, Parameter(help="The folder of the run that it watches over.")],
    keys: Annotated[Path, Parameter(help="A key file with [sentinel]; see docs/sentinel.md.")],
    venue: Annotated[
        str, Parameter(help="hyperliquid, hyperliquid-testnet, or http://127.0.0.1:PORT.")
    ],
    profile: Annotated[str, Parameter(help="The run's profile: emergency, or a .toml file.")],
) -> int:
    """Watch over an account and the run that trades on it, until it is stopped.

    `flyball run` starts one by itself; this one is for service managers. The run must be on this
    machine and have the same --state. It never ends by itself: between runs it waits for the next.

    Example: flyball sentinel --state runs/live/testnet-0xabc --keys testnet.toml
    --venue hyperliquid-testnet --profile emergency
    """
    where = endpoint(venue)
    own = load_keys(keys, network=where.network)
    try:
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"--state {state}: cannot be made: {error.strerror or error}") from error
    watched = Watched(
        endpoint=where,
        keys=own,
        profile=find_profile(profile),
        state=state,
        clock=Clock(),
        with_run=False,
        own_exchange=False,
    )
    line = plan_line(watched)
    console.say(f"sentinel of {own.account} at {where.name}: {state.absolute()}")
    serve(line)
    return 0
