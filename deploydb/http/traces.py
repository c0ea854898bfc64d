"""The place of a request in a trace, for what it publishes."""

from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.domain.model.trace import TraceContext, trace_of
from deploydb.http.metrics import NO_ROUTE, route_of
from deploydb.tracing import Tracer

_place: ContextVar[TraceContext | None] = ContextVar("place", default=None)
_READS = ("GET", "HEAD", "OPTIONS")
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_OTHER = "_OTHER"
"""Of a method that OpenTelemetry's conventions do not list: a name of a span is no client's to choose."""


def place_of_request() -> TraceContext | None:
    """That of the request which is being answered; None where it has none."""
    return _place.get()


def _place_of(headers: Headers) -> TraceContext | None:
    """Of several tracestates the list is whole only with all; of several traceparents none counts."""
    names = [name for name in headers if name.endswith(("traceparent", "tracestate"))]
    return trace_of({name: ",".join(headers.getlist(name)) for name in names})


class TraceMiddleware:
    """ASGI middleware: a request that changes something continues the trace of its headers. Each has a task, and a task
    has a context of its own. Those to an unknown path, and those answered with 401, are not exported.
    """

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in _WRITES else _OTHER
        name = method if method != _OTHER else "HTTP"
        span = self._tracer.begin(name, "server", _place_of(Headers(scope=scope)), {"http.request.method": method})
        _place.set(span.context)
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except (Transient, Misconfigured):
            status = 503  # as `RequestMiddleware` answers it
            raise
        finally:
            route = route_of(scope)
            if route != NO_ROUTE and status != 401:
                answered: dict[str, str | int] = {"http.route": route, "http.response.status_code": status}
                span.end(answered, error=str(status) if status >= 500 else None)
