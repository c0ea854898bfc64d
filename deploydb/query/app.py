"""The service put together: resources, conventions, limits, metrics. Composition root of the query service."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import msgspec
import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploydb.configuration import LiveCatalog
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.environment_names import under
from deploydb.domain.model.errors import Transient
from deploydb.http import application as http
from deploydb.http.authentication import Authentication, Authenticator, require_identity
from deploydb.http.health import Health
from deploydb.http.metrics import metrics_route, process_registry
from deploydb.http.negotiation import JSON
from deploydb.query.dora_metrics import DoraMetrics
from deploydb.query.export import Export
from deploydb.query.openapi import document
from deploydb.query.pages.routes import Serving
from deploydb.query.read_engine import for_reading
from deploydb.query.resource import Resource
from deploydb.query.resources import resources
from deploydb.query.resources.health import HealthCheck
from deploydb.query.response_cache import Answers, Sources
from deploydb.query.stream import Stream
from deploydb.query.trace_links import trace_link
from deploydb.query.views import views
from deploydb.settings import Settings
from deploydb.store.engine import open_engine
from deploydb.store.environment_names import names_of
from deploydb.store.schema import require_current
from deploydb.telemetry import Log

THREADS = 8
"""Reads of the database at one time."""
_CONNECTIONS = THREADS + 4
"""One for the state's revision, two for health and one for DORA's figures, so that none waits for another's."""

RESOURCES: Sequence[Resource] = [*resources(), *(view.resolved() for view in views())]


def application(
    engine: sa.Engine,
    catalog: Callable[[], Catalog],
    *,
    log: Log,
    problems: Callable[[], Sequence[object]] = tuple,
    threads: Executor | None = None,
    registry: CollectorRegistry | None = None,
    health: Health | None = None,
    clock: Callable[[], datetime] | None = None,
    authentication: Middleware | None = None,
    trace_url: str = "",
) -> Starlette:
    """The whole service on one database. `catalog` gives the one in use, `problems` those of its files;
    `authentication` is the middleware for people."""
    health = health or Health()
    registry = registry or process_registry(health)
    workforce = threads or ThreadPoolExecutor(THREADS, thread_name_prefix="question")
    sources = Sources(
        engine=engine,
        catalog=lambda: under(catalog(), names_of(engine)),
        threads=workforce,
        clock=clock or partial(datetime.now, UTC),
        problems=problems,
        trace_link=trace_link(trace_url),
    )
    dora = DoraMetrics(sources, registry, log)
    answers = Answers(sources)
    serving = Serving(sources, answers)
    stream = Stream(engine, answers.revisions, workforce, log)
    app = http.application(
        "query",
        [
            *(answers.route(resource) for resource in RESOURCES),
            stream.route(),
            *Export(sources).routes(),
            Route("/api/openapi.json", _interface, methods=["GET"]),
            HealthCheck(health, engine, problems).route(),
            *health.routes(),
            metrics_route(registry),
            *serving.routes(),
        ],
        registry=registry,
        log=log,
        answer=serving.refusal,
        middleware=[authentication] if authentication is not None else [],
    )
    app.state.stream = stream
    app.state.dora = dora
    return app


@contextmanager
def opened(
    given: Settings,
    log: Log,
    *,
    authenticator: Authenticator,
    live: LiveCatalog,
    registry: CollectorRegistry,
    health: Health,
) -> Iterator[Starlette]:
    """The service that the settings describe. A database that is away is waited for, request by request.

    Raises: Misconfigured where reads need a person and no identity is configured, or the database has another schema.
    """
    require_identity(authenticator.identity(), given.read)
    engine = for_reading(open_engine(given.database_url, name="query", connections=_CONNECTIONS))
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="question")
    try:
        _require_current(engine, log)
        app = application(
            engine,
            lambda: live.catalog,
            log=log,
            problems=lambda: live.problems,
            threads=threads,
            registry=registry,
            health=health,
            authentication=Middleware(Authentication, authenticator=authenticator, reads=given.read),
            trace_url=given.trace_url,
        )
        try:
            yield app
        finally:
            app.state.dora.close()
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        engine.dispose()


def _require_current(engine: sa.Engine, log: Log) -> None:
    try:
        require_current(engine)
    except Transient as error:
        log.warning("the database cannot be asked yet", reason=str(error))


def interface() -> dict[str, Any]:
    """The OpenAPI document of the service."""
    return document(RESOURCES)


@cache
def _interface_bytes() -> bytes:
    return msgspec.json.encode(interface())


async def _interface(_request: Request) -> Response:
    return Response(_interface_bytes(), media_type=JSON)
