"""Where a trial is run: made once in each process, from all that decides about a trial."""

import inspect
import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import sha256
from importlib import import_module
from importlib.abc import InspectLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from flyball import _core
from flyball.config.profile import Profile
from flyball.config.run import Sim, Sizing
from flyball.domain import Dataset, Strategy
from flyball.errors import ConfigError, DataError, FlyballError
from flyball.ops.sweep.space import Parameters
from flyball.ops.sweep.trial import Job, Trial
from flyball.trading.runtime.backtest import Plan
from flyball.trading.runtime.builtin import BUILTIN, find_strategy, make_strategy
from flyball.trading.runtime.screening import Screener
from flyball.trading.runtime.signals import Signals

__all__ = ["Desk", "Grid", "Task", "tape_identity"]

_TAIL = 64 << 10
_LOOKS = 4  # samples of equity for each step


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """Equal steps of time: `steps` returns, the first from `first_ns` on."""

    first_ns: int
    step_ns: int
    steps: int

    @classmethod
    def over(cls, first_ns: int, last_ns: int, step_ns: int) -> "Grid":
        """As many whole steps as fit."""
        return cls(first_ns=first_ns, step_ns=step_ns, steps=(last_ns - first_ns) // step_ns)

    @property
    def edges_ns(self) -> NDArray[np.int64]:
        """Where steps begin and end: one more than there are steps."""
        return self.first_ns + np.arange(self.steps + 1, dtype=np.int64) * self.step_ns

    def returns(
        self, time_ns: NDArray[np.int64], equity: NDArray[np.float64], *, cash: float
    ) -> NDArray[np.float32]:
        """Simple returns of each step, from the newest equity known at its edges.

        Before the first it is `cash`; what is unknown is what it was before; after everything was
        lost nothing moves.
        """
        known = np.isfinite(equity)
        times, values = time_ns[known], equity[known]
        newest = np.searchsorted(times, self.edges_ns, side="right")
        worth = np.concatenate([[cash], values])[newest]
        lost = np.flatnonzero(worth <= 0.0)
        if lost.size:
            worth[int(lost[0]) :] = 0.0
        before = np.where(worth[:-1] > 0.0, worth[:-1], 1.0)
        moved = np.where(worth[:-1] > 0.0, worth[1:] / before - 1.0, 0.0)
        return moved.astype(np.float32)


def tape_identity(tape: Path) -> str:
    """A text that differs where tapes do: length, and a hash of the end, whose blocks are chained.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        size = tape.stat().st_size
        with tape.open("rb") as file:
            file.seek(max(0, size - _TAIL))
            tail = file.read()
    except OSError as error:
        raise DataError(f"{tape}: {error.strerror}") from error
    return f"{size}-{sha256(tail).hexdigest()[:16]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """All that decides about a trial but its parameters.

    `strategy` is a name, a class, or a function of bars. `source` is the text of a user's file, so
    that every process runs the same one, also when it is edited meanwhile or lies on another
    machine.
    """

    strategy: str | type | Callable[..., object]
    source: str | None
    fixed: Parameters
    data: Dataset
    tape: str
    profile: Profile
    cash: Decimal
    sizing: Sizing | None
    sim: Sim
    step_ns: int

    @classmethod
    def of(
        cls,
        strategy: str | type | Callable[..., object],
        *,
        fixed: Parameters,
        data: Dataset,
        profile: Profile,
        cash: Decimal,
        sizing: Sizing | None,
        sim: Sim,
        step_ns: int,
    ) -> "Task":
        """The task, with what has to be read for it.

        Raises
        ------
        ConfigError, DataError
            If the strategy's file or the tape cannot be read.
        """
        source = None
        if isinstance(strategy, str) and strategy.rpartition(":")[0].endswith(".py"):
            path = Path(strategy.rpartition(":")[0])
            try:
                source = path.read_text(encoding="utf-8")
            except OSError as error:
                raise ConfigError(f"{path}: there is no such Python file") from error
        return cls(
            strategy=strategy,
            source=source,
            fixed=dict(fixed),
            data=data,
            tape=tape_identity(data.tape),
            profile=profile,
            cash=cash,
            sizing=sizing,
            sim=sim,
            step_ns=step_ns,
        )

    @property
    def name(self) -> str:
        """What the strategy is called."""
        return self.strategy if isinstance(self.strategy, str) else self.strategy.__name__

    def about(self) -> dict[str, Any]:
        """What decides about a trial, as JSON can hold it."""
        sizing = None if self.sizing is None else self.sizing.engine()
        protection = json.dumps(self.profile.engine(), sort_keys=True, default=str)
        return {
            "build": f"{_core.VERSION} {_core.BUILD}",
            "strategy": self.name,
            "strategy's code": self._code(),
            "set": {key: str(value) for key, value in sorted(self.fixed.items())},
            "data": self.data.name,
            "tape": self.tape,
            "instrument": sha256(repr(self.data.instrument).encode()).hexdigest()[:16],
            "profile": f"{self.profile.name} v{self.profile.version}",
            "profile's numbers": sha256(protection.encode()).hexdigest()[:16],
            "cash": f"{self.cash.normalize():f}",
            "sizing": sizing,
            "sim": msgspec.to_builtins(self.sim, str_keys=True),
            "step_ns": self.step_ns,
        }

    def _code(self) -> str:
        source = self.source
        if source is None:
            found = self.strategy
            module = _module(found) if isinstance(found, str) else inspect.getmodule(found)
            try:
                source = inspect.getsource(module) if module is not None else ""
            except (OSError, TypeError):
                source = ""  # Typed into a session: nothing to compare.
        return sha256(source.encode()).hexdigest()[:16]


def _module(name: str) -> ModuleType | None:
    """The module of a strategy that is not a file."""
    path = BUILTIN.get(name, name).rpartition(":")[0]
    try:
        return import_module(path) if path else None
    except ModuleNotFoundError:
        return None  # Making the strategy tells what is wrong.


class _Text(InspectLoader):
    """Loads a module from its text, as if it lay at a path."""

    def __init__(self, path: str, text: str) -> None:
        self._path, self._text = path, text

    def get_source(self, fullname: str) -> str:  # noqa: ARG002
        return self._text

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002
        return self.source_to_code(self._text, self._path)


def _loaded(path: str, text: str) -> str:
    """Load a user's file from its text; the name of the module that it became."""
    name = f"swept_{Path(path).stem}_{sha256(text.encode()).hexdigest()[:12]}"
    if name in sys.modules:
        return name
    loader = _Text(path, text)
    spec = spec_from_loader(name, loader, origin=path)
    assert spec is not None
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ConfigError(f"{path}: cannot be loaded: {error!r}") from error
    return name


class Desk:
    """Runs trials of a task. The tape is read where it lies, whatever the number of processes.

    Parameters
    ----------
    task : Task

    Raises
    ------
    ConfigError
        If the strategy's file cannot be loaded.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self._lock = threading.Lock()
        self._screener: Screener | None = None
        self._name: str | type | Callable[..., object] = task.strategy
        if task.source is not None and isinstance(task.strategy, str):
            path, _, class_name = task.strategy.rpartition(":")
            self._name = f"{_loaded(path, task.source)}:{class_name}"

    @property
    def screens(self) -> bool:
        """Whether trials are walks over bars with signals, and not runs of the engine."""
        found = find_strategy(self._name) if isinstance(self._name, str) else self._name
        return not inspect.isclass(found)

    def strategy(self, parameters: Parameters) -> Strategy | Signals:
        """The strategy with these parameters.

        Raises
        ------
        ConfigError
            If it cannot be made.
        """
        values = {**self.task.fixed, **parameters}
        if isinstance(self._name, str):
            return make_strategy(self._name, values)
        if not isinstance(self._name, type):
            bars = values.pop("bars", None)
            return Signals(self._name, bars=None if bars is None else str(bars), **values)
        try:
            made: Strategy = self._name(**values)
        except (TypeError, ValueError) as error:
            raise ConfigError(f"{self._name.__name__} cannot be made: {error}") from error
        return made

    def grid(self, window: tuple[int, int] | None) -> Grid:
        """The steps of a run over all of the data, or over a part of it."""
        data = self.task.data
        first, last = window or (data.first_ns, data.last_ns)
        return Grid.over(first, last, self.task.step_ns)

    def run(self, job: Job) -> Trial:
        """Run a trial. A combination that the strategy or the engine refuses is a trial too.

        Raises
        ------
        DataError
            If the tape is damaged.
        KeyboardInterrupt
            If somebody interrupted it.
        """
        grid = self.grid(job.window)
        nothing = Trial(job=job, returns=np.zeros(grid.steps, dtype=np.float32))
        try:
            made = self.strategy(job.parameters)
            if isinstance(made, Signals) and not job.whole:
                return self._screened(job, made, grid)
            return self._played(job, made, grid)
        except DataError:
            raise
        except FlyballError as error:
            cause = f" ({error.__cause__!r})" if error.__cause__ is not None else ""
            return replace(nothing, error=f"{error}{cause}")

    def screener(self) -> Screener:
        """The bars, read once in this process."""
        task = self.task
        with self._lock:
            if self._screener is None:
                self._screener = Screener(
                    data=task.data,
                    profile=task.profile,
                    cash=task.cash,
                    sizing=task.sizing,
                    sim=task.sim,
                )
            return self._screener

    def _screened(self, job: Job, signals: Signals, grid: Grid) -> Trial:
        """A walk over the bars."""
        task, started = self.task, time.perf_counter()
        first, last = job.window or (task.data.first_ns, task.data.last_ns)
        found = self.screener().run(signals, first_ns=first, last_ns=last, edges_ns=grid.edges_ns)
        figures = found.figures
        return Trial(
            job=job,
            returns=grid.returns(grid.edges_ns, found.equity, cash=float(task.cash)),
            equity=figures["equity"],
            fees=figures["fees"],
            max_drawdown=figures["max_drawdown"],
            trades=figures["trades"],
            events=figures["bars"],
            decisions=figures["changes"],
            tripped=("drawdown",) if figures["tripped"] else (),
            seconds=time.perf_counter() - started,
        )

    def _played(self, job: Job, made: Strategy | Signals, grid: Grid) -> Trial:
        """A run of the whole engine."""
        task = self.task
        first, last = job.window or (None, None)
        found = Plan(
            strategy=made,
            data=task.data,
            profile=task.profile,
            cash=task.cash,
            sizing=task.sizing,
            sim=task.sim,
            sample_ns=max(1, task.step_ns // _LOOKS),
            first_ns=first,
            last_ns=last,
            screener=self.screener() if isinstance(made, Signals) else None,
        ).outcome()
        if found.interrupted:
            raise KeyboardInterrupt
        return _told(job, found.raw, found.seconds, grid, float(task.cash))


def _told(job: Job, raw: Mapping[str, Any], seconds: float, grid: Grid, cash: float) -> Trial:
    samples, notices = raw["samples"], raw["notices"]
    return Trial(
        job=job,
        returns=grid.returns(samples["time_ns"], samples["equity"], cash=cash),
        equity=raw["equity"],
        fees=raw["fees"],
        max_drawdown=raw["max_drawdown"],
        trades=notices.count('{"TradeClosed":'),
        events=raw["events"],
        decisions=raw["decisions"],
        tripped=_tripped(notices),
        state_hash=raw["state_hash"],
        seconds=seconds,
    )


def _tripped(notices: str) -> tuple[str, ...]:
    """Switches that fired, in order; the text may be long, so only these are decoded."""
    found: dict[str, None] = {}
    decoder = json.JSONDecoder()
    at = notices.find('{"Tripped":')
    while at >= 0:
        notice, end = decoder.raw_decode(notices, at)
        found[notice["Tripped"]["switch"]] = None
        at = notices.find('{"Tripped":', end)
    return tuple(found)
