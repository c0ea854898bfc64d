"""Spans of OpenTelemetry's SDK. Imported only where they are wanted: see `tracing`."""

import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode, get_current_span, set_span_in_context
from opentelemetry.trace import Span as OpenSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from deploydb import __version__
from deploydb.domain.model.errors import Misconfigured
from deploydb.domain.model.trace import TraceContext, trace_of
from deploydb.tracing import Attributes, Kind, Span, Tracer

_CLOSE_WITHIN_SECONDS = 2.0
_PROTOCOLS = {"http/protobuf": "otlp_proto_http", "grpc": "otlp_proto_grpc"}
_w3c = TraceContextTextMapPropagator()


class OpenTelemetrySpan(Span):
    def __init__(self, span: OpenSpan) -> None:
        carrier: dict[str, str] = {}
        _w3c.inject(carrier, set_span_in_context(span, Context()))
        super().__init__(trace_of(carrier))
        self._span = span

    def end(self, attributes: Attributes | None = None, *, error: str | None = None) -> None:
        if attributes:
            self._span.set_attributes(dict(attributes))
        if error is not None:
            self._span.set_status(StatusCode.ERROR, error)
        self._span.end()


class OpenTelemetryTracer(Tracer):
    is_on = True

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("deploydb", __version__)

    def begin(
        self,
        name: str,
        kind: Kind,
        parent: TraceContext | None,
        attributes: Attributes | None = None,
        links: Sequence[TraceContext] = (),
    ) -> Span:
        span = self._tracer.start_span(
            name,
            context=_context(parent),
            kind=SpanKind[kind.upper()],
            attributes=dict(attributes or {}),
            links=[Link(get_current_span(_context(link)).get_span_context()) for link in links],
        )
        return OpenTelemetrySpan(span)

    def close(self) -> None:
        # the last export may wait for a collector that is away
        closing = threading.Thread(target=self._provider.shutdown, name="last spans", daemon=True)
        closing.start()
        closing.join(_CLOSE_WITHIN_SECONDS)


def of_environment(name: str, environ: Mapping[str, str]) -> Tracer:
    """The tracer of a process; OpenTelemetry reads the other variables itself. Raises: Misconfigured, ImportError."""
    given = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = (
        {"service.version": __version__}
        if given
        else {"service.name": f"deploydb-{name}", "service.version": __version__}
    )
    provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    for exporter in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(","):
        provider.add_span_processor(BatchSpanProcessor(_exporter(exporter.strip(), environ)))
    return OpenTelemetryTracer(provider)


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    if name == "otlp":
        protocol = environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
        name = _PROTOCOLS.get(protocol or "http/protobuf", f"otlp of {protocol}")
    found = next(iter(entry_points(group="opentelemetry_traces_exporter", name=name)), None)
    if found is None:
        known = sorted({one.name for one in entry_points(group="opentelemetry_traces_exporter")})
        raise Misconfigured(
            f"OTEL_TRACES_EXPORTER: no exporter {name!r} is installed; installed are {', '.join(known)}"
        )
    exporter: SpanExporter = found.load()()
    return exporter


def _context(place: TraceContext | None) -> Context:
    return _w3c.extract(place.headers(), Context()) if place is not None else Context()
