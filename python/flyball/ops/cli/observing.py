"""What looks on at a run while it goes on: metrics, alerts, health, the system's watchdog."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flyball.config.channels import Channels, load_channels
from flyball.config.profile import Profile
from flyball.errors import ConfigError
from flyball.ops.alerts import AlertWatch, Delivery, Manager, Timing, check, folder_of
from flyball.ops.cli import console
from flyball.ops.cli.leash import Leashed
from flyball.ops.cli.looks import with_chat
from flyball.ops.drills import record
from flyball.ops.drills.runner import DRILLS
from flyball.ops.health import Health, Watchdog, health
from flyball.ops.logs import RunLog
from flyball.ops.telemetry import (
    JournalWait,
    MetricsServer,
    Observed,
    address,
    observe,
    registry,
    render,
)
from flyball.ops.telemetry.collector import families
from flyball.ops.telemetry.server import Answer
from flyball.trading.runtime.live import LiveSession

__all__ = ["Observing", "Onlooker", "drill_clock"]

_DRILLS_AGAIN_S = 60.0
_EVERY_S = 1.0
_NONE = "none"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Observing:
    """Who looks on."""

    metrics: Annotated[
        str,
        Parameter(help="Serve /metrics, /healthz and /readyz there, on loopback; none: nowhere."),
    ] = "127.0.0.1:9464"
    alerts: Annotated[
        Path | None,
        Parameter(
            help="A file of channels to which alerts go, and from which commands come; see "
            "docs/observability.md."
        ),
    ] = None


def drill_clock(profile: Profile) -> Callable[[], int | None]:
    """When a profile was last drilled with these numbers and this build; asked now and then."""
    known: list[tuple[float, int | None]] = [(-1e9, None)]

    def ask() -> int | None:
        at, found = known[0]
        if time.monotonic() - at >= _DRILLS_AGAIN_S:
            names = [drill.name for drill in DRILLS]
            try:
                told = record.drilled(profile, source=profile.name, names=names)
                found = int(told["time_ns"])
            except ConfigError:
                found = None
            known[0] = time.monotonic(), found
        return found

    return ask


class Onlooker:
    """Looks on at a session: to be made before it starts, and entered when it has.

    Raises
    ------
    ConfigError
        If the address or the file of channels makes no sense. Nothing was started then.
    """

    def __init__(self, wanted: Observing) -> None:
        self._where = None if wanted.metrics == _NONE else address(wanted.metrics)
        self._channels: Channels | None = None
        self._file = wanted.alerts
        if wanted.alerts is not None:
            self._channels = load_channels(wanted.alerts)
            check(self._channels)
        self._alerts: AlertWatch | None = None

    @contextlib.contextmanager
    def looking(self, session: LiveSession) -> Iterator[None]:
        """Look on while a session goes on. Nothing that goes wrong here ends it."""
        drilled, waits = drill_clock(session.profile), JournalWait()

        def look() -> Observed:
            return observe(session.info, session.status, drilled_ns=drilled, waits=waits)

        with contextlib.ExitStack() as stack:
            self._alerts = self._watch(stack, session, look)
            self._serve(stack, look)
            watchdog = Watchdog()
            watchdog.ready()
            stack.callback(watchdog.stopping)
            log = _log(stack, session)
            self._chat(stack, session.folder, log)

            def step() -> None:
                if not session.is_running:
                    return
                seen = look()
                found = self._health(seen)
                watchdog.feed(alive=found.alive, text=f"health: {found.state}")
                if log is not None:
                    # A full disk is told by the health of the storage, not here each second.
                    with contextlib.suppress(OSError):
                        log.look(seen.status, found)

            stack.enter_context(_each_second(step))
            yield

    def _watch(
        self, stack: contextlib.ExitStack, session: LiveSession, look: Callable[[], Observed]
    ) -> AlertWatch | None:
        timing = Timing()
        delivery = None
        if self._channels is not None and self._channels.channels:
            timing = Timing(escalate_s=self._channels.escalate_after_s)
            run = session.info
            about = f"{', '.join(run.strategies)} on {run.venue}"
            delivery = Delivery(self._channels, about)
        try:
            manager = Manager(folder_of(session.folder), timing=timing)
        except OSError as error:
            console.say(f"flyball: no alerts: {error.strerror or error}")
            return None
        watch = AlertWatch(lambda: families(look()), manager, delivery, tell=console.say)
        return stack.enter_context(watch)

    def _chat(self, stack: contextlib.ExitStack, folder: Path, log: RunLog | None) -> None:
        """Commands from a chat, taken by a process of its own; who did what is in the log."""
        if self._channels is None or self._channels.chat is None or self._file is None:
            return

        def tell(text: str) -> None:
            console.say(text)
            if log is not None:
                with contextlib.suppress(OSError, ValueError):
                    log.say("chat", said=text)

        words = ["chat", str(self._file.absolute()), "--state", str(folder.absolute())]
        stack.enter_context(Leashed(words, name="chat", tell=tell))

    def _serve(self, stack: contextlib.ExitStack, look: Callable[[], Observed]) -> None:
        if self._where is None:
            return
        found = registry(look)
        pages = {
            "/healthz": lambda _: _page(self._health(look()), ready=False),
            "/readyz": lambda _: _page(self._health(look()), ready=True),
        }
        try:
            server = MetricsServer(
                self._where, lambda wanted: render(found, openmetrics_text=wanted), pages=pages
            )
        except ConfigError as error:
            console.say(f"flyball: no metrics: {error} (--metrics ADDRESS:PORT, or none)")
            return
        stack.enter_context(server)
        console.say(f"metrics at {server.url}/metrics")

    def _health(self, seen: Observed) -> Health:
        alerts: Mapping[str, Any] | None = None
        if self._alerts is not None:
            alerts = with_chat(seen.run, self._alerts.state())
        return health(
            seen.run, seen.status, now_ns=seen.now_ns, disk_free=seen.disk_free, alerts=alerts
        )


def _page(found: Health, *, ready: bool) -> Answer:
    """200 when it lives (or could trade), else 503; either way what its parts are."""
    good = found.ready if ready else found.alive
    text = json.dumps(found.summary(), indent=1) + "\n"
    return 200 if good else 503, "application/json", text.encode()


def _log(stack: contextlib.ExitStack, session: LiveSession) -> RunLog | None:
    """The run's log; said when it cannot be written. A full disk ends no run."""
    try:
        log = RunLog(session.info)
    except OSError as error:
        console.say(f"flyball: no log: {error.strerror or error}")
        return None

    def ended() -> None:
        with contextlib.suppress(OSError):
            log.ended()

    stack.callback(ended)
    try:
        log.started()
    except OSError as error:
        console.say(f"flyball: the log cannot be written: {error.strerror or error}")
    return log


@contextlib.contextmanager
def _each_second(step: Callable[[], None]) -> Iterator[None]:
    """Do something each second, on a thread of its own."""
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(_EVERY_S):
            step()

    thread = threading.Thread(target=work, name="flyball-looking", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(2 * _EVERY_S)
