"""All trials of a search side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from flyball.errors import ConfigError, StrategyError
from flyball.ops.sweep.desk import Grid
from flyball.ops.sweep.trial import Trial
from flyball.research.selection import Chosen, Score, Split, choose

__all__ = ["Tried"]


@dataclass(frozen=True, kw_only=True)
class Tried:
    """Trials that came to something, in the order in which they were asked for; and the others."""

    trials: Sequence[Trial]
    failed: Sequence[Trial]
    steps: Grid

    @classmethod
    def of(cls, trials: Sequence[Trial], *, steps: Grid) -> "Tried":
        """Trials of a search.

        Raises
        ------
        StrategyError, ConfigError
            If every single one failed: what the first one said.
        """
        good = [trial for trial in trials if not trial.error]
        failed = [trial for trial in trials if trial.error]
        if not good:
            kind = StrategyError if failed and " raised " in failed[0].error else ConfigError
            told = failed[0].error if failed else "there is no combination"
            raise kind(f"all of {len(failed)} trials failed; the first: {told}")
        return cls(trials=good, failed=failed, steps=steps)

    @cached_property
    def returns(self) -> NDArray[np.float32]:
        """Returns of all trials, shape (steps, trials)."""
        return np.stack([trial.returns for trial in self.trials], axis=1)

    @cached_property
    def order(self) -> dict[str, int]:
        """Column of each trial by its key."""
        return {trial.job.key: column for column, trial in enumerate(self.trials)}

    def columns(self, keys: Sequence[str] | None) -> NDArray[np.int64]:
        """Columns of the trials with these keys; of all, for `None`."""
        if keys is None:
            return np.arange(len(self.trials), dtype=np.int64)
        return np.array(sorted({self.order[k] for k in keys if k in self.order}), dtype=np.int64)

    def choose(
        self, splits: Sequence[Split], *, score: Score, allowed: Sequence[Sequence[str] | None]
    ) -> tuple[Chosen, ...]:
        """What each split chooses among the trials that it may know of."""
        columns = [self.columns(keys) for keys in allowed]
        return choose(self.returns, splits, score=score, allowed=columns)
