"""What a run measures, as metrics: `/metrics` in Prometheus' text and in OpenMetrics."""

from flyball.ops.telemetry.collector import RunCollector, registry, render
from flyball.ops.telemetry.observed import JournalWait, Observed, observe
from flyball.ops.telemetry.server import MetricsServer, address

__all__ = [
    "JournalWait",
    "MetricsServer",
    "Observed",
    "RunCollector",
    "address",
    "observe",
    "registry",
    "render",
]
