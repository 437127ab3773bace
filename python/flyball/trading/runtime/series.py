"""Bars as columns with their indicators, and what signals over them say."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from flyball import _core
from flyball.errors import ConfigError, StrategyError
from flyball.trading.runtime.signals import Signals

__all__ = ["BarSeries", "Targets", "targets"]

Floats: TypeAlias = NDArray[np.float64]
# One target a bar, and what a whole position is counted as.
Targets: TypeAlias = tuple[NDArray[np.int8], int]

_HUNDREDTHS = 100
_KEPT_BYTES = 1 << 30


@dataclass(slots=True)
class _Place:
    lock: threading.Lock = field(default_factory=threading.Lock)
    values: Floats | None = None


class BarSeries:
    """Bars as columns, and indicators over them: arrays of float64, shape (bars,), read-only.

    Prices are in ticks, volume in lots. An indicator is worked out once for the same name and
    arguments, whoever asks; it is NaN until it is ready, and has after each bar what the engine's
    feature of that name has there. Up to 1 GiB of them is kept, those that were asked for last.

    Parameters
    ----------
    table : flyball._core.BarTable
    kept_bytes : int
    """

    def __init__(self, table: _core.BarTable, *, kept_bytes: int = _KEPT_BYTES) -> None:
        self.table = table
        self._places: OrderedDict[tuple[Any, ...], _Place] = OrderedDict()
        self._lock = threading.Lock()
        self._room = kept_bytes

    def __len__(self) -> int:
        return len(self.table)

    def _once(self, key: tuple[Any, ...], make: Callable[[], Floats]) -> Floats:
        with self._lock:
            place = self._places.setdefault(key, _Place())
            self._places.move_to_end(key)
        with place.lock:
            if place.values is None:
                place.values = make()
                place.values.setflags(write=False)
                self._took(place.values.nbytes)
            return place.values

    def _took(self, room: int) -> None:
        """Forget those that nobody asked for longest; who has one goes on with it."""
        with self._lock:
            self._room -= room
            for key in list(self._places):
                if self._room >= 0:
                    return
                values = self._places[key].values
                if values is not None:
                    self._room += values.nbytes
                    del self._places[key]

    def _column(self, name: str) -> Floats:
        return self._once((name,), lambda: self.table.column(name))

    @property
    def time_ns(self) -> NDArray[np.int64]:
        """When each bar ended, UTC nanoseconds."""
        return self.table.end_ns

    @property
    def open(self) -> Floats:
        """First prices."""
        return self._column("open")

    @property
    def high(self) -> Floats:
        """Highest prices."""
        return self._column("high")

    @property
    def low(self) -> Floats:
        """Lowest prices."""
        return self._column("low")

    @property
    def close(self) -> Floats:
        """Last prices."""
        return self._column("close")

    @property
    def volume(self) -> Floats:
        """What was traded."""
        return self._column("volume")

    def feature(self, name: str, **parameters: float) -> Floats:
        """Any feature of bars by its name, with its parameters; docs/strategies.md lists them.

        Raises
        ------
        ConfigError
            If there is none of that name that looks at bars alone, or a parameter is wrong.
        """
        given = sorted((key, float(value)) for key, value in parameters.items())
        return self._once((name, *given), lambda: self.table.feature(name, given))

    def sma(self, period: int) -> Floats:
        """Mean close."""
        return self.feature("sma", period=period)

    def ema(self, period: int) -> Floats:
        """Exponential moving average of the closes."""
        return self.feature("ema", period=period)

    def highest(self, period: int, *, offset: int = 0) -> Floats:
        """Highest high of `period` bars, the window ending `offset` bars before."""
        return self.feature("donchian_high", period=period, offset=offset)

    def lowest(self, period: int, *, offset: int = 0) -> Floats:
        """Lowest low of `period` bars, the window ending `offset` bars before."""
        return self.feature("donchian_low", period=period, offset=offset)

    def std(self, period: int) -> Floats:
        """Sample standard deviation of the closes."""
        return self._once(("std", period), lambda: self.table.deviation(period))

    def zscore(self, period: int) -> Floats:
        """Distance of the close from the mean close, in standard deviations."""
        return self.feature("zscore", period=period)

    def rsi(self, period: int) -> Floats:
        """Wilder's relative strength index, 0 to 100."""
        return self.feature("rsi", period=period)

    def atr(self, period: int) -> Floats:
        """Wilder's average true range."""
        return self.feature("atr", period=period)


def targets(signals: Signals, series: BarSeries) -> Targets:
    """What `Signals.targets` gives."""
    try:
        with np.errstate(invalid="ignore", divide="ignore"):
            returned = signals.function(series, **signals.parameters)
    except ConfigError:
        raise
    except Exception as error:
        told = f"{signals.name} raised {type(error).__name__}: {error}"
        raise StrategyError(told) from error
    return _whole(np.asarray(returned), len(series), signals.name)


def _whole(given: NDArray[Any], count: int, name: str) -> Targets:
    wrong = f"{name} returned"
    if given.shape != (count,):
        raise StrategyError(f"{wrong} shape {given.shape}: ({count},) is wanted, one target a bar")
    if given.dtype == np.bool_:
        return np.ascontiguousarray(given).view(np.int8), 1
    if given.dtype.kind in "iu":
        if count and (given.min() < -1 or given.max() > 1):
            raise StrategyError(f"{wrong} whole numbers beyond -1, 0 and 1")
        return np.ascontiguousarray(given, dtype=np.int8), 1
    if given.dtype.kind != "f":
        raise StrategyError(f"{wrong} {given.dtype}: targets are numbers from -1 to 1")
    known = np.nan_to_num(given, nan=0.0, posinf=np.inf, neginf=-np.inf)
    if count and np.abs(known).max() > 1.0:
        raise StrategyError(f"{wrong} targets beyond -1 and 1")
    return np.rint(known * _HUNDREDTHS).astype(np.int8), _HUNDREDTHS
