"""The place of a request in a trace, for what it publishes."""

from contextvars import ContextVar

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.domain.model.trace import TraceContext, trace_of
from deploydb.tracing import Tracer

_place: ContextVar[TraceContext | None] = ContextVar("place", default=None)
_READS = ("GET", "HEAD", "OPTIONS")


def place_of_request() -> TraceContext | None:
    """That of the request which is being answered; None where it has none."""
    return _place.get()


class TraceMiddleware:
    """ASGI middleware: a request that changes something continues the trace of its headers. Each has a task, and a task
    has a context of its own."""

    def __init__(self, app: ASGIApp, *, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in _READS:
            await self._app(scope, receive, send)
            return
        method = scope["method"]
        span = self._tracer.begin(method, "server", trace_of(Headers(scope=scope)), {"http.request.method": method})
        _place.set(span.context)
        status = 500

        async def send_on(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            answered = {"http.route": route, "http.response.status_code": status}
            span.end(answered, error=str(status) if status >= 500 else None)
