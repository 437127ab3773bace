"""What systemd is told: that a run is ready, that it lives, that it ends (sd_notify(3))."""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

__all__ = ["Watchdog"]


class Watchdog:
    """Tells systemd; without one that listens it does nothing.

    Parameters
    ----------
    environment : mapping
        Where `NOTIFY_SOCKET` and `WATCHDOG_USEC` stand, as systemd sets them.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._path = environment.get("NOTIFY_SOCKET", "")
        usec = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self._every_s = int(usec) / 2e6 if usec.isdigit() and ours else None
        self._fed = -1e9

    @property
    def wanted(self) -> bool:
        """Whether systemd waits to hear that it lives."""
        return bool(self._path) and self._every_s is not None

    def tell(self, text: str) -> bool:
        """Send one message; whether somebody took it."""
        if not self._path:
            return False
        place = "\0" + self._path[1:] if self._path.startswith("@") else self._path
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as to:
            to.connect(place)
            to.send(text.encode())
            return True
        return False

    def ready(self) -> None:
        """The run trades."""
        self.tell("READY=1")

    def stopping(self) -> None:
        """The run ends."""
        self.tell("STOPPING=1")

    def feed(self, *, alive: bool, text: str = "") -> None:
        """To be called every second or so: tells that it lives, if it does, in time."""
        if self._every_s is None or not alive or time.monotonic() - self._fed < self._every_s:
            return
        self._fed = time.monotonic()
        self.tell(f"WATCHDOG=1\nSTATUS={text}" if text else "WATCHDOG=1")
