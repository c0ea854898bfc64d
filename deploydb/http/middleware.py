"""What every request passes: its id, the limits, the headers of every answer, the end of an error, the metrics."""

import re
import time
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars

from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.http.errors import ErrorAnswer
from deploydb.http.metrics import RequestMetrics
from deploydb.telemetry import Log

MOST_PATH_BYTES = 48 * 1024
"""Group and name of a module may have 8192 characters each, some of them escaped. The HTTP parser ends at 64 KiB."""
MOST_QUERY_BYTES = 16 * 1024

_ID_HEADER = "X-Request-Id"
_PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
SLOW_SECONDS = 1.0
"""An answer whose head took longer is in the log."""

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}


class RequestMiddleware:
    """ASGI middleware around everything; costs no task of its own. The request's id, the client's `X-Request-Id` where
    it is a plain word, is on every line that is logged on its way. Request bodies are not read here."""

    def __init__(self, app: ASGIApp, *, metrics: RequestMetrics, log: Log, answer: ErrorAnswer) -> None:
        self._app = app
        self._metrics = metrics
        self._log = log
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        answered = False
        given = Headers(scope=scope).get(_ID_HEADER, "")
        id_ = given if _PLAIN_ID.fullmatch(given) else uuid4().hex

        async def send_on(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers[_ID_HEADER] = id_
                seconds = time.perf_counter() - began
                self._metrics.count(scope, message["status"], seconds)
                if seconds > SLOW_SECONDS:
                    self._log.info("slow answer", seconds=round(seconds, 3), status=message["status"])
            await send(message)

        # for this request alone: each has a task, and a task has a context of its own
        bind_contextvars(request=id_, path=scope["path"][:200])
        try:
            answer = self._too_long(scope) or self._app
            await answer(scope, receive, send_on)
        except (Transient, Misconfigured) as error:
            # the reason is for the log: it may name hosts and users
            self._log.warning("the database cannot be asked", reason=str(error))
            message = "the database cannot be asked at the moment: try again"
            await self._answer(Request(scope), 503, message, {"Retry-After": "1"})(scope, receive, send_on)
        except Exception:
            self._log.exception("request failed")
            if answered:
                raise
            message = f"internal error: see the log of the service for request {id_}"
            await self._answer(Request(scope), 500, message, None)(scope, receive, send_on)

    def _too_long(self, scope: Scope) -> Response | None:
        for part, given, most in (
            ("path", scope.get("raw_path") or scope["path"].encode(), MOST_PATH_BYTES),
            ("query", scope["query_string"], MOST_QUERY_BYTES),
        ):
            if len(given) > most:
                message = f"the {part} has {len(given)} bytes, at most {most} are taken"
                return self._answer(Request(scope), 414, message, None)
        return None
