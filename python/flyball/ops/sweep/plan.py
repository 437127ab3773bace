"""How a sweep is split, and over which steps it is measured."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from flyball.domain import Dataset, duration_ns, duration_text
from flyball.errors import ConfigError
from flyball.research.selection import (
    Split,
    combinatorial,
    paths,
    purged_kfold,
    walk_forward,
)

__all__ = ["Folding", "folding_of", "step_of"]

Kind = Literal["none", "walk_forward", "rolling", "kfold", "combinatorial"]
# Ways to split, and how many parts each must have at least.
_KINDS = {"walk_forward": 1, "rolling": 1, "kfold": 2, "combinatorial": 2}
_STEPS_AT_LEAST = 240
_STEPS = ("1d", "1h", "1m")
_SHARE = 0.01  # of all steps: purge and embargo, where nothing is said


@dataclass(frozen=True, kw_only=True, slots=True)
class Folding:
    """A way to split time: `folds` parts, of which `tests` judge at once (combinatorial).

    `purge` and `embargo` count steps; `None` is a hundredth of all.
    """

    kind: Kind = "none"
    folds: int = 0
    tests: int = 1
    purge: int | None = None
    embargo: int | None = None

    @property
    def text(self) -> str:
        """As the command takes it."""
        if self.kind == "none":
            return "none"
        tests = f"/{self.tests}" if self.kind == "combinatorial" else ""
        return f"{self.kind}={self.folds}{tests}"

    @property
    def forward(self) -> bool:
        """Whether each test comes after what chose."""
        return self.kind in ("walk_forward", "rolling")

    def gaps(self, steps: int) -> tuple[int, int]:
        """Purge and embargo for so many steps."""
        usual = ceil(_SHARE * steps)
        purge = usual if self.purge is None else self.purge
        embargo = usual if self.embargo is None else self.embargo
        return purge, 0 if self.forward else embargo

    def splits(self, steps: int) -> tuple[Split, ...]:
        """The splits of so many steps.

        Raises
        ------
        ConfigError
            If there is not enough to split.
        """
        purge, embargo = self.gaps(steps)
        made: dict[str, Callable[[], tuple[Split, ...]]] = {
            "none": tuple,
            "walk_forward": lambda: walk_forward(steps, self.folds, purge=purge),
            "rolling": lambda: walk_forward(steps, self.folds, anchored=False, purge=purge),
            "kfold": lambda: purged_kfold(steps, self.folds, purge=purge, embargo=embargo),
            "combinatorial": lambda: combinatorial(
                steps, self.folds, self.tests, purge=purge, embargo=embargo
            ),
        }
        return made[self.kind]()

    def paths(self) -> NDArray[np.int64] | None:
        """Which split judges which part, in each whole path; only combinatorial ones have any."""
        return paths(self.folds, self.tests) if self.kind == "combinatorial" else None


def folding_of(text: str, *, purge: int | None = None, embargo: int | None = None) -> Folding:
    """The way to split that a text names.

    Raises
    ------
    ConfigError
        If it names none.

    Examples
    --------
    >>> folding_of("combinatorial=6/2").text
    'combinatorial=6/2'
    """
    for count, name in ((purge, "--purge"), (embargo, "--embargo")):
        if count is not None and count < 0:
            raise ConfigError(f"{name} counts steps: {count} is below zero")
    if text == "none":
        return Folding()
    kind, _, number = text.partition("=")
    folds, slash, tests = number.partition("/")
    wanted = kind == "combinatorial"
    if kind in _KINDS and folds.isdecimal() and bool(slash) == wanted:
        if int(folds) < _KINDS[kind]:
            raise ConfigError(f"--splits {text}: {_KINDS[kind]} at least")
        if not wanted or tests.isdecimal():
            return Folding(
                kind=cast("Kind", kind),
                folds=int(folds),
                tests=int(tests or 1),
                purge=purge,
                embargo=embargo,
            )
    raise ConfigError(
        "--splits wants walk_forward=5, rolling=5, kfold=5, combinatorial=6/2 or none; "
        f"got {text!r}"
    )


def step_of(text: str | None, data: Dataset) -> int:
    """Nanoseconds of a step: what is said, or a day, an hour or a minute by the data's length.

    Raises
    ------
    ConfigError
        If there would be fewer than two steps, or the step is shorter than the data's bars.
    """
    span = data.last_ns - data.first_ns
    finest = data.interval_ns or 1
    if text is None:
        long_enough = [one for one in _STEPS if span // duration_ns(one) >= _STEPS_AT_LEAST]
        text = next((one for one in long_enough if duration_ns(one) >= finest), None)
        step = duration_ns(text) if text else max(finest, duration_ns(_STEPS[-1]))
    else:
        step = duration_ns(text)
    if step < finest:
        raise ConfigError(f"--step {text}: bars of {duration_text(finest)} have no shorter steps")
    if span // step < 2:
        raise ConfigError(f"--step {duration_text(step)}: {data.name} is not two of them long")
    return step
