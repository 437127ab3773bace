"""Axes: from values to places, and where the ticks are."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from math import ceil, floor, isfinite, log10

from flyball.ops.report.formats import compact

__all__ = ["Axis", "Tick", "TimeAxis", "axis"]

_S = 10**9
_DAY = 86_400 * _S
_STEPS = tuple(
    seconds * _S for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800)
) + tuple(hours * 3600 * _S for hours in (1, 2, 3, 6, 12, 24, 48, 96, 168, 336))
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120)


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis, 0 to 1, and what is written there; `minor` where space is short."""

    at: float
    label: str
    minor: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high`; places count from `low`."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """The place of a value, 0 to 1 within the axis."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, count: int = 5) -> tuple[Tick, ...]:
        """About so many round values.

        Examples
        --------
        >>> [tick.label for tick in Axis(9480.0, 10130.0).ticks()]
        ['9,600', '9,800', '10,000']
        """
        rough = (self.high - self.low) / count
        power = 10.0 ** floor(log10(rough))
        step = next(size * power for size in (1.0, 2.0, 2.5, 5.0, 10.0) if size * power >= rough)
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        values = [index * step for index in range(first, min(last, first + 20) + 1)]
        return tuple(Tick(self.at(value), compact(value, step)) for value in values)


def axis(
    values: Iterable[float],
    *,
    wanted: Sequence[float] = (),
    stretch: float = 2.5,
    pad: float = 0.06,
) -> Axis:
    """An axis for these values, and for wanted ones as long as they do not squash the others.

    Parameters
    ----------
    values : iterable of float
        What must be on it; NaN is left out.
    wanted : sequence of float
        What should be on it: taken while the axis grows to no more than `stretch` times.
    pad : float
        Space at both ends, a fraction.
    """
    known = [float(value) for value in values if isfinite(value)]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    span = high - low
    centre = (low + high) / 2
    for value in sorted(filter(isfinite, wanted), key=lambda value: abs(value - centre)):
        if span <= 1e-9 * max(abs(low), abs(high)) or max(high, value) - min(low, value) <= (
            stretch * span
        ):
            low, high = min(low, value), max(high, value)
    span = high - low
    if span <= 1e-9 * max(abs(low), abs(high)):
        half = max(abs(high) * 0.01, 1e-9)
        return Axis(low - half, high + half)
    return Axis(low - pad * span, high + pad * span)


@dataclass(frozen=True, slots=True)
class TimeAxis:
    """UTC nanoseconds from `first` to `last`."""

    first: int
    last: int

    @property
    def span(self) -> int:
        """Its length; never zero."""
        return max(1, self.last - self.first)

    def at(self, time_ns: float) -> float:
        """The place of a time, 0 to 1."""
        return (time_ns - self.first) / self.span

    def ticks(self, count: int = 8) -> tuple[Tick, ...]:
        """At most so many round times, in UTC.

        Examples
        --------
        >>> [tick.label for tick in TimeAxis(0, 86_400 * 10**9).ticks(4)]
        ['1 Jan', '06:00', '12:00', '18:00', '2 Jan']
        """
        step = next((step for step in _STEPS if self.span <= step * count), None)
        if step is None:
            return self._months(count)
        start = -(-self.first // step) * step
        times = range(start, self.last + 1, step)
        ticks = [Tick(self.at(time), _label(time, step)) for time in times]
        return _thinned(ticks, [time % _DAY == 0 and step < _DAY for time in times])

    def _months(self, count: int) -> tuple[Tick, ...]:
        try:
            first = datetime.fromtimestamp(self.first // _S, UTC)
            last = datetime.fromtimestamp(self.last // _S, UTC)
        except (OverflowError, ValueError):
            return ()
        begin, end = (moment.year * 12 + moment.month - 1 for moment in (first, last))
        step = next((size for size in _MONTHS if end - begin <= size * count), 1200)
        ticks: list[Tick] = []
        years: list[bool] = []
        for month in range(-(-begin // step) * step, end + 1, step):
            start = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
            time_ns = int(start.timestamp()) * _S
            if self.first <= time_ns <= self.last:
                year = step >= 12 or start.month == 1
                ticks.append(Tick(self.at(time_ns), f"{start:%Y}" if year else f"{start:%b}"))
                years.append(year and step < 12)
        return _thinned(ticks, years)


def _thinned(ticks: Sequence[Tick], major: Sequence[bool]) -> tuple[Tick, ...]:
    """Some of them minor: all but the major ones where they are enough, else every other one."""
    if len(ticks) <= 3 * sum(major) and sum(major) <= 5:
        kept = list(major)
    else:
        first = major.index(True) if any(major) else 0
        kept = [(number - first) % 2 == 0 for number in range(len(ticks))]
    return tuple(replace(tick, minor=not keep) for tick, keep in zip(ticks, kept, strict=True))


def _label(time_ns: int, step: int) -> str:
    moment = datetime.fromtimestamp(time_ns // _S, UTC)
    if time_ns % _DAY == 0:
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M:%S}" if step < 60 * _S else f"{moment:%H:%M}"
