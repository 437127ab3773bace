"""One combination of parameters, run: what is kept of it, and how it becomes a line."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyball.errors import DataError
from flyball.ops.sweep.space import Parameters

__all__ = ["Job", "Trial", "line_of", "read_line"]

_HASH = 16  # hexadecimal digits in front of a line


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A run that is wanted: parameters, and from when to when (all of the data by default).

    `whole`: signals, that would be screened, through the whole engine.
    """

    parameters: Parameters
    window: tuple[int, int] | None = None
    whole: bool = False

    @property
    def key(self) -> str:
        """The same for the same run, whatever the order of its parameters."""
        return json.dumps(self.about(), sort_keys=True, separators=(",", ":"))

    def about(self) -> dict[str, Any]:
        """As JSON can hold it."""
        known = {"parameters": dict(self.parameters), "window": self.window}
        return {**known, "whole": True} if self.whole else known


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """What a run came to. Money is settlement currency, fractions are of 1.

    Parameters
    ----------
    job : Job
    returns : array of float32, shape (steps,)
        Simple returns of equal steps; after equity was lost they are 0.
    equity, fees : str
        At the end, exactly; "unknown" where it was.
    max_drawdown : float
        Seen on every event.
    trades, events, decisions : int
    tripped : tuple of str
        Switches that fired.
    state_hash : str
        Of the engine's final state; empty where signals were screened.
    seconds : float
        What it took; the one thing that differs from run to run.
    error : str
        Why there is no result; empty where there is one.
    """

    job: Job
    returns: NDArray[np.float32]
    equity: str = "unknown"
    fees: str = "0"
    max_drawdown: float = 0.0
    trades: int = 0
    events: int = 0
    decisions: int = 0
    tripped: tuple[str, ...] = ()
    state_hash: str = ""
    seconds: float = 0.0
    error: str = ""

    @property
    def standstill(self) -> bool:
        """Whether it traded, and nothing moved for the last twentieth of the time: protection."""
        last = max(1, self.returns.size // 20)
        return bool(np.any(self.returns)) and not bool(np.any(self.returns[-last:]))


def _packed(returns: NDArray[np.float32]) -> str:
    raw = np.ascontiguousarray(returns, dtype="<f4").tobytes()
    return base64.b64encode(zlib.compress(raw, 6)).decode("ascii")


def _unpacked(text: str) -> NDArray[np.float32]:
    raw = zlib.decompress(base64.b64decode(text, validate=True))
    return np.frombuffer(raw, dtype="<f4").astype(np.float32)


def checked_line(known: Mapping[str, Any]) -> str:
    """One line: a hash, a space, JSON."""
    text = json.dumps(known, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return f"{sha256(text.encode()).hexdigest()[:_HASH]} {text}\n"


def checked(line: str) -> dict[str, Any]:
    """What a line says.

    Raises
    ------
    DataError
        If it is not what was written.
    """
    digest, space, text = line.rstrip("\n").partition(" ")
    whole = line.endswith("\n") and bool(space)
    if not whole or sha256(text.encode()).hexdigest()[:_HASH] != digest:
        raise DataError("the line is damaged")
    found: dict[str, Any] = json.loads(text)
    return found


def line_of(trial: Trial) -> str:
    """A trial as one checksummed line."""
    known = asdict(trial)
    known["job"] = trial.job.about()
    known["returns"] = _packed(trial.returns)
    return checked_line(known)


def read_line(line: str) -> Trial:
    """A trial from its line.

    Raises
    ------
    DataError
        If the line is damaged.
    """
    known = checked(line)
    try:
        wanted = known.pop("job")
        window = wanted["window"]
        job = Job(
            parameters=wanted["parameters"],
            window=None if window is None else (int(window[0]), int(window[1])),
            whole=bool(wanted.get("whole", False)),
        )
        returns = _unpacked(known.pop("returns"))
        tripped = tuple(known.pop("tripped"))
        return Trial(job=job, returns=returns, tripped=tripped, **known)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise DataError(f"the line is of another kind: {error}") from error
