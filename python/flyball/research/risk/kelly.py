"""The fraction of equity that grows fastest, how well it is known, and what is left of it then.

A fraction f means: this many times equity is held (returns) or staked (bets). Growth is the
expected logarithm of equity a step; it is highest at f*, zero near 2 f*, and negative beyond: ruin.
"""

from dataclasses import dataclass
from math import inf, log, nan, sqrt
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.extra import library
from flyball.research.risk.sample import check_level, series

__all__ = [
    "Kelly",
    "bet_growth",
    "binary",
    "growth",
    "kelly_of_bets",
    "kelly_of_returns",
    "optimal",
]

_FEWEST = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class Kelly:
    """A Kelly fraction and how much of it to trust.

    Parameters
    ----------
    full : float
        The fraction that grows fastest were the estimate exact, never below zero.
    lower, upper : float
        One-sided confidence limits of it, not below zero.
    error : float
        Of the estimate: its posterior's deviation for bets; for returns half of what the middle
        68 % of the drawn samples span.
    shrunk : float
        What is left of it: the lower limit. Zero when the edge is not significant.
    part : float
        Of the shrunk fraction that is advised: 0.5 is half Kelly.
    advised : float
        part · shrunk: the number for a sizing policy.
    growth : float
        Expected logarithmic growth a step at `advised`, were the estimate exact.
    significant : bool
        Whether the edge is above zero with that confidence.
    confidence : float
    mean, deviation, mean_error : float
        Of the returns (of a bet's return on its stake): the edge as `Sizing.kelly` takes it.
    n : int
        Returns, or bets.
    block : int
        Length of the blocks that were drawn; 1 for single ones, 0 where nothing was drawn.
    """

    full: float
    lower: float
    upper: float
    error: float
    shrunk: float
    part: float
    advised: float
    growth: float
    significant: bool
    confidence: float
    mean: float
    deviation: float
    mean_error: float
    n: int
    block: int

    @property
    def sizing(self) -> str:
        """The edge as `--sizing kelly=...` takes it, with `part` as its share."""
        return (
            f"mean:{self.mean:.3g},deviation:{self.deviation:.3g},"
            f"error:{self.mean_error:.3g},share:{self.part:g}"
        )


def binary(probability: float, payoff: float) -> float:
    """Kelly's fraction of a bet that wins `payoff` times its stake, or loses it; 0 without edge.

    p - (1 - p) / b (Kelly, A New Interpretation of Information Rate, 1956).

    Examples
    --------
    >>> round(binary(0.6, 1.0), 12), binary(0.5, 1.0)
    (0.2, 0.0)
    """
    _check_bet(probability, payoff)
    return max(0.0, probability - (1.0 - probability) / payoff)


def bet_growth(fraction: float, *, probability: float, payoff: float) -> float:
    """Expected logarithmic growth a bet: p ln(1 + b f) + (1 - p) ln(1 - f).

    Examples
    --------
    >>> round(bet_growth(0.2, probability=0.6, payoff=1.0), 6)
    0.020136
    """
    _check_bet(probability, payoff)
    if not 0.0 <= fraction <= 1.0:
        raise ConfigError(f"fraction: 0 to 1 is possible in a bet, got {fraction}")
    lost = 0.0 if probability == 1.0 else -inf if fraction == 1.0 else log(1.0 - fraction)
    return probability * log(1.0 + payoff * fraction) + (1.0 - probability) * lost


def _check_bet(probability: float, payoff: float) -> None:
    if not 0.0 <= probability <= 1.0:
        raise ConfigError(f"probability: 0 to 1 is wanted, got {probability}")
    if not 0.0 < payoff < inf:
        raise ConfigError(f"payoff: above zero is wanted (win ÷ loss), got {payoff}")


def _check_part(part: float) -> None:
    if not 0.0 < part <= 1.0:
        raise ConfigError(f"part: above 0 and at most 1 is wanted, got {part}")


def growth(fraction: float, returns: ArrayLike) -> float:
    """Mean of ln(1 + f · return); minus infinity where one of them would have taken everything.

    Examples
    --------
    >>> growth(2.0, [0.1, -0.5])
    -inf
    """
    left = 1.0 + fraction * series(returns, at_least=1)
    return float(np.mean(np.log(left))) if np.all(left > 0.0) else -inf


def optimal(returns: ArrayLike, *, method: Literal["exact", "moments"] = "exact") -> float:
    """The long fraction of fastest growth, 0 without edge.

    Parameters
    ----------
    returns : array, shape (n,)
        Simple returns, costs included.
    method : str
        "exact" maximises the mean of ln(1 + f r) over the returns; it stays below what the worst of
        them would have ruined. "moments" is mean ÷ variance (Thorp 2006; Merton 1969): good for
        small steps only, and blind to the tail.

    Raises
    ------
    DataError
        If no return is a loss: then there is no largest fraction.

    Examples
    --------
    >>> round(optimal([1.0] * 60 + [-1.0] * 40), 9)
    0.2
    """
    known = series(returns)
    if not np.min(known) < 0.0:
        raise DataError("returns: none is a loss: there is no fraction that grows fastest")
    if method == "moments":
        return max(0.0, float(np.mean(known)) / float(np.var(known)))
    if not np.mean(known) > 0.0:
        return 0.0
    return float(_exact(known[None, :])[0])


