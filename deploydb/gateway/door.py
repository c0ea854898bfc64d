"""What every request passes: its id, the headers of every answer, what becomes of errors, the metrics."""

import re
import time
from uuid import uuid4

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.domain.errors import Misconfigured, Transient
from deploydb.gateway.refusals import failed
from deploydb.telemetry import Log

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
}


class Door:
    """ASGI middleware around everything. The request's id is on every line that is logged on its way."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, log: Log) -> None:
        self._app = app
        self._log = log
        self._requests = Counter(
            "deploydb_gateway_requests_total",
            "Answers, by route (none: no such path) and status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "deploydb_gateway_request_seconds",
            "From a request to the head of its answer, by route.",
            ["route"],
            registry=registry,
            buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answered = False
        given = Headers(scope=scope).get("x-request-id", "")
        ident = given if _REQUEST_ID.fullmatch(given) else uuid4().hex

        async def send_on(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = ident
                route = getattr(scope.get("route"), "path", "none")
                self._requests.labels(route, str(message["status"])).inc()
                self._seconds.labels(route).observe(time.perf_counter() - began)
            await send(message)

        with structlog.contextvars.bound_contextvars(request=ident, path=scope["path"][:200]):
            try:
                await self._app(scope, receive, send_on)
            except (Transient, Misconfigured) as error:
                # why is for the log: it may name hosts and users
                self._log.warning("the database cannot be asked", reason=str(error))
                told = "the database cannot be asked at the moment: try again"
                await failed(Request(scope), 503, told, {"Retry-After": "1"})(scope, receive, send_on)
            except Exception:
                self._log.exception("a request could not be answered")
                if answered:
                    raise
                told = "this should not have happened; the log of the gateway says why"
                await failed(Request(scope), 500, told)(scope, receive, send_on)
