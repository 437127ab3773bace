"""Signals walked over bars without a book, a venue or the gate: thousands of them a second."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flyball import _core
from flyball.config.profile import Profile
from flyball.config.run import Sim, Sizing
from flyball.domain import Dataset, duration_ns, duration_text
from flyball.errors import ConfigError
from flyball.trading.runtime.plan import instrument_spec
from flyball.trading.runtime.series import BarSeries, Targets
from flyball.trading.runtime.signals import Signals

__all__ = ["ASSUMED", "LEFT_OUT", "Screened", "Screener"]

_MONEY = Decimal(10) ** 10
_RATE = Decimal(10) ** 12

# What screening takes for granted, for people.
ASSUMED = {
    "fills": "all of it at the next bar's open, half a spread worse, with the taker's fee",
    "path within a bar": "open, the extreme that hurts, the other one, close",
    "protection": "the profile's stop, absolute loss, longest holding and drawdown line, where the "
    "path touches them; at the open when the bar begins beyond them",
}
# What only the whole engine has.
LEFT_OUT = (
    "the order book: depth, queue, partial fills, the part of a bar's volume that can be traded",
    "latency of orders and answers",
    "the gate's rules (size, leverage, concentration, collar, rate of messages) and the governor",
    "switches but the drawdown line: daily loss, leverage, margin, emergency",
    "funding, margin and liquidation",
    "the least value of an order",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Screened:
    """What a walk came to: `equity` (float64, settlement currency) at each edge, and figures."""

    equity: NDArray[np.float64]
    figures: Mapping[str, Any]


@dataclass(kw_only=True)
class Screener:
    """Bars that are read once, and walks over them. Threads may share one.

    Parameters
    ----------
    data : Dataset
        Bars.
    profile : Profile
    cash : Decimal
    sizing : Sizing, optional
        What a whole position is.
    sim : Sim
        Of it, the spread and the path of bars.

    Raises
    ------
    ConfigError
        If the data holds no bars, or nothing says how large a position is.
    """

    data: Dataset
    profile: Profile
    cash: Decimal
    sizing: Sizing | None
    sim: Sim
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _series: dict[int, BarSeries] = field(default_factory=dict)
    _places: dict[int, NDArray[np.int64]] = field(default_factory=dict)
    _walks: dict[tuple[int, int, int], _core.Screening] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.data.contents != "bars" or not self.data.interval_ns:
            raise ConfigError(
                f"{self.data.name} holds {self.data.contents}: signals are over recorded bars; for "
                "other data write a strategy with decide(view)"
            )
        if self.sizing is None:
            raise ConfigError(
                "nothing says how large a target is: give a sizing, as in equity_fraction=0.1"
            )

    def interval_ns(self, signals: Signals) -> int:
        """The length of the bars that signals get."""
        own = self.data.interval_ns or 1
        wanted = own if signals.bars is None else duration_ns(signals.bars)
        if wanted % own:
            raise ConfigError(
                f"bars: {self.data.name} holds bars of {duration_text(own)}, and bars of "
                f"{duration_text(wanted)} cannot be made of them: take a multiple"
            )
        return wanted

    def series(self, interval_ns: int) -> BarSeries:
        """The bars of this length."""
        with self._lock:
            if not self._series:
                spec = json.dumps(instrument_spec(self.data.instrument))
                table = _core.BarTable(self.data.tape, spec)
                self._series[table.interval_ns] = BarSeries(table)
                self._series.setdefault(self.data.interval_ns or 1, BarSeries(table))
            base = next(iter(self._series.values()))
            if interval_ns not in self._series:
                self._series[interval_ns] = BarSeries(base.table.longer(interval_ns))
            return self._series[interval_ns]

    def targets(self, signals: Signals) -> tuple[BarSeries, Targets]:
        """The targets of signals, and the bars that they belong to.

        Raises
        ------
        StrategyError, ConfigError
            If the function raises, or gives something else than targets.
        """
        series = self.series(self.interval_ns(signals))
        return series, signals.targets(series)

    def run(
        self, signals: Signals, *, first_ns: int, last_ns: int, edges_ns: NDArray[np.int64]
    ) -> Screened:
        """Walk over the bars from `first_ns` until `last_ns`, and note equity at the edges.

        Raises
        ------
        StrategyError, ConfigError
            If the function raises, or its targets cannot be walked.
        """
        series, (targets, full) = self.targets(signals)
        base = self.series(self.data.interval_ns or 1)
        if series is not base:
            targets = self._spread(series, base, targets)
        walk = self._walk(base, first_ns, last_ns, edges_ns)
        equity, figures = walk.run(targets, full)
        return Screened(equity=equity, figures=figures)

    def engine_targets(self, signals: Signals, first_ns: int | None) -> _core.Targets:
        """The same targets for a run of the whole engine."""
        series, (targets, full) = self.targets(signals)
        first = self.data.first_ns if first_ns is None else first_ns
        return _core.Targets(series.time_ns, targets, full, self._terms(), first)

    def _spread(
        self, series: BarSeries, base: BarSeries, targets: NDArray[np.int8]
    ) -> NDArray[np.int8]:
        """Targets of longer bars, each from the bar that ends it on."""
        interval = series.table.interval_ns
        with self._lock:
            if interval not in self._places:
                newest = np.searchsorted(series.time_ns, base.time_ns, side="right")
                self._places[interval] = newest
        return np.concatenate([np.zeros(1, dtype=np.int8), targets])[self._places[interval]]

    def _walk(
        self, base: BarSeries, first_ns: int, last_ns: int, edges_ns: NDArray[np.int64]
    ) -> _core.Screening:
        key = (first_ns, last_ns, edges_ns.size)
        with self._lock:
            if key not in self._walks:
                terms = self._terms()
                self._walks[key] = _core.Screening(base.table, terms, first_ns, last_ns, edges_ns)
            return self._walks[key]

    def _terms(self) -> str:
        limits = self.profile.engine()
        assert self.sizing is not None
        return json.dumps(
            {
                "cash": int(self.cash * _MONEY),
                "sizing": self.sizing.engine(),
                "spread": int(self.sim.bar_spread * _RATE),
                "jumps": self.sim.bar_path == "jump",
                "stop_distance": limits["exits"]["stop_distance"],
                "absolute_loss": limits["exits"]["absolute_loss"],
                "max_holding_ns": limits["exits"]["max_holding_ns"],
                "drawdown": limits["switches"]["drawdown"],
            }
        )
