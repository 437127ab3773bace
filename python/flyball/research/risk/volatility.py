"""Volatility of the next step from the returns so far: exponential weights and GARCH(1,1)."""

from dataclasses import dataclass
from math import inf, log, nan, pi, sqrt
from typing import Any, Literal

import numpy as np

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.extra import library
from flyball.research.risk.sample import series

__all__ = ["Ewma", "Garch", "fit_garch"]

_SEED = 20  # returns that the first volatility is made of


@dataclass(frozen=True, kw_only=True, slots=True)
class Ewma:
    """Exponentially weighted moving average of squared returns, their mean taken as zero.

    variance(t + 1) = decay · variance(t) + (1 - decay) · return(t)². RiskMetrics, Technical
    Document, 1996: 0.94 for daily returns.
    """

    decay: float = 0.94

    def __post_init__(self) -> None:
        if not 0.0 < self.decay < 1.0:
            raise ConfigError(f"decay: between 0 and 1 is wanted, got {self.decay}")

    def path(self, returns: Floats) -> Floats:
        """Volatility expected of each step before it happened, and of the next, shape (n + 1,).

        The first 20 are NaN: the mean square of those returns begins the average. No value knows a
        return that came later.

        Examples
        --------
        >>> path = Ewma(decay=0.5).path(np.array([0.02] * 20 + [0.04]))
        >>> [round(float(each), 4) for each in path[19:]]
        [nan, 0.02, 0.0316]
        """
        known = np.full(returns.size + 1, nan)
        if returns.size < _SEED:
            return known
        first = float(np.mean(returns[:_SEED] ** 2))
        fresh = (1.0 - self.decay) * returns[_SEED:] ** 2
        later, _ = library("scipy.signal").lfilter(
            [1.0], [1.0, -self.decay], fresh, zi=[self.decay * first]
        )
        known[_SEED] = sqrt(first)
        known[_SEED + 1 :] = np.sqrt(later)
        return known


@dataclass(frozen=True, kw_only=True, slots=True)
class Garch:
    """A fitted GARCH(1,1) with a constant mean and normal innovations (Bollerslev 1986).

    variance(t + 1) = omega + alpha · residual(t)² + beta · variance(t), in returns as fractions.

    Parameters
    ----------
    mean, omega, alpha, beta : float
    log_likelihood : float
        At the maximum.
    errors : tuple of four floats
        Standard errors of mean, omega, alpha, beta from the Hessian; NaN unless asked for.
    n : int
        Returns it was fitted to.
    """

    mean: float
    omega: float
    alpha: float
    beta: float
    log_likelihood: float
    errors: tuple[float, float, float, float]
    n: int

    @property
    def persistence(self) -> float:
        """Alpha + beta: below 1 the variance has a long-run level."""
        return self.alpha + self.beta

    def path(self, returns: Floats) -> Floats:
        """Volatility expected of each step before it happened, and of the next, shape (n + 1,).

        Before the first step, variance and squared residual are the mean squared residual of
        these returns.
        """
        residuals = returns - self.mean
        first = self.omega + self.persistence * _square(residuals)
        fresh = self.omega + self.alpha * residuals**2
        later, _ = library("scipy.signal").lfilter(
            [1.0], [1.0, -self.beta], fresh, zi=[self.beta * first]
        )
        return np.sqrt(np.concatenate(([first], later)))


def fit_garch(
    returns: Floats,
    *,
    start: Literal["mean_square", "backcast"] = "mean_square",
    errors: bool = False,
) -> Garch:
    """Fit GARCH(1,1) by maximum likelihood, with the library `arch`.

    Parameters
    ----------
    returns : array, shape (n,)
        Simple returns of equal steps, at least 100.
    start : str
        The state before the first step, which the likelihood needs: "mean_square" is the mean
        squared residual (as the published benchmark of Fiorentini, Calzolari and Panattoni 1996
        has it), "backcast" the exponentially weighted one that `arch` takes by itself. They give
        slightly different estimates.
    errors : bool
        Whether standard errors are wanted; they take longer than the fit.

    Raises
    ------
    DataError
        If the returns are too few or do not vary, the fit does not converge, or `arch` is not
        installed.
    """
    known = series(returns, at_least=100)
    scale = float(np.std(known))
    if not scale > 1e-12 * float(np.max(np.abs(known), initial=0.0)):
        raise DataError("returns: do not vary, so that there is no volatility to fit")
    model = library("arch").arch_model(
        known / scale, mean="Constant", vol="GARCH", p=1, q=1, dist="normal", rescale=False
    )
    y = known / scale
    found = _converged(model, start)
    best, likelihood = found.params.to_numpy(), float(found.loglikelihood)
    if start == "mean_square":
        best, likelihood = _polished(y, best)
    mean, omega, alpha, beta = (float(each) for each in best)
    spread: tuple[float, float, float, float] = (nan, nan, nan, nan)
    if errors:
        of = model.compute_param_cov(
            best, robust=False, backcast=_square(y - mean) if start == "mean_square" else None
        )
        m, o, a, b = np.sqrt(np.diag(of))
        spread = (float(m) * scale, float(o) * scale**2, float(a), float(b))
    return Garch(
        mean=mean * scale,
        omega=omega * scale**2,
        alpha=alpha,
        beta=beta,
        log_likelihood=likelihood - known.size * float(np.log(scale)),
        errors=spread,
        n=known.size,
    )


def _converged(model: Any, start: str) -> Any:  # noqa: ANN401
    options = {"ftol": 1e-10, "maxiter": 400}
    square = None if start == "backcast" else _square(model.y - np.mean(model.y))
    found = model.fit(disp="off", show_warning=False, backcast=square, options=options)
    if found.convergence_flag != 0 or not abs(found.loglikelihood) < inf:
        raise DataError("returns: GARCH(1,1) does not converge on them: take ewma instead")
    return found


def _polished(y: Floats, begin: Floats) -> tuple[Floats, float]:
    """The maximum with the start a function of the mean, which `arch` holds constant."""

    def misfit(x: Floats) -> float:
        mean, omega, alpha, beta = x
        if omega <= 0.0 or alpha < 0.0 or beta < 0.0 or alpha + beta >= 1.0:
            return inf
        model = Garch(
            mean=mean, omega=omega, alpha=alpha, beta=beta,
            log_likelihood=nan, errors=(nan, nan, nan, nan), n=y.size,
        )  # fmt: skip
        sigma = model.path(y)[:-1]
        return float(np.sum(0.5 * log(2.0 * pi) + np.log(sigma) + 0.5 * ((y - mean) / sigma) ** 2))

    options = {"xatol": 1e-7, "fatol": 1e-9, "maxiter": 2000, "maxfev": 2000}
    found = library("scipy.optimize").minimize(misfit, begin, method="Nelder-Mead", options=options)
    best = found.x if found.fun <= misfit(begin) else begin
    return np.asarray(best, dtype=np.float64), -misfit(best)


def _square(residuals: Floats) -> float:
    return float(np.mean(residuals**2))
