"""What each metric means, in the order in which people read them."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["DEFINITIONS", "Definition"]


@dataclass(frozen=True, slots=True)
class Definition:
    """A metric without its value: see `flyball.research.analytics.Metric`."""

    key: str
    name: str
    unit: Literal["fraction", "money", "ratio", "count", "per_day", "duration_ns"]
    group: Literal["return", "risk", "trading"]
    text: str


DEFINITIONS = (
    Definition(
        "total_return", "Total return", "fraction", "return",
        "Equity at the end ÷ equity at the start \u2212 1, all costs included.",
    ),
    Definition(
        "annualised_return", "Annualised return", "fraction", "return",
        "The yearly growth that gives the total: (1 + total return)^(1 ÷ years) \u2212 1.",
    ),
    Definition(
        "volatility", "Volatility of a step", "fraction", "return",
        "Standard deviation of the returns of single steps, with n \u2212 1.",
    ),
    Definition(
        "annual_volatility", "Volatility of a year", "fraction", "return",
        "Volatility of a step · √(steps in a year of 365 days).",
    ),
    Definition(
        "sharpe", "Sharpe ratio", "ratio", "return",
        "Mean return ÷ volatility of a step · √(steps a year); no risk-free rate is taken off.",
    ),
    Definition(
        "sharpe_error", "Standard error of Sharpe", "ratio", "return",
        "√((1 + S² ÷ 2) ÷ n · steps a year), S the ratio of one step, n the returns (Lo 2002).",
    ),
    Definition(
        "sortino", "Sortino ratio", "ratio", "return",
        "Mean return ÷ √mean(losses²) · √(steps a year), gains counted as zero losses.",
    ),
    Definition(
        "calmar", "Calmar ratio", "ratio", "return",
        "Annualised return ÷ max drawdown, over the whole run.",
    ),
    Definition(
        "max_drawdown", "Max drawdown", "fraction", "risk",
        "The largest 1 \u2212 equity ÷ peak equity, seen on every event.",
    ),
    Definition(
        "drawdown_time", "Time of that drawdown", "duration_ns", "risk",
        "From the peak before the deepest fall until equity was back there, or to the end.",
    ),
    Definition(
        "under_water", "Longest time under a peak", "duration_ns", "risk",
        "The longest time between a peak and equity being back there, or the end.",
    ),
    Definition(
        "ulcer_index", "Ulcer index", "fraction", "risk",
        "√mean(drawdown²) over the steps: deep and long falls weigh most.",
    ),
    Definition(
        "value_at_risk", "VaR 95 %", "fraction", "risk",
        "The loss of a step that the worst 5 % of the steps reached or exceeded (historical).",
    ),
    Definition(
        "expected_shortfall", "Expected shortfall 95 %", "fraction", "risk",
        "The mean loss of the worst 5 % of the steps (historical).",
    ),
    Definition(
        "exposure_time", "Exposure time", "fraction", "risk",
        "Time with an open position ÷ time of the run.",
    ),
    Definition(
        "round_trips", "Round trips", "count", "trading",
        "Positions that were opened and closed, or turned over.",
    ),
    Definition(
        "trips_per_day", "Round trips a day", "per_day", "trading",
        "Round trips ÷ days of the run.",
    ),
    Definition(
        "win_rate", "Win rate", "fraction", "trading",
        "Round trips that brought money, all costs included ÷ round trips.",
    ),
    Definition(
        "profit_factor", "Profit factor", "ratio", "trading",
        "Sum of the gains ÷ sum of the losses of round trips.",
    ),
    Definition(
        "average_win", "Average win", "money", "trading",
        "Mean net result of the round trips that brought money.",
    ),
    Definition(
        "average_loss", "Average loss", "money", "trading",
        "Mean net result of the round trips that cost money.",
    ),
    Definition(
        "expectancy", "Expectancy", "money", "trading",
        "Mean net result of all round trips.",
    ),
    Definition(
        "largest_loss", "Largest loss", "money", "trading",
        "Net result of the worst round trip.",
    ),
    Definition(
        "mean_holding", "Mean holding time", "duration_ns", "trading",
        "Mean time from opening to closing a round trip.",
    ),
    Definition(
        "turnover", "Turnover", "ratio", "trading",
        "Value of all fills ÷ time-weighted mean equity.",
    ),
    Definition(
        "fees", "Fees", "money", "trading",
        "All that the venue charged for fills; rebates count against it.",
    ),
    Definition(
        "fees_share", "Fees ÷ cash", "fraction", "trading",
        "Fees ÷ equity at the start.",
    ),
    Definition(
        "fees_rate", "Fees ÷ value traded", "fraction", "trading",
        "Fees ÷ value of all fills.",
    ),
)  # fmt: skip
