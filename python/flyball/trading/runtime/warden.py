"""A watch on the memory of the process: a strategy that takes too much of it is ended.

It is a thread of Python's: it sees what Python code allocates, not a single call into a library
that takes everything at once. The engine's own threads need none of what it protects.
"""

import ctypes
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

from flyball.errors import ConfigError

__all__ = [
    "Warden",
    "default_limit",
    "memory_bytes",
    "memory_text",
    "raise_in_thread",
    "resident_bytes",
]

_EVERY_S = 0.05
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}


def memory_bytes(text: str) -> int:
    """Bytes of a size such as "800MB" or "2GiB".

    Raises
    ------
    ConfigError
        If the text is no size.

    Examples
    --------
    >>> memory_bytes("1.5GB")
    1500000000
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmg]i?)?b?\s*", text.lower())
    if found is None or not float(found[1]):
        raise ConfigError(f"{text!r} is no size of memory: write for example 800MB or 2GiB")
    return int(float(found[1]) * _UNITS[found[2] or ""])


def memory_text(count: int) -> str:
    """A size as people read it.

    Examples
    --------
    >>> memory_text(1_500_000_000)
    '1.5 GB'
    """
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"


def resident_bytes() -> int | None:
    """What the process holds in memory now; `None` where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _free_bytes() -> int | None:
    """What the machine, or the container, has free; `None` where the system does not say."""
    found: list[int] = []
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        found += [int(kb) * 1024 for kb in re.findall(r"MemAvailable:\s+(\d+) kB", text)]
        limit = Path("/sys/fs/cgroup/memory.max").read_text("ascii").strip()
        if limit != "max":
            used = int(Path("/sys/fs/cgroup/memory.current").read_text("ascii"))
            found.append(max(0, int(limit) - used))
    except (OSError, ValueError):
        pass
    return min(found) if found else None


def default_limit() -> int | None:
    """What the process holds now, and half of what the machine has free."""
    held, free = resident_bytes(), _free_bytes()
    return None if held is None or free is None else held + free // 2


class Warden:
    """Raises `MemoryError` in a thread while the process holds more memory than it may.

    Parameters
    ----------
    limit : int
        Bytes.
    hog : callable
        The thread that is ended; `None` while there is none to end.
    breached : callable
        Called once, before the thread is ended, with what the process holds.
    """

    def __init__(
        self,
        limit: int,
        hog: Callable[[], threading.Thread | None],
        breached: Callable[[int], None],
    ) -> None:
        self._limit, self._hog, self._breached = limit, hog, breached
        self._over = threading.Event()
        self._watch = threading.Thread(target=self._run, name="flyball-warden", daemon=True)
        self._watch.start()

    def stop(self) -> None:
        """Watch no more."""
        self._over.set()
        self._watch.join()

    def _run(self) -> None:
        told = False
        while not self._over.wait(_EVERY_S):
            held, thread = resident_bytes(), self._hog()
            if held is None or held <= self._limit or thread is None:
                continue
            if not told:
                told = True
                self._breached(held)
            # Again and again: a strategy may catch it.
            if thread.ident is not None and thread.is_alive():
                raise_in_thread(thread.ident, MemoryError)


def raise_in_thread(ident: int, kind: type[BaseException]) -> None:
    """Make a thread of Python's raise, when it next runs Python code."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), ctypes.py_object(kind))
