"""What scenarios would cost a portfolio: history again, shocks, correlation to one, no liquidity.

Losses are in the currency of the positions, above zero for a loss. Worst scenarios come first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf, isfinite

import numpy as np

from flyball.errors import ConfigError, DataError
from flyball.research.analytics.curve import Floats, Times

__all__ = [
    "Exit",
    "Loss",
    "Position",
    "correlation_to_one",
    "drought",
    "historical_windows",
    "shock",
    "worst_first",
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """What is held of an instrument, and how easily it is sold.

    Parameters
    ----------
    name : str
    value : float
        Of the position now, negative for a short one.
    spread : float, optional
        Ask less bid ÷ mid, a fraction.
    depth : float, optional
        Value that rests on one side within 1 % of the mid.
    turnover : float, optional
        Value that the market trades in an hour.
    """

    name: str
    value: float
    spread: float | None = None
    depth: float | None = None
    turnover: float | None = None

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise ConfigError(f"{self.name}: its value is not finite")
        for what in ("spread", "depth", "turnover"):
            given = getattr(self, what)
            if given is not None and not 0.0 < given < inf:
                raise ConfigError(f"{self.name}: {what} must be above zero, got {given}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Loss:
    """A scenario and what it costs: the whole, and each position in their order."""

    scenario: str
    loss: float
    positions: tuple[tuple[str, float], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Exit:
    """Getting out of one position in a drought.

    Parameters
    ----------
    name : str
    spread_cost, depth_cost : float or None
        Half the spread, and the way through the book; None where spread or depth are not known.
    hours : float or None
        Until it is out; None where turnover is not known.
    """

    name: str
    spread_cost: float | None
    depth_cost: float | None
    hours: float | None


def worst_first(losses: Sequence[Loss]) -> list[Loss]:
    """Scenarios by loss, the largest first."""
    return sorted(losses, key=lambda each: -each.loss)


def _loss(scenario: str, positions: Sequence[Position], lost: Sequence[float]) -> Loss:
    each = tuple((held.name, float(cost)) for held, cost in zip(positions, lost, strict=True))
    return Loss(scenario=scenario, loss=float(sum(lost)), positions=each)


def historical_windows(
    positions: Sequence[Position],
    *,
    time_ns: Times,
    closes: Floats,
    horizon: int,
    count: int = 3,
    name: str = "",
) -> list[Loss]:
    """The worst stretches of history for these positions, held unchanged from begin to end.

    Parameters
    ----------
    positions : sequence of Position, one a column of `closes`
    time_ns : array, shape (n,)
    closes : array, shape (n, positions)
        Prices at those moments.
    horizon : int
        Rows from begin to end.
    count : int
        Windows that are told; they do not overlap. Only those with a loss.
    name : str
        What a horizon is called in the scenario, such as "1d".

    Raises
    ------
    DataError
        If shapes do not fit, or a price is not above zero.
    ConfigError
        If history is shorter than the horizon.
    """
    if closes.ndim != 2 or closes.shape != (time_ns.size, len(positions)):
        raise DataError(f"closes: shape {(time_ns.size, len(positions))}, got {closes.shape}")
    if not np.all(closes > 0.0):
        raise DataError("closes: all must be above zero")
    if not 1 <= horizon < time_ns.size:
        raise ConfigError(f"horizon: 1 to {time_ns.size - 1} steps are possible, got {horizon}")
    moves = closes[horizon:] / closes[:-horizon] - 1.0
    lost = -moves * np.array([held.value for held in positions])
    whole = np.sum(lost, axis=1)
    free = np.ones(whole.size, dtype=bool)
    found: list[Loss] = []
    for at in np.argsort(-whole, kind="stable"):
        if len(found) == count or whole[at] <= 0.0:
            break
        if not free[at]:
            continue
        free[max(0, at - horizon + 1) : at + horizon] = False
        begin = datetime.fromtimestamp(int(time_ns[at]) / 1e9, tz=UTC)
        called = f"{name or f'{horizon} steps'} from {begin:%Y-%m-%d %H:%M}"
        found.append(_loss(called, positions, lost[at].tolist()))
    return found


def shock(
    positions: Sequence[Position], moves: float | Mapping[str, float], *, name: str = ""
) -> Loss:
    """Every price moves at once: by one fraction, or each by its own (others stay).

    Raises
    ------
    ConfigError
        If a move is below -1, or names no position.

    Examples
    --------
    >>> held = [Position(name="BTC", value=10_000.0), Position(name="XRP", value=-5_000.0)]
    >>> shock(held, -0.2).loss, shock(held, {"XRP": 0.4}).loss
    (1000.0, 2000.0)
    """
    own = moves if isinstance(moves, Mapping) else {held.name: moves for held in positions}
    strange = set(own) - {held.name for held in positions}
    if strange:
        known = ", ".join(held.name for held in positions)
        raise ConfigError(
            f"shock: there is no position in {sorted(strange)[0]!r}: there is {known}"
        )
    for what, move in own.items():
        if not -1.0 <= move < inf:
            raise ConfigError(f"shock: {what} cannot move by {move}: -1 is all of it")
    if not name and isinstance(moves, Mapping):
        name = ", ".join(f"{what} {move:+.0%}" for what, move in own.items())
    called = name or f"everything {float(next(iter(own.values()), 0.0)):+.0%}"
    return _loss(called, positions, [-held.value * own.get(held.name, 0.0) for held in positions])


def correlation_to_one(
    positions: Sequence[Position], *, volatilities: Sequence[float], sigmas: float = 5.0
) -> list[Loss]:
    """All prices move `sigmas` of their own deviations: together, and each against its position.

    Together, hedges still work: the worse of up and down. Against each, they do not: long positions
    fall while short ones rise. A price falls by no more than all of it.

    Parameters
    ----------
    volatilities : sequence of float
        Deviation of a step, a fraction, one a position.

    Raises
    ------
    ConfigError
        If they are not as many as the positions, or one is negative or unknown.

    Examples
    --------
    >>> held = [Position(name="BTC", value=10_000.0), Position(name="XRP", value=-5_000.0)]
    >>> [round(each.loss) for each in correlation_to_one(held, volatilities=[0.04, 0.06])]
    [500, 3500]
    """
    if len(volatilities) != len(positions):
        raise ConfigError(f"volatilities: {len(positions)} are wanted, got {len(volatilities)}")
    if not all(0.0 <= each < inf for each in volatilities) or not 0.0 < sigmas < inf:
        raise ConfigError("volatilities and sigmas: none may be negative or unknown")
    far = [sigmas * each for each in volatilities]
    falls = [min(1.0, each) for each in far]
    down = [held.value * fall for held, fall in zip(positions, falls, strict=True)]
    up = [-held.value * rise for held, rise in zip(positions, far, strict=True)]
    against = [max(a, b) for a, b in zip(down, up, strict=True)]
    worse, way = (down, "down") if sum(down) >= sum(up) else (up, "up")
    return [
        _loss(f"correlation 1, {sigmas:g} deviations {way}", positions, worse),
        _loss(f"hedges fail, {sigmas:g} deviations against each", positions, against),
    ]


def drought(
    positions: Sequence[Position], *, factor: float = 5.0, participation: float = 0.1
) -> tuple[Loss | None, list[Exit]]:
    """Selling everything while spreads are `factor` times as wide and books as thin, at no move.

    Costs of a position: half the spread, and the way through a book whose depth is spread evenly,
    so that value v costs v · (v ÷ depth) · 1 % ÷ 2. Never more than the position. Time is value ÷
    (participation · turnover ÷ factor).

    Parameters
    ----------
    factor : float
        Spread times it; depth and turnover over it.
    participation : float
        Share of the market's turnover that one can be.

    Returns
    -------
    Loss or None, list of Exit
        The loss is None unless every position's spread and depth are known: part of it would look
        like all of it.

    Raises
    ------
    DataError
        If the factor is below 1 or the share not between 0 and 1.

    Examples
    --------
    >>> held = Position(name="XRP", value=1e5, spread=2e-4, depth=1e6, turnover=1e7)
    >>> loss, (out,) = drought([held], factor=5.0)
    >>> round(loss.loss), out.hours
    (300, 0.5)
    """
    if not 1.0 <= factor < inf or not 0.0 < participation <= 1.0:
        raise ConfigError(f"factor ({factor}): 1 or more; participation ({participation}): 0 to 1")
    exits = [_exit(held, factor, participation) for held in positions]
    costs = []
    for held, way in zip(positions, exits, strict=True):
        if way.spread_cost is None or way.depth_cost is None:
            return None, exits
        costs.append(min(abs(held.value), way.spread_cost + way.depth_cost))
    return _loss(f"drought: spread x {factor:g}, depth ÷ {factor:g}", positions, costs), exits


def _exit(held: Position, factor: float, participation: float) -> Exit:
    size = abs(held.value)
    return Exit(
        name=held.name,
        spread_cost=None if held.spread is None else size * held.spread * factor / 2.0,
        depth_cost=None if held.depth is None else size * size * factor / held.depth * 0.005,
        hours=None if held.turnover is None else size * factor / (participation * held.turnover),
    )
