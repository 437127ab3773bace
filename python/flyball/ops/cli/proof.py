"""`flyball proof`: the crash matrix."""

import json as json_text
import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from flyball import _core
from flyball.config.profile import names, profile
from flyball.errors import ConfigError
from flyball.ops.cli import console
from flyball.ops.cli.wire import over_wire
from flyball.ops.report import proof_report
from flyball.ops.report.proof import summary_rows
from flyball.research.data.recognise import recognise

__all__ = ["proof"]

_UNPROTECTED = "unprotected"
_JOBS = 64  # run between two looks at the keyboard
_CASH = 10_000
# Bars without a price that trades, or what is no bar.
_LEFT_OUT = ("mark", "vix", "funding")
_QUICK = ("binance_usdm_5m_2025_oct10",)


def proof(
    *,
    full: Annotated[bool, Parameter(help="Run every cell: many hours.")] = False,
    quick: Annotated[bool, Parameter(help="Run a few cells of each kind: seconds.")] = False,
    profile_: Annotated[
        list[str],
        Parameter(name="--profile", help="What protects; all shipped profiles by default."),
    ] = [],  # noqa: B006
    window: Annotated[
        str, Parameter(help="Only windows whose name holds this, each with everything.")
    ] = "",
    seed: Annotated[int, Parameter(help="Everything random is drawn from it.")] = 1,
    data: Annotated[
        Path | None, Parameter(help="Folder of recorded bars; ../shared/data/bars by default.")
    ] = None,
    json: Annotated[
        str,
        Parameter(
            help="A file for everything that was found; - prints it.", allow_leading_hyphen=True
        ),
    ] = "",
    html: Annotated[Path | None, Parameter(help="An HTML file for the report.")] = None,
    threads: Annotated[int, Parameter(help="Threads; as many as there are cores by default.")] = 0,
    wire: Annotated[
        bool,
        Parameter(help="Cells with real processes, sockets and files instead: half an hour."),
    ] = False,
) -> int:
    """Run the crash matrix: crash windows, bad strategies, faults, with protection and without.

    The default runs every made gap, the worst window of each folder of recordings with everything,
    and a sample of the others drawn by the seed. Where the recordings are absent only made gaps are
    run, and it says so. Exit code 1 when a protected cell went beyond its line although the move
    was within the assumed gap, or was not verified flat.

    --wire runs none of these: it runs cells at local exchanges, with faults that only processes,
    sockets and files have (a full disk, the sentinel alone, a venue that answers with errors), six
    side by side or --threads. --quick runs some of them: two minutes.

    Example: flyball proof --html proof.html
    """
    if full and quick:
        raise ConfigError("--full and --quick: name one of them")
    if threads < 0 or not 0 <= seed < 2**63:
        raise ConfigError("--threads and --seed must not be below 0 (or beyond 2**63)")
    wanted = profile_ or [name for name in names() if name != _UNPROTECTED]
    if wire:
        _none_of_these(full=full, window=window, html=html)
        return over_wire(wanted, few=quick, at_once=threads, bars=_bars(data), json=json)
    scale = "full" if full else "quick" if quick else "default"
    setup = {
        **_protecting(wanted),
        "sources": _sources(data, quick=quick),
        "seed": seed,
        "scale": scale,
        "window": window or None,
        "threads": threads or os.cpu_count() or 1,
        "cash": _CASH,
    }
    found = _run(setup)
    found["profiles"] = {item.name: item.version for item in map(profile, wanted)}
    written = None if html is None else proof_report(found, html)
    if json == "-":
        console.print_json(found)
    else:
        if json:
            Path(json).write_text(json_text.dumps(found, indent=1), encoding="utf-8")
        _tell(found, written)
    return 1 if _failed(found) else 0


def _protecting(wanted: list[str]) -> dict[str, Any]:
    off = profile(_UNPROTECTED)
    chosen = [profile(name) for name in wanted]
    if any(item.name == off.name for item in chosen):
        raise ConfigError("--profile unprotected: it is always run, as what is compared with")
    return {"profiles": [item.engine() for item in (*chosen, off)]}


