"""`flyball doctor`: whether this installation is fit to run."""

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from flyball import _core
from flyball.ops.cli import console
from flyball.research.data import Catalogue

__all__ = ["doctor"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Literal["ok", "warning", "error"]
    detail: str


def doctor(
    *,
    catalogue: Annotated[Path | None, Parameter(help="Where the catalogue lies.")] = None,
    json: Annotated[bool, Parameter(help="Print one JSON object.")] = False,
) -> int:
    """Look whether this installation is fit to run. Exit code 2 when something is wrong.

    Example: flyball doctor
    """
    checks: list[Callable[[], Finding]] = [
        _python,
        _engine,
        lambda: _catalogue(catalogue),
        _disk,
        _clock,
        lambda: _optional("duckdb", "SQL and as-of joins over datasets"),
        lambda: _optional("polars", "results and tables as frames"),
        lambda: _optional("scipy", "risk: distributions and fits"),
        lambda: _optional("arch", "risk: GARCH"),
    ]
    findings = [check() for check in checks]
    wrong = any(finding.state == "error" for finding in findings)
    if json:
        console.print_json(
            {
                "ok": not wrong,
                "findings": [
                    {"name": f.name, "state": f.state, "detail": f.detail} for f in findings
                ],
            }
        )
    else:
        console.table("flyball doctor", [(f.name, f"{f.state}: {f.detail}") for f in findings])
    if wrong:
        sys.exit(2)
    return 0


def _python() -> Finding:
    version = platform.python_version()
    state: Literal["ok", "error"] = "ok" if sys.version_info >= (3, 11) else "error"
    return Finding("python", state, f"{version} on {platform.system()} {platform.machine()}")


def _engine() -> Finding:
    """Time a look at the compiled engine: it is there, and it answers."""
    started = time.perf_counter()
    quotes = _core.Quotes(bids=[(1, 1)])
    took = (time.perf_counter() - started) * 1e6
    good = quotes.bids == ((1, 1),)
    detail = f"version {_core.VERSION}, build {_core.BUILD}, answers in {took:.0f} µs"
    return Finding("engine", "ok" if good else "error", detail)


def _catalogue(root: Path | None) -> Finding:
    found = Catalogue(root)
    if not found.root.exists():
        return Finding(
            "catalogue", "warning", f"{found.root} does not exist yet: flyball data import"
        )
    count = len(found.datasets())
    writable = os.access(found.root, os.W_OK)
    state: Literal["ok", "error"] = "ok" if writable else "error"
    detail = f"{found.root}: {count} datasets" + ("" if writable else "; no permission to write")
    return Finding("catalogue", state, detail)


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 2**30
    try:
        with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
            file.write(b"flyball")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return Finding("disk", "error", f"{Path.cwd()} cannot be written: {error.strerror}")
    state: Literal["ok", "warning"] = "ok" if free > 1 else "warning"
    return Finding("disk", state, f"{free:,.1f} GiB free here")


def _clock() -> Finding:
    """The wall clock moves forward, and as fast as the steady one."""
    wall, steady = time.time_ns(), time.perf_counter_ns()
    time.sleep(0.02)
    drift = (time.time_ns() - wall) - (time.perf_counter_ns() - steady)
    state: Literal["ok", "warning"] = "ok" if abs(drift) < 5_000_000 else "warning"
    return Finding("clock", state, f"{drift / 1e6:+.3f} ms against the steady clock in 20 ms")


def _optional(module: str, what: str) -> Finding:
    if importlib.util.find_spec(module) is not None:
        return Finding(module, "ok", what)
    return Finding(module, "warning", f"not installed ({what}): pip install flyball[research]")
