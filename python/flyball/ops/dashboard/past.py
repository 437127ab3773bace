"""The curves of a run before the page was opened: its journal, run again in a process of its own.

Another process, because running a journal again holds Python's lock until it is done.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

from flyball import _core
from flyball.trading.runtime.columns import collected

__all__ = ["past", "rows"]

_POINTS = 2_000
_BYTES_MAX = 512 << 20
_PATIENCE_S = 300.0


def past(journal: Path, ended: Callable[[], bool]) -> list[list[Any]]:
    """Points as `picture.point` gives them; none where the journal is too long or cannot be read.

    A run's journal is read as far as it is written; `ended` is asked whether nobody waits any more.
    """
    try:
        size = sum(path.stat().st_size for path in journal.iterdir())
    except OSError:
        return []
    if size > _BYTES_MAX:
        return []
    words = [sys.executable, "-m", __name__, str(journal)]
    waited = 0.0
    with subprocess.Popen(  # noqa: S603 - this interpreter, this module
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as child:
        while True:
            try:
                out, _ = child.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                waited += 0.5
                if ended() or waited > _PATIENCE_S:
                    child.kill()
    if child.returncode != 0:
        return []
    found: list[list[Any]] = json.loads(out)
    return found


def rows(journal: Path) -> list[list[Any]]:
    """The points of a journal, about two thousand of them.

    Raises
    ------
    JournalError
        If it is damaged.
    """
    engine = json.dumps(json.loads(_core.journal_about(journal))["engine"])
    # Once roughly, to know how long it is; the engine tells times only while it runs.
    rough = collected(_core.collect_journal(journal, engine, 60 * 10**9))["samples"]["time_ns"]
    if len(rough) < 2:
        return []
    every_ns = max(250_000_000, int(rough[-1] - rough[0]) // _POINTS)
    samples = collected(_core.collect_journal(journal, engine, every_ns))["samples"]
    times, equity, peak = (samples[name].tolist() for name in ("time_ns", "equity", "peak"))
    marks = samples["mark"].tolist()
    return [
        [time_ns // 1_000_000, _known(worth), _known(top), None, [_known(mark) or None]]
        for time_ns, worth, top, mark in zip(times, equity, peak, marks, strict=True)
    ]


def _known(value: float) -> float | None:
    return value if isfinite(value) else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(rows(Path(sys.argv[1]))))
