"""How much of a portfolio is one bet: correlation, shares of risk, effective numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from flyball.errors import DataError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.sample import Weights, matrix, portfolio

__all__ = ["Concentration", "concentration", "correlations"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Concentration:
    """How much of a portfolio is one bet.

    Parameters
    ----------
    correlation : array, shape (assets, assets)
        Pearson, of the returns.
    together : array, shape (assets, assets)
        Of the steps in the worst 5 % for position i, the share that was among the worst 5 % for
        position k too: 0.05 if they have nothing to do with each other. NaN below 100 steps.
    mean_correlation, mean_together : float
        Means of what is off the diagonal.
    largest : float
        Largest |weight| ÷ Σ|weight|.
    effective_positions : float
        1 ÷ Σ(|weight| ÷ Σ|weight|)²: as many equal positions are as concentrated.
    diversification_ratio : float
        Σ|weight| · deviation ÷ deviation of the portfolio; 1 where all moves together
        (Choueifaty and Coignard 2008).
    effective_bets : float
        Its square: as many independent bets of equal risk spread as much.
    first_component : float
        Share of the assets' own variance (not the portfolio's) along the largest principal
        component of their correlation.
    """

    correlation: Floats
    together: Floats
    mean_correlation: float
    mean_together: float
    largest: float
    effective_positions: float
    diversification_ratio: float
    effective_bets: float
    first_component: float


def correlations(returns: ArrayLike) -> Floats:
    """Pearson correlation of the assets, shape (assets, assets).

    Raises
    ------
    DataError
        If an asset does not vary: it has none.
    """
    many = matrix(returns)
    still = np.flatnonzero(np.std(many, axis=0) <= 1e-15)
    if still.size:
        raise DataError(f"returns: asset {int(still[0]) + 1} does not vary: leave it out")
    return np.atleast_2d(np.corrcoef(many, rowvar=False))


def concentration(returns: ArrayLike, weights: Weights) -> Concentration:
    """Measure how much of a portfolio is one bet.

    Parameters
    ----------
    returns : array, shape (n, assets)
        Simple returns of equal steps.
    weights : sequence, shape (assets,)
        Value of each position ÷ equity, negative for a short one.

    Raises
    ------
    DataError
        If shapes do not fit, nothing is held, or something does not vary.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = concentration(rng.normal(size=(1000, 4)), [0.25] * 4)
    >>> found.effective_positions, round(found.effective_bets)
    (4.0, 4)
    """
    many, held = matrix(returns), np.asarray(weights, dtype=np.float64)
    together = portfolio(many, held)
    gross = float(np.sum(np.abs(held)))
    sigma = float(np.std(together, ddof=1))
    if not (gross > 0.0 and sigma > 0.0):
        raise DataError("weights: nothing is held, or what is held does not vary")
    correlation = correlations(many)
    joint = _joint(many * np.where(held < 0.0, -1.0, 1.0))
    off = ~np.eye(held.size, dtype=bool)
    share = np.abs(held) / gross
    deviations = np.std(many, axis=0, ddof=1)
    ratio = float(np.abs(held) @ deviations) / sigma
    return Concentration(
        correlation=correlation,
        together=joint,
        mean_correlation=float(np.mean(correlation[off])) if off.any() else 1.0,
        mean_together=float(np.mean(joint[off])) if off.any() else 1.0,
        largest=float(np.max(share)),
        effective_positions=1.0 / float(np.sum(share**2)),
        diversification_ratio=ratio,
        effective_bets=ratio**2,
        first_component=float(np.linalg.eigvalsh(correlation)[-1]) / held.size,
    )


def _joint(outcomes: Floats) -> Floats:
    count = len(outcomes) // 20
    if count < 5:
        return np.full((outcomes.shape[1],) * 2, np.nan)
    worst = np.zeros(outcomes.shape)
    for k, column in enumerate(outcomes.T):
        worst[np.argsort(column, kind="stable")[:count], k] = 1.0
    return worst.T @ worst / count
