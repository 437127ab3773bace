"""What commands share: where words go, progress, exit codes.

Results go to stdout, everything else to stderr, so that `--json` prints one JSON object and nothing
else. Exit codes: 0 done, 1 a fault of Flyball itself, 2 a setting or a call that makes no sense,
3 data, 4 a journal (damaged, or it does not replay), 5 a strategy, 130 interrupted.
"""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

__all__ = ["err", "fresh_folder", "out", "print_json", "progress_bar", "say", "table"]

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)


def say(text: str) -> None:
    """Tell a person something that is not the result.

    Nothing ends because it could not be told: stderr may be a file on a full disk, or a pipe that
    nobody reads any more.
    """
    with suppress(OSError):
        err.print(text, markup=False)


def print_json(value: object) -> None:
    """Print one JSON object on stdout; numbers that are none become null."""
    sys.stdout.write(json.dumps(_plain(value), indent=2, allow_nan=False) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and not (abs(value) < float("inf")):
        return None
    return str(value) if isinstance(value, Path) else value


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr that is told a share, 0 to 1; where that is no terminal, two lines."""
    if not err.is_terminal:
        say(f"{title} …")
        yield lambda _share: None
        say(f"{title} done")
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=False) as bar:
        task = bar.add_task(title, total=1.0)
        yield lambda share: bar.update(task, completed=share)
        bar.update(task, completed=1.0)


def table(title: str, rows: list[tuple[str, str]]) -> None:
    """A table of two columns on stdout."""
    shown = Table(title=title, show_header=False, box=None, title_justify="left", pad_edge=False)
    shown.add_column(no_wrap=True, style="dim")
    shown.add_column(overflow="fold")
    for name, value in rows:
        shown.add_row(name, value)
    out.print(shown)


def fresh_folder(parent: Path, name: str) -> Path:
    """A new folder: `name`, or `name-2`, `name-3` where that is taken."""
    parent.mkdir(parents=True, exist_ok=True)
    for number in range(1, 100_000):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        try:
            folder.mkdir()
        except FileExistsError:
            continue
        return folder
    raise FileExistsError(f"{parent}: too many runs: remove some")
