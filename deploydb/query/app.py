"""The service put together: resources, conventions, limits, metrics. Composition root of the query service."""

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus

import sqlalchemy as sa
import uvicorn
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from deploydb.configuration import LiveCatalog
from deploydb.domain.catalog import Catalog
from deploydb.domain.errors import Misconfigured, Transient
from deploydb.query.conventions import failed
from deploydb.query.gate import Gate
from deploydb.query.resources import configured
from deploydb.query.resources.health import Health
from deploydb.query.resources.lanes import Lanes
from deploydb.query.resources.log import Log as EventLog
from deploydb.query.resources.stored import Stored
from deploydb.settings import Settings
from deploydb.store.engine import open_engine
from deploydb.store.schema import require_current
from deploydb.telemetry import Log

LOOK_SECONDS = 1.0
"""How often the configuration's files are looked at."""
END_WITHIN_SECONDS = 8
"""How long answers that are under way may take once the service is asked to stop."""


def application(engine: sa.Engine, live: LiveCatalog, log: Log) -> Starlette:
    """The whole service on one database and one catalog."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)

    def catalog() -> Catalog:
        return live.catalog

    routes = [
        *Stored(engine).routes(),
        *configured.routes(catalog),
        *Lanes(engine, catalog).routes(),
        *EventLog(engine).routes(),
        *Health(engine, live, registry).routes(),
    ]

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101  # what it is registered for
        told = error.detail
        if told == HTTPStatus(error.status_code).phrase:  # Starlette's own: no such path, or not by this method
            told = f"{request.method} {request.url.path}: {told.lower()}"
        return failed(error.status_code, told, dict(error.headers or {}))

    async def away(_request: Request, error: Exception) -> Response:
        log.warning("cannot answer", error=str(error))
        return failed(503, "the database cannot be asked at the moment: try again", {"Retry-After": "1"})

    async def broken(request: Request, error: Exception) -> Response:
        log.error("could not answer", path=request.url.path, exc_info=error)
        return failed(500, "this should not happen; the service's log has the details")

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        looking = asyncio.create_task(_look(live, log))
        yield
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    return Starlette(
        routes=routes,
        middleware=[Middleware(Gate, registry=registry)],
        exception_handlers={HTTPException: refused, Transient: away, Misconfigured: away, Exception: broken},
        lifespan=lifespan,
    )


def serve(given: Settings, log: Log, *, once_listening: Callable[[], None] | None = None) -> None:
    """Answer on `given.listen` until SIGTERM or SIGINT. `once_listening` is called when it can be asked.

    Raises: Misconfigured where the address, the configuration or the database is not as it must be.
    """
    host, port = _address(given.listen)
    engine = open_engine(given.database_url, name="query")
    require_current(engine)
    live = LiveCatalog(given.config)
    configuration = uvicorn.Config(
        application(engine, live, log),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=64 * 1024,
        timeout_graceful_shutdown=END_WITHIN_SECONDS,
    )
    server = _Server(configuration, once_listening)
    try:
        listening = configuration.bind_socket()
    except SystemExit:  # uvicorn's way to say that the address is taken
        raise Misconfigured(f"{given.listen} is taken or not ours: set DEPLOYDB_LISTEN to another address") from None
    signal.signal(signal.SIGHUP, lambda *_: live.refresh(force=True))
    log.info("serving", address=f"http://{given.listen}")
    server.run(sockets=[listening])
    engine.dispose()


class _Server(uvicorn.Server):
    def __init__(self, configuration: uvicorn.Config, once_listening: Callable[[], None] | None) -> None:
        super().__init__(configuration)
        self._once_listening = once_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and self._once_listening is not None:
            self._once_listening()


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise Misconfigured(f"DEPLOYDB_LISTEN is {listen}: expected HOST:PORT, such as 127.0.0.1:8080")
    return host.strip("[]") or "0.0.0.0", int(port)  # noqa: S104  # `:8080` asks for every address


async def _look(live: LiveCatalog, log: Log) -> None:
    """Take up a changed configuration; a broken one is told and left."""
    told = live.problems
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        if await asyncio.to_thread(live.refresh):
            log.info("configuration changed", catalog=live.catalog.digest)
        if live.problems != told:
            told = live.problems
            for problem in told:
                log.warning("configuration is broken; the last good one stays", problem=str(problem))
