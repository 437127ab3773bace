"""What an alert looks at: an expression over metrics that is evaluated here and written as PromQL.

Both come from the same nodes. One difference is left: Prometheus extrapolates an increase to the
ends of its window, here it is what was counted within it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from flyball.ops.alerts.history import Labels, Past, Vector

__all__ = [
    "Abs",
    "Always",
    "And",
    "Compare",
    "Down",
    "Expression",
    "Increase",
    "Metric",
    "Quantile",
    "Ratio",
]

Op: TypeAlias = Literal[">", "<", ">=", "<=", "=="]
# Series of several runs that one Prometheus reads are told apart by this.
_INSTANCE = "instance"


class Expression(Protocol):
    """A node."""

    def promql(self) -> str:
        """As Prometheus reads it."""
        ...

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        ...

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        ...


def _text(value: float) -> str:
    return f"{value:g}"


def _window(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"


def _only(labels: Labels, names: tuple[str, ...]) -> Labels:
    return tuple(pair for pair in labels if pair[0] in names)


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as it is, or those of its series whose labels have one of these values."""

    name: str
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def selector(self, suffix: str = "") -> str:
        """The metric with what selects its series, without a window."""
        parts = [f'{key}=~"{"|".join(values)}"' for key, values in sorted(self.where.items())]
        return f"{self.name}{suffix}" + (f"{{{','.join(parts)}}}" if parts else "")

    def promql(self) -> str:
        """As Prometheus reads it."""
        return self.selector()

    def fits(self, labels: Labels) -> bool:
        """Whether a series is meant."""
        found = dict(labels)
        return all(found.get(key) in values for key, values in self.where.items())

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        return {it: value for it, value in past.now(self.name).items() if self.fits(it)}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Increase:
    """By how much counters grew within a window, summed by labels."""

    metric: Metric
    over_s: float
    by: tuple[str, ...] = ()

    def promql(self) -> str:
        """As Prometheus reads it."""
        by = ", ".join((_INSTANCE, *self.by))
        return f"sum by ({by}) (increase({self.metric.selector()}[{_window(self.over_s)}]))"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        told: dict[Labels, float] = {}
        for labels, grown in past.increase(self.metric.name, self.over_s).items():
            if self.metric.fits(labels):
                key = _only(labels, self.by)
                told[key] = told.get(key, 0.0) + grown
        return told

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        yield self.metric.name, self.over_s


@dataclass(frozen=True, slots=True)
class Quantile:
    """A quantile of a histogram within a window, interpolated within its bucket."""

    q: float
    metric: Metric
    over_s: float
    by: tuple[str, ...] = ()

    def promql(self) -> str:
        """As Prometheus reads it."""
        by = ", ".join((_INSTANCE, *self.by, "le"))
        buckets = f"{self.metric.selector('_bucket')}[{_window(self.over_s)}]"
        return f"histogram_quantile({_text(self.q)}, sum by ({by}) (rate({buckets})))"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        buckets: dict[Labels, dict[float, float]] = {}
        for labels, grown in past.increase(self.metric.name + "_bucket", self.over_s).items():
            if self.metric.fits(labels):
                key, bound = _only(labels, self.by), float(dict(labels)["le"])
                place = buckets.setdefault(key, {})
                place[bound] = place.get(bound, 0.0) + grown
        told = {key: _quantile(self.q, found) for key, found in buckets.items()}
        return {key: value for key, value in told.items() if value is not None}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        yield self.metric.name + "_bucket", self.over_s


def _quantile(q: float, buckets: Mapping[float, float]) -> float | None:
    """As Prometheus does it: counts up to each bound, linear within a bucket."""
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if total <= 0:
        return None
    rank, below, low = q * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= rank:
            if bound == float("inf"):
                return low
            within = buckets[bound] - below
            return low + (bound - low) * (rank - below) / within if within else bound
        below, low = buckets[bound], bound
    return low


@dataclass(frozen=True, slots=True)
class Ratio:
    """One expression over another, where both have the same labels and the other is not zero."""

    part: Expression
    whole: Expression

    def promql(self) -> str:
        """As Prometheus reads it."""
        return f"({self.part.promql()}) / ({self.whole.promql()} > 0)"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        whole = self.whole.evaluate(past)
        part = self.part.evaluate(past)
        return {key: value / whole[key] for key, value in part.items() if whole.get(key, 0.0) > 0}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        yield from self.part.ranged()
        yield from self.whole.ranged()


@dataclass(frozen=True, slots=True)
class Abs:
    """Without its sign."""

    of: Expression

    def promql(self) -> str:
        """As Prometheus reads it."""
        return f"abs({self.of.promql()})"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        return {key: abs(value) for key, value in self.of.evaluate(past).items()}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        return self.of.ranged()


@dataclass(frozen=True, slots=True)
class Compare:
    """Those values that are above or below a threshold."""

    of: Expression
    op: Op
    threshold: float

    def promql(self) -> str:
        """As Prometheus reads it."""
        return f"{self.of.promql()} {self.op} {_text(self.threshold)}"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        found = self.of.evaluate(past)
        return {key: value for key, value in found.items() if self._holds(value)}

    def _holds(self, value: float) -> bool:
        limit = self.threshold
        return {
            ">": value > limit,
            "<": value < limit,
            ">=": value >= limit,
            "<=": value <= limit,
            "==": value == limit,
        }[self.op]

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        return self.of.ranged()


@dataclass(frozen=True, slots=True)
class And:
    """The first, while the second gives something at all."""

    of: Expression
    also: Expression

    def promql(self) -> str:
        """As Prometheus reads it."""
        return f"({self.of.promql()}) and on ({_INSTANCE}) ({self.also.promql()})"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        return self.of.evaluate(past) if self.also.evaluate(past) else {}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        yield from self.of.ranged()
        yield from self.also.ranged()


@dataclass(frozen=True, slots=True)
class Down:
    """The engine does not answer; outside of its process also: nobody serves its metrics."""

    up: Metric

    def promql(self) -> str:
        """As Prometheus reads it."""
        job = 'up{job="flyball"}'
        return f"({self.up.promql()} == 0) or ({job} == 0) or absent({job})"

    def evaluate(self, past: Past) -> Vector:
        """Its value now, by labels."""
        return {key: value for key, value in self.up.evaluate(past).items() if value == 0}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        return iter(())


@dataclass(frozen=True, slots=True)
class Always:
    """One, always: it proves the way of an alert."""

    def promql(self) -> str:
        """As Prometheus reads it."""
        return "vector(1)"

    def evaluate(self, _: Past) -> Vector:
        """Its value now, by labels."""
        return {(): 1.0}

    def ranged(self) -> Iterator[tuple[str, float]]:
        """Metrics whose past is needed, and for how many seconds."""
        return iter(())
