"""All numbers about a run in one list: name, value, unit, and what each means."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isnan, nan
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flyball.errors import DataError
from flyball.research.analytics import drawdowns, returns
from flyball.research.analytics.curve import (
    DAY_NS,
    YEAR_NS,
    Curve,
    Floats,
    Sampling,
    Times,
    sampling,
)
from flyball.research.analytics.definitions import DEFINITIONS, Definition
from flyball.research.analytics.drawdowns import Drawdown
from flyball.research.analytics.trips import RoundTrips

__all__ = ["Metric", "Metrics", "measure"]

Unit: TypeAlias = Literal["fraction", "money", "ratio", "count", "per_day", "duration_ns"]
Group: TypeAlias = Literal["return", "risk", "trading"]
Value: TypeAlias = tuple[float, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Metric:
    """A number with its meaning.

    Parameters
    ----------
    key, name : str
        For machines and for people.
    value : float
        In `unit`; NaN where there is none.
    unit : str
        "fraction" (of 1), "money" (settlement currency), "ratio", "count", "per_day" or
        "duration_ns".
    group : str
        "return", "risk" or "trading".
    definition : str
        One sentence with the formula.
    reason : str
        Why there is no value; empty where there is one.
    """

    key: str
    name: str
    value: float
    unit: Unit
    group: Group
    definition: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Metrics:
    """All metrics of a run, in the order in which people read them.

    `sampling` says how often equity was looked at for returns, `returns` how many there were,
    `drawdown` when the deepest fall of the sampled curve was.
    """

    sampling: Sampling
    returns: int
    drawdown: Drawdown | None
    all: tuple[Metric, ...]

    def __getitem__(self, key: str) -> Metric:
        for metric in self.all:
            if metric.key == key:
                return metric
        raise KeyError(key)

    def __iter__(self) -> Iterator[Metric]:
        return iter(self.all)


def measure(
    *,
    time_ns: Times,
    equity: Floats,
    trips: RoundTrips | None = None,
    exposed: NDArray[np.bool_] | None = None,
    traded: float = 0.0,
    fees: float = 0.0,
    max_drawdown: float | None = None,
) -> Metrics:
    """Everything that can be said about a run in numbers.

    Parameters
    ----------
    time_ns, equity : array, shape (n,)
        UTC nanoseconds that never go back; settlement currency, NaN where unknown. The spacing may
        be irregular.
    trips : RoundTrips, optional
        Positions that were opened and closed.
    exposed : array of bool, shape (n,), optional
        Whether a position was held from this moment to the next.
    traded, fees : float
        Value of all fills, and what they cost; settlement currency.
    max_drawdown : float, optional
        The deepest drawdown where it was seen more often than `equity` is sampled; it then counts.

    Returns
    -------
    Metrics
        A number that cannot be formed is NaN, with the reason beside it.

    Raises
    ------
    DataError
        If the arrays differ in length, or time goes back.

    Examples
    --------
    >>> days = np.arange(41, dtype=np.int64) * DAY_NS
    >>> found = measure(time_ns=days, equity=100.0 * 1.01 ** np.arange(41))
    >>> found.sampling.name, round(found["total_return"].value, 4)
    ('day', 0.4889)
    >>> found["sharpe"].reason
    'the returns do not vary'
    """
    curve = Curve(time_ns, equity)
    if exposed is not None and exposed.shape != time_ns.shape:
        raise DataError("exposed: one value a moment is wanted")
    step = sampling(curve.duration_ns)
    sampled = curve.returns(step.step_ns)
    total = nan
    if equity.size and np.isfinite(equity[-1]):
        total = returns.total_return(float(curve.equity[0]), float(curve.equity[-1]))
    run = _Run(curve=curve, step=step, returns=sampled, total=total)
    values = _returns(run) | _risk(run, max_drawdown) | _trips(trips or RoundTrips(), curve)
    values |= _trading(run, traded=traded, fees=fees)
    values["exposure_time"] = _exposure(time_ns, exposed)
    return Metrics(
        sampling=step,
        returns=int(sampled.size),
        drawdown=drawdowns.deepest(curve),
        all=tuple(_metric(definition, *values[definition.key]) for definition in DEFINITIONS),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Run:
    curve: Curve
    step: Sampling
    returns: Floats
    total: float

    @property
    def years(self) -> float:
        return self.curve.duration_ns / YEAR_NS

    @property
    def annual(self) -> float:
        return returns.annualised_return(self.total, self.years)

    @property
    def why_no_return(self) -> str:
        if not self.curve.equity.size:
            return "equity was never known"
        if self.curve.equity[0] > 0.0:
            return "equity at the end is unknown"
        return "equity at the start is not above zero"

    @property
    def why_not_annual(self) -> str:
        return "the run is shorter than a year" if self.years < 1.0 else self.why_no_return

    def why_no_ratio(self, otherwise: str) -> str:
        if self.step.step_ns != DAY_NS:
            return "the run is shorter than 30 days"
        if self.returns.size < 2:
            return "equity reached zero before there were two returns"
        return otherwise


def _metric(definition: Definition, value: float, reason: str) -> Metric:
    return Metric(
        key=definition.key,
        name=definition.name,
        value=value,
        unit=definition.unit,
        group=definition.group,
        definition=definition.text,
        reason=reason if isnan(value) else "",
    )


def _returns(run: _Run) -> dict[str, Value]:
    a_year = run.step.per_year
    deviation = returns.volatility(run.returns)
    daily = run.step.step_ns == DAY_NS
    sharpe = returns.sharpe(run.returns, a_year) if daily else nan
    sortino = returns.sortino(run.returns, a_year) if daily else nan
    error = returns.sharpe_error(sharpe, run.returns.size, a_year)
    few = f"fewer than two returns of a {run.step.name}"
    return {
        "total_return": (run.total, run.why_no_return),
        "annualised_return": (run.annual, run.why_not_annual),
        "volatility": (deviation, few),
        "annual_volatility": (deviation * a_year**0.5 if daily else nan, run.why_no_ratio(few)),
        "sharpe": (sharpe, run.why_no_ratio("the returns do not vary")),
        "sharpe_error": (error, run.why_no_ratio("there is no Sharpe ratio")),
        "sortino": (sortino, run.why_no_ratio("no return was a loss")),
    }


def _risk(run: _Run, max_drawdown: float | None) -> dict[str, Value]:
    curve, unknown = run.curve, "equity was never known"
    fall, depth, ulcer, under = drawdowns.deepest(curve), nan, nan, nan
    if curve.equity.size:
        depth = fall.depth if fall else 0.0
        under = float(drawdowns.longest_under_water_ns(curve))
        grid = curve.on_grid(run.step.step_ns)[0]
        newest = np.searchsorted(curve.time_ns, grid, side="right") - 1
        ulcer = drawdowns.ulcer_index(drawdowns.drawdowns(curve.equity)[newest])
    if max_drawdown is not None:
        depth = max_drawdown
    calmar = run.annual / depth if depth > 0.0 else nan
    few = f"fewer than 20 returns of a {run.step.name}"
    never = "equity never fell" if curve.equity.size else unknown
    return {
        "calmar": (calmar, run.why_not_annual if isnan(run.annual) else never),
        "max_drawdown": (depth, unknown),
        "drawdown_time": (float(fall.duration_ns) if fall else nan, never),
        "under_water": (under, unknown),
        "ulcer_index": (ulcer, unknown),
        "value_at_risk": (returns.value_at_risk(run.returns), few),
        "expected_shortfall": (returns.expected_shortfall(run.returns), few),
    }


def _trips(trips: RoundTrips, curve: Curve) -> dict[str, Value]:
    days = curve.duration_ns / DAY_NS
    none = "there was no round trip"
    no_win, no_loss = "no round trip brought money", "no round trip cost money"
    return {
        "round_trips": (float(trips.count), ""),
        "trips_per_day": (trips.count / days if days > 0.0 else nan, "the run took no time"),
        "win_rate": (trips.win_rate, none),
        "profit_factor": (trips.profit_factor, no_loss),
        "average_win": (trips.average_win, no_win),
        "average_loss": (trips.average_loss, no_loss),
        "expectancy": (trips.expectancy, none),
        "largest_loss": (trips.largest_loss, no_loss),
        "mean_holding": (trips.mean_holding_ns, none),
    }


def _trading(run: _Run, *, traded: float, fees: float) -> dict[str, Value]:
    equity, times = run.curve.equity, run.curve.time_ns
    unknown = "equity was never known"
    mean = nan
    if run.curve.duration_ns > 0:
        mean = float(np.sum(equity[:-1] * (np.diff(times) / run.curve.duration_ns)))
    elif equity.size:
        mean = float(equity[-1])
    first = float(equity[0]) if equity.size else nan
    return {
        "turnover": (traded / mean if mean > 0.0 else nan, unknown),
        "fees": (fees, unknown),
        "fees_share": (fees / first if first > 0.0 else nan, unknown),
        "fees_rate": (fees / traded if traded > 0.0 else nan, "nothing was traded"),
    }


def _exposure(time_ns: Times, exposed: NDArray[np.bool_] | None) -> Value:
    if exposed is None:
        return nan, "positions were not recorded"
    spans = np.diff(time_ns)
    whole = float(np.sum(spans))
    held = float(np.sum(spans[exposed[:-1]])) if spans.size else 0.0
    return (held / whole, "") if whole > 0.0 else (nan, "the run took no time")
