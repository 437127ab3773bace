"""`flyball drill`: make what protects act, at a local exchange, and see the account flat."""

import time
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.table import Table

from flyball.config.profile import profile as find_profile
from flyball.ops.cli import console
from flyball.ops.drills import record
from flyball.ops.drills.runner import DRILLS, Outcome, run_drills

__all__ = ["drill"]


def drill(
    *,
    profile: Annotated[
        str, Parameter(help="What is drilled: emergency, or a .toml file.")
    ] = "emergency",
    only: Annotated[
        list[str], Parameter(help="Only these drills, which counts for nothing else.")
    ] = [],  # noqa: B006
    at_once: Annotated[int, Parameter(help="How many run side by side.")] = 6,
    patience: Annotated[
        float, Parameter(help="Seconds that something may take that should happen at once.")
    ] = 10.0,
    out: Annotated[Path, Parameter(help="Where the last drill of a profile is kept.")] = (
        record.FOLDER
    ),
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Trip every switch, kill by every way, and see the account flat at the venue.

    Each drill has a local exchange and an account of its own, over real sockets with the live
    runtime. It moves the venue's prices, balances, orders and network, and waits for the flat
    account as another client of the venue sees it. `flyball run --live` wants a profile whose last
    drill passed, with the same numbers and the same build. Exit code 0 only when all passed.

    Example: flyball drill --profile emergency
    """
    chosen = find_profile(profile)
    source = str(Path(profile).absolute()) if profile.endswith(".toml") else profile
    began = time.monotonic()
    console.say(
        f"drilling {chosen.name} v{chosen.version}: {len(only) or len(DRILLS)} drills at local "
        "exchanges; everything is simulated but the engine, its sockets and its threads"
    )
    outcomes = run_drills(
        chosen, source=source, only=only, at_once=at_once, patience_s=patience, tell=_tell
    )
    passed = all(each.passed for each in outcomes)
    rows = [each.row() for each in outcomes]
    path = None if only else record.write_record(chosen, rows, folder=out)
    seconds = time.monotonic() - began
    if json:
        console.print_json(
            {
                "profile": chosen.name,
                "profile_hash": record.profile_hash(chosen),
                "build": record.build_hash(),
                "simulated": True,
                "seconds": seconds,
                "record": path,
                "drills": rows,
                "passed": passed,
            }
        )
        return 0 if passed else 1
    _table(outcomes)
    good = sum(each.passed for each in outcomes)
    kept = f"; kept in {path}" if path else "; not kept: not all drills were run"
    console.out.print(f"{good} of {len(outcomes)} passed in {seconds:,.0f} s{kept}", markup=False)
    return 0 if passed else 1


def _tell(outcome: Outcome) -> None:
    word = "passed" if outcome.passed else "FAILED"
    console.say(f"  {outcome.name} {word} ({outcome.seconds:.1f} s): {outcome.did}: {outcome.saw}")


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _table(outcomes: list[Outcome]) -> None:
    table = Table(box=None, pad_edge=False)
    for title in ("drill", "", "ms to trip", "ms to flat"):
        right = title.startswith("ms")
        table.add_column(title, justify="right" if right else "left", no_wrap=True)
    for each in outcomes:
        word = "[green]passed[/]" if each.passed else "[bold red]FAILED[/]"
        table.add_row(each.name, word, _ms(each.ms_to_trip), _ms(each.ms_to_flat))
    console.out.print(table)
