"""The gateway put together, and its looks at its database and its broker. Composition root."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import compile_path

from deploydb.broker.open import open_outbound
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.model.errors import Transient
from deploydb.gateway.config_reload import ConfigReload
from deploydb.gateway.delivery import Delivery
from deploydb.gateway.errors import answer
from deploydb.gateway.events import Events
from deploydb.gateway.hooks import Hooks
from deploydb.gateway.ledger import Ledger
from deploydb.gateway.orders import Orders
from deploydb.gateway.permissions import Permissions
from deploydb.gateway.publishing import Publisher
from deploydb.gateway.sessions import SessionEndpoints
from deploydb.gateway.v1_access import Writers
from deploydb.gateway.v1_delivery import V1Delivery
from deploydb.gateway.v1_writes import WRITES, V1Writes
from deploydb.hooks.hook import Hook
from deploydb.http import application as http
from deploydb.http.authentication import Authentication, Authenticator
from deploydb.http.health import FRESH_SECONDS, Health
from deploydb.http.metrics import metrics_route
from deploydb.http.orders import ORDERS
from deploydb.http.traces import TraceMiddleware
from deploydb.settings import Settings
from deploydb.store.engine import open_engine, require_room
from deploydb.store.schema import require_current
from deploydb.telemetry import Log
from deploydb.tracing import NO_TRACER, Tracer

THREADS = 4
"""Look-ups in the database at one time."""
OWN = ("/api/sessions", "/hooks", "/tasks")
"""The gateway's paths; and all below them."""
_WRITTEN = WRITES | {order.path: "POST" for order in ORDERS} | {"/events": "POST"}
_PATTERNS = [(compile_path(path)[0], method) for path, method in _WRITTEN.items()]
_ONLY_READ = [
    compile_path(path)[0]
    for path in (
        "/api/deployments/latest",
        "/api/deployments/by-artifact/{id}",
        "/api/deployments/by-service/{ident}",
    )
]
"""Paths of the query service that look like a deployment's."""


def owns(path: str) -> bool:
    """Whether all requests to a path are for the gateway where it shares an address with the query service."""
    return any(path == own or path.startswith(f"{own}/") for own in OWN)


def written_by(path: str) -> str | None:
    """The method by which the gateway takes what the query service may be asked for; None for what is only read."""
    if any(pattern.match(path) for pattern in _ONLY_READ):
        return None
    return next((method for pattern, method in _PATTERNS if pattern.match(path)), None)


def application(
    engine: sa.Engine,
    catalog: Callable[[], Catalog],
    *,
    hooks: Callable[[], Mapping[str, Hook]] = dict,
    authenticator: Authenticator,
    publisher: Publisher,
    log: Log,
    threads: Executor,
    registry: CollectorRegistry,
    writers: Writers | None = None,
    reload: Callable[[], Sequence[object]] = tuple,
    health: Health | None = None,
    clock: Callable[[], datetime] | None = None,
    tracer: Tracer = NO_TRACER,
) -> Starlette:
    """The gateway on one database and one broker. `catalog` gives the one in use; it is called in a thread. `writers`:
    who may write by the v1 interface. `reload` reads the configuration again, and gives its problems."""
    writers = writers or Writers()
    clock = clock or partial(datetime.now, UTC)
    ledger = Ledger(engine=engine, catalog=catalog, threads=threads, clock=clock, log=log)
    permissions = Permissions(ledger, registry=registry)
    delivery = Delivery(ledger, publisher, permissions, log=log, registry=registry)
    v1 = V1Delivery(ledger, publisher, permissions, log=log, registry=registry)
    health = health or Health()
    servers = Servers(engine, publisher, health)
    app = http.application(
        "gateway",
        [
            *Orders(ledger, delivery).routes(),
            Hooks(ledger, publisher, permissions, hooks, log=log, registry=registry).route(),
            *V1Writes(ledger, v1, writers, authenticator.trusts).routes(),
            ConfigReload(ledger, reload, writers, authenticator.trusts).route(),
            Events(ledger, publisher, permissions, log=log, registry=registry).route(),
            *SessionEndpoints(authenticator, log=log).routes(),
            *health.routes(),
            metrics_route(registry),
        ],
        registry=registry,
        log=log,
        answer=answer,
        middleware=[
            Middleware(Authentication, authenticator=authenticator),
            Middleware(TraceMiddleware, tracer=tracer),
        ],
    )
    app.state.servers = servers
    return app


class Servers:
    """Both, as probes look at them, and as the start waits for them."""

    def __init__(self, engine: sa.Engine, publisher: Publisher, health: Health) -> None:
        self._looks: dict[str, Callable[[], None]] = {
            "database": partial(_look_at_database, engine),
            "broker": publisher.look,
        }
        for source, look in self._looks.items():
            health.check(source, look)

    async def once_answered(self) -> None:
        """Return once database and broker have answered for the first time.

        Raises: Misconfigured where one of them is not as it must be: it refuses the login, or has nothing of ours.
        """
        for look in self._looks.values():
            while True:
                try:
                    await asyncio.to_thread(look)
                    break
                except Transient:
                    await asyncio.sleep(FRESH_SECONDS)


def _look_at_database(engine: sa.Engine) -> None:
    require_current(engine)
    require_room(engine)


@contextmanager
def opened(
    given: Settings,
    log: Log,
    *,
    listen: str,
    authenticator: Authenticator,
    catalog: Callable[[], Catalog],
    hooks: Callable[[], Mapping[str, Hook]],
    reload: Callable[[], Sequence[object]],
    registry: CollectorRegistry,
    health: Health,
    tracer: Tracer = NO_TRACER,
) -> Iterator[Starlette]:
    """The gateway that the settings describe, at the address `listen`. Nothing is connected before the first request
    wants it.

    Raises: Misconfigured for a wrong setting.
    """
    writers = Writers.of(given, listen=listen)
    if not authenticator.identity():
        log.warning("no identity configured: set DEPLOYDB_TOKENS, or DEPLOYDB_PERSON_HEADER and DEPLOYDB_PROXIES")
    engine = open_engine(given.database_url, name="gateway", connections=THREADS + 1)  # one for health
    publisher = Publisher(lambda: open_outbound(given.broker_url, name="gateway"))
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="look-up")
    try:
        yield application(
            engine,
            catalog,
            hooks=hooks,
            authenticator=authenticator,
            publisher=publisher,
            log=log,
            threads=threads,
            registry=registry,
            writers=writers,
            reload=reload,
            health=health,
            tracer=tracer,
        )
    finally:
        publisher.close()
        threads.shutdown(wait=False, cancel_futures=True)
        engine.dispose()
