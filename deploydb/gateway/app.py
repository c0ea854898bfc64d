"""The gateway put together. Composition root."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from threading import Lock

import sqlalchemy as sa
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import Receive, Scope, Send

from deploydb.broker.open import open_outbound
from deploydb.configuration import LiveCatalog
from deploydb.domain.catalog import Catalog
from deploydb.gateway.approvals import Approvals, Ledger
from deploydb.gateway.door import Door
from deploydb.gateway.health import Health
from deploydb.gateway.publishing import Publisher
from deploydb.gateway.refusals import refused, shown
from deploydb.gateway.sessions import Sessions
from deploydb.identity import Identity
from deploydb.settings import Settings
from deploydb.store.engine import open_engine
from deploydb.telemetry import Log

THREADS = 4
"""Look-ups in the database at one time."""
LOOK_SECONDS = 1.0
"""How often the configuration's files are looked at, while there are requests."""
PATHS = ("/api/approvals", "/api/sessions")
"""What is the gateway's where it shares an address with the query service; and all below them."""


def application(
    engine: sa.Engine,
    catalog: Callable[[], Catalog],
    *,
    identity: Identity,
    publisher: Publisher,
    log: Log,
    threads: Executor,
    registry: CollectorRegistry,
    secrets: Sequence[str] = (),
    clock: Callable[[], datetime] | None = None,
) -> Starlette:
    """The gateway on one database and one broker. `catalog` gives the one in use; it is called in a thread."""
    ledger = Ledger(engine=engine, catalog=catalog, threads=threads, clock=clock or partial(datetime.now, UTC))
    health = Health(engine, publisher, threads=threads, registry=registry, secrets=secrets)
    made = Starlette(
        routes=[
            Approvals(ledger, identity, publisher, log=log, registry=registry).route(),
            *Sessions(identity, log=log).routes(),
            *health.routes(),
        ],
        middleware=[Middleware(Door, registry=registry, log=log)],
        exception_handlers={HTTPException: refused},
    )
    made.router.redirect_slashes = False
    made.router.default = _nowhere
    made.state.health = health
    return made


async def started(app: Starlette) -> None:
    """Beside the answers: see that the servers let it in, as far as they are there. Does not end.

    Raises: Misconfigured where the database or the broker refuses the login, or has nothing of ours.
    """
    await app.state.health.once_answered()
    await asyncio.Event().wait()


@contextmanager
def opened(given: Settings, log: Log, *, registry: CollectorRegistry) -> Iterator[Starlette]:
    """The gateway that the settings describe. Nothing is connected before the first request wants it.

    Raises: Misconfigured where the configuration or a setting is not as it must be.
    """
    identity = Identity.parse(tokens=given.tokens, person_header=given.person_header, proxies=given.proxies)
    if not identity:
        log.warning(
            "nobody can say anything here: give DEPLOYDB_TOKENS, or DEPLOYDB_PERSON_HEADER and DEPLOYDB_PROXIES"
        )
    current = _Current(LiveCatalog(given.config), log)
    engine = open_engine(given.database_url, name="gateway", connections=THREADS)
    publisher = Publisher(lambda: open_outbound(given.broker_url, name="gateway"))
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="look-up")
    try:
        yield application(
            engine,
            current.catalog,
            identity=identity,
            publisher=publisher,
            log=log,
            threads=threads,
            registry=registry,
            secrets=given.secrets,
        )
    finally:
        publisher.close()
        threads.shutdown(wait=False, cancel_futures=True)
        engine.dispose()


class _Current:
    """The catalog in use. Its files are looked at when somebody asks, now and then."""

    def __init__(self, live: LiveCatalog, log: Log) -> None:
        self._live = live
        self._log = log
        self._lock = Lock()
        self._looked_at = time.monotonic()

    def catalog(self) -> Catalog:
        with self._lock:
            if time.monotonic() - self._looked_at >= LOOK_SECONDS:
                self._looked_at = time.monotonic()
                if self._live.refresh():
                    self._log.info("the configuration has changed", catalog=self._live.catalog.digest)
            return self._live.catalog


async def _nowhere(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404, f"there is no {shown(scope['path'])}")
