"""What a run was worth: numbers about equity curves and round trips, each with its definition."""

from flyball.research.analytics.drawdowns import Drawdown
from flyball.research.analytics.metrics import Metric, Metrics, measure
from flyball.research.analytics.trips import RoundTrips

__all__ = ["Drawdown", "Metric", "Metrics", "RoundTrips", "measure"]
