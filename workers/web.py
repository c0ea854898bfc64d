"""What is served over HTTP, put together: the query service, the gateway, and both at one address."""

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from deploydb.gateway.app import PATHS, opened, started
from deploydb.hosts import only_own_hosts
from deploydb.identity import Proxies
from deploydb.listening import address_of, listening
from deploydb.query.app import serve
from deploydb.query.server import Server
from deploydb.settings import Settings
from deploydb.telemetry import Log
from workers.deadline import Deadline
from workers.signals import Signals

Once = Callable[[], None] | None


def serve_query(given: Settings, log: Log, *, once_listening: Once = None) -> None:
    """The query service alone, on `given.listen`, until SIGTERM. Raises: Misconfigured."""
    serve(given, log, once_listening=once_listening, at_signal=_deadline(log))


def serve_gateway(given: Settings, log: Log, *, once_listening: Once = None) -> None:
    """The gateway alone, on `given.gateway_listen`, until SIGTERM. Raises: Misconfigured."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    with (
        opened(given, log, registry=registry) as app,
        listening(given.gateway_listen, setting="DEPLOYDB_GATEWAY_LISTEN") as bound,
    ):
        log.info("serving", address=f"http://{address_of(bound)}")
        host = bound.getsockname()[0]
        served = only_own_hosts(app, address=host, url=given.url, listen=given.gateway_listen, more=given.hosts)
        is_proxy = Proxies.parse(given.person_header, given.proxies).trusts
        server = Server(served, once_listening=once_listening, at_signal=_deadline(log), is_proxy=is_proxy, log=log)
        server.run_until_stopped(bound, beside=lambda _: started(app))
    log.info("stopped")


def serve_web(given: Settings, log: Log, *, once_listening: Once = None, bound: socket.socket | None = None) -> None:
    """Both in one process, on `given.listen`, until SIGTERM. `bound` listens there already. Raises: Misconfigured."""
    registry = CollectorRegistry()
    with opened(given, log, registry=registry) as gateway:

        def around(query: ASGIApp) -> ASGIApp:
            return joined(WithMetrics(query, registry), gateway)

        serve(
            given,
            log,
            once_listening=once_listening,
            at_signal=_deadline(log),
            around=around,
            beside=lambda: started(gateway),
            bound=bound,
        )


def _deadline(log: Log) -> Callable[[], None]:
    """The limit of a stop. To be called when the process is asked to stop."""
    signals = Signals()  # they are the server's: its loop has handlers of its own
    Deadline(signals, say=log.warning)
    return signals.stop


def joined(query: ASGIApp, gateway: ASGIApp) -> ASGIApp:
    """One application: the gateway's paths are its own, all else is the query service's."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == "/readyz" and scope.get("method") in ("GET", "HEAD"):
            told = await asyncio.gather(*(_readiness(app, scope, receive) for app in (query, gateway)))
            await _all_of(told)(scope, receive, send)
            return
        is_for_gateway = any(path == own or path.startswith(f"{own}/") for own in PATHS)
        await (gateway if is_for_gateway else query)(scope, receive, send)

    return answer


async def _readiness(app: ASGIApp, scope: Scope, receive: Receive) -> dict[str, Any]:
    body = b""

    async def keep(message: Message) -> None:
        nonlocal body
        body += message.get("body", b"")

    await app({**scope, "method": "GET"}, receive, keep)
    try:
        return dict(msgspec.json.decode(body))
    except (msgspec.DecodeError, TypeError, ValueError):
        return {"reasons": ["readiness: no answer"]}


def _all_of(told: Sequence[dict[str, Any]]) -> Response:
    """One answer of several; of reasons from one source the first."""
    reasons = [reason for one in told for reason in one.get("reasons", ())]
    by_source = {reason.partition(":")[0]: reason for reason in reversed(reasons)}
    kept = [reason for reason in reasons if by_source[reason.partition(":")[0]] is reason]
    warnings = [warning for one in told for warning in one.get("warnings", ())]
    body = msgspec.json.encode({"ready": not kept, "reasons": kept, "warnings": warnings})
    return Response(body, status_code=503 if kept else 200, media_type="application/json")


class WithMetrics:
    """ASGI middleware: adds a registry's metrics to those that the application shows on `/metrics`, as text."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._registry = registry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered."""
        if scope["type"] != "http" or scope["path"] != "/metrics":
            await self._app(scope, receive, send)
            return
        more = generate_latest(self._registry)
        adds = False

        async def send_on(message: Message) -> None:
            nonlocal adds
            if message["type"] == "http.response.start" and message["status"] == 200 and scope["method"] == "GET":
                adds = True
                length = int(Headers(raw=message["headers"])["content-length"]) + len(more)
                MutableHeaders(scope=message)["content-length"] = str(length)
            elif message["type"] == "http.response.body" and adds and not message.get("more_body", False):
                message = {**message, "body": message.get("body", b"") + more}
            await send(message)

        # the other format, OpenMetrics, has an end that nothing can be added after
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept"]
        await self._app({**scope, "headers": headers}, receive, send_on)
