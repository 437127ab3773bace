"""`flyball observe`: how well anomalies are found and failures predicted."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from rich.table import Table

from flyball.ops.cli import console
from flyball.ops.detection import nabrun, nabscore

__all__ = ["app", "nab"]

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
