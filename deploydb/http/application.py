"""An application put together: routes, what each request passes, and one form of errors."""

from collections.abc import Sequence

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from deploydb.http.errors import ErrorAnswer, exception_handler, in_json, unknown_path
from deploydb.http.metrics import RequestMetrics
from deploydb.http.middleware import RequestMiddleware
from deploydb.telemetry import Log


def application(
    service: str,
    routes: Sequence[BaseRoute],
    *,
    registry: CollectorRegistry,
    log: Log,
    answer: ErrorAnswer = in_json,
    middleware: Sequence[Middleware] = (),
) -> Starlette:
    """`service` is part of the metrics' names. `answer` makes the answers of errors; `middleware` is inside ours."""
    metrics = RequestMetrics(service, registry)
    app = Starlette(
        routes=routes,
        middleware=[Middleware(RequestMiddleware, metrics=metrics, log=log, answer=answer), *middleware],
        exception_handlers={HTTPException: exception_handler(answer)},
    )
    app.router.redirect_slashes = False
    app.router.default = unknown_path
    return app
