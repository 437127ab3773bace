"""The engine, compiled. Converts, calls, converts back; see the modules that use it."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

__all__ = [
    "BUILD",
    "VERSION",
    "Exchange",
    "FeatureAttr",
    "LiveRun",
    "Proof",
    "Quotes",
    "Recording",
    "Replay",
    "Run",
    "Signal",
    "Target",
    "View",
    "World",
    "ask_run",
    "book_states",
    "collect_journal",
    "decide_again",
    "features",
    "import_data",
    "journal_about",
    "journal_decisions",
    "journal_market",
    "journal_orders",
    "key_address",
    "release_sentinel",
    "run_accounts",
    "run_sentinel",
    "sentinel_stand",
    "tape_about",
    "venue_listing",
    "verify_report",
    "verify_tape",
    "write_synthetic",
]

BUILD: str
VERSION: str

@final
class Signal:
    """A wish to hold a position, sized by the sizing policy.

    Parameters
    ----------
    side : "long", "short" or "flat"
    confidence : float
        0 to 1: the size is multiplied by it.
    stop, take_profit : float, optional
        Where it is left, in ticks.
    trailing : float, optional
        How far it may fall back from its best price before it is left: 0.01 is 1 %.
    max_holding_s : float, optional
        How long it may last, in seconds.
    """

    def __new__(
        cls,
        side: Literal["long", "short", "flat"] | str,
        *,
        confidence: float,
        stop: float | None = None,
        take_profit: float | None = None,
        trailing: float | None = None,
        max_holding_s: float | None = None,
    ) -> Signal: ...
    @property
    def side(self) -> Literal["long", "short", "flat"]: ...
    @property
    def confidence(self) -> float: ...
    @property
    def stop(self) -> float | None: ...
    @property
    def take_profit(self) -> float | None: ...
    @property
    def trailing(self) -> float | None: ...
    @property
    def max_holding_s(self) -> float | None: ...

@final
class Target:
    """A wish for exactly this position, in lots; negative is short."""

    def __new__(
        cls,
        position: int,
        *,
        stop: float | None = None,
        take_profit: float | None = None,
        trailing: float | None = None,
    ) -> Target: ...
    @property
    def position(self) -> int: ...
    @property
    def stop(self) -> float | None: ...
    @property
    def take_profit(self) -> float | None: ...
    @property
    def trailing(self) -> float | None: ...

@final
class Quotes:
    """Everything a strategy wants resting: pairs of price in ticks and size in lots.

    What is not here gets cancelled. At most eight a side.
    """

    def __new__(
        cls,
        *,
        bids: Iterable[tuple[int, int]] | None = None,
        asks: Iterable[tuple[int, int]] | None = None,
    ) -> Quotes: ...
    @property
    def bids(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def asks(self) -> tuple[tuple[int, int], ...]: ...

@disjoint_base
class View:
    """What a strategy sees; see `flyball.domain.View`."""

    def __new__(cls, *, features: int = 0, depth: int = 0) -> View: ...
    @property
    def reason(self) -> Literal["timer", "bar", "book", "trade", "fill", "cross"]: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def bid(self) -> float: ...
    @property
    def ask(self) -> float: ...
    @property
    def bid_qty(self) -> float: ...
    @property
    def ask_qty(self) -> float: ...
    @property
    def mid(self) -> float: ...
    @property
    def spread(self) -> float: ...
    @property
    def microprice(self) -> float: ...
    @property
    def position(self) -> int: ...
    @property
    def entry(self) -> float: ...
    @property
    def unrealised(self) -> float: ...
    @property
    def equity(self) -> float: ...
    @property
    def open(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def close(self) -> float: ...
    @property
    def volume(self) -> float: ...
    @property
    def tick_size(self) -> float: ...
    @property
    def lot_size(self) -> float: ...
    @property
    def bids(self) -> tuple[tuple[int, int], ...]: ...
    @property
    def asks(self) -> tuple[tuple[int, int], ...]: ...

@final
class FeatureAttr:
    """The attribute of a view that holds one feature."""

    def __new__(cls, index: int) -> FeatureAttr: ...
    def __get__(self, instance: object, owner: object | None = None, /) -> float: ...

@final
class Run:
    """A backtest over a tape, driven in steps."""

    def __new__(
        cls,
        *,
        engine: str,
        sim: str,
        tape: Path,
        strategies: Sequence[tuple[str, Callable[..., Any], View, bool]],
        sample_ns: int,
        journal: Path | None = None,
        about: str = "",
    ) -> Run: ...
    def step(self, steps: int) -> bool: ...
    def finish(self) -> dict[str, Any]: ...
    @property
    def progress(self) -> float: ...
    @property
    def now_ns(self) -> int: ...

@final
class Replay:
    """A journal, run again in steps."""

    def __new__(cls, folder: Path, engine: str) -> Replay: ...
    def step(self, records: int) -> dict[str, Any] | None: ...
    @property
    def events(self) -> int: ...

@final
class Exchange:
    """A local exchange that is served on 127.0.0.1 by threads of its own."""

    def __new__(
        cls, setup: str, *, port: int = 0, speed: float = 1.0, admin: bool = False
    ) -> Exchange: ...
    @property
    def url(self) -> str: ...
    @property
    def running(self) -> bool: ...
    def stop(self) -> None: ...

@final
class LiveRun:
    """A run over a venue's sockets. Its own threads never take Python's lock."""

    def __new__(
        cls,
        plan: str,
        key: str,
        strategies: Sequence[tuple[str, Callable[..., Any], View, bool]],
    ) -> LiveRun: ...
    def serve(self, index: int) -> None: ...
    def lose(self, index: int, reason: str) -> None: ...
    def status(self) -> str: ...
    def operate(self, what: str, scope: str | None = None) -> bool: ...
    def hear_signals(self, end_too: bool) -> None: ...
    def listen(self, path: Path) -> None: ...
    def guard(self, command: Sequence[str], line: str, log: Path) -> None: ...
    def stop(self, flatten: bool, patience_s: float) -> str: ...
    @property
    def alive(self) -> bool: ...
    @property
    def journal(self) -> Path: ...

@final
class Proof:
    """A crash matrix: made of a setup (JSON), run in steps."""

    def __new__(cls, setup: str) -> Proof: ...
    def step(self, jobs: int) -> bool: ...
    def finish(self) -> str: ...
    @property
    def spec(self) -> tuple[int, int, int, int]: ...
    @property
    def progress(self) -> float: ...

@final
class World:
    """A run in a world without sockets and clocks: made of a market's recorded seconds."""

    def __new__(
        cls,
        seed: int,
        messages: NDArray[np.float64],
        spread: NDArray[np.float64],
        step: NDArray[np.float64],
    ) -> World: ...
    def step(self, seconds: int) -> list[tuple[str, int, float, float, float, float, float]]: ...
    def inject(self, fault: str, size: float) -> None: ...
    def end(self) -> None: ...
    @staticmethod
    def faults() -> list[tuple[str, str]]: ...

