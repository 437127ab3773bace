"""By which law a cost grows: flat, with the logarithm, linearly; fitted, not asserted."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log, sqrt

# A law with a slope must explain this much more of the cost than none, or the cost is flat.
FLAT_SPREAD = 0.10


@dataclass(frozen=True, kw_only=True)
class Law:
    """A law and how well it fits.

    `name` is "flat", "log", "linear" or "none of them"; `error` the root mean square of its
    deviations, as a fraction of the mean cost; `bends_at` where the slope between neighbours on
    logarithmic scales changes most, if it changes by more than a quarter.
    """

    name: str
    error: float
    slope: float
    bends_at: float | None

    def __str__(self) -> str:
        bend = "" if self.bends_at is None else f", bends at {self.bends_at:,.0f}"
        return f"{self.name} (off by {self.error:.0%}; costs grow with n^{self.slope:.2f}){bend}"


def fitted(sizes: Sequence[float], costs: Sequence[float]) -> Law:
    """The law of costs at these sizes, in rising order; at least three of them.

    Least squares of cost = a, a + b log n, a + b n (b ≥ 0), relative to the cost; the simplest law
    that is within a quarter of the best one's error is taken.
    """
    if len(sizes) < 3 or len(sizes) != len(costs):
        raise ValueError("a law wants three sizes and their costs")
    mean = sum(costs) / len(costs)
    shapes = {"log": [log(size) for size in sizes], "linear": list(sizes)}
    errors = {"flat": _off(costs, [mean] * len(costs))}
    for name, shape in shapes.items():
        errors[name] = _fit(shape, costs)
    slope = _slope([log(size) for size in sizes], [log(cost) for cost in costs])
    spread = (max(costs) - min(costs)) / mean
    name = min(errors, key=lambda it: errors[it])
    if spread <= FLAT_SPREAD or errors["flat"] <= 1.25 * errors[name]:
        name = "flat"
    elif errors["log"] <= 1.25 * errors[name]:
        name = "log"
    if errors[name] > 0.25 and name != "flat":
        name = "none of them"
    error = min(errors.values()) if name == "none of them" else errors[name]
    return Law(name=name, error=error, slope=slope, bends_at=_bend(sizes, costs))


def _off(costs: Sequence[float], found: Sequence[float]) -> float:
    squares = [((cost - it) / cost) ** 2 for cost, it in zip(costs, found, strict=True)]
    return sqrt(sum(squares) / len(squares))


def _fit(shape: Sequence[float], costs: Sequence[float]) -> float:
    """The error of a + b shape, weighted so that every cost counts alike."""
    weights = [1.0 / cost**2 for cost in costs]
    total = sum(weights)
    at = sum(w * x for w, x in zip(weights, shape, strict=True)) / total
    of = sum(w * y for w, y in zip(weights, costs, strict=True)) / total
    both = zip(weights, shape, costs, strict=True)
    above = sum(w * (x - at) * (y - of) for w, x, y in both)
    below = sum(w * (x - at) ** 2 for w, x in zip(weights, shape, strict=True))
    b = max(0.0, above / below) if below else 0.0
    return _off(costs, [of + b * (x - at) for x in shape])


def _slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    at, of = sum(xs) / len(xs), sum(ys) / len(ys)
    below = sum((x - at) ** 2 for x in xs)
    return sum((x - at) * (y - of) for x, y in zip(xs, ys, strict=True)) / below


def _bend(sizes: Sequence[float], costs: Sequence[float]) -> float | None:
    slopes = [
        log(costs[at + 1] / costs[at]) / log(sizes[at + 1] / sizes[at])
        for at in range(len(sizes) - 1)
    ]
    changes = [abs(after - before) for before, after in pairwise(slopes)]
    most = max(changes)
    return sizes[changes.index(most) + 1] if most > 0.25 else None