def _none_of_these(**given: object) -> None:
    for name, value in given.items():
        if value:
            raise ConfigError(
                f"--wire and --{name}: that is about the cells that --wire leaves out"
            )


def _bars(data: Path | None) -> Path | None:
    """The folder of recorded bars; said when there is none."""
    root = data
    if root is None:
        root = Path(os.environ.get("FLYBALL_SHARED", "../shared")) / "data" / "bars"
    if not root.is_dir():
        if data is not None:
            raise ConfigError(f"--data {data}: there is no such folder")
        console.say(f"no recordings in {root}: only made gaps are run")
        return None
    return root


def _sources(data: Path | None, *, quick: bool) -> list[dict[str, Any]]:
    root = _bars(data)
    if root is None:
        return []
    found: list[dict[str, Any]] = []
    files = [
        file
        for file in sorted(root.glob("**/*"))
        if file.is_file() and not any(word in file.name for word in _LEFT_OUT)
    ]
    for file in files:
        if "funding" in file.parent.name or (quick and file.parent.name not in _QUICK):
            continue
        source = recognise(file)[0]
        if source.format == "bars":
            name = f"{file.parent.name}/{source.name}"
            found.append({"name": name, "path": str(file), "symbol": source.symbol})
    return found


def _run(setup: dict[str, Any]) -> dict[str, Any]:
    console.say(f"reading {len(setup['sources'])} recordings …")
    matrix = _core.Proof(json_text.dumps(setup))
    recorded, made, cells, total = matrix.spec
    console.say(
        f"{recorded:,} crash windows in recordings, {made} made ones: "
        f"{cells:,} of {total:,} cells are run"
    )
    with console.progress_bar("crash matrix") as tell:
        while matrix.step(_JOBS):
            tell(matrix.progress)
    found: dict[str, Any] = json_text.loads(matrix.finish())
    return found


def _failed(found: dict[str, Any]) -> bool:
    bad = ("over_line_within_gap", "not_flat", "orders_after_stop", "disagree")
    return any(
        figures[key]["count"] for figures in found["profile"].values() for key in bad
    ) or any(figures["breaches"] for figures in found["profile"].values())


def _tell(found: dict[str, Any], report: Path | None) -> None:
    shown = Table(title="Crash matrix (simulated)", box=None, title_justify="left", pad_edge=False)
    shown.add_column("", overflow="fold")
    for name in (*found["profile"], _UNPROTECTED):
        shown.add_column(name, justify="right", overflow="fold", min_width=min(12, len(name)))
    for name, values in summary_rows(found):
        shown.add_row(name, *values)
    console.out.print(shown)
    console.out.print()
    rows = [
        ("cells", f"{found['cells']:,} of {found['cells_total']:,} (seed {found['seed']})"),
        ("false trips", _false_trips(found)),
        *_predecessor(found),
        *(("not run", f"{row['fault']}: {row['reason']}") for row in _blocked(found)),
        ("table", found["table_hash"]),
    ]
    if report is not None:
        rows.append(("report", str(report)))
    console.table("Besides", rows)


def _blocked(found: dict[str, Any]) -> list[dict[str, Any]]:
    blocked: list[dict[str, Any]] = found["not_run"]["no_such_world"]
    return blocked


def _false_trips(found: dict[str, Any]) -> str:
    each = found["quiet"]["profile"].items()
    return "; ".join(
        f"{name} {len(figures['trips'])} in {figures['hours']:,.0f} h" for name, figures in each
    )


def _predecessor(found: dict[str, Any]) -> list[tuple[str, str]]:
    case = found["predecessor"]
    if case is None:
        return [("predecessor", "not run: its market is not there")]
    worst: dict[str, float] = {}
    for name, _path, out in case["outcomes"]:
        worst[name] = max(worst.get(name, 0.0), out["drawdown"])
    told = ", ".join(f"{name} {value:.2%}" for name, value in worst.items())
    return [("predecessor", f"a loss of 40.21 % reconstructed; worst path: {told}")]
