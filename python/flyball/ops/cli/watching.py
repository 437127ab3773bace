"""What `flyball run` has looked at while it goes on: anomalies, predictions."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from flyball.errors import DataError
from flyball.ops.cli import console
from flyball.trading.runtime.live import LiveSession

if TYPE_CHECKING:
    from flyball.ops.detection.watch import Watch

__all__ = ["Predict", "predicted", "shared", "watching"]

_FILE = "watch.json"
_EVERY_S = 2.0
# What is older was left by a run that ended otherwise, or by one whose Python stands still.
_OLD_S = 10.0

Predict = Annotated[
    bool,
    Parameter(
        help="Look for anomalies and predict failures; a prediction of 0.8 makes the run smaller."
    ),
]


def watching(*, predict: bool) -> Callable[[LiveSession], AbstractContextManager["Watch | None"]]:
    """What goes on beside a session once it has started."""
    return _watcher if predict else lambda _session: nullcontext()


def _watcher(session: LiveSession) -> AbstractContextManager["Watch | None"]:
    # Numbers are only needed where somebody looks on.
    from flyball.ops.detection.watch import Watch, Watcher, thresholds

    try:
        watch = Watch(
            session.folder,
            limits=thresholds(
                drawdown=session.profile.switches.drawdown, max_memory=session.max_memory
            ),
            restrict=session,
            tell=console.say,
            speed=session.venue.clock.speed,
        )
    except (DataError, OSError) as error:
        # A damaged file of predictions must not keep anybody from trading, or from closing.
        console.say(f"flyball: NOTHING IS PREDICTED: {error}")
        return nullcontext()
    return Watcher(
        session,
        watch,
        now_ns=lambda: session.info.now_ns,
        folder=session.folder,
        tell=console.say,
    )


@contextmanager
def shared(watch: "Watch | None", folder: Path) -> Iterator[None]:
    """Keep what a watch knows in a file of the run's folder, for the page in another process."""
    path = folder / _FILE
    path.unlink(missing_ok=True)
    if watch is None:
        yield
        return
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(_EVERY_S):
            # A full disk is told by the health of the storage.
            with suppress(OSError):
                draft = path.with_suffix(".draft")
                draft.write_text(json.dumps(watch.state()), encoding="utf-8")
                draft.replace(path)

    thread = threading.Thread(target=work, name="flyball-watch-shared", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2 * _EVERY_S)
        path.unlink(missing_ok=True)


def predicted(folder: Path) -> Mapping[str, Any] | None:
    """What a run's watch knew a moment ago; `None` where there is none, or it stands still."""
    path = folder / _FILE
    try:
        if time.time() - path.stat().st_mtime > _OLD_S:
            return None
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
