"""Metrics of a run for `prometheus_client`: read anew at each scrape, nothing is kept."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from flyball import _core
from flyball.ops.telemetry.observed import Observed
from flyball.ops.telemetry.risk import RISK
from flyball.ops.telemetry.spec import PREFIX, Spec
from flyball.ops.telemetry.system import SYSTEM
from flyball.ops.telemetry.trading import TRADING

__all__ = ["LATENCY", "SPECS", "RunCollector", "families", "registry", "render"]

SPECS: tuple[Spec, ...] = (*TRADING, *RISK, *SYSTEM)
LATENCY = PREFIX + "latency_seconds"
_STAGES = (
    "Seconds that a stage takes, by stage. feed: venue's time to ours, by both clocks; decode: a "
    "frame to the queue; queue: socket to engine; engine: an event taken in, recorded, its "
    "commands handed out; decide: waking event to the strategy's answer; react: event to its "
    "order leaving the engine; sign; keep: before sending; send: event to its order's bytes "
    "handed to the system; answer: sent to the venue's answer. Of decode, queue and engine one in "
    "128 is timed, of feed one in 4."
)


def families(seen: Observed) -> Iterator[Metric]:
    """All metrics of a run at one moment."""
    for spec in SPECS:
        made: Any = CounterMetricFamily if spec.kind == "counter" else GaugeMetricFamily
        family = made(spec.full_name, spec.help, labels=spec.labels)
        for labels, value in spec.read(seen):
            if value is not None:
                family.add_metric(labels, value)
        if family.samples:
            yield family
    yield _info(seen)
    if seen.measures:
        yield _latencies(seen.measures["latencies"])


def _info(seen: Observed) -> Metric:
    run = seen.run
    info = InfoMetricFamily(PREFIX + "run", "Which run this is.")
    about = {
        "venue": run.venue,
        "network": run.network,
        "account": run.account,
        "profile": run.profile,
        "strategies": ",".join(run.strategies),
        "instruments": ",".join(it.symbol for it in run.instruments),
        "simulated": str(run.simulated).lower(),
        "version": _core.VERSION,
        "build": _core.BUILD,
    }
    info.add_metric((), about)
    return info


def _latencies(found: Any) -> Metric:  # noqa: ANN401
    family = HistogramMetricFamily(LATENCY, _STAGES, labels=("stage",))
    bounds = [f"{bound / 1e9:.9g}" for bound in found["bounds_ns"]] + ["+Inf"]
    for stage, counted in found["stages"]:
        below, buckets = 0, []
        for bound, count in zip(bounds, counted["counts"], strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric((stage,), buckets, sum_value=counted["sum_ns"] / 1e9)
    return family


class RunCollector(Collector):
    """Reads a run's metrics when it is asked for them.

    Parameters
    ----------
    look : callable
        Gives the run as it is now.
    """

    def __init__(self, look: Callable[[], Observed]) -> None:
        self._look = look

    def describe(self) -> Iterable[Metric]:
        """Nothing: the names are not asked for before there is a run."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """All metrics, as they are now."""
        return families(self._look())


def registry(look: Callable[[], Observed], *, pid: int | None = None) -> CollectorRegistry:
    """A registry of a run's own metrics, and of its process: memory, CPU, open files.

    Parameters
    ----------
    pid : int, optional
        The run's process, when it is another one; this one by default.
    """
    made = CollectorRegistry()
    made.register(RunCollector(look))
    ProcessCollector(pid=lambda: "self" if pid is None else pid, registry=made)
    return made


def render(found: CollectorRegistry, *, openmetrics_text: bool = False) -> bytes:
    """The metrics as text: Prometheus' own format, or OpenMetrics 1.0."""
    write: Callable[[CollectorRegistry], bytes] = (
        openmetrics.generate_latest if openmetrics_text else generate_latest
    )
    return write(found)
