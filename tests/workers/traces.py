"""Spans in memory, as OpenTelemetry's SDK exports them."""

from collections.abc import Callable
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from deploydb.otel_tracer import OpenTelemetryTracer
from tests.workers.in_process import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
"""The example of W3C's Trace Context."""
OTHER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Spans:
    """A tracer, and what it has exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = OpenTelemetryTracer(provider)

    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def one(self, name: str, choose: Callable[[dict[str, Any]], bool] = lambda _: True) -> ReadableSpan:
        """The first span of a name that is chosen by its attributes, once it has ended."""

        def look() -> ReadableSpan | None:
            found = (span for span in self.all() if span.name == name and choose(dict(span.attributes or {})))
            return next(found, None)

        return until(look, f"a span {name} among {[span.name for span in self.all()]}")

    def event(self, id_: str) -> ReadableSpan:
        """That of ingest, of an event with an id."""
        return self.one("process deploydb.ingest", lambda attributes: attributes.get("cloudevents.event_id") == id_)

    def of_deployment(self, name: str, deployment: int) -> ReadableSpan:
        """One of a deployment."""
        return self.one(name, lambda attributes: attributes.get("deployment.id") == str(deployment))

    def message(self, name: str, id_: str) -> ReadableSpan:
        """One of a message."""
        return self.one(name, lambda attributes: attributes.get("messaging.message.id") == id_)


def trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def span_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.span_id:016x}"


def parent_id(span: ReadableSpan) -> str | None:
    return f"{span.parent.span_id:016x}" if span.parent is not None else None
