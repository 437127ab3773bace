"""`flyball metrics` and `flyball alerts`: what a run in another process measures and told."""

import getpass
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.table import Table

from flyball.config.channels import load_channels
from flyball.config.profile import profile as find_profile
from flyball.errors import ConfigError
from flyball.ops.alerts import check, folder_of, read_history, rules_yaml
from flyball.ops.alerts.delivery import apprise_send
from flyball.ops.alerts.manager import Record, acknowledge, firing_of, seen_by
from flyball.ops.cli import console
from flyball.ops.cli.observing import drill_clock
from flyball.ops.cli.selecting import State, one_run
from flyball.ops.report.formats import clock
from flyball.ops.telemetry import observe, registry, render
from flyball.trading.runtime.runs import RunInfo, ask, find_runs, read_run

__all__ = ["alerts", "metrics"]

_LAST = 20

alerts = App(name="alerts", help="What runs alerted about, and acknowledging it.")


def metrics(
    *,
    state: State = None,
    openmetrics: Annotated[
        bool, Parameter(negative=(), help="In OpenMetrics instead of Prometheus' own text.")
    ] = False,
) -> int:
    """Print the metrics of a run that goes on, as its /metrics gives them.

    Example: flyball metrics | grep drawdown
    """
    run = one_run(state)
    found = registry(
        lambda: observe(run, lambda: ask(run, "status"), drilled_ns=_drilled(run)), pid=run.pid
    )
    sys.stdout.write(render(found, openmetrics_text=openmetrics).decode())
    return 0


def _drilled(run: RunInfo) -> Callable[[], int | None]:
    """When its profile was drilled, where that profile is one of ours."""
    name = run.profile.rpartition(" v")[0]
    try:
        return drill_clock(find_profile(name))
    except ConfigError:
        return lambda: None


@alerts.default
def show(
    *,
    state: State = None,
    everything: Annotated[
        bool, Parameter(name="--all", negative=(), help="The whole history, not its last lines.")
    ] = False,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Show what fires and what was told: of one run, or of the newest one below runs/live.

    Exit code 0 when nothing fires, 1 when something does.

    Example: flyball alerts
    """
    run = _run(state)
    history = read_history(folder_of(run.folder) / "history.jsonl")
    firing = firing_of(history)
    shown = history if everything else history[-_LAST:]
    if json:
        console.print_json(
            {
                "folder": run.folder,
                "firing": [_row(it, history) for it in firing],
                "history": [_plain(it) for it in shown],
            }
        )
        return 1 if firing else 0
    if not firing:
        console.out.print("nothing fires")
    else:
        console.out.print(_table(firing, history))
    for it in shown:
        who = f" by {it.by}" if it.by else ""
        console.out.print(
            f"{clock(it.time_ns)} {it.what:<12} {it.id} {it.summary}{who}", markup=False
        )
    return 1 if firing else 0


@alerts.command
def ack(
    ids: Annotated[list[str], Parameter(help="As `flyball alerts` shows them, or `all`.")],
    *,
    state: State = None,
    by: Annotated[str, Parameter(help="Who has seen it.")] = "",
) -> int:
    """Say that somebody has seen it: it is told no more until it comes again.

    Example: flyball alerts ack 1f0c93ab
    """
    run = _run(state)
    who = by or getpass.getuser()
    for each in sorted(acknowledge(folder_of(run.folder), set(ids), by=who)):
        console.out.print(f"acknowledged {each}")
    return 0


@alerts.command
def test(channels: Annotated[Path, Parameter(help="The file of channels.")]) -> int:
    """Send one message to every channel of a file, and say which of them took it.

    Example: flyball alerts test channels.toml
    """
    found = load_channels(channels)
    check(found)
    bad = 0
    for each in found.channels:
        began = time.perf_counter()
        taken = apprise_send(each, "flyball: a test", "Alerts of flyball arrive here.", "info")
        bad += not taken
        took = f"{(time.perf_counter() - began) * 1e3:,.0f} ms"
        console.out.print(f"{each.name}: {'taken' if taken else 'NOT TAKEN'} after {took}")
    return 3 if bad else 0


@alerts.command
def rules(
    *,
    prometheus: Annotated[
        bool, Parameter(negative=(), help="As a rule file for Prometheus.")
    ] = False,
) -> int:
    """Show the rules, or write them for Prometheus.

    Example: flyball alerts rules --prometheus > rules.yml
    """
    from flyball.ops.alerts import RULES

    if prometheus:
        sys.stdout.write(rules_yaml())
        return 0
    table = Table(box=None, pad_edge=False)
    for name in ("rule", "severity", "for", "when"):
        table.add_column(name, overflow="fold")
    for it in RULES:
        table.add_row(it.name, it.severity, f"{it.for_s:g}s", it.expression.promql())
    console.out.print(table)
    return 0


def _run(state: Path | None) -> RunInfo:
    """The run in a folder, else the newest: one that has ended is looked at too."""
    if state is not None:
        return read_run(state)
    found = find_runs()
    if not found:
        raise ConfigError("no run was ever started below runs/live: name its folder with --state")
    return found[0]


def _plain(it: Record) -> dict[str, Any]:
    return {name: getattr(it, name) for name in it.__slots__}


def _row(it: Record, history: list[Record]) -> dict[str, Any]:
    return {**_plain(it), "acknowledged": seen_by(it, history)}


def _table(firing: list[Record], history: list[Record]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("since", "id", "severity", "what", "seen by"):
        table.add_column(name, overflow="fold")
    for it in firing:
        style = "bold red" if it.severity == "critical" else "yellow"
        seen = seen_by(it, history) or "nobody"
        table.add_row(clock(it.time_ns), it.id, it.severity, it.summary, seen, style=style)
    return table
