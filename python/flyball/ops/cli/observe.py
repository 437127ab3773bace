"""`flyball observe`: how well anomalies are found and failures predicted."""

import os
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.detection import nabrun, nabscore
from flyball.ops.detection.ledger import past, read, scored
from flyball.ops.detection.normal import read_market
from flyball.ops.detection.scorecard import SCORED_SEEDS_FROM, made_scorecard, scorecard

__all__ = ["app", "nab", "predictions", "score"]

_RECORDING = Path("data") / "books" / "binance_spot_nexousdt_20240723"

app = App(
    name="observe",
    help="How well anomalies are found and failures predicted.",
    help_format="plaintext",
)


@app.command
def nab(
    folder: Annotated[
        Path, Parameter(help="The benchmark's folder: data, labels and config in it.")
    ],
    *,
    category: Annotated[str, Parameter(help="A folder under data.")] = "realKnownCause",
    steady: Annotated[
        bool, Parameter(help="Limits that stay, instead of following a budget of alarms.")
    ] = False,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Run the Numenta Anomaly Benchmark and score it by the benchmark's own rules.

    One configuration for all files, chosen without the labels of the known causes. Prints what was
    found of what is labelled, false alarms a day, and the scores (0: nothing found, 100: perfect).

    Example: flyball observe nab ../shared/data/nab
    """
    files, profiles = nabscore.load(folder, category=category)
    chosen = nabrun.STEADY if steady else nabrun.FIXED
    console.say(f"{len(files)} files, {sum(len(each.values) for each in files):,} values …")
    outcomes, whole = nabrun.score(files, profiles, chosen=chosen)
    if json:
        console.print_json(
            {
                **whole,
                "category": category,
                "steady": steady,
                "files": {
                    each.name: {
                        "windows": each.windows,
                        "detected": each.detected,
                        "false_alarms": each.false_alarms,
                        "days": each.days,
                        "scores": each.scores,
                    }
                    for each in outcomes
                },
            }
        )
        return 0
    shown = Table(box=None, pad_edge=False)
    shown.add_column("file", overflow="fold")
    for title in ("found", "false", "a day", "score"):
        shown.add_column(title, justify="right", no_wrap=True)
    for each in outcomes:
        shown.add_row(
            each.name.rpartition("/")[2].removesuffix(".csv"),
            f"{each.detected} of {each.windows}",
            str(each.false_alarms),
            f"{each.false_alarms / each.days:.3f}",
            f"{each.scores['standard']:+.2f}",
        )
    console.out.print(shown)
    console.out.print()
    share = f"{whole['detected']} of {whole['windows']} ({whole['detected_share']:.0%})"
    rows = [("found", share), ("false alarms a day", f"{whole['false_alarms_per_day']:.3f}")]
    rows += [(f"score, {name}", f"{value:.1f}") for name, value in whole["scores"].items()]
    console.table("The whole", rows)
    return 0


@app.command
def score(
    *,
    recording: Annotated[
        Path | None,
        Parameter(
            help="A folder with hours of Binance's best prices; "
            "../shared/data/books/binance_spot_nexousdt_20240723 by default."
        ),
    ] = None,
    seed: Annotated[int, Parameter(help="1000 or more: smaller ones chose the limits.")] = 6000,
    days: Annotated[int, Parameter(help="Simulated days in which nothing is wrong.")] = 30,
    each: Annotated[int, Parameter(help="How often each class of faults is injected.")] = 10,
    jobs: Annotated[int | None, Parameter(help="Processes; one for each processor.")] = None,
    made: Annotated[
        bool, Parameter(help="On made metrics instead, without an engine: some minutes.")
    ] = False,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Inject twenty classes of faults, run weeks without any, and score alarms and forecasts.

    The engine, its sessions and the local exchange run in virtual time, on a market that is put
    together from a recording; the network, the strategy and the machine around them are simulated.
    A day takes about a minute of a processor: half an hour on two.

    Example: flyball observe score --json
    """
    if seed < SCORED_SEEDS_FROM:
        raise ConfigError(f"--seed {seed}: must be {SCORED_SEEDS_FROM} or more")
    if days < 1 or each < 1 or (jobs is not None and jobs < 1):
        raise ConfigError("--days, --each and --jobs must be 1 or more")
    shared = Path(os.environ.get("FLYBALL_SHARED", "../shared"))
    market = read_market(shared / _RECORDING if recording is None else recording)
    if made:
        found = made_scorecard(market, seed=seed, days=days, each=each, tell=console.say)
    else:
        jobs = jobs or os.cpu_count() or 1
        found = scorecard(market, seed=seed, days=days, each=each, jobs=jobs, tell=console.say)
    if json:
        console.print_json(found)
        return 0
    shown = Table(box=None, pad_edge=False)
    for title in ("fault", "put into", "found", "median s", "longest s", "mostly by"):
        right = title not in {"fault", "put into", "mostly by"}
        shown.add_column(title, justify="right" if right else "left", no_wrap=right)
    for name, one in found["by_class"].items():
        times = [_seconds(one[key]) for key in ("median_s", "longest_s")]
        share = f"{one['detected']} of {one['injected']}"
        shown.add_row(name, one["place"], share, *times, one["by"] or "")
    console.out.print(shown)
    console.out.print()
    rows = [
        ("found", f"{found['detected']:.1%} of {found['injected']}, simulated"),
        ("seconds until then", f"{_seconds(found['median_s'])}, p90 {_seconds(found['p90_s'])}"),
        ("false alarms a week", f"{found['false_alarms_per_week']:.2f} (of {days} days)"),
        ("Brier score", f"{found['brier']:.4f}"),
        ("calibration error", f"{found['ece']:.4f}"),
    ]
    console.table("The whole", rows)
    return 0


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


@app.command
def predictions(
    folder: Annotated[Path, Parameter(help="The folder of a run: runs/live/NETWORK-ACCOUNT.")],
    *,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Say how good the predictions of a run were, and that none was changed afterwards.

    A damaged or changed line is named, exit code 3.

    Example: flyball observe predictions runs/live/local-0x…
    """
    path = folder / "predictions.jsonl"
    found = scored(*read(path), before=past(path))
    if json:
        console.print_json(found)
        return 0
    words = {
        "predictions": "scored",
        "acted": "acted on, not scored",
        "open": "not yet known",
        "came_true": "share that came true",
        "brier": "Brier score",
        "ece": "calibration error",
        "warnings": "warnings",
        "false_warnings": "of them false",
        "false_per_day": "false a day",
        "lead_s": "seconds from warning to failure",
    }
    rows = [(word, _figure(found[name])) for name, word in words.items()]
    console.table("Predictions", rows)
    return 0


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