def _exact(samples: Floats) -> Floats:
    """Where the growth's slope is zero, for each row, by bisection; infinite without a loss."""
    worst = -np.min(samples, axis=1)
    low = np.zeros(len(samples))
    high = np.where(worst > 0.0, 1.0 / np.where(worst > 0.0, worst, 1.0), inf)
    gains = np.mean(samples, axis=1) > 0.0
    never = ~np.isfinite(high)
    high = np.where(never, 1.0, high) * (1.0 - 1e-12)
    for _ in range(60):
        middle = 0.5 * (low + high)
        rising = np.sum(samples / (1.0 + middle[:, None] * samples), axis=1) > 0.0
        low, high = np.where(rising, middle, low), np.where(rising, high, middle)
    return np.where(gains, np.where(never, inf, low), 0.0)


def kelly_of_bets(
    wins: int,
    losses: int,
    *,
    payoff: float,
    confidence: float = 0.95,
    part: float = 0.5,
) -> Kelly:
    """Kelly's fraction from a record of bets of one payoff.

    What is known of the probability is its Beta posterior with a flat prior: (wins + 1,
    losses + 1). Its quantiles give the limits.

    Raises
    ------
    ConfigError
        If there was no bet, or a parameter makes no sense.

    Examples
    --------
    >>> kelly_of_bets(6, 4, payoff=1.0).significant
    False
    >>> found = kelly_of_bets(600, 400, payoff=1.0)
    >>> round(found.full, 3), round(found.shrunk, 3), round(found.advised, 3)
    (0.2, 0.148, 0.074)
    """
    _check_part(part)
    n, of = wins + losses, check_level(confidence)
    if wins < 0 or losses < 0 or n < 1:
        raise ConfigError(f"wins and losses: at least one bet is wanted, got {wins} and {losses}")
    full = binary(wins / n, payoff)
    known = library("scipy.stats").beta(wins + 1, losses + 1)
    lower, upper = (binary(float(known.ppf(q)), payoff) for q in (1.0 - of, of))
    lower = min(lower, full)
    deviation = (1.0 + payoff) * sqrt(wins * losses) / n
    return Kelly(
        full=full,
        lower=lower,
        upper=max(upper, full),
        error=float(known.std()) * (1.0 + 1.0 / payoff),
        shrunk=lower,
        part=part,
        advised=part * lower,
        growth=bet_growth(part * lower, probability=wins / n, payoff=payoff),
        significant=lower > 0.0,
        confidence=of,
        mean=(payoff * wins - losses) / n,
        deviation=deviation,
        mean_error=deviation / sqrt(n),
        n=n,
        block=0,
    )


def kelly_of_returns(
    returns: ArrayLike,
    *,
    confidence: float = 0.95,
    part: float = 0.5,
    block: int | None = None,
    draws: int = 1_000,
    seed: int = 1,
) -> Kelly:
    """Kelly's fraction from returns of equal steps or of trades, by the exact maximum.

    The limits are quantiles of the fraction over samples drawn with replacement, in blocks so that
    what follows upon each other stays together (circular block bootstrap, Politis and Romano 1992).

    Parameters
    ----------
    returns : array, shape (n,)
        Simple returns, costs included; at least 20.
    confidence : float
        One-sided, of the limits.
    part : float
        Of the shrunk fraction that is advised.
    block : int, optional
        Steps a block; the cube root of n by default.
    draws, seed : int
        The same seed gives the same number.

    Raises
    ------
    DataError
        If there are fewer than 20 returns, or none is a loss.
    ConfigError
        If a parameter makes no sense.

    Examples
    --------
    >>> kelly_of_returns([0.01, -0.01] * 50).shrunk
    0.0
    """
    _check_part(part)
    known, of = series(returns, at_least=_FEWEST), check_level(confidence)
    size = max(1, round(known.size ** (1.0 / 3.0))) if block is None else block
    if not 1 <= size <= known.size or draws < 100:
        raise ConfigError(f"block ({size}): 1 to {known.size}; draws ({draws}): at least 100")
    full = optimal(known)
    found = _drawn(known, size=size, draws=draws, seed=seed)
    rank = int((1.0 - of) * draws)
    lower, upper = min(float(found[rank]), full), max(float(found[-1 - rank]), full)
    return Kelly(
        full=full,
        lower=lower,
        upper=upper,
        error=float(found[int(0.8413 * draws)] - found[int(0.1587 * draws)]) / 2.0,
        shrunk=lower,
        part=part,
        advised=part * lower,
        growth=growth(part * lower, known),
        significant=lower > 0.0,
        confidence=of,
        mean=float(np.mean(known)),
        deviation=float(np.std(known, ddof=1)),
        mean_error=float(np.std(known, ddof=1)) / sqrt(known.size),
        n=known.size,
        block=size,
    )


def _drawn(known: Floats, *, size: int, draws: int, seed: int) -> Floats:
    """Fractions of samples drawn in circular blocks, in order of size."""
    rng = np.random.default_rng(seed)
    found = np.full(draws, nan)
    blocks = -(-known.size // size)
    at_once = max(1, 2_000_000 // known.size)
    for begin in range(0, draws, at_once):
        rows = min(at_once, draws - begin)
        starts = rng.integers(0, known.size, (rows, blocks, 1))
        places = (starts + np.arange(size)).reshape(rows, -1)[:, : known.size] % known.size
        found[begin : begin + rows] = _exact(known[places])
    found.sort()
    return found
