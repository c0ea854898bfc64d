"""Spans of OpenTelemetry's SDK. Imported only where they are wanted: see `tracing`."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
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
from deploydb.domain.templates import address_problem
from deploydb.telemetry import Log
from deploydb.tracing import Attributes, Kind, Span, Tracer

_CLOSE_WITHIN_SECONDS = 2.0
_OF_BATCHES = "OTEL_BSP_MAX_QUEUE_SIZE, OTEL_BSP_MAX_EXPORT_BATCH_SIZE or OTEL_BSP_SCHEDULE_DELAY"
_HTTP = "http/protobuf"
_PROTOCOLS = {_HTTP: "otlp_proto_http", "grpc": "otlp_proto_grpc"}
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

    def __init__(self, provider: TracerProvider, log: Log | None = None) -> None:
        self._provider = provider
        self._log = log
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
        if closing.is_alive() and self._log is not None:
            self._log.warning("the last spans are not exported", waited_seconds=_CLOSE_WITHIN_SECONDS)


def of_environment(name: str, environ: Mapping[str, str], log: Log) -> Tracer:
    """The tracer of a process; OpenTelemetry reads the other variables itself. Raises: Misconfigured, ImportError."""
    given = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    own = (
        {"service.version": __version__}
        if given
        else {"service.name": f"deploydb-{name}", "service.version": __version__}
    )
    with _values_of(""):  # the error names the variable
        provider = TracerProvider(resource=Resource.create(own), shutdown_on_exit=False)
    for exporter in (environ.get("OTEL_TRACES_EXPORTER") or "otlp").split(","):
        made = _exporter(exporter.strip(), environ)
        with _values_of(f"{_OF_BATCHES}: "):
            provider.add_span_processor(BatchSpanProcessor(made))
    return OpenTelemetryTracer(provider, log)


@contextmanager
def _values_of(prefix: str) -> Iterator[None]:
    """Raises: Misconfigured for a value that OpenTelemetry refuses, with this before its text."""
    try:
        yield
    except ValueError as error:
        raise Misconfigured(f"{prefix}{error}") from error


def _exporter(name: str, environ: Mapping[str, str]) -> SpanExporter:
    variable = "OTEL_TRACES_EXPORTER"
    if name == "otlp":
        given = _first(environ, "PROTOCOL")
        protocol = environ[given] if given is not None else _HTTP
        variable, name = given or variable, _PROTOCOLS.get(protocol, f"otlp of {protocol}")
        endpoint = _first(environ, "ENDPOINT")
        if protocol == _HTTP and endpoint is not None and address_problem(environ[endpoint], may_have_user=True):
            # its value is not shown: it may have a password
            raise Misconfigured(f"{endpoint} is no http or https address: write one such as http://otel:4318")
    found = next(iter(entry_points(group="opentelemetry_traces_exporter", name=name)), None)
    if found is None:
        known = sorted({one.name for one in entry_points(group="opentelemetry_traces_exporter")})
        raise Misconfigured(f"{variable}: no exporter {name!r} is installed; installed are {', '.join(known)}")
    with _values_of("OTEL_EXPORTER_…: "):
        exporter: SpanExporter = found.load()()
    return exporter


def _first(environ: Mapping[str, str], what: str) -> str | None:
    """The variable for traces, else the one for all signals; None where neither is set."""
    names = (f"OTEL_EXPORTER_OTLP_TRACES_{what}", f"OTEL_EXPORTER_OTLP_{what}")
    return next((name for name in names if environ.get(name)), None)


def _context(place: TraceContext | None) -> Context:
    return _w3c.extract(place.headers(), Context()) if place is not None else Context()
