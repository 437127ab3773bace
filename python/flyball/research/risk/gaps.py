"""How far a price can jump before a position is out: the gap that size is bounded by.

A stop bounds a loss only while there is somebody to trade with. The assumed gap of an instrument
is the largest of: the worst adverse move seen within the time it takes to get out, the upper
confidence limit of the move that is exceeded once in so many days, and a floor.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil, exp, inf, isnan, log, nan
from typing import Literal, TypeAlias

import numpy as np

from flyball.domain import Dataset, duration_ns, duration_text
from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import DAY_NS, Floats, Times
from flyball.research.risk.extra import library
from flyball.research.risk.prices import Prices, read_prices

__all__ = ["GapEstimate", "GapSide", "ParetoTail", "adverse_moves", "estimate_gap", "fit_tail"]

Reason: TypeAlias = Literal["largest", "quantile", "floor"]

_SHARE = 0.1  # of the days' worst moves that the tail is fitted to
_FEWEST = 20  # days beyond the threshold that a fit needs
_QUANTILES = (0.99, 0.999, 0.9999)
_SHAPES = np.linspace(-0.5, 1.5, 401)


@dataclass(frozen=True, kw_only=True, slots=True)
class ParetoTail:
    """A generalised Pareto fit to what lies beyond a threshold (Pickands 1975).

    Parameters
    ----------
    threshold, scale, shape : float
        Of logarithmic moves.
    n : int
        Days beyond the threshold.
    level, upper : float
        The logarithmic move that is exceeded once in the asked number of days on average, and its
        one-sided upper confidence limit by profile likelihood (Coles 2001, 4.3.3).
    """

    threshold: float
    scale: float
    shape: float
    n: int
    level: float
    upper: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GapSide:
    """Moves against a long or a short position, as fractions of the price.

    Parameters
    ----------
    side : str
        Whose loss it is: "long" (falls) or "short" (rises).
    largest, at_ns : float, int
        The largest move, and when it began: the end of a span.
    quantiles : dict of float to float
        Of the moves from each span on.
    tail : ParetoTail or None
        None where there are too few days for one.
    level, upper : float
        As in `ParetoTail`, as fractions; NaN without one.
    """

    side: Literal["long", "short"]
    largest: float
    at_ns: int
    quantiles: dict[float, float]
    tail: ParetoTail | None
    level: float
    upper: float


@dataclass(frozen=True, kw_only=True, slots=True)
class GapEstimate:
    """The gap that a position in an instrument is assumed to meet, and where it comes from.

    Parameters
    ----------
    symbol : str
    gap : float
        Fraction of the price: the largest of `largest`, `quantile` and `floor`.
    because : str
        Which of the three it is: "largest", "quantile" or "floor".
    largest, at : float, datetime
        The larger of both sides' largest moves, and when (UTC).
    quantile : float
        The larger of both sides' upper confidence limits; NaN where there were too few days.
    floor : float
    n, days : int
        Spans and days that were looked at.
    until_ns : int
        The end of the newest span that was looked at: nothing later was.
    outage_ns, once_in_days, confidence
        What was asked for.
    long, short : GapSide
    doubt : str
        Why the estimate should not be relied on; empty where nothing speaks against it.
    """

    symbol: str
    gap: float
    because: Reason
    largest: float
    at: datetime
    quantile: float
    floor: float
    n: int
    days: int
    until_ns: int
    outage_ns: int
    once_in_days: float
    confidence: float
    long: GapSide
    short: GapSide
    doubt: str

    @property
    def toml(self) -> str:
        """A line for the table `[governor.gaps]`, rounded up to a hundredth."""
        return f"{_key(self.symbol)} = {ceil(round(self.gap * 100, 6)) / 100:.2f}"

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.until_ns / 1e9, tz=UTC)
        fitted = "none: too few days" if isnan(self.quantile) else f"{self.quantile:.1%}"
        lines = [
            f"{self.symbol}: gap {self.gap:.1%} ({self.because})",
            f"  largest   {self.largest:.1%} within {duration_text(self.outage_ns)}, "
            f"{self.at:%Y-%m-%d %H:%M} UTC",
            f"  quantile  {fitted} (once in {self.once_in_days:g} days, upper "
            f"{self.confidence:.0%} limit)",
            f"  floor     {self.floor:.1%}",
            f"  from      {self.n:,} spans of {self.days:,} days until {until:%Y-%m-%d %H:%M} UTC",
        ]
        return "\n".join([*lines, f"  doubt     {self.doubt}"] if self.doubt else lines)


def _key(symbol: str) -> str:
    plain = symbol.replace("_", "").replace("-", "")
    return symbol if plain.isascii() and plain.isalnum() else '"' + symbol.replace('"', "") + '"'


def adverse_moves(prices: Prices, *, outage_ns: int) -> tuple[Floats, Floats]:
    """Largest fall and rise from the end of each span on, as logarithms, each shape (n - 1,).

    From a span's close to the lowest and the highest price of every span that begins less than
    `outage_ns` after its end. The next span counts however late it comes: while nothing was
    traded, nobody got out. What began inside a bar is not seen: shorter bars see more.

    Raises
    ------
    DataError
        If bars are longer than the outage: they cannot tell. If there are fewer than two spans.

    Examples
    --------
    >>> paid = Prices.trades("XRP", time_ns=[0, 1, 2, 9], price=[2.0, 1.0, 1.5, 0.5])
    >>> falls, rises = adverse_moves(paid, outage_ns=2)
    >>> [round(1 - float(np.exp(-x)), 3) for x in falls]
    [0.5, 0.0, 0.667]
    """
    interval = prices.interval_ns
    if outage_ns <= 0 or (interval is not None and interval > outage_ns):
        length = "nothing" if interval is None else f"bars of {duration_text(interval)}"
        raise DataError(
            f"{prices.symbol}: {length} cannot tell moves within {duration_text(outage_ns)}: "
            "take shorter bars or a longer outage"
        )
    if len(prices) < 2:
        raise DataError(f"{prices.symbol}: one price tells of no move")
    end = np.searchsorted(prices.start_ns, prices.end_ns[:-1] + outage_ns, side="left")
    following = np.arange(1, len(prices))
    count = np.maximum(end - following, 1)
    low, high, close = np.log(prices.low[1:]), np.log(prices.high[1:]), np.log(prices.close[:-1])
    return (
        np.maximum(close + _largest(-low, count), 0.0),
        np.maximum(_largest(high, count) - close, 0.0),
    )


def _largest(values: Floats, count: Times) -> Floats:
    """The largest of the `count[i]` values from i on, for every i: doubling blocks."""
    found, block, size = np.empty_like(values), values.copy(), 1
    while True:
        now = np.flatnonzero((count >= size) & (count < 2 * size))
        found[now] = np.maximum(block[now], block[now + count[now] - size])
        if not np.any(count >= 2 * size):
            return found
        block = np.maximum(block, np.concatenate((block[size:], np.full(size, -inf))))
        size *= 2


def fit_tail(worst: Floats, *, once_in: float, confidence: float) -> ParetoTail | None:
    """Fit the largest tenth of the days' worst logarithmic moves; None with fewer than 20 of them.

    Parameters
    ----------
    worst : array, shape (days,)
    once_in : float
        Days in which the level is exceeded once on average.
    confidence : float
        Of the upper limit, such as 0.95.
    """
    beyond = int(worst.size * _SHARE)
    if beyond < _FEWEST:
        return None
    ordered = np.sort(worst)
    threshold = float(ordered[-beyond - 1])
    excess = ordered[-beyond:] - threshold
    excess = excess[excess > 0.0]
    if excess.size < _FEWEST:
        return None
    often = once_in * excess.size / worst.size  # times that the threshold is exceeded meanwhile
    if often <= 1.0:
        raise ConfigError(f"once_in: {once_in:g} days is too short for a tail: ten or more")
    shape, _, scale = library("scipy.stats").genpareto.fit(excess, floc=0.0)
    level = threshold + _beyond(float(scale), float(shape), often)
    return ParetoTail(
        threshold=threshold,
        scale=float(scale),
        shape=float(shape),
        n=excess.size,
        level=level,
        upper=threshold + _upper(excess, level - threshold, often, confidence),
    )


def _beyond(scale: float, shape: float, often: float) -> float:
    return scale * (log(often) if abs(shape) < 1e-9 else (often**shape - 1.0) / shape)


def _profile(excess: Floats, level: float, often: float) -> float:
    """The largest log-likelihood of all tails with this level, over a grid of shapes."""
    shapes = np.where(np.abs(_SHAPES) < 1e-9, 1e-9, _SHAPES)
    scales = level * shapes / (often**shapes - 1.0)
    inside = 1.0 + shapes[:, None] * excess[None, :] / scales[:, None]
    possible = np.all(inside > 0.0, axis=1)
    safe = np.log(np.where(inside > 0.0, inside, 1.0))
    likelihood = -excess.size * np.log(scales) - (1.0 + 1.0 / shapes) * np.sum(safe, axis=1)
    return float(np.max(np.where(possible, likelihood, -inf)))


def _upper(excess: Floats, level: float, often: float, confidence: float) -> float:
    """Where the profile likelihood has fallen by half the χ² quantile, above its top."""
    grid = level * np.exp(np.linspace(-1.0, 1.0, 81))
    tops = [_profile(excess, float(each), often) for each in grid]
    best, top = float(grid[int(np.argmax(tops))]), max(tops)
    drop = float(library("scipy.stats").chi2.ppf(2.0 * confidence - 1.0, 1)) / 2.0

    def left(far: float) -> float:
        return _profile(excess, far, often) - top + drop

    far = 2.0 * best
    while left(far) > 0.0 and far < 1e3 * best:
        far *= 1.5
    if left(far) > 0.0:
        return far
    return float(library("scipy.optimize").brentq(left, best, far, rtol=1e-6))


def estimate_gap(
    bars: Prices | Dataset,
    *,
    until_ns: int | None = None,
    outage: str = "5m",
    floor: float = 0.25,
    once_in: str = "365d",
    confidence: float = 0.95,
) -> GapEstimate:
    """The gap to assume for an instrument, from what was known at a moment.

    Parameters
    ----------
    bars : Prices or Dataset
        Bars no longer than the outage, or trades.
    until_ns : int, optional
        UTC nanoseconds: bars that closed later are not looked at. All by default.
    outage : str
        The time it takes to get out: from an answer that does not come to the last fill.
    floor : float
        The smallest gap that may come out, a fraction.
    once_in : str
        The modelled move is exceeded once in this time on average.
    confidence : float
        Of the upper limit of that move.

    Raises
    ------
    DataError, ConfigError
        If bars are too long, there are none until then, or a parameter makes no sense.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> close = 100 * np.exp(np.cumsum(rng.standard_t(4, 288 * 300) * 0.001))
    >>> paid = Prices.trades("XRP", time_ns=np.arange(close.size) * duration_ns("5m"), price=close)
    >>> found = estimate_gap(paid, floor=0.25)
    >>> found.toml, found.because, found.n
    ('XRP = 0.25', 'floor', 86400)
    """
    if not 0.0 < floor < 1.0 or not 0.5 < confidence < 1.0:
        raise ConfigError(f"floor ({floor}) and confidence ({confidence}): fractions are wanted")
    known = (read_prices(bars) if isinstance(bars, Dataset) else bars).until(until_ns)
    outage_ns, days = duration_ns(outage), duration_ns(once_in) / DAY_NS
    falls, rises = adverse_moves(known, outage_ns=outage_ns)
    long = _side("long", known, falls, once_in=days, confidence=confidence)
    short = _side("short", known, rises, once_in=days, confidence=confidence)
    because, gap = _reason(long, short, floor)
    worst = max(long, short, key=lambda side: side.largest)
    quantile = float(np.fmax(long.upper, short.upper))
    return GapEstimate(
        symbol=known.symbol,
        gap=gap,
        because=because,
        largest=worst.largest,
        at=datetime.fromtimestamp(worst.at_ns / 1e9, tz=UTC),
        quantile=quantile,
        floor=floor,
        n=len(known),
        days=(seen := len(np.unique(known.end_ns[:-1] // DAY_NS))),
        until_ns=int(known.end_ns[-1]),
        outage_ns=outage_ns,
        once_in_days=days,
        confidence=confidence,
        long=long,
        short=short,
        doubt=_doubt(worst.largest, quantile, seen=seen, asked=days),
    )


def _reason(long: GapSide, short: GapSide, floor: float) -> tuple[Reason, float]:
    reasons: list[tuple[Reason, float]] = [("floor", floor)]
    for side in (long, short):
        reasons.append(("largest", side.largest))
        if not isnan(side.upper):
            reasons.append(("quantile", side.upper))
    return max(reasons, key=lambda each: each[1])


def _doubt(largest: float, quantile: float, *, seen: int, asked: float) -> str:
    if isnan(quantile):
        return f"{seen} days are too few to model what has not been seen"
    if asked > 3 * seen:
        return f"once in {asked:g} days is far beyond the {seen} days that were seen"
    if largest > quantile:
        return "the largest move is beyond what the others let expect: look whether it was real"
    return ""


def _side(
    side: Literal["long", "short"],
    prices: Prices,
    moves: Floats,
    *,
    once_in: float,
    confidence: float,
) -> GapSide:
    def fraction(move: float) -> float:
        return 1.0 - exp(-move) if side == "long" else exp(min(move, 50.0)) - 1.0

    _, first = np.unique(prices.end_ns[:-1] // DAY_NS, return_index=True)
    tail = fit_tail(np.maximum.reduceat(moves, first), once_in=once_in, confidence=confidence)
    at = int(np.argmax(moves))
    return GapSide(
        side=side,
        largest=fraction(float(moves[at])),
        at_ns=int(prices.end_ns[at]),
        quantiles={q: fraction(float(np.quantile(moves, q))) for q in _QUANTILES},
        tail=tail,
        level=nan if tail is None else fraction(tail.level),
        upper=nan if tail is None else fraction(tail.upper),
    )
