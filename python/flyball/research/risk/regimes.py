"""Whether the market is calm or wild now, against its own past, and what limits become of it."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flyball.errors import ConfigError
from flyball.research.analytics.curve import Floats
from flyball.research.risk.sample import series
from flyball.research.risk.volatility import Ewma

__all__ = ["MULTIPLIERS", "Regime", "multiplier", "regime", "regimes", "volatility_rank"]

Regime: TypeAlias = Literal["calm", "normal", "high", "extreme", "unknown"]

# What a limit is multiplied with. Over returns of the S&P 500 since 1950 (daily) and of BTC and XRP
# from 2017 and 2018 to 2022 (daily and hourly), the deviation of the step after a "high" moment was
# 1.2 to 1.8 times, after an "extreme" one 1.6 to 3.1 times that after a "normal" one
# (docs/risk.md): these keep limit x deviation about level. What is not known counts as extreme.
MULTIPLIERS: Mapping[Regime, float] = {
    "calm": 1.0,
    "normal": 1.0,
    "high": 0.6,
    "extreme": 0.35,
    "unknown": 0.35,
}
_EDGES: tuple[tuple[float, Regime], ...] = ((0.95, "extreme"), (0.8, "high"), (0.2, "normal"))


def volatility_rank(returns: ArrayLike, *, decay: float = 0.94, window: int = 1000) -> Floats:
    """Rank of the volatility expected next among those of the past, 0 to 1, shape (n + 1,).

    Value i is known before return i: the share of the last `window` volatilities (`Ewma`), its own
    included, that are not above it. NaN while there are fewer than 100.

    Raises
    ------
    ConfigError
        If the window is shorter than 100 steps.

    Examples
    --------
    >>> rank = volatility_rank([0.01, -0.01] * 100 + [0.05], window=150)
    >>> bool(np.isnan(rank[0])), float(rank[-1])
    (True, 1.0)
    """
    if window < 100:
        raise ConfigError(f"window: at least 100 steps are wanted, got {window}")
    known = series(returns)
    path = Ewma(decay=decay).path(known)
    rank = np.full(path.size, np.nan)
    first = int(np.argmax(np.isfinite(path))) if np.any(np.isfinite(path)) else path.size
    for at in range(first + 99, path.size):
        past = path[max(first, at + 1 - window) : at + 1]
        rank[at] = np.mean(past <= path[at])
    return rank


def regimes(returns: ArrayLike, *, decay: float = 0.94, window: int = 1000) -> NDArray[np.str_]:
    """The regime before each return, and now, shape (n + 1,).

    By `volatility_rank`: "extreme" above 0.95, "high" above 0.8, "normal" above 0.2, else "calm";
    "unknown" where there is no rank.
    """
    rank = volatility_rank(returns, decay=decay, window=window)
    found = np.full(rank.size, "unknown", dtype="<U8")
    found[np.isfinite(rank)] = "calm"
    for edge, name in reversed(_EDGES):
        found[rank > edge] = name
    return found


def regime(returns: ArrayLike, *, decay: float = 0.94, window: int = 1000) -> Regime:
    """The regime now, after the last of these returns.

    Examples
    --------
    >>> regime([0.01, -0.01] * 30)
    'unknown'
    """
    known = series(returns)[-(3 * window) :]
    name = str(regimes(known, decay=decay, window=window)[-1])
    return next(each for each in MULTIPLIERS if each == name)


def multiplier(now: Regime) -> float:
    """What a limit is multiplied with in a regime, at most 1: see `MULTIPLIERS`.

    Examples
    --------
    >>> multiplier("normal"), multiplier("unknown")
    (1.0, 0.35)
    """
    return MULTIPLIERS.get(now, MULTIPLIERS["unknown"])
