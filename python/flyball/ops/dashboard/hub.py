"""What the page shows: the newest of each topic, and logs that only grow at their end.

Threads put things in; each client takes what is new for it. A client that is slow finds the newest
of each topic when it comes back: nothing queues up for it.
"""

import asyncio
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

__all__ = ["Hub", "Listener"]

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Topic:
    version: int
    put_at: float
    value: msgspec.Raw


@dataclass(slots=True)
class _Log:
    """Rows with numbers. When it is full the old half goes, or each second row of it (thinned)."""

    rows_max: int
    thinned: bool
    epoch: int = 0
    last: int = 0
    numbers: list[int] = field(default_factory=list)
    rows: list[msgspec.Raw] = field(default_factory=list)

    def add(self, rows: Iterable[Any]) -> None:
        for row in rows:
            self.last += 1
            self.numbers.append(self.last)
            self.rows.append(msgspec.Raw(_encode(row)))
        if len(self.rows) > self.rows_max:
            half = len(self.rows) // 2
            keep = slice(0, half, 2) if self.thinned else slice(half, half)
            self.numbers[:half] = self.numbers[keep]
            self.rows[:half] = self.rows[keep]

    def after(self, number: int) -> list[msgspec.Raw]:
        """Rows behind a number. The newest are few: looked for from the end."""
        at = len(self.numbers)
        while at and self.numbers[at - 1] > number:
            at -= 1
        return self.rows[at:]


@dataclass(slots=True)
class _Seen:
    """What somebody has seen: the newest version, each log's epoch and last row, messages."""

    version: int = 0
    logs: dict[str, tuple[int, int]] = field(default_factory=dict)
    messages: int = 0


class Hub:
    """Topics and logs, and who listens.

    Parameters
    ----------
    logs : mapping
        Of each log, by its name, how many rows are kept, and whether it is thinned when it is full:
        old rows then lie further apart, and the first stays.
    """

    def __init__(self, logs: dict[str, tuple[int, bool]]) -> None:
        self._lock = threading.Lock()
        self._version = 0
        self._topics: dict[str, _Topic] = {}
        self._logs = {
            name: _Log(rows_max=most, thinned=thin) for name, (most, thin) in logs.items()
        }
        self._listeners: set[Listener] = set()

    def put(self, topic: str, value: object) -> None:
        """The newest of a topic. `value` must be JSON."""
        raw = msgspec.Raw(_encode(value))
        with self._lock:
            self._version += 1
            self._topics[topic] = _Topic(self._version, time.monotonic(), raw)
        self._tell()

    def add(self, log: str, rows: Sequence[object]) -> None:
        """More rows of a log."""
        if not rows:
            return
        with self._lock:
            self._logs[log].add(rows)
        self._tell()

    def replace(self, log: str, rows: Sequence[object]) -> None:
        """Other rows instead of those that are there: clients begin it anew."""
        with self._lock:
            found = self._logs[log]
            found.epoch += 1
            found.numbers, found.rows = [], []
            found.add(rows)
        self._tell()

    def rows(self, log: str) -> list[Any]:
        """All rows of a log."""
        with self._lock:
            found = list(self._logs[log].rows)
        return [msgspec.json.decode(row) for row in found]

    def topic(self, name: str) -> Any:  # noqa: ANN401
        """The newest of a topic; `None` before there is one."""
        with self._lock:
            found = self._topics.get(name)
        return None if found is None else msgspec.json.decode(found.value)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)

    def listen(self) -> "Listener":
        """Somebody who listens from now on, in the event loop that runs now."""
        listener = Listener(self, asyncio.get_running_loop())
        with self._lock:
            self._listeners = {*self._listeners, listener}
        return listener

    def leave(self, listener: "Listener") -> None:
        """It does not listen any more."""
        with self._lock:
            self._listeners = self._listeners - {listener}

    def news(self, seen: _Seen) -> bytes:
        """A message with what somebody has not seen, who has seen it then.

        `n` counts messages, `ages` tells milliseconds since each topic was put, `topics` holds
        those that changed, `logs` the new rows, with `anew` where they replace what was there.
        """
        now = time.monotonic()
        topics: dict[str, msgspec.Raw] = {}
        logs: dict[str, dict[str, object]] = {}
        with self._lock:
            ages = {name: int((now - it.put_at) * 1e3) for name, it in self._topics.items()}
            for name, topic in self._topics.items():
                if topic.version > seen.version:
                    topics[name] = topic.value
            seen.version = self._version
            for name, log in self._logs.items():
                epoch, number = seen.logs.get(name, (-1, 0))
                anew = epoch != log.epoch
                rows = list(log.rows) if anew else log.after(number)
                seen.logs[name] = (log.epoch, log.last)
                if rows or anew:
                    logs[name] = {"anew": anew, "rows": rows}
        seen.messages += 1
        return _encode({"n": seen.messages, "ages": ages, "topics": topics, "logs": logs})

    def _tell(self) -> None:
        for listener in self._listeners:
            listener.tell()


class Listener:
    """One client: what it has taken, and whether there is more."""

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop) -> None:
        self._hub, self._loop = hub, loop
        self._news = asyncio.Event()
        self._news.set()
        self._told = True
        self._seen = _Seen()

    def tell(self) -> None:
        """There is more. From any thread."""
        if self._told:
            return
        self._told = True
        try:
            self._loop.call_soon_threadsafe(self._news.set)
        except RuntimeError:  # its loop has ended
            self._hub.leave(self)

    async def wait(self, timeout_s: float) -> None:
        """Until there is more, or the time is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._news.wait()
        except TimeoutError:
            return

    def take(self) -> bytes:
        """What is new, as one message; without anything new it only says that we live."""
        self._news.clear()
        self._told = False
        return self._hub.news(self._seen)

    @property
    def number(self) -> int:
        """How many messages were taken."""
        return self._seen.messages
