"""What metrics were, as far back as alerts look."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias

from prometheus_client.core import Metric as Family

__all__ = ["History", "Labels", "Past", "Vector", "vectors"]

# Names and values, by name.
Labels: TypeAlias = tuple[tuple[str, str], ...]
Vector: TypeAlias = Mapping[Labels, float]

# A window is kept in so many steps: what is looked at over a day is not kept by the second.
_STEPS = 300


class Past(Protocol):
    """What is now, and what was."""

    def now(self, name: str) -> Vector:
        """The series of a metric."""
        ...

    def increase(self, name: str, over_s: float) -> Vector:
        """By how much the series of a counter grew within so many seconds."""
        ...


def vectors(families: Iterable[Family]) -> dict[str, dict[Labels, float]]:
    """The samples of metrics, by name and labels."""
    told: dict[str, dict[Labels, float]] = {}
    for family in families:
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            told.setdefault(sample.name, {})[labels] = float(sample.value)
    return told


class _Track:
    """One metric over one window: totals that never go down, at steps."""

    def __init__(self, over_s: float) -> None:
        self.over_s, self._step_s = over_s, over_s / _STEPS
        self._points: deque[tuple[float, dict[Labels, float]]] = deque()
        self._last: dict[Labels, float] = {}
        self._grown: dict[Labels, float] = {}
        self._first: dict[Labels, float] = {}

    def add(self, at_s: float, found: Vector) -> None:
        for labels, value in found.items():
            before = self._last.get(labels)
            if before is None:
                # A series that was not there before: what it had counted then is not known.
                self._grown.setdefault(labels, 0.0)
                self._first.setdefault(labels, at_s)
            else:
                # A counter that went down began anew.
                self._grown[labels] += value - before if value >= before else value
            self._last[labels] = value
        if not self._points or at_s - self._points[-1][0] >= self._step_s:
            self._points.append((at_s, dict(self._grown)))
        # The one before the window's beginning is kept: growth is counted from there.
        while len(self._points) > 1 and self._points[1][0] <= at_s - self.over_s:
            self._points.popleft()

    def increase(self) -> Vector:
        if not self._points:
            return {}
        then = self._points[0][1]
        return {
            labels: grown - then.get(labels, 0.0)
            for labels, grown in self._grown.items()
            if math.isfinite(grown)
        }


class History:
    """Metrics now, and those that alerts look back at.

    Parameters
    ----------
    ranged : iterable of (str, float)
        Names of counters, and the seconds that are looked back.
    """

    def __init__(self, ranged: Iterable[tuple[str, float]]) -> None:
        self._now: Mapping[str, Vector] = {}
        self._tracks = {(name, over_s): _Track(over_s) for name, over_s in set(ranged)}

    def add(self, at_s: float, found: Mapping[str, Vector]) -> None:
        """What was found at a time, in seconds of a clock that does not go back."""
        self._now = found
        for (name, _), track in self._tracks.items():
            if name in found:
                track.add(at_s, found[name])

    def now(self, name: str) -> Vector:
        """The series of a metric."""
        return self._now.get(name, {})

    def increase(self, name: str, over_s: float) -> Vector:
        """By how much its series grew; nothing while the metric is not there."""
        if name not in self._now:
            return {}
        return self._tracks[name, over_s].increase()
