"""Telling people: through apprise, each channel on a thread of its own, tried again."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from flyball.config.channels import Channel, Channels
from flyball.errors import ConfigError
from flyball.ops.alerts.manager import Alert, Message

__all__ = ["Delivery", "text_of"]

_ORDER = ("info", "warning", "critical")
_TRIES = 4
_WAIT_S = 1.0
_WAITING = 100
_HEADS = {"firing": "", "again": "STILL: ", "escalated": "NOBODY HAS ACKNOWLEDGED: ", "over": ""}

Send = Callable[[Channel, str, str, str], bool]


def text_of(message: Message, about: str) -> tuple[str, str]:
    """Title and body of a message. `about` says which run it is: nothing of it is a secret."""
    if message.what == "over":
        title = f"over: {_names(message.alerts)} · {about}"
        return title, "\n".join(f"over: {it.summary}" for it in message.alerts)
    title = f"{_HEADS[message.what]}{message.severity}: {_names(message.alerts)} · {about}"
    lines = []
    for it in message.alerts:
        lines += [f"{it.summary}.", f"  {it.action}", f"  flyball alerts ack {it.id}"]
    return title, "\n".join(lines)


def _names(alerts: tuple[Alert, ...]) -> str:
    names = list(dict.fromkeys(it.rule.name for it in alerts))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def apprise_send(channel: Channel, title: str, body: str, severity: str) -> bool:
    """Send through apprise; whether the service took it.

    Raises
    ------
    ConfigError
        If apprise is not installed, or does not know such an address.
    """
    notifier, kinds = _apprise(channel)
    kind = {"critical": kinds.FAILURE, "warning": kinds.WARNING}.get(severity, kinds.INFO)
    return bool(notifier.notify(title=title, body=body, notify_type=kind))


def _apprise(channel: Channel) -> tuple[Any, Any]:
    try:
        import apprise
    except ImportError:
        raise ConfigError(
            "alerts: apprise is not installed: pip install 'flyball[observe]'"
        ) from None
    notifier = apprise.Apprise()
    if not notifier.add(channel.url.reveal()):
        raise ConfigError(f"alerts: channel {channel.name}: apprise does not know such an address")
    return notifier, apprise.NotifyType


def check(channels: Channels) -> None:
    """Refuse addresses that apprise does not know, before a run begins.

    Raises
    ------
    ConfigError
        If apprise is not installed, or an address makes no sense to it.
    """
    for channel in channels.channels:
        _apprise(channel)


class _Way:
    """One channel: what waits for it, and the thread that sends."""

    def __init__(self, channel: Channel, send: Send) -> None:
        self.channel, self._send = channel, send
        self._waiting: queue.Queue[tuple[str, str, str] | None] = queue.Queue(_WAITING)
        self.failing_since_ns: int | None = None
        self.delivered = self.dropped = 0
        self._thread = threading.Thread(
            target=self._work, name=f"flyball-alerts-{channel.name}", daemon=True
        )
        self._thread.start()

    def put(self, title: str, body: str, severity: str) -> None:
        try:
            self._waiting.put_nowait((title, body, severity))
        except queue.Full:
            self._failed()

    def end(self, patience_s: float) -> None:
        try:
            self._waiting.put(None, timeout=patience_s)
        except queue.Full:
            return
        self._thread.join(patience_s)

    def _failed(self) -> None:
        self.dropped += 1
        self.failing_since_ns = self.failing_since_ns or time.time_ns()

    def _work(self) -> None:
        while (message := self._waiting.get()) is not None:
            for attempt in range(_TRIES):
                if self._try(*message):
                    self.delivered += 1
                    self.failing_since_ns = None
                    break
                self.failing_since_ns = self.failing_since_ns or time.time_ns()
                time.sleep(_WAIT_S * 2**attempt)
            else:
                self._failed()

    def _try(self, title: str, body: str, severity: str) -> bool:
        try:
            return self._send(self.channel, title, body, severity)
        except Exception:
            # What it says may repeat the address.
            return False


class Delivery:
    """Hands messages to the channels that want them.

    Parameters
    ----------
    about : str
        Which run it is, for titles.
    send : callable
        Sends to one channel: channel, title, body, severity; whether it was taken.
    """

    def __init__(self, channels: Channels, about: str, send: Send = apprise_send) -> None:
        self._about = about
        self._ways = [_Way(channel, send) for channel in channels.channels]

    def tell(self, message: Message) -> None:
        """Hand a message on. Waits for nobody."""
        title, body = text_of(message, self._about)
        for way in self._ways:
            channel = way.channel
            wanted = _ORDER.index(message.severity) >= _ORDER.index(channel.severity)
            # Channels of escalation hear of nothing else.
            meant = channel.escalation == (message.what == "escalated") or not channel.escalation
            if wanted and meant:
                way.put(title, body, message.severity)

    def state(self) -> Mapping[str, Any]:
        """How it is doing: channels that fail, counts."""
        failing = [it for it in self._ways if it.failing_since_ns is not None]
        return {
            "failing": [it.channel.name for it in failing],
            "failing_since_ns": min((it.failing_since_ns or 0 for it in failing), default=None),
            "delivered": {it.channel.name: it.delivered for it in self._ways},
            "dropped": {it.channel.name: it.dropped for it in self._ways},
        }

    def end(self, patience_s: float = 3.0) -> None:
        """Send what waits, for at most so long."""
        for way in self._ways:
            way.end(patience_s)
