"""`flyball data`: the catalogue."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter
from rich.table import Table

from flyball.domain import Dataset
from flyball.ops.cli import console
from flyball.research.data import Catalogue

__all__ = ["app"]

app = App(
    name="data", help="Record, import recordings, list them, check them.", help_format="plaintext"
)
app.command("flyball.ops.cli.record:record")

Root = Annotated[Path | None, Parameter(help="Where the catalogue lies.")]
Json = Annotated[bool, Parameter(help="Print one JSON object.")]


@app.command(name="import")
def import_(
    path: Annotated[Path, Parameter(help="A file or folder of recorded data.")],
    *,
    name: Annotated[str | None, Parameter(help="What to call it; its folder by default.")] = None,
    venue: Annotated[
        str | None, Parameter(help="Where it was recorded, if not recognised.")
    ] = None,
    kind: Annotated[
        Literal["spot", "linear", "inverse"] | None, Parameter(help="Of instrument.")
    ] = None,
    symbol: Annotated[
        str | None, Parameter(help="The instrument, if the files do not say.")
    ] = None,
    catalogue: Root = None,
    json: Json = False,
) -> None:
    """Import a recording: a tape for the engine, Parquet tables for people, and a check of both.

    What was imported before is recognised and not done again; what was interrupted starts again.

    Example: flyball data import recordings/binance_usdm_btcusdt_20240718
    """
    with console.progress_bar(f"importing {path.name}") as tell:
        done = Catalogue(catalogue).import_path(
            path,
            name=name,
            venue=venue,
            kind=kind,
            symbol=symbol,
            progress=lambda _stage, read, total, _events: tell(read / max(1, total)),
        )
    if json:
        rows = [
            {**_row(one.dataset), "fresh": one.fresh, "findings": one.report["findings"]}
            for one in done
        ]
        console.print_json({"imported": rows})
        return
    for one in done:
        again = "" if one.fresh else " (imported before)"
        what = f"{one.dataset.name}: {one.dataset.events:,} events, {_findings(one.report)}{again}"
        console.out.print(what, markup=False)


@app.command
def ls(*, catalogue: Root = None, json: Json = False) -> None:
    """List the datasets of the catalogue.

    Example: flyball data ls --json
    """
    datasets = Catalogue(catalogue).datasets()
    if json:
        console.print_json({"datasets": [_row(dataset) for dataset in datasets]})
        return
    if not datasets:
        console.out.print(
            f"{Catalogue(catalogue).root} holds no datasets: flyball data import PATH"
        )
        return
    shown = Table(box=None, pad_edge=False)
    shown.add_column("name", min_width=max(len(d.name) for d in datasets))  # to be copied: whole
    for title in ("holds", "instrument", "from", "to"):
        shown.add_column(title, overflow="fold")
    shown.add_column("events", justify="right", no_wrap=True)
    for d in datasets:
        it = f"{d.instrument.symbol} {d.instrument.kind} ({d.instrument.venue})"
        shown.add_row(d.name, d.contents, it, _time(d.first_ns), _time(d.last_ns), f"{d.events:,}")
    console.out.print(shown)


@app.command
def check(
    name: Annotated[str, Parameter(help="A dataset of the catalogue.")],
    *,
    catalogue: Root = None,
    json: Json = False,
) -> None:
    """Read a dataset again, every checksum, and tell what is odd about it.

    Gaps, duplicates, crossed books, clock skew, outliers, silences. Exit code 3 when the tape is
    not what was written.

    Example: flyball data check binance_usdm_btcusdt_20240718
    """
    report = Catalogue(catalogue).check(name)
    if json:
        console.print_json({"dataset": name, **report})
        return
    latency = report["latency"]
    silence = report["longest_silence"]
    rows = [
        ("events", f"{report['verified_events']:,}, every checksum and the hash chain verified"),
        *(
            (key, f"{value:,}")
            for key, value in report["counts"].items()
            if value and key != "events"
        ),
    ]
    if latency:
        rows.append(
            (
                "latency",
                f"min {latency['min_ns'] / 1e6:,.1f} ms, "
                f"median {latency['median_ns'] / 1e6:,.1f} ms, "
                f"p99 {latency['p99_ns'] / 1e6:,.1f} ms, {latency['negative']:,} negative",
            )
        )
        rows.append(
            ("clock offset", f"{report['clock_offset_ns'] / 1e6:,.1f} ms are added to receipt")
        )
    if silence:
        rows.append(("longest silence", f"{silence['ns'] / 1e9:,.2f} s"))
    console.table(name, rows)
    for finding in report["findings"]:
        console.out.print()
        kind, severity = finding["kind"].replace("_", " "), finding["severity"]
        console.out.print(f"{severity}: {kind}, {finding['count']:,} times", markup=False)
        for example in finding["examples"][:3]:
            when = _time(example["time_ns"])
            console.out.print(f"    {when} {example['place']}: {example['detail']}", markup=False)


def _findings(report: Mapping[str, Any]) -> str:
    serious = [f for f in report["findings"] if f["severity"] != "note"]
    if not serious:
        return "nothing wrong found"
    return ", ".join(f"{f['count']:,} {f['kind'].replace('_', ' ')}" for f in serious)


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")


def _row(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "contents": dataset.contents,
        "symbol": dataset.instrument.symbol,
        "kind": dataset.instrument.kind,
        "venue": dataset.instrument.venue,
        "tick_size": str(dataset.instrument.tick_size),
        "lot_size": str(dataset.instrument.lot_size),
        "first_ns": dataset.first_ns,
        "last_ns": dataset.last_ns,
        "events": dataset.events,
        "clock_offset_ns": dataset.clock_offset_ns,
        "interval_ns": dataset.interval_ns,
        "folder": str(dataset.folder),
    }
