"""What a metric is: its name, what it means, and how it is read."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from flyball.ops.telemetry.observed import Observed

__all__ = ["PREFIX", "Reading", "Spec", "counter", "gauge", "named", "number", "one"]

PREFIX = "flyball_"
# Values of the labels, and what there is; what is not known is left out, never zero.
Reading = tuple[tuple[str, ...], float | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """One metric.

    Attributes
    ----------
    name : str
        Without `flyball_`, in base units; a counter's ends in `_total`.
    labels : tuple of str
        Their values come from what is configured and from lists in the code: bounded.
    read : callable
        Gives the values of the labels and the number, for each sample.
    """

    name: str
    kind: Literal["counter", "gauge"]
    help: str
    read: Callable[[Observed], Iterable[Reading]]
    labels: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """As Prometheus knows it."""
        return PREFIX + self.name


def number(value: Any) -> float | None:  # noqa: ANN401
    """A number of a status; money is text there. `None` while it is unknown."""
    if value is None or value in ("unknown", ""):
        return None
    return float(value)


def one(read: Callable[[Observed], Any]) -> Callable[[Observed], list[Reading]]:
    """A metric without labels, from what a function finds; left out where nothing is found."""

    def found(seen: Observed) -> list[Reading]:
        try:
            return [((), number(read(seen)))]
        except (KeyError, TypeError):
            return []

    return found


def named(read: Callable[[Observed], Iterable[tuple[str, Any]]]) -> Callable[[Observed], Any]:
    """A metric with one label, from pairs."""

    def found(seen: Observed) -> list[Reading]:
        try:
            return [((str(name),), number(value)) for name, value in read(seen)]
        except (KeyError, TypeError):
            return []

    return found


def gauge(
    name: str,
    text: str,
    read: Callable[[Observed], Iterable[Reading]],
    labels: tuple[str, ...] = (),
) -> Spec:
    """Something that goes up and down."""
    return Spec(name=name, kind="gauge", help=text, read=read, labels=labels)


def counter(
    name: str,
    text: str,
    read: Callable[[Observed], Iterable[Reading]],
    labels: tuple[str, ...] = (),
) -> Spec:
    """Something that only grows while the run lives."""
    return Spec(name=name, kind="counter", help=text, read=read, labels=labels)


def status_of(seen: Observed) -> Mapping[str, Any]:
    """The status; empty when the engine did not answer."""
    return seen.status or {}
