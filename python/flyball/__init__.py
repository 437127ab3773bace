"""Flyball: a trading engine that keeps an account from running away.

>>> import flyball as fb
>>> class Holder:
...     wake = fb.Wake(every="1m")
...
...     def decide(self, view):
...         return fb.Target(10)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    __version__: str

    from flyball._core import Quotes, Signal, Target
    from flyball.config.profile import Profile, profile
    from flyball.config.run import Sim, Sizing
    from flyball.domain import Bars, Dataset, Feature, Instrument, Strategy, View, Wake
    from flyball.errors import (
        ConfigError,
        DataError,
        FlyballError,
        JournalError,
        Stop,
        StrategyError,
    )
    from flyball.ops.report import report
    from flyball.ops.sweep import Sweep
    from flyball.research.data import Catalogue, data
    from flyball.trading.runtime.backtest import backtest
    from flyball.trading.runtime.demo import synthetic_market
    from flyball.trading.runtime.live import LiveSession
    from flyball.trading.runtime.local import LocalExchange
    from flyball.trading.runtime.replay import replay
    from flyball.trading.runtime.result import Result
    from flyball.trading.runtime.series import BarSeries
    from flyball.trading.runtime.signals import Signals
    from flyball.trading.strategies.breakout import Breakout
    from flyball.trading.strategies.maker import Maker
    from flyball.trading.strategies.mean_reversion import MeanReversion

# Each name and the module it lives in: what is not used is not imported.
_WHERE = {
    "BarSeries": "trading.runtime.series",
    "Bars": "domain",
    "Breakout": "trading.strategies.breakout",
    "Catalogue": "research.data",
    "ConfigError": "errors",
    "DataError": "errors",
    "Dataset": "domain",
    "Feature": "domain",
    "FlyballError": "errors",
    "Instrument": "domain",
    "JournalError": "errors",
    "LiveSession": "trading.runtime.live",
    "LocalExchange": "trading.runtime.local",
    "Maker": "trading.strategies.maker",
    "MeanReversion": "trading.strategies.mean_reversion",
    "Profile": "config.profile",
    "Quotes": "_core",
    "Result": "trading.runtime.result",
    "Signal": "_core",
    "Signals": "trading.runtime.signals",
    "Sim": "config.run",
    "Sizing": "config.run",
    "Stop": "errors",
    "Strategy": "domain",
    "StrategyError": "errors",
    "Sweep": "ops.sweep",
    "Target": "_core",
    "View": "domain",
    "Wake": "domain",
    "backtest": "trading.runtime.backtest",
    "data": "research.data",
    "profile": "config.profile",
    "replay": "trading.runtime.replay",
    "report": "ops.report",
    "synthetic_market": "trading.runtime.demo",
}

__all__ = [
    "BarSeries",
    "Bars",
    "Breakout",
    "Catalogue",
    "ConfigError",
    "DataError",
    "Dataset",
    "Feature",
    "FlyballError",
    "Instrument",
    "JournalError",
    "LiveSession",
    "LocalExchange",
    "Maker",
    "MeanReversion",
    "Profile",
    "Quotes",
    "Result",
    "Signal",
    "Signals",
    "Sim",
    "Sizing",
    "Stop",
    "Strategy",
    "StrategyError",
    "Sweep",
    "Target",
    "View",
    "Wake",
    "__version__",
    "backtest",
    "data",
    "profile",
    "replay",
    "report",
    "synthetic_market",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    if name == "__version__":
        return import_module("flyball._core").VERSION
    if name not in _WHERE:
        raise AttributeError(f"module 'flyball' has no attribute {name!r}")
    found = getattr(import_module(f"flyball.{_WHERE[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return __all__
