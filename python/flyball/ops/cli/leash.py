"""A command of ours beside a run, in a process of its own that ends with the run.

What must work while a strategy holds Python's lock, or while Python in the run's process does
anything else, is not in the run's process.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Annotated

from cyclopts import Parameter

__all__ = ["Leash", "Leashed", "leash"]

Leash = Annotated[
    bool, Parameter(negative=(), show=False, help="End when the standard input does.")
]

_LEAVE_S = 3.0
_AGAIN_S = (1.0, 5.0, 30.0)
# Exit codes after which another try says the same: a setting, data that is not there.
_FINAL = (0, 2, 3)


class Leashed:
    """Starts a command, hands on what it says, starts it again if it dies. A context manager.

    Parameters
    ----------
    words : sequence of str
        The command and its options; it must take `--leashed`.
    name : str
        What people call it.
    tell : callable
        Takes each line that it says.
    """

    def __init__(self, words: Sequence[str], *, name: str, tell: Callable[[str], None]) -> None:
        self._words, self._name, self._tell = [*words, "--leashed"], name, tell
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._child: subprocess.Popen[str] | None = None
        self._thread = threading.Thread(target=self._work, name=f"flyball-{name}", daemon=True)

    @property
    def pid(self) -> int | None:
        """Its process, while there is one."""
        child = self._child
        return None if child is None or child.poll() is not None else child.pid

    def __enter__(self) -> "Leashed":
        # Here and not by the thread: who holds Python's lock from now on keeps it from nothing.
        self._start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._ended.set()
            child = self._child
        if child is None:
            return
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(_LEAVE_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        self._thread.join(_LEAVE_S)

    def _work(self) -> None:
        died = 0
        child = self._child
        while child is not None:
            if child.stdout is not None:
                with child.stdout:
                    for line in child.stdout:
                        self._tell(line.rstrip())
            code = child.wait()
            if self._ended.is_set() or code in _FINAL:
                return
            wait_s = _AGAIN_S[min(died, len(_AGAIN_S) - 1)]
            died += 1
            self._tell(
                f"flyball: the {self._name}'s process ended with {code}: again in {wait_s:g} s"
            )
            self._ended.wait(wait_s)
            child = self._start()

    def _start(self) -> "subprocess.Popen[str] | None":
        with self._lock:
            if self._ended.is_set():
                return None
            try:
                # A session of its own: an interrupt from the terminal is the run's business.
                self._child = subprocess.Popen(  # noqa: S603 - our own command
                    [sys.executable, "-m", "flyball.ops.cli.main", *self._words],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                    errors="replace",
                    start_new_session=True,
                )
            except OSError as error:
                self._tell(f"flyball: no {self._name}: {error.strerror or error}")
                return None
            return self._child


def leash() -> None:
    """End this process as a signal would when whoever started it is gone, however that went."""

    def hold() -> None:
        # Not through Python's own buffer: the interpreter must be free to end meanwhile.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=hold, name="flyball-leash", daemon=True).start()
