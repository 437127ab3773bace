"""The life of orders as OpenTelemetry spans."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from flyball.errors import ConfigError, DataError
from flyball.ops.logs.orders import Life, lives

__all__ = ["export", "to_otlp"]

_INSTALL = "OpenTelemetry is not installed: pip install 'flyball[observe]'"


def export(journal: Path, exporter: Any, *, name: str = "flyball") -> int:  # noqa: ANN401
    """Give the orders of a run to an exporter of OpenTelemetry; how many there were.

    One trace an order. Its span begins when what it answers reached us and ends when the order
    did; within it `decide` lasts from what woke the strategy to its decision, `answer` from leaving
    the engine to the venue's first word. Steps are events of the span, with the journal's number.

    Parameters
    ----------
    exporter : opentelemetry.sdk.trace.export.SpanExporter
        Where they go.

    Raises
    ------
    ConfigError
        If OpenTelemetry is not installed.
    JournalError
        If the journal cannot be read.
    """
    try:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        raise ConfigError(_INSTALL) from None
    about = Resource({"service.name": name, "flyball.run": journal.name})
    provider = TracerProvider(resource=about, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("flyball.orders")
    found = lives(journal)
    _write(found, tracer)
    provider.force_flush()
    provider.shutdown()
    return len(found)


def _write(found: Iterable[Life], tracer: Any) -> None:  # noqa: ANN401
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace import Status, StatusCode

    for life in found:
        # A trace of its own, whatever goes on around.
        span = tracer.start_span(
            f"order {life.about['purpose']}",
            context=Context(),
            start_time=life.began_ns,
            attributes={"flyball.order": life.order, "flyball.end": life.end, **_plain(life.about)},
        )
        inside = trace.set_span_in_context(span, Context())
        for part, began_ns, ended_ns in _parts(life):
            tracer.start_span(part, context=inside, start_time=began_ns).end(ended_ns)
        for step in life.steps:
            words = {"flyball.event": step.event, **_plain(step.about)}
            span.add_event(step.what, words, timestamp=step.time_ns)
        if life.end in ("rejected", "refused", "not_found"):
            span.set_status(Status(StatusCode.ERROR, life.end))
        last = max((it.time_ns for it in life.steps), default=life.began_ns)
        span.end(life.ended_ns or last)


def _parts(life: Life) -> Iterable[tuple[str, int, int]]:
    sent = life.steps[0].time_ns
    if life.woken_ns is not None:
        yield "decide", life.woken_ns, sent
    answers = (it for it in life.steps if it.what not in ("submitted", "cancel", "asked"))
    first = next(answers, None)
    if first is not None and life.end != "refused":
        yield "answer", sent, first.time_ns


def _plain(about: dict[str, Any]) -> dict[str, Any]:
    return {f"flyball.{key}": value for key, value in about.items() if value is not None}


def to_otlp(journal: Path, endpoint: str) -> int:
    """Send the orders of a run to a collector over OTLP/HTTP; how many there were.

    Parameters
    ----------
    endpoint : str
        `http://127.0.0.1:4318/v1/traces`.

    Raises
    ------
    DataError
        If the collector does not take them.
    """
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    except ImportError:
        raise ConfigError(_INSTALL) from None
    failed: list[str] = []
    made = _heeding(OTLPSpanExporter(endpoint=endpoint, timeout=5), failed.append)
    count = export(journal, made)
    if failed:
        raise DataError(f"{endpoint} does not take the spans")
    return count


def _heeding(exporter: Any, tell: Callable[[str], None]) -> Any:  # noqa: ANN401
    """The exporter, whose failures are heard: a batch processor hides them."""
    from opentelemetry.sdk.trace.export import SpanExportResult

    plain = exporter.export

    def heed(spans: Any) -> Any:  # noqa: ANN401
        told = plain(spans)
        if told is not SpanExportResult.SUCCESS:
            tell("failed")
        return told

    exporter.export = heed
    return exporter
