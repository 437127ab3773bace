"""Which combinations are tried, and which of them each split may choose from."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Literal, Protocol, TypeAlias

from flyball.errors import ConfigError
from flyball.ops.sweep.space import Axis, Space, Value
from flyball.ops.sweep.trial import Job, Trial

__all__ = ["Adaptive", "Listed", "Sampler", "Search", "library"]

Sampler: TypeAlias = Literal["tpe", "cmaes"]
Scored: TypeAlias = Callable[[Trial], float]

_BATCH = 8  # asked for at once, whatever the number of processes: so that these change nothing
_ATTEMPTS = 200


class Search(Protocol):
    """Says what to try, round by round."""

    @property
    def asked(self) -> int:
        """How many trials are asked for in all, at most."""

    def ask(self) -> list[Job]:
        """The next round; nothing when it is over. A job may be in it twice, or again."""

    def tell(self, trials: Mapping[str, Trial]) -> None:
        """What the round came to, by key."""

    def seen(self, split: int | None) -> list[str] | None:
        """Keys of what a split may choose from (`None`: all of the data); `None` for everything."""


class Listed:
    """Combinations that are known before the first is tried: a grid, or drawn by chance."""

    def __init__(self, combinations: Sequence[Mapping[str, Value]]) -> None:
        self._jobs = [Job(parameters=parameters) for parameters in combinations]
        self._keys = [job.key for job in self._jobs]
        self._given = False

    @property
    def asked(self) -> int:
        """How many there are."""
        return len(self._jobs)

    def ask(self) -> list[Job]:
        """All of them, once."""
        if self._given:
            return []
        self._given = True
        return self._jobs

    def tell(self, trials: Mapping[str, Trial]) -> None:
        """Nothing depends on it."""

    def seen(self, split: int | None) -> list[str]:  # noqa: ARG002
        """All of them, whatever the split: no result decided what was tried."""
        return self._keys


class Adaptive:
    """Optuna: what is tried next depends on what was found.

    So that what is judged did not decide what was tried, each split has a study of its own that
    sees its training steps alone, and one sees all of the data. They share their trials.

    Parameters
    ----------
    space : Space
    count : int
        Trials that each study asks for.
    sampler : str
        "tpe", or "cmaes" for numbers alone.
    seed : int
    scores : sequence of callables
        A trial's score by all of the data, then by the training steps of each split.

    Raises
    ------
    ConfigError
        If Optuna is not installed, or the sampler cannot be used.
    """

    def __init__(
        self, space: Space, count: int, *, sampler: Sampler, seed: int, scores: Sequence[Scored]
    ) -> None:
        self._optuna = library("optuna", "research")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._space = space
        self._count = count
        self._scores = scores
        self._studies = [
            self._optuna.create_study(
                direction="maximize", sampler=self._sampler(sampler, seed + number)
            )
            for number in range(len(scores))
        ]
        self._open: list[list[tuple[Any, str]]] = [[] for _ in scores]
        self._seen: list[dict[str, None]] = [{} for _ in scores]
        self._done = 0

    def _sampler(self, name: Sampler, seed: int) -> Any:  # noqa: ANN401
        if name == "tpe":
            return self._optuna.samplers.TPESampler(seed=seed)
        texts = [axis.name for axis in self._space.axes if axis.values]
        if texts:
            raise ConfigError(f"--sampler cmaes wants ranges, and {texts[0]} is a list")
        if len(self._space.axes) < 2:
            raise ConfigError("--sampler cmaes wants two axes or more: take tpe")
        try:
            import_module("cmaes")
        except ModuleNotFoundError as error:
            raise ConfigError("--sampler cmaes: pip install cmaes") from error
        return self._optuna.samplers.CmaEsSampler(seed=seed)

    @property
    def asked(self) -> int:
        """Trials of all studies; those that several ask for are run once."""
        return self._count * len(self._studies)

    def ask(self) -> list[Job]:
        """A batch of each study."""
        wanted = min(_BATCH, self._count - self._done)
        self._done += wanted
        jobs: list[Job] = []
        for number, study in enumerate(self._studies):
            for _ in range(wanted):
                job = self._one(study, number)
                if job is not None:
                    jobs.append(job)
        return jobs

    def _one(self, study: Any, number: int) -> Job | None:  # noqa: ANN401
        for _ in range(_ATTEMPTS):
            asked = study.ask()
            parameters = {axis.name: _suggested(asked, axis) for axis in self._space.axes}
            if self._space.allows(parameters):
                job = Job(parameters=parameters)
                self._open[number].append((asked, job.key))
                return job
            study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
        if number == 0 and not self._seen[0] and not self._open[0]:
            raise ConfigError("--where: no combination that was drawn fulfils it")
        return None

    def tell(self, trials: Mapping[str, Trial]) -> None:
        """What the round came to, in the order in which it was asked for."""
        for number, study in enumerate(self._studies):
            for asked, key in self._open[number]:
                trial = trials[key]
                self._seen[number][key] = None
                if trial.error:
                    study.tell(asked, state=self._optuna.trial.TrialState.FAIL)
                else:
                    study.tell(asked, self._scores[number](trial))
            self._open[number] = []

    def seen(self, split: int | None) -> list[str]:
        """What the study of this split had tried."""
        return list(self._seen[0 if split is None else split + 1])


def _suggested(asked: Any, axis: Axis) -> Value:  # noqa: ANN401
    """A value as Optuna suggests it."""
    value: Value
    if axis.values:
        value = asked.suggest_categorical(axis.name, list(axis.values))
    elif axis.step is not None:
        steps = axis.grid()
        value = steps[asked.suggest_int(axis.name, 0, len(steps) - 1)]
    elif axis.whole:
        value = asked.suggest_int(axis.name, int(axis.low), int(axis.high), log=axis.logarithmic)
    else:
        value = asked.suggest_float(
            axis.name, float(axis.low), float(axis.high), log=axis.logarithmic
        )
    return value


def library(name: str, extra: str) -> Any:  # noqa: ANN401
    """A module of an optional library.

    Raises
    ------
    ConfigError
        If it is not installed; the message says how to install it.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise ConfigError(f"{name} is not installed: pip install flyball[{extra}]") from error
