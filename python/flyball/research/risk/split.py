"""Which position the risk of a portfolio comes from: marginal, component and incremental VaR."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.sample import Weights, matrix, portfolio
from flyball.research.risk.tail import Tail, historical, normal

__all__ = ["Contribution", "Contributions", "contributions"]

_Measure = Callable[..., Tail]


@dataclass(frozen=True, kw_only=True, slots=True)
class Contribution:
    """What one position adds. All are fractions of equity.

    Parameters
    ----------
    name : str
    weight : float
        Value of the position ÷ equity; negative for a short one.
    marginal : float
        How VaR grows for each unit of weight that is added: its derivative.
    component : float
        weight · marginal: the components add up to VaR. Negative for a hedge.
    incremental : float
        VaR less the VaR without the position.
    alone : float
        VaR of this position alone.
    shortfall : float
        Its component of expected shortfall: these add up to expected shortfall.
    """

    name: str
    weight: float
    marginal: float
    component: float
    incremental: float
    alone: float
    shortfall: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Contributions:
    """A portfolio's VaR and expected shortfall, and what each position adds to them."""

    total: Tail
    positions: tuple[Contribution, ...]

    @property
    def diversification(self) -> float:
        """1 - VaR ÷ the sum of the positions' own: 0 where nothing is spread."""
        alone = sum(each.alone for each in self.positions)
        return 1.0 - self.total.value_at_risk / alone if alone > 0.0 else 0.0


def contributions(
    returns: ArrayLike,
    weights: Weights,
    *,
    names: Sequence[str] | None = None,
    level: float = 0.99,
    method: Literal["normal", "historical"] = "normal",
) -> Contributions:
    """Split VaR and expected shortfall of a portfolio by position (Euler; Tasche 1999).

    Parameters
    ----------
    returns : array, shape (n, assets)
        Simple returns of equal steps.
    weights : sequence, shape (assets,)
        Value of each position ÷ equity, negative for a short one.
    names : sequence of str, optional
    level : float
    method : str
        "normal": marginal VaR is -mean + z · covariance with the portfolio ÷ its deviation.
        "historical": the component is what the position lost in the step that VaR is read from
        (a noisy estimate), for expected shortfall the mean of what it lost in the worst steps.

    Raises
    ------
    ConfigError
        If the method is not known, or there are not as many names as assets.
    DataError
        If shapes do not fit, or the portfolio does not vary.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = contributions(rng.normal(0.0, 0.01, (500, 2)), [0.5, 0.5])
    >>> total = sum(each.component for each in found.positions)
    >>> abs(total - found.total.value_at_risk) < 1e-12
    True
    """
    many, held = matrix(returns), np.asarray(weights, dtype=np.float64)
    together = portfolio(many, held)
    called = [f"asset {k + 1}" for k in range(held.size)] if names is None else list(names)
    if len(called) != held.size:
        raise ConfigError(f"names: {held.size} are wanted, one an asset, got {len(called)}")
    measure = {"normal": normal, "historical": historical}.get(method)
    if measure is None:
        raise ConfigError(f"method: normal or historical is wanted, got {method!r}")
    total = measure(together, level=level)
    split = _of_normal if method == "normal" else _of_history
    marginal, marginal_shortfall = split(many, together, total)
    positions = tuple(
        Contribution(
            name=called[k],
            weight=float(held[k]),
            marginal=float(marginal[k]),
            component=float(held[k] * marginal[k]),
            incremental=total.value_at_risk - _without(many, held, k, measure, level),
            alone=measure(many[:, k] * held[k], level=level).value_at_risk,
            shortfall=float(held[k] * marginal_shortfall[k]),
        )
        for k in range(held.size)
    )
    return Contributions(total=total, positions=positions)


def _without(many: Floats, held: Floats, k: int, measure: _Measure, level: float) -> float:
    rest = held.copy()
    rest[k] = 0.0
    return measure(many @ rest, level=level).value_at_risk


def _of_normal(many: Floats, together: Floats, total: Tail) -> tuple[Floats, Floats]:
    sigma = total.volatility
    if not sigma > 0.0:
        raise DataError("returns: the portfolio does not vary, so that there is no risk to split")
    means = np.mean(many, axis=0)
    mean = float(np.mean(together))
    beta = (many - means).T @ (together - mean) / (together.size - 1) / sigma
    z = (total.value_at_risk + mean) / sigma
    beyond = (total.expected_shortfall + mean) / sigma
    return beta * z - means, beta * beyond - means


def _of_history(many: Floats, together: Floats, total: Tail) -> tuple[Floats, Floats]:
    if together.size < 20:
        raise DataError(f"returns: at least 20 are wanted, got {together.size}")
    worst = many[np.argsort(together, kind="stable")]
    inside = (1.0 - total.level) * together.size
    rank = max(1, ceil(round(inside, 9)))
    whole = floor(round(inside, 9))
    lost = np.sum(worst[:whole], axis=0) + max(0.0, inside - whole) * worst[whole]
    return -worst[rank - 1], -lost / inside
