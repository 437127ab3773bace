"""Live runs as other processes find them: a file in the folder of each, and a socket."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec

from flyball import _core
from flyball.errors import ConfigError
from flyball.trading.runtime.clock import Clock

__all__ = [
    "ROOT",
    "RunInfo",
    "Traded",
    "ask",
    "ask_socket",
    "find_runs",
    "read_run",
    "scope_number",
    "socket_for",
]

ROOT = Path("runs") / "live"
_NAME = "run.json"
# The system takes no longer paths of sockets; its own limit is 104 to 108, the end included.
_SOCKET_PATH_MAX = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Traded:
    """An instrument of a run, and its units."""

    symbol: str
    tick_size: Decimal
    lot_size: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class RunInfo:
    """What a live run says of itself in its folder. Times are UTC nanoseconds since 1970."""

    pid: int
    venue: str
    url: str
    network: str
    account: str
    strategies: tuple[str, ...]
    instruments: tuple[Traded, ...]
    profile: str
    limits: Mapping[str, str]
    socket: str
    journal: str
    clock: tuple[int, int, int]
    started_ns: int
    simulated: bool
    ended_ns: int | None = None
    folder: Path = field(default=Path(), compare=False)

    @property
    def now_ns(self) -> int:
        """What the run's clock shows."""
        anchor_ns, start_ns, speed = self.clock
        return Clock(anchor_ns=anchor_ns, start_ns=start_ns, speed=speed).now_ns()

    def write(self, folder: Path) -> None:
        """Keep it in the run's folder."""
        known = asdict(self)
        del known["folder"]
        path = folder / _NAME
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(known, default=str, indent=1) + "\n", encoding="utf-8")
        draft.replace(path)


def read_run(folder: Path) -> RunInfo:
    """The run that goes on in a folder, or went on there last.

    Raises
    ------
    ConfigError
        If there is none.
    """
    path = folder / _NAME
    try:
        found = msgspec.json.decode(path.read_bytes(), type=RunInfo, strict=False)
    except FileNotFoundError:
        raise ConfigError(f"{folder}: no live run was ever started there") from None
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from error
    return replace(found, folder=folder)


def find_runs(root: Path = ROOT) -> list[RunInfo]:
    """All runs below a folder, the newest first."""
    folders = [path.parent for path in root.glob(f"*/{_NAME}")]
    found = [read_run(folder) for folder in folders if not folder.is_symlink()]
    return sorted(found, key=lambda run: -run.started_ns)


def ask(run: RunInfo, what: str, scope: str | None = None) -> dict[str, Any]:
    """Ask a run that goes on in another process, and give its answer.

    Raises
    ------
    ConfigError
        If it does not go on, or does not take what is asked.
    """
    request = {"what": what} if scope is None else {"what": what, "scope": scope}
    answer = ask_socket(Path(run.socket), request)
    if "error" in answer:
        raise ConfigError(f"{run.folder}: {answer['error']}")
    return answer


def ask_socket(socket: Path, request: Mapping[str, str]) -> dict[str, Any]:
    """Ask whoever listens at a socket: one object, and its answer.

    Raises
    ------
    ConfigError
        If nobody answers there.
    """
    answer: dict[str, Any] = json.loads(_core.ask_run(socket, json.dumps(request)))
    return answer


def socket_for(folder: Path) -> Path:
    """Where a run in this folder listens: there, or elsewhere where its path is too long."""
    path = folder.absolute() / "control.sock"
    if len(os.fsencode(path)) < _SOCKET_PATH_MAX:
        return path
    return Path(tempfile.mkdtemp(prefix="flyball-")) / "control.sock"


def scope_number(run: RunInfo, scope: str) -> str:
    """A scope as the engine takes it: `instrument:XRP` becomes `instrument:0`.

    A run trades on one account at one venue: `venue` and `account`, with the run's own names behind
    them or without, are all of it.

    Raises
    ------
    ConfigError
        If there is no such thing in the run.
    """
    kind, _, name = scope.partition(":")
    if scope == "all":
        return "all"
    if kind in {"venue", "account"}:
        own = (run.venue if kind == "venue" else run.account).lower()
        if name and name.lower() not in {own, own[-6:]}:
            raise ConfigError(f"--scope {scope!r}: this run's {kind} is {own}")
        return "all"
    if kind == "order":
        if not name.isdecimal():
            raise ConfigError(f"--scope {scope!r}: an order is named by its number (`status`)")
        return scope
    known = {
        "instrument": [each.symbol for each in run.instruments],
        "strategy": list(run.strategies),
    }.get(kind)
    if known is None or not name:
        raise ConfigError(
            f"--scope {scope!r}: wants all, venue, account, instrument:SYMBOL, strategy:NAME "
            "or order:ID"
        )
    if name not in known:
        raise ConfigError(f"--scope {scope!r}: the run has {', '.join(known)}")
    return f"{kind}:{known.index(name)}"
