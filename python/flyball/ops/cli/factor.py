"""`flyball factor`: the code of an authenticator, without which nothing is released."""

import sys
import time
from typing import Annotated

from cyclopts import App, Parameter

from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.cli.selecting import State, one_run
from flyball.trading.runtime.factor import FILE, Factor, enrol, factor_of, new_key, uri

__all__ = ["app"]

_TRIES = 3

app = App(name="factor", help="A second factor for releasing what is killed.")


@app.command(name="enrol")
def enrol_(
    *,
    state: State = None,
    yes: Annotated[
        bool, Parameter(help="Do not ask for a first code, where nobody can answer.")
    ] = False,
) -> int:
    """Make a key for an authenticator; from then on a release in that folder wants its code.

    It is printed once, on the terminal: put it into an app (Aegis, Google Authenticator, 1Password,
    …), and type the code that it shows. Killing never wants one.

    Example: flyball factor enrol --state runs/live/local-0x…
    """
    folder = one_run(None).folder if state is None else state
    if not folder.is_dir():
        raise ConfigError(f"{folder}: there is no such folder")
    if factor_of(folder) is not None:
        raise ConfigError(f"{folder / FILE}: is enrolled already")
    key = new_key()
    console.out.print(uri(key, account=folder.name), markup=False)
    console.say("Put this address, or the key in it (secret=…), into your authenticator.")
    if not yes:
        _try(Factor(folder, key))
    enrol(folder, key)
    console.say(f"enrolled: releases in {folder} want a code from now on; kills never do")
    return 0


@app.command
def check(
    code: Annotated[str, Parameter(help="As the authenticator shows it.")], *, state: State = None
) -> int:
    """Say whether a code is right, without using it up. Exit code 0 when it is, 1 when not.

    Example: flyball factor check 123456
    """
    folder = one_run(None).folder if state is None else state
    found = factor_of(folder)
    if found is None:
        raise ConfigError(f"{folder}: no second factor was enrolled there")
    right = found.matches(code, now_s=time.time())
    console.out.print("right" if right else "not the code of now")
    return 0 if right else 1


def _try(factor: Factor) -> None:
    """A key that nobody has in an app would lock its owner out."""
    if not sys.stdin.isatty():
        raise ConfigError("nobody can answer here: give --yes")
    for _ in range(_TRIES):
        console.say("The code that it shows now:")
        if factor.matches(sys.stdin.readline(), now_s=time.time()):
            return
        console.say("That is not it. Is the clock of the phone right, and the one of this machine?")
    raise ConfigError("not enrolled: the code was never right")
