"""What `flyball run` has looked at while it goes on: anomalies, predictions."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from flyball.errors import DataError
from flyball.ops.cli import console
from flyball.trading.runtime.live import LiveSession

if TYPE_CHECKING:
    from flyball.ops.detection.watch import Watch

__all__ = ["Predict", "watching"]

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
