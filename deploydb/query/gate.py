"""What every request passes: the limits, what becomes of errors, the headers of every answer, ids, the metrics."""

import re
import time
from collections.abc import Callable
from uuid import uuid4

from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.domain.errors import Misconfigured, Transient
from deploydb.query.errors import failed
from deploydb.telemetry import Log

Tell = Callable[[Request, int, str, dict[str, str] | None], Response]
"""Makes an error's answer: for whom, its status, what it says, and its headers."""

MOST_PATH_BYTES = 48 * 1024
"""Group and name of a module may have 8192 characters each, some of them escaped. The HTTP parser ends at 64 KiB."""
MOST_QUERY_BYTES = 16 * 1024

SLOW_SECONDS = 1.0
"""An answer whose head took longer is in the log."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}


def _in_json(_request: Request, status: int, message: str, headers: dict[str, str] | None) -> Response:
    return failed(status, message, headers)


class Gate:
    """ASGI middleware around everything; costs no task of its own. Request bodies are never read."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry, log: Log, tell: Tell = _in_json) -> None:
        self._app = app
        self._log = log
        self._tell = tell
        self._requests = Counter(
            "deploydb_query_requests_total",
            "Answers, by route (none: no such path) and status.",
            ["route", "status"],
            registry=registry,
        )
        self._seconds = Histogram(
            "deploydb_query_request_seconds",
            "From a request to the head of its answer, by route and status.",
            ["route", "status"],
            registry=registry,
            buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
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
        told_of = {"request": ident, "path": scope["path"][:200]}

        async def send_on(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers["X-Request-Id"] = ident
                seconds = time.perf_counter() - began
                self._count(scope, message["status"], seconds)
                if seconds > SLOW_SECONDS:
                    self._log.info("a slow answer", seconds=round(seconds, 3), status=message["status"], **told_of)
            await send(message)

        try:
            await self._answer(scope, receive, send_on)
        except (Transient, Misconfigured) as error:
            # why is for the log: it may name hosts and users
            self._log.warning("the database cannot be asked", reason=str(error), **told_of)
            told = "the database cannot be asked at the moment: try again"
            await self._tell(Request(scope), 503, told, {"Retry-After": "1"})(scope, receive, send_on)
        except Exception:
            self._log.exception("a question could not be answered", **told_of)
            if answered:
                raise
            told = "this should not have happened; the log of the query service says why"
            await self._tell(Request(scope), 500, told, None)(scope, receive, send_on)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        for what, given, most in (
            ("path", scope.get("raw_path") or scope["path"].encode(), MOST_PATH_BYTES),
            ("query", scope["query_string"], MOST_QUERY_BYTES),
        ):
            if len(given) > most:
                told = f"the {what} has {len(given)} bytes, at most {most} are taken"
                await self._tell(Request(scope), 414, told, None)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        labels = (getattr(scope.get("route"), "path", "none"), str(status))
        self._requests.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)