@final
class Recording:
    """A recording of a venue's market data, written by a thread of its own."""

    def __new__(
        cls,
        *,
        http: str,
        websocket: str,
        coins: Sequence[str],
        folder: Path,
        rotate_bytes: int,
        rotate_ns: int,
    ) -> Recording: ...
    def progress(self) -> str: ...
    def stop(self) -> str: ...

def ask_run(socket: Path, request: str) -> str: ...
def collect_journal(folder: Path, engine: str, sample_ns: int) -> dict[str, Any]: ...
def key_address(key: str) -> str: ...
def run_sentinel(plan: str, key: str) -> None: ...
def sentinel_stand(folder: Path) -> str: ...
def release_sentinel(folder: Path, worth: int, venue_ms: int) -> None: ...
def venue_listing(http: str, coins: Sequence[str], fees: str) -> str: ...
def verify_report(path: Path) -> str: ...
def features() -> str: ...
def journal_about(folder: Path) -> str: ...
def journal_orders(folder: Path) -> list[str]: ...
def tape_about(path: Path) -> str: ...
def verify_tape(path: Path) -> tuple[int, str]: ...
def import_data(
    spec: str, folder: Path, progress: Callable[[str, int, int, int], None]
) -> tuple[str, bool]: ...
def book_states(
    path: Path,
    every: int,
    visit: Callable[[int, NDArray[np.int64], NDArray[np.int64]], None],
) -> None: ...
def write_synthetic(
    config: str,
    instrument: str,
    tape: Path,
    about: str,
    progress: Callable[[float], None] | None = None,
) -> int: ...
def run_accounts(
    instrument: str,
    cash: int,
    kinds: NDArray[np.uint8],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
    c: NDArray[np.int64],
    ends: NDArray[np.int64],
) -> list[tuple[str, str | None, int, str, str | None, str, str, int | None]]: ...
def journal_decisions(folder: Path) -> list[tuple[int, str]]: ...
def journal_market(folder: Path, tape: Path, about: str) -> int: ...
def decide_again(
    folder: Path, engine: str, strategy: tuple[str, Callable[..., Any], View, bool]
) -> tuple[int, int, list[int]]: ...
