"""`flyball backtest`: a strategy over recorded data."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import Parameter

from flyball.config import run as run_file
from flyball.config.profile import Profile
from flyball.config.profile import profile as find_profile
from flyball.config.run import Sim
from flyball.domain import Dataset
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.cli.arguments import number, pairs, sizing_of
from flyball.ops.report import report as write_report
from flyball.research.data import Catalogue
from flyball.trading.runtime.backtest import backtest as run
from flyball.trading.runtime.builtin import make_strategy
from flyball.trading.runtime.result import Result

__all__ = ["backtest", "dataset", "sim_of"]


def backtest(
    strategy: Annotated[
        str,
        Parameter(help="breakout, maker, mean_reversion, file.py:Class, or a run's .toml file."),
    ],
    *,
    data: Annotated[str, Parameter(help="A dataset of the catalogue, or a recording.")] = "",
    profile: Annotated[str, Parameter(help="What protects: emergency, or a .toml file.")] = "",
    cash: Annotated[str, Parameter(help="Cash at the start, settlement currency.")] = "",
    sizing: Annotated[
        str,
        Parameter(help="Size of signals: equity_fraction=0.2, risk_fraction=, lots=, notional=."),
    ] = "",
    set_: Annotated[
        list[str], Parameter(name="--set", help="A parameter of the strategy: --set channel=20.")
    ] = [],  # noqa: B006
    queue: Annotated[
        Literal["front", "back", "probability"] | None, Parameter(help="Queue model, default back.")
    ] = None,
    seed: Annotated[int | None, Parameter(help="Seed of latencies, default 1.")] = None,
    sim: Annotated[
        list[str], Parameter(help="An assumption of the simulation: --sim order_latency=50ms.")
    ] = [],  # noqa: B006
    catalogue: Annotated[Path | None, Parameter(help="Where the catalogue lies.")] = None,
    journal: Annotated[Path | None, Parameter(help="A new folder for the journal.")] = None,
    report: Annotated[Path | None, Parameter(help="An HTML file for the report.")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> None:
    """Run a strategy over recorded data, with the engine, gate and switches that live trading has.

    Example: flyball backtest breakout --data binance_usdm_5m_2025_oct10/XRPUSDT_5m
    --profile emergency --cash 10000 --sizing equity_fraction=0.2 --report breakout.html
    """
    if strategy.endswith(".toml"):
        settings = run_file.load(Path(strategy))
    else:
        settings = _settings(strategy, data, profile, cash)
    parameters = {**settings.parameters, **pairs(set_, "--set")}
    chosen = find_profile(settings.profile)
    policy = sizing_of(sizing) or (settings.sizing.policy() if settings.sizing else None)
    assumptions = sim_of(settings.sim, sim, queue=queue, seed=seed)
    chosen_data = dataset(settings.data, catalogue)
    with console.progress_bar(f"{settings.strategy} over {chosen_data.name}") as tell:
        result = run(
            make_strategy(settings.strategy, parameters),
            data=chosen_data,
            profile=chosen,
            cash=settings.cash,
            sizing=policy,
            sim=assumptions,
            journal=journal,
            progress=tell,
        )
    written = None if report is None else write_report(result, report)
    if json:
        console.print_json({**result.summary(), "report": written})
    else:
        _tell(result, chosen, written)
    if result.interrupted:
        raise KeyboardInterrupt


def _settings(strategy: str, data: str, profile: str, cash: str) -> run_file.RunFile:
    wanted = (("--data", data), ("--profile", profile), ("--cash", cash))
    missing = [name for name, value in wanted if not value]
    if missing:
        raise ConfigError(
            f"{missing[0]} is missing: what risks money has no default. "
            "Example: flyball backtest breakout --data NAME --profile emergency --cash 10000"
        )
    return run_file.RunFile(
        strategy=strategy, data=data, profile=profile, cash=number("--cash", cash)
    )


def sim_of(base: Sim, texts: list[str], *, queue: str | None, seed: int | None) -> Sim:
    """The assumptions of `base` with those that options change."""
    changes: dict[str, Any] = dict(pairs(texts, "--sim"))
    if queue is not None:
        changes["queue"] = queue
    if seed is not None:
        changes["seed"] = seed
    known = {f.name for f in msgspec.structs.fields(Sim)}
    unknown = [key for key in changes if key not in known]
    if unknown:
        raise ConfigError(f"--sim has no {unknown[0]!r}: it has {', '.join(sorted(known))}")
    current = {
        key: value for key, value in msgspec.structs.asdict(base).items() if value is not None
    }
    try:
        return msgspec.convert({**current, **changes}, Sim, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigError(f"--sim: {error}") from error


def dataset(name: str, root: Path | None) -> Dataset:
    """The dataset of this name; a recording is imported first, and that is shown."""
    catalogue = Catalogue(root)
    if (catalogue.root / name / "dataset.json").is_file() or not Path(name).exists():
        return catalogue.get(name)
    with console.progress_bar(f"importing {name}") as tell:
        return catalogue.find(name, progress=_import_progress(tell))


def _import_progress(tell: Callable[[float], None]) -> Callable[[str, int, int, int], None]:
    def told(_stage: str, done: int, total: int, _events: int) -> None:
        tell(done / max(1, total))

    return told


def _tell(result: Result, profile: Profile, report: Path | None) -> None:
    console.table(f"Profile {profile.name} v{profile.version}", profile.rows())
    console.out.print()
    console.table("Assumed (simulated)", list(result.assumptions.items()))
    console.out.print()
    console.out.print(str(result), markup=False)
    if result.refused:
        rows = [(rule, str(count)) for rule, count in result.refused.items()]
        console.out.print()
        console.table("Refused by rule", rows)
    console.out.print()
    rows = [("state hash", result.state_hash)]
    if result.journal is not None:
        rows.append(("journal", str(result.journal)))
    if report is not None:
        rows.append(("report", str(report)))
    console.table("Kept", rows)
