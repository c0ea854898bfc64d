"""What every request passes: the limits, the headers that keep browsers careful, and the metrics."""

import time

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.query.conventions import check_accepted, failed

_ANY_TYPE = ("/healthz", "/readyz", "/metrics", "/healthcheck")
"""Asked by load balancers and Prometheus, with Accept headers of their own."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-cache",
}


class Gate:
    """ASGI middleware, so that it costs no task of its own."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "deploydb_query_requests_total",
            "Answers, by route and status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "deploydb_query_request_seconds",
            "From a request to the head of its answer, by route.",
            ["route"],
            registry=registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer for it where it is not acceptable."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(route, str(message["status"])).inc()
                self._seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        try:
            if scope["path"] not in _ANY_TYPE:
                check_accepted(Request(scope))
        except HTTPException as refused:
            await failed(refused.status_code, refused.detail)(scope, receive, send_counted)
            return
        await self._app(scope, receive, send_counted)
