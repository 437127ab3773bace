"""`flyball sweep`: many parameters over the same data, and what is left of the best."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from flyball.config.run import Sim
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.cli.arguments import number, pairs, sizing_of
from flyball.ops.cli.backtest import dataset, sim_of
from flyball.ops.report import sweep_report
from flyball.ops.report.formats import duration
from flyball.ops.report.sweep import named, scored, verdict
from flyball.ops.sweep import Found, Sweep, cores

__all__ = ["sweep"]

_TOLD = 10
_EVERY_S = 10.0


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Searching:
    """What is tried."""

    grid: Annotated[
        list[str],
        Parameter(help="What varies: fast=5..50:5, bars=5m,15m; rate=0.1..10:log for searches."),
    ] = field(default_factory=list)
    where: Annotated[list[str], Parameter(help="What must hold: --where 'fast<slow'.")] = field(
        default_factory=list
    )
    random: Annotated[int | None, Parameter(help="So many by chance, not the whole grid.")] = None
    optuna: Annotated[
        int | None, Parameter(help="So many by Optuna, for all data and for each split.")
    ] = None
    sampler: Annotated[Literal["tpe", "cmaes"], Parameter(help="Optuna's.")] = "tpe"
    seed: Annotated[int, Parameter(help="Of all that is drawn.")] = 1


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Judging:
    """How trials are judged."""

    splits: Annotated[
        str, Parameter(help="walk_forward=5, rolling=5, kfold=5, combinatorial=6/2 or none.")
    ] = "walk_forward=5"
    purge: Annotated[
        int | None, Parameter(help="Steps left out before a test; 1 % of all by default.")
    ] = None
    embargo: Annotated[
        int | None, Parameter(help="Steps left out after a test; 1 % of all by default.")
    ] = None
    score: Annotated[Literal["sharpe", "growth"], Parameter(help="What is chosen by.")] = "sharpe"
    step: Annotated[
        str | None, Parameter(help="A step of returns: 1d, 1h or 1m by the length of the data.")
    ] = None
    earlier: Annotated[
        int, Parameter(help="Trials made elsewhere on this data: they count as tried.")
    ] = 0
    confirm: Annotated[
        int, Parameter(help="So many of the best that were screened run through the whole engine.")
    ] = 5


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Running:
    """Where trials are run and kept."""

    jobs: Annotated[
        int | None, Parameter(help="Processes, or threads for functions of bars; one a core.")
    ] = None
    ray: Annotated[
        str | None, Parameter(help="A Ray cluster that runs them: HOST:PORT, or auto.")
    ] = None
    folder: Annotated[
        Path | None, Parameter(help="Where trials are kept; runs/sweep-STRATEGY by default.")
    ] = None
    resume: Annotated[bool, Parameter(help="Go on with what the folder holds.")] = False


def sweep(
    strategy: Annotated[
        str,
        Parameter(
            help="breakout, maker, mean_reversion, module:Class, file.py:Class or file.py:function."
        ),
    ],
    *,
    data: Annotated[str, Parameter(help="A dataset of the catalogue, or a recording.")] = "",
    profile: Annotated[str, Parameter(help="What protects: emergency, or a .toml file.")] = "",
    cash: Annotated[str, Parameter(help="Cash at the start, settlement currency.")] = "",
    sizing: Annotated[str, Parameter(help="Size of signals: equity_fraction=0.2, lots=.")] = "",
    set_: Annotated[
        list[str], Parameter(name="--set", help="A parameter that stays: --set bars=15m.")
    ] = [],  # noqa: B006
    sim: Annotated[
        list[str], Parameter(help="An assumption of the simulation: --sim order_latency=50ms.")
    ] = [],  # noqa: B006
    catalogue: Annotated[Path | None, Parameter(help="Where the catalogue lies.")] = None,
    searching: Searching = Searching(),
    judging: Judging = Judging(),
    running: Running = Running(),
    report: Annotated[Path | None, Parameter(help="An HTML file for the report.")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> None:
    """Run a strategy with many parameters over recorded data, and judge the best of them.

    Every trial is a backtest with the whole engine and is kept in a file; --resume goes on with it.
    A function of bars is screened instead, without book, venue and gate, thousands of times as
    fast; the best of it are run again through the engine. The same seed gives the same, whatever
    the number of processes.

    Example: flyball sweep breakout --data binance_usdm_5m_2025_oct10/XRPUSDT_5m --profile emergency
    --cash 10000 --sizing equity_fraction=0.1 --grid channel=12..96:12 --grid stop=1..5:1
    --splits walk_forward=5 --report sweep.html
    """
    for name, value in (("--data", data), ("--profile", profile), ("--cash", cash)):
        if not value:
            raise ConfigError(f"{name} is missing: what risks money has no default")
    if not searching.grid:
        raise ConfigError("--grid is missing: what shall vary? Example: --grid fast=5..50:5")
    made = Sweep(
        strategy=strategy,
        data=dataset(data, catalogue),
        profile=profile,
        cash=number("--cash", cash),
        sizing=sizing_of(sizing),
        sim=sim_of(Sim(), sim, queue=None, seed=None),
        fixed=pairs(set_, "--set"),
        **asdict(searching),
        **asdict(judging),
    )
    folder = running.folder or Path("runs", f"sweep-{_plain_name(strategy)}")
    found = _run(made, running, folder)
    written = None if report is None else sweep_report(found, report)
    if json:
        console.print_json({**found, "folder": folder, "report": written})
    else:
        _tell(found, folder, written)


def _plain_name(strategy: str) -> str:
    """A name for a folder."""
    return strategy.rpartition(":")[2].lower()


def _run(made: Sweep, running: Running, folder: Path) -> Found:
    count = cores() if running.jobs is None else running.jobs
    try:
        with _progress(f"sweep of {made.strategy} over {made.data.name}") as tell:
            return made.run(
                jobs=count,
                folder=folder,
                resume=running.resume,
                ray=running.ray,
                progress=tell,
            )
    except KeyboardInterrupt:
        console.say(f"what is finished is kept in {folder}: --resume goes on")
        raise


@contextmanager
def _progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time that is left; where there is no terminal, a line now and then."""
    with console.progress_bar(title) as bar:
        started = said = time.monotonic()

        def tell(done: int, total: int) -> None:
            nonlocal said
            bar(done / max(1, total))
            now = time.monotonic()
            if console.err.is_terminal or now - said < _EVERY_S:
                return
            said = now
            left = (now - started) / done * (total - done)
            console.say(f"{done:,} of {total:,} trials, about {duration(left * 1e9)} left")

        yield tell


