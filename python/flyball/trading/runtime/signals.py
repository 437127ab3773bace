"""Strategies as signals over arrays: a function of bars and parameters that gives one target a bar.

>>> def cross(bars, *, fast=50, slow=200):
...     return bars.sma(fast) > bars.sma(slow)
"""

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from flyball.errors import ConfigError

if TYPE_CHECKING:
    from flyball.trading.runtime.series import BarSeries, Targets

__all__ = ["Signals", "signature_of"]


@lru_cache(maxsize=64)
def signature_of(function: Callable[..., object]) -> inspect.Signature:
    """What a function takes; looked up once, although there is a `Signals` for each trial."""
    return inspect.signature(function)


class Signals:
    """A function of bars with its parameters.

    The function gets a `BarSeries` and the parameters, and gives one target a bar: true or false,
    -1, 0 or 1, or a fraction of a whole position between (counted in hundredths; NaN is flat). The
    value at a bar may use that bar and those before it, not later ones. The position is brought
    to a target when it changes; what a whole position is, the run's sizing says.

    Parameters
    ----------
    function : callable
    bars : str, optional
        The length of the bars that it gets; the data's own by default.
    **parameters
        Its keyword arguments.

    Raises
    ------
    ConfigError
        If it takes no such parameter, or one is missing.

    Examples
    --------
    >>> def cross(bars, *, fast=50, slow=200):
    ...     return bars.sma(fast) > bars.sma(slow)
    >>> Signals(cross, fast=20)
    cross(fast=20)
    """

    def __init__(
        self, function: Callable[..., object], /, *, bars: str | None = None, **parameters: object
    ) -> None:
        self.function = function
        self.bars = bars
        self.parameters: Mapping[str, Any] = parameters
        try:
            signature_of(function).bind(None, **parameters)
        except TypeError as error:
            raise ConfigError(f"{self.name}: {error}") from error

    @property
    def name(self) -> str:
        """What the function is called."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    def __repr__(self) -> str:
        given = {**({} if self.bars is None else {"bars": self.bars}), **self.parameters}
        return f"{self.name}({', '.join(f'{key}={value!r}' for key, value in given.items())})"

    def targets(self, series: "BarSeries") -> "Targets":
        """One target a bar, and what a whole position is counted as.

        Raises
        ------
        StrategyError
            If the function raises, or gives something else.
        """
        # Numbers are only needed where there are bars.
        from flyball.trading.runtime.series import targets

        return targets(self, series)
