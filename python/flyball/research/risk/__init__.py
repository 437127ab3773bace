"""Risk that people read: VaR and its back-tests, stress, gaps, Kelly, regimes. Cold, read-only."""

from flyball.research.risk.correlation import Concentration, concentration
from flyball.research.risk.gaps import GapEstimate, estimate_gap
from flyball.research.risk.kelly import Kelly, kelly_of_bets, kelly_of_returns
from flyball.research.risk.prices import Prices, read_prices
from flyball.research.risk.regimes import multiplier, regime
from flyball.research.risk.rolling import METHODS, BackTest, backtest, forecasts, judge
from flyball.research.risk.split import Contributions, contributions
from flyball.research.risk.stress import Loss, Position
from flyball.research.risk.tail import (
    Tail,
    cornish_fisher,
    ewma,
    filtered,
    historical,
    monte_carlo,
    normal,
)

__all__ = [
    "METHODS",
    "BackTest",
    "Concentration",
    "Contributions",
    "GapEstimate",
    "Kelly",
    "Loss",
    "Position",
    "Prices",
    "Tail",
    "backtest",
    "concentration",
    "contributions",
    "cornish_fisher",
    "estimate_gap",
    "ewma",
    "filtered",
    "forecasts",
    "historical",
    "judge",
    "kelly_of_bets",
    "kelly_of_returns",
    "monte_carlo",
    "multiplier",
    "normal",
    "read_prices",
    "regime",
]
