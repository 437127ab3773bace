"""Reports as one HTML file that needs nothing else: runs side by side, the crash matrix, sweeps."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from flyball.errors import ConfigError, DataError
from flyball.ops.report.page import page
from flyball.ops.report.proof import proof_page
from flyball.ops.report.run import Run
from flyball.ops.report.run import labels as found_labels
from flyball.ops.report.sweep import sweep_page
from flyball.trading.runtime.result import Result

__all__ = ["proof_report", "report", "sweep_report"]

_RUNS_AT_MOST = 6  # colours that can be told apart


def report(
    results: Result | Sequence[Result],
    path: Path | str,
    *,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Path:
    """Write a report of a run, or of several side by side on the same axes.

    Parameters
    ----------
    results : Result or sequence of Result
        What `flyball.backtest` or a live session returned; six at most.
    path : Path or str
        The HTML file. Folders are made; a file that is there is replaced, whole or not at all.
    labels : sequence of str, optional
        What the runs are called; by default what tells them apart: profile, strategy or data.
    title : str, optional
        The heading; strategy and instrument by default.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ConfigError
        If there is no result, there are too many, or not one label each.
    DataError
        If the file cannot be written.
    """
    all_results = [results] if isinstance(results, Result) else list(results)
    if not 1 <= len(all_results) <= _RUNS_AT_MOST:
        raise ConfigError(
            f"report: one to {_RUNS_AT_MOST} results are wanted, got {len(all_results)}"
        )
    names = list(labels) if labels is not None else found_labels(all_results)
    if len(names) != len(all_results):
        raise ConfigError(f"report: {len(all_results)} results have {len(names)} labels")
    runs = [
        Run(result, label=name, index=index)
        for index, (result, name) in enumerate(zip(all_results, names, strict=True))
    ]
    return _write(Path(path), page(runs, title=title))


def proof_report(found: Mapping[str, Any], path: Path | str) -> Path:
    """Write what `flyball proof` found as a report.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    return _write(Path(path), proof_page(found))


def sweep_report(found: Mapping[str, Any], path: Path | str) -> Path:
    """Write what a sweep found as a report.

    Raises
    ------
    DataError
        If the file cannot be written.
    """
    return _write(Path(path), sweep_page(found))


def _write(path: Path, text: str) -> Path:
    """Write beside the place first, then rename: nobody ever sees half a report."""
    draft: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".draft", dir=path.parent)
        draft = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        umask = os.umask(0)
        os.umask(umask)
        draft.chmod(0o666 & ~umask)
        draft.replace(path)
    except OSError as error:
        if draft is not None:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise DataError(f"{path}: the report cannot be written: {reason}") from error
    return path
