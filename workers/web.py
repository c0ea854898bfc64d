"""The processes that answer over HTTP, put together: the query service, the gateway, and both at one address."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from functools import partial

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from deploydb.configuration import LiveCatalog
from deploydb.gateway import app as gateway
from deploydb.http.authentication import Authenticator
from deploydb.http.errors import ALSO_ALLOWED
from deploydb.http.health import Health
from deploydb.http.hosts import only_own_hosts
from deploydb.http.listening import address_of, listening
from deploydb.http.metrics import process_registry
from deploydb.http.server import Server
from deploydb.http.sessions import Sessions
from deploydb.http.tokens import LiveIdentity
from deploydb.query import app as query
from deploydb.redaction import redacted
from deploydb.settings import Settings
from deploydb.telemetry import Log
from deploydb.tracing import NO_TRACER, open_tracer

from .configuration_metrics import ConfigurationMetrics
from .garbage import look_seldom
from .intervals import LOOK_AT_FILES_EVERY_SECONDS
from .service_manager import ServiceManager
from .signals import Signals
from .stop_deadline import Deadline


def serve(
    name: str,
    given: Settings,
    log: Log,
    *,
    once_listening: Callable[[], None] | None = None,
    bound: socket.socket | None = None,
) -> None:
    """Answer until SIGTERM: the `query` service on `given.listen`, the `gateway` on `given.gateway_listen`, or both
    (`web`) on `given.listen`, with one registry, one health and one catalog. `bound` is a socket that listens there
    already.

    A database that is away at the start is waited for: until it is back, requests are answered with 503.

    Raises: Misconfigured where the address, the configuration, a setting or a server is not as it must be.
    """
    health = Health(redact=lambda text: redacted(text, given.secrets))
    registry = process_registry(health)
    service_manager = ServiceManager.of_environment(health, log)
    identity = LiveIdentity(given, health=health, log=log)
    authenticator = Authenticator(identity, Sessions(given.session_secret))
    live = LiveCatalog(given.config)
    ConfigurationMetrics(live, registry)
    address, setting = given.listen, "DEPLOYDB_LISTEN"
    if name == "gateway":
        address, setting = given.gateway_listen, "DEPLOYDB_GATEWAY_LISTEN"
    reads: Starlette | None = None
    writes: Starlette | None = None
    tracer = open_tracer(name, os.environ, log) if name != "query" else NO_TRACER  # no span is of a reader
    with ExitStack() as stack:
        stack.callback(tracer.close)
        if name in ("gateway", "web"):
            opened = gateway.opened(
                given,
                log,
                listen=address,
                authenticator=authenticator,
                catalog=lambda: live.catalog,
                hooks=lambda: live.hooks,
                reload=partial(_read_again, live),
                registry=registry,
                health=health,
                tracer=tracer,
            )
            writes = stack.enter_context(opened)
        if name in ("query", "web"):  # the second: of the two looks at the database its own is kept
            opened = query.opened(given, log, authenticator=authenticator, live=live, registry=registry, health=health)
            reads = stack.enter_context(opened)
        apps = [app for app in (reads, writes) if app is not None]
        app = joined(*apps) if len(apps) > 1 else apps[0]
        listens = stack.enter_context(bound or listening(address, setting=setting))
        log.info("serving", address=f"http://{address_of(listens)}")
        look_seldom()
        stack.callback(service_manager.stopping)
        host = listens.getsockname()[0]
        server = Server(
            only_own_hosts(app, address=host, url=given.url, listen=address, more=given.hosts),
            once_listening=once_listening,
            once_stopping=partial(_stop, service_manager, reads),
            at_signal=_deadline(log),
            is_proxy=identity().proxies.trusts,
            log=log,
        )

        async def beside(hung_up: asyncio.Event) -> None:
            first = writes.state.servers.once_answered() if writes is not None else asyncio.sleep(0)
            current = _keep_current(live, identity, hung_up, log, service_manager)
            await asyncio.gather(current, _report(service_manager), first)

        server.run_until_stopped(listens, beside=beside)
    log.info("stopped")


def joined(reads: ASGIApp, writes: ASGIApp) -> ASGIApp:
    """One application: the gateway's requests are its own, all else is the query service's."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope.get("method", ""), scope.get("path", "")
        write = gateway.written_by(path)
        if write is not None:
            scope.setdefault("state", {})[ALSO_ALLOWED] = (write,)
        await (writes if method == write or gateway.owns(path) else reads)(scope, receive, send)

    return answer


def _read_again(live: LiveCatalog) -> Sequence[object]:
    """Read the configuration again. Returns its problems."""
    live.refresh(force=True)
    return live.problems


async def _keep_current(
    live: LiveCatalog, identity: LiveIdentity, hung_up: asyncio.Event, log: Log, service_manager: ServiceManager
) -> None:
    """Load changed tokens, and a changed configuration, at SIGHUP in any case. Each problem is logged once."""
    reported = live.problems
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(hung_up.wait(), LOOK_AT_FILES_EVERY_SECONDS)
        forced = hung_up.is_set()
        hung_up.clear()
        with service_manager.reloading() if forced else nullcontext():
            await asyncio.to_thread(identity.refresh)
            if await asyncio.to_thread(live.refresh, forced):
                log.info("the configuration has changed", catalog=live.catalog.digest)
        if live.problems != reported:
            reported = live.problems
            for problem in reported:
                log.warning("the configuration is broken, the last good one stays in use", problem=str(problem))
            if not reported:
                log.info("the configuration is good again")


async def _report(service_manager: ServiceManager) -> None:
    """Of this loop: where it hangs, `/healthz` does not answer, and the watchdog is not fed either."""
    while service_manager.is_there:
        await asyncio.sleep(await asyncio.to_thread(service_manager.report))


def _stop(service_manager: ServiceManager, reads: Starlette | None) -> None:
    service_manager.stopping()
    if reads is not None:
        reads.state.stream.end()


def _deadline(log: Log) -> Callable[[], None]:
    """The limit of a stop. To be called when the process is asked to stop."""
    signals = Signals()  # they are the server's: its loop has handlers of its own
    Deadline(signals, say=log.warning)
    return signals.stop
