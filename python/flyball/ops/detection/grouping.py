"""Alarms become incidents: what fires together is one thing, and it is told once."""

from collections.abc import Iterable
from dataclasses import dataclass, field

__all__ = ["Alarm", "Grouping", "Incident"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """A detector's word about a metric.

    Attributes
    ----------
    time_s : float
        When, in seconds of the run's clock.
    metric, detector : str
        Who says it of what.
    score : float
        How far beyond the usual, in the detector's unit.
    value : float
        What the metric was; NaN where it was missing.
    """

    time_s: float
    metric: str
    detector: str
    score: float
    value: float


@dataclass(kw_only=True, slots=True)
class Incident:
    """What fired together.

    Attributes
    ----------
    number : int
        Counts from 1.
    began_s, last_s : float
        Of its first and its last alarm.
    alarms : list of Alarm
        The first one of each metric and detector, in order.
    count : int
        All of them.
    """

    number: int
    began_s: float
    last_s: float
    alarms: list[Alarm] = field(default_factory=list)
    count: int = 0

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it is about, in the order in which it showed."""
        return tuple(dict.fromkeys(alarm.metric for alarm in self.alarms))


class Grouping:
    """Joins alarms that are near in time into incidents.

    An incident goes on while alarms come within `together_s` of each other, and takes in what is
    new for `longest_s` at most: a fault that lasts for hours must not hide the next one. A metric
    that was part of an incident begins no new one within `refractory_s` of its last alarm.

    Parameters
    ----------
    together_s, refractory_s, longest_s : float
        Seconds.

    Examples
    --------
    >>> groups = Grouping(together_s=60, refractory_s=600)
    >>> def tell(time_s, metric):
    ...     alarm = Alarm(time_s=time_s, metric=metric, detector="z", score=9.0, value=1.0)
    ...     return [found.number for found in groups.update([alarm])]
    >>> tell(0, "feed age"), tell(20, "open orders"), tell(200, "feed age"), tell(900, "feed age")
    ([1], [], [], [2])
    """

    def __init__(
        self, *, together_s: float = 60.0, refractory_s: float = 600.0, longest_s: float = 900.0
    ) -> None:
        self._together_s, self._refractory_s = together_s, refractory_s
        self._longest_s = longest_s
        self._told_s: dict[str, float] = {}
        self.current: Incident | None = None
        # What the last update added: the first alarm of a metric and detector in an incident.
        self.joined: list[tuple[Incident, Alarm]] = []
        self._opened = 0

    def update(self, alarms: Iterable[Alarm]) -> list[Incident]:
        """Take alarms in order of time; give the incidents that begin with them."""
        begun: list[Incident] = []
        self.joined = []
        for alarm in alarms:
            found = self.current
            if found is None or self._is_over(found, alarm.time_s):
                told = self._told_s.get(alarm.metric)
                self._told_s[alarm.metric] = alarm.time_s
                if told is not None and alarm.time_s - told < self._refractory_s:
                    continue
                self._opened += 1
                found = Incident(number=self._opened, began_s=alarm.time_s, last_s=alarm.time_s)
                self.current = found
                begun.append(found)
            self._told_s[alarm.metric] = alarm.time_s
            self._join(found, alarm)
        return begun

    def _is_over(self, found: Incident, time_s: float) -> bool:
        quiet = time_s - found.last_s > self._together_s
        return quiet or time_s - found.began_s > self._longest_s

    def _join(self, found: Incident, alarm: Alarm) -> None:
        found.last_s = alarm.time_s
        found.count += 1
        told = {(each.metric, each.detector) for each in found.alarms}
        if (alarm.metric, alarm.detector) not in told:
            found.alarms.append(alarm)
            self.joined.append((found, alarm))
