"""The service put together: resources, conventions, limits, metrics. Composition root of the query service."""

import asyncio
import gc
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

import msgspec
import sqlalchemy as sa
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from deploydb.configuration import LiveCatalog
from deploydb.domain.catalog import Catalog
from deploydb.domain.errors import Transient
from deploydb.hosts import only_own_hosts
from deploydb.identity import Identity
from deploydb.listening import address_of, listening
from deploydb.query.answers import Answers, Sources
from deploydb.query.errors import not_found, shown
from deploydb.query.export import Export
from deploydb.query.gate import Gate
from deploydb.query.guard import Guard, require_somebody
from deploydb.query.negotiation import JSON
from deploydb.query.openapi import document
from deploydb.query.pages import PAGES
from deploydb.query.pages.serving import Serving
from deploydb.query.patience import for_reading
from deploydb.query.resource import Resource
from deploydb.query.resources import (
    artifacts,
    blame,
    configured,
    deployments,
    diff,
    dora,
    events,
    flows,
    history,
    holds,
    operations,
    plan,
    rollback,
    status,
    where,
    why,
)
from deploydb.query.resources.health import Health
from deploydb.query.server import Server, keep_current
from deploydb.query.stream import Stream
from deploydb.settings import Settings
from deploydb.store.engine import open_engine
from deploydb.store.schema import require_current
from deploydb.telemetry import Log

THREADS = 8
"""Questions asked of the database at one time."""
_CONNECTIONS = THREADS + 2
"""One for the state's revision and one for health, so that none waits for another's."""

RESOURCES: Sequence[Resource] = [
    resource
    for module in (
        artifacts,
        blame,
        deployments,
        diff,
        dora,
        flows,
        configured,
        status,
        why,
        history,
        events,
        holds,
        operations,
        plan,
        rollback,
        where,
    )
    for resource in module.RESOURCES
]


def application(
    engine: sa.Engine,
    catalog: Callable[[], Catalog],
    *,
    log: Log,
    problems: Callable[[], Sequence[object]] = tuple,
    threads: Executor | None = None,
    clock: Callable[[], datetime] | None = None,
    guard: Callable[[ASGIApp], ASGIApp] | None = None,
) -> Starlette:
    """The whole service on one database. `catalog` gives the one in use, `problems` what is wrong with the files;
    `guard` lets in who may read."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    workforce = threads or ThreadPoolExecutor(THREADS, thread_name_prefix="question")
    sources = Sources(
        engine=engine,
        catalog=catalog,
        threads=workforce,
        clock=clock or partial(datetime.now, UTC),
        problems=problems,
    )
    answers = Answers(sources)
    serving = Serving(sources, answers, PAGES)
    stream = Stream(engine, answers.revisions, workforce, log)
    made = Starlette(
        routes=[
            *(answers.route(resource) for resource in RESOURCES),
            stream.route(),
            Export(sources).route(),
            Route("/api/openapi.json", _interface, methods=["GET"]),
            *Health(engine, problems, registry).routes(),
            *serving.routes(),
        ],
        middleware=[
            Middleware(Gate, registry=registry, log=log, tell=serving.refusal),
            *([Middleware(guard)] if guard is not None else []),
        ],
        exception_handlers={HTTPException: serving.refused},
    )
    made.state.stream = stream
    made.router.redirect_slashes = False
    made.router.default = _nowhere
    return made


def serve(
    given: Settings,
    log: Log,
    *,
    once_listening: Callable[[], None] | None = None,
    at_signal: Callable[[], None] | None = None,
    around: Callable[[ASGIApp], ASGIApp] | None = None,
    beside: Callable[[], Awaitable[None]] | None = None,
    bound: socket.socket | None = None,
) -> None:
    """Answer on `given.listen` until SIGTERM or SIGINT. `once_listening` is called when it can be asked, `at_signal` as
    `Server` says; `around` puts what else is to be served at the same address around the service, and `beside` runs as
    long. `bound` is a socket that listens there already.

    A database that is away at the start is waited for: until it is back, questions are answered with 503.

    Raises: Misconfigured where the address, the configuration or the database is not as it must be.
    """
    identity = Identity.parse(tokens=given.tokens, person_header=given.person_header, proxies=given.proxies)
    require_somebody(identity, given.read)
    live = LiveCatalog(given.config)
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
            guard=partial(Guard, identity=identity, reads=given.read),
        )
        with bound or listening(given.listen) as taken:
            log.info("serving", address=f"http://{address_of(taken)}")
            served = around(app) if around is not None else app
            host = taken.getsockname()[0]
            served = only_own_hosts(served, address=host, url=given.url, listen=given.listen, more=given.hosts)
            _leave_alone_what_stays()
            server = Server(
                served,
                once_listening=once_listening,
                once_stopping=app.state.stream.end,
                at_signal=at_signal,
                is_proxy=identity.proxies.trusts,
                log=log,
            )

            async def all_beside(hung_up: asyncio.Event) -> None:
                await asyncio.gather(keep_current(live, hung_up, log), *([beside()] if beside is not None else []))

            server.run_until_stopped(taken, beside=all_beside)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        engine.dispose()
    log.info("stopped")


def _leave_alone_what_stays() -> None:
    """The catalog and the code live as long as the process: a collection in the midst of an answer, made of thousands
    of small objects that are soon gone, need not look through them (a matrix of 5,000 lanes: 80 ms of 240)."""
    gc.collect()
    gc.freeze()


def _require_current(engine: sa.Engine, log: Log) -> None:
    try:
        require_current(engine)
    except Transient as error:
        log.warning("the database cannot be asked yet", reason=str(error))


def interface() -> dict[str, Any]:
    """What can be read here, as an OpenAPI document."""
    return document(RESOURCES)


@cache
def _interface_bytes() -> bytes:
    return msgspec.json.encode(interface())


async def _interface(_request: Request) -> Response:
    return Response(_interface_bytes(), media_type=JSON)


async def _nowhere(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise not_found(f"there is no {shown(scope['path'])}")