def _tell(found: Found, folder: Path, report: Path | None) -> None:
    console.out.print(f"Sweep of {found['strategy']} (simulated)\n")
    for line in verdict(found):
        console.out.print(f"  {line}", markup=False)
    console.out.print()
    rows: list[tuple[str, str]] = []
    for one in found["table"][:_TOLD]:
        figures = f"{scored(found, one['score'])}   return {one['total_return']:+.2%}"
        rows.append((named(one["parameters"]), f"{figures}   drawdown {one['max_drawdown']:.2%}"))
    console.table(f"The best by {found['score']} a year, in sample", rows)
    _tell_again(found)
    trials, speed = found["trials"], found["speed"]
    if trials["failed"]:
        first: dict[str, Any] = trials["first_failure"]
        told = f"{named(first['parameters'])}: {first['error']}"
        console.say(f"{trials['failed']} trials failed; the first: {told}")
    if speed["damaged_lines"]:
        console.say(f"{speed['damaged_lines']} damaged lines were left out and made anew")
    console.out.print()
    kind = "threads" if speed["threads"] else "processes"
    where = f"Ray at {speed['ray']}" if speed["ray"] else f"{speed['processes']} {kind}"
    kept: list[tuple[str, str]] = [
        ("trials", f"{trials['made']:,} ({speed['trials_run']:,} runs now) in "
         f"{duration(speed['seconds'] * 1e9)}, {where}"),
        ("hash", found["hash"]),
        ("folder", str(folder)),
    ]  # fmt: skip
    if report is not None:
        kept.append(("report", str(report)))
    console.table("Kept", kept)


def _tell_again(found: Found) -> None:
    """What was screened, beside the whole engine."""
    screening = found["screening"]
    if screening is None:
        return
    rows: list[tuple[str, str]] = []
    for one in screening["again"]:
        both = " \u2192 ".join(
            one[way]["error"]
            or f"{scored(found, one[way]['score'])} ({one[way]['total_return']:+.2%}, "
            f"{one[way]['trades']} trades)"
            for way in ("screened", "engine")
        )
        rows.append((named(one["parameters"]), both))
    if rows:
        console.out.print()
        console.table("Screened \u2192 through the whole engine", rows)
    console.out.print()
    console.out.print(f"  Screened without {'; '.join(screening['left_out'])}.", markup=False)
