"""A sweep: one strategy with many parameters over the same data, and what that shows."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyball.config.profile import Profile
from flyball.config.profile import profile as find_profile
from flyball.config.run import Sim, Sizing
from flyball.domain import Dataset
from flyball.errors import ConfigError
from flyball.ops.sweep.desk import Desk, Grid, Task
from flyball.ops.sweep.hands import Hands, Here, Processes, Threads
from flyball.ops.sweep.judge import judged
from flyball.ops.sweep.ledger import Ledger
from flyball.ops.sweep.plan import Folding, folding_of, step_of
from flyball.ops.sweep.search import Adaptive, Listed, Sampler, Search
from flyball.ops.sweep.space import Space, Value
from flyball.ops.sweep.trial import Job, Trial
from flyball.ops.sweep.tried import Tried
from flyball.research.selection import SCORES, Split

__all__ = ["Found", "Sweep", "cores"]

Found = Mapping[str, Any]
Progress = Callable[[int, int], None]

_PROBED = 1_000  # combinations that are looked through for one that can be made


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """A strategy, what may vary, and how it is judged. `run` runs it.

    Parameters
    ----------
    strategy : str, type or callable
        A built-in name, "module:Class", "file.py:Class", or a class. A function of bars, by name or
        itself, is screened: see `Signals`.
    grid : sequence of str
        What may vary: "fast=5..50:5", "bars=5m,15m"; without `:step` for searches alone.
    data : Dataset
    profile : str, Path or Profile
        What protects the account.
    cash : Decimal or float
        Settlement currency.
    sizing : Sizing, optional
    sim : Sim, optional
    fixed : mapping, optional
        Parameters that do not vary.
    where : sequence of str, optional
        Conditions: "fast<slow".
    random, optuna : int, optional
        So many trials by chance, or by Optuna, instead of the whole grid. Optuna's are for each
        study: one for all of the data, and one for each split.
    sampler : str
        Optuna's: "tpe" or "cmaes".
    splits : str
        "walk_forward=5", "rolling=5", "kfold=5", "combinatorial=6/2" or "none".
    purge, embargo : int, optional
        Steps left out before and after each test; a hundredth of all by default.
    score : str
        "sharpe" or "growth": what is chosen by.
    step : str, optional
        Length of a step of returns; "1d", "1h" or "1m" by the data's length.
    seed : int
        Of everything that is drawn. The same seed gives the same, whatever the number of processes.
    earlier : int
        Trials on this data that were made elsewhere: they count as tried.
    confirm : int
        So many of the best that were screened are run again through the whole engine.

    Examples
    --------
    >>> import flyball as fb
    >>> sweep = fb.Sweep(
    ...     strategy="breakout", grid=["channel=12..96:12"], data=fb.data("xrp"),
    ...     profile="emergency", cash=10_000, sizing=fb.Sizing.equity_fraction(0.2),
    ...     splits="walk_forward=5",
    ... )  # doctest: +SKIP
    >>> sweep.run(jobs=2)["best"]["parameters"]  # doctest: +SKIP
    {'channel': 48}
    """

    strategy: str | type | Callable[..., object]
    grid: Sequence[str]
    data: Dataset
    profile: str | Path | Profile
    cash: Decimal | float
    sizing: Sizing | None = None
    sim: Sim = field(default_factory=Sim)
    fixed: Mapping[str, Value] = field(default_factory=dict)
    where: Sequence[str] = ()
    random: int | None = None
    optuna: int | None = None
    sampler: Sampler = "tpe"
    splits: str = "none"
    purge: int | None = None
    embargo: int | None = None
    score: str = "sharpe"
    step: str | None = None
    seed: int = 1
    earlier: int = 0
    confirm: int = 5

    def run(
        self,
        *,
        jobs: int = 1,
        folder: Path | None = None,
        resume: bool = False,
        ray: str | None = None,
        progress: Progress | None = None,
    ) -> Found:
        """Run it.

        Parameters
        ----------
        jobs : int
            Processes, or threads where signals are screened. More than one process wants a script
            that starts below `if __name__ == "__main__":`.
        folder : Path, optional
            Where every finished trial is kept.
        resume : bool
            Go on with what the folder holds.
        ray : str, optional
            Address of a Ray cluster ("auto", "host:port") that runs the trials instead.
        progress : callable, optional
            Called with trials that are done and trials that there will be, at most.

        Returns
        -------
        dict
            What was found, as JSON can hold it; `flyball.ops.report.sweep_report` draws it. All but
            what is below "speed" is the same for the same sweep, always.

        Raises
        ------
        ConfigError
            If something about it makes no sense, or the folder holds a sweep of something else.
        DataError
            If the tape is damaged, or nothing can be kept.
        StrategyError, ConfigError
            If every single combination failed: what the first one said.
        KeyboardInterrupt
            If somebody interrupted it; what is finished is kept.
        """
        self._check(jobs)
        return self._found(jobs, folder, ray, progress, resume=resume)

    def _found(
        self,
        jobs: int,
        folder: Path | None,
        ray: str | None,
        progress: Progress | None,
        *,
        resume: bool,
    ) -> Found:
        space = Space.of(self.grid, self.where)
        folding = folding_of(self.splits, purge=self.purge, embargo=self.embargo)
        step_ns = step_of(self.step, self.data)
        steps = Grid.over(self.data.first_ns, self.data.last_ns, step_ns)
        splits = folding.splits(steps.steps)
        search = self._search(space, splits)
        task = self._task(step_ns)
        desk = Desk(task)
        _probe(desk, space)
        started = time.perf_counter()
        with Ledger(folder, about=task.about(), resume=resume) as ledger:
            known = len(ledger.trials)
            run = _Run(ledger=ledger, desk=desk, jobs=jobs, ray=ray, progress=progress)
            try:
                order = run.search(search)
                tried = Tried.of([ledger.trials[key] for key in order], steps=steps)
                anew = self._anew(run, search, tried, splits, folding)
                again = self._again(run, tried) if desk.screens else None
            finally:
                run.close()
        judging = time.perf_counter()
        found = judged(
            tried,
            others=_others(ledger, order),
            earlier=self.earlier,
            splits=splits,
            folding=folding,
            allowed=[search.seen(number) for number in range(len(splits))],
            anew=anew,
            again=again,
            score=SCORES[self.score],
            space=space,
        )
        speed = {
            "seconds": time.perf_counter() - started,
            "judging_seconds": time.perf_counter() - judging,
            "trials_run": len(ledger.trials) - known,
            "trials_kept": known,
            "damaged_lines": ledger.damaged,
            "processes": jobs if ray is None else 0,
            "threads": desk.screens and ray is None,
            "ray": ray,
        }
        return {**self._about(task, space, folding, steps), **found, "speed": speed}

    def _check(self, jobs: int) -> None:
        if self.score not in SCORES:
            raise ConfigError(f"--score {self.score!r}: one of {', '.join(SCORES)} is wanted")
        if self.random is not None and self.optuna is not None:
            raise ConfigError("--random and --optuna: name one of them")
        for count, name in ((self.random, "--random"), (self.optuna, "--optuna"), (jobs, "--jobs")):
            if count is not None and count < 1:
                raise ConfigError(f"{name}: at least 1 is wanted, got {count}")
        if self.confirm < 0:
            raise ConfigError(f"--confirm counts trials: {self.confirm} is below zero")
        if self.earlier < 0 or not 0 <= self.seed < 2**31:
            raise ConfigError("--earlier and --seed must not be below 0 (or a seed beyond 2**31)")
        axes = {text.partition("=")[0] for text in self.grid}
        both = sorted(axes & set(self.fixed))
        if both:
            raise ConfigError(f"{both[0]} is varied and set: name it once")

    def _task(self, step_ns: int) -> Task:
        protects = self.profile
        chosen = protects if isinstance(protects, Profile) else find_profile(protects)
        cash = Decimal(str(self.cash))
        if not cash.is_finite() or cash <= 0:
            raise ConfigError(f"cash: must be above zero, got {self.cash}")
        return Task.of(
            self.strategy,
            fixed=self.fixed,
            data=self.data,
            profile=chosen,
            cash=cash,
            sizing=self.sizing,
            sim=self.sim,
            step_ns=step_ns,
        )

    def _search(self, space: Space, splits: Sequence[Split]) -> Search:
        if self.optuna is not None:
            score = SCORES[self.score]

            def over(rows: NDArray[np.int64] | None) -> Callable[[Trial], float]:
                def value(trial: Trial) -> float:
                    returns = trial.returns if rows is None else trial.returns[rows]
                    return float(score.of(returns[:, None])[0])

                return value

            scores = [over(None), *(over(split.train) for split in splits)]
            return Adaptive(space, self.optuna, sampler=self.sampler, seed=self.seed, scores=scores)
        if self.random is not None:
            return Listed(space.drawn(self.random, seed=self.seed))
        combinations = list(space.grid())
        if not combinations:
            raise ConfigError("--where: no combination of the grid fulfils it")
        return Listed(combinations)

    def _anew(
        self,
        run: "_Run",
        search: Search,
        tried: Tried,
        splits: Sequence[Split],
        folding: Folding,
    ) -> list[Trial]:
        """What walking forward chose, run over its test alone with a fresh account."""
        if not folding.forward:
            return []
        edges = tried.steps.edges_ns
        allowed = [search.seen(number) for number in range(len(splits))]
        chosen = tried.choose(splits, score=SCORES[self.score], allowed=allowed)
        jobs = [
            Job(
                parameters=tried.trials[one.trial].job.parameters,
                window=(int(edges[split.test[0]]), int(edges[split.test[-1] + 1])),
            )
            for one, split in zip(chosen, splits, strict=True)
        ]
        return run.all(jobs)

    def _again(self, run: "_Run", tried: Tried) -> list[tuple[Trial, Trial]]:
        """The best that were screened, each beside itself through the whole engine."""
        scores = SCORES[self.score].of(tried.returns)
        best = np.argsort(-scores, kind="stable")[: self.confirm].tolist()
        jobs = [Job(parameters=tried.trials[at].job.parameters, whole=True) for at in best]
        return list(zip((tried.trials[at] for at in best), run.all(jobs), strict=True))

    def _about(self, task: Task, space: Space, folding: Folding, steps: Grid) -> dict[str, Any]:
        purge, embargo = folding.gaps(steps.steps)
        method = "grid" if self.random is None else "random"
        return {
            "simulated": True,
            **task.about(),
            "first_ns": steps.first_ns,
            "steps": steps.steps,
            "space": {axis.name: axis.text for axis in space.axes},
            "where": [condition.text for condition in space.conditions],
            "combinations": space.size(),
            "search": f"optuna {self.sampler}" if self.optuna is not None else method,
            "asked": self.optuna or self.random,
            "seed": self.seed,
            "splits": folding.text,
            "purge": purge if folding.kind != "none" else 0,
            "embargo": embargo if folding.kind != "none" else 0,
            "score": self.score,
        }


def _others(ledger: Ledger, order: Sequence[str]) -> list[Trial]:
    """Whole runs of earlier searches in the same folder."""
    mine = set(order)
    return [
        trial
        for key, trial in ledger.trials.items()
        if key not in mine and trial.job.window is None and not (trial.job.whole or trial.error)
    ]


def _probe(desk: Desk, space: Space) -> None:
    """Say at once what is wrong with every combination: a name that is misspelt, say."""
    if desk.screens:
        desk.screener()
    first: ConfigError | None = None
    combinations = (
        space.drawn(1, seed=0) if space.size() is None else list(islice(space.grid(), _PROBED))
    )
    for parameters in combinations:
        try:
            desk.strategy(parameters)
        except ConfigError as error:
            first = first or error
        else:
            return
    if first is not None:
        raise first


class _Run:
    """Runs what is asked for and not known yet, and keeps it."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        desk: Desk,
        jobs: int,
        ray: str | None,
        progress: Progress | None,
    ) -> None:
        self._ledger = ledger
        self._desk = desk
        self._jobs = jobs
        self._ray = ray
        self._progress = progress
        self._hands: Hands | None = None
        self._done = 0
        self._total = 0

    def search(self, search: Search) -> list[str]:
        """Go through a search; the keys of what was asked for, in order, each once."""
        self._total = search.asked
        order: dict[str, None] = {}
        while asked := search.ask():
            trials = self.all(asked)
            order |= dict.fromkeys(job.key for job in asked)
            search.tell({trial.job.key: trial for trial in trials})
        return list(order)

    def all(self, jobs: Sequence[Job]) -> list[Trial]:
        """The trials of these jobs, in their order."""
        missing: dict[str, Job] = {
            job.key: job for job in jobs if job.key not in self._ledger.trials
        }
        self._total = max(self._total, self._done + len(jobs))
        self._tell(len(jobs) - len(missing))
        if missing:
            for trial in self._with().run(list(missing.values())):
                self._ledger.add(trial)
                self._tell(1)
        known = self._ledger.trials
        for job in jobs:  # Parameters in the order of the axes, also where a line had another.
            if known[job.key].job is not job:
                known[job.key] = replace(known[job.key], job=job)
        return [known[job.key] for job in jobs]

    def _tell(self, more: int) -> None:
        self._done += more
        if self._progress is not None and more:
            self._progress(self._done, self._total)

    def _with(self) -> Hands:
        if self._hands is None:
            if self._ray is not None:
                from flyball.ops.sweep.cluster import Cluster

                self._hands = Cluster(self._desk, self._ray)
            elif self._jobs == 1:
                self._hands = Here(self._desk)
            elif self._desk.screens:
                self._hands = Threads(self._desk, self._jobs)
            else:
                self._hands = Processes(self._desk.task, self._jobs)
        return self._hands

    def close(self) -> None:
        """End what was started."""
        if self._hands is not None:
            self._hands.close()
