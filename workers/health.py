"""The health of a worker: its loop, and a port of its own for probes and Prometheus."""

import errno
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Self

from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from deploydb.domain.model.errors import Misconfigured
from deploydb.http.connections import Limits
from deploydb.http.errors import exception_handler, in_json
from deploydb.http.health import Health, Ready
from deploydb.http.hosts import only_own_hosts
from deploydb.http.listening import bind, holder
from deploydb.http.metrics import metrics_route
from deploydb.http.server import BackgroundServer
from deploydb.redaction import redacted
from deploydb.telemetry import Log

STALE_AFTER = timedelta(seconds=4)
"""No sign of progress for so long: not ready. A step waits for at most a second, and each statement that the database
answers is a sign."""
STUCK_AFTER = timedelta(minutes=2)
"""The loop has not come round for so long: not alive. Above every timeout of broker and database."""
MOST_CONNECTIONS = 32
"""To the port. One more takes the place of the oldest that waits."""


class WorkerHealth(Health):
    """Health whose reasons begin with the loop's. The loop reports by `succeeded` and `failed`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, redact: Callable[[str], str] = redacted) -> None:
        super().__init__(redact=redact)
        self._clock = clock
        self._beat_at = clock()
        self._connected = False
        self._failure: str | None = None
        self._on_ready: Callable[[], None] | None = None

    def once_ready(self, call: Callable[[], None]) -> None:
        """Have the worker's thread call this the first time that it is ready."""
        self._on_ready = call

    def beat(self) -> None:
        """Progress: the loop has come round, or a server has answered. Cheap, and safe from any thread."""
        self._beat_at = self._clock()

    def connected(self) -> None:
        """The first session is open. Later ones prove themselves by a step."""
        if not self._connected:
            self.succeeded()

    @property
    def was_connected(self) -> bool:
        """Whether a session has ever been open: its login was good then."""
        return self._connected

    def succeeded(self) -> None:
        """A step has done its work."""
        self._connected = True
        self.beat()
        self._failure = None
        if self._on_ready is not None:
            call, self._on_ready = self._on_ready, None
            call()

    def failed(self, reason: str) -> None:
        """A step could not do its work; it will be tried again."""
        self._failure = reason
        self.beat()

    @property
    def alive(self) -> bool:
        """Whether the loop still comes round, and the looks end."""
        return super().alive and self._clock() - self._beat_at < STUCK_AFTER.total_seconds()

    def ready(self) -> Ready:
        """Whether work is being done, and the reasons against it."""
        reason = self._loop()
        ready = super().ready()
        return ready if reason is None else replace(ready, ready=False, reasons=(self._redact(reason), *ready.reasons))

    def _loop(self) -> str | None:
        failure, since = self._failure, self._clock() - self._beat_at
        if failure is not None:
            return failure
        if not self._connected:
            return "starting: not connected yet"
        return (
            f"no progress for {since:.0f} s: a step hangs, or is slow" if since >= STALE_AFTER.total_seconds() else None
        )


class HealthServer:
    """`/healthz`, `/readyz` and `/metrics` beside the worker. `port` is the one that it got.

    Raises: Misconfigured where the port is taken.
    """

    def __init__(self, health: Health, registry: CollectorRegistry, *, host: str, port: int, log: Log) -> None:
        try:
            self._bound = bind(host, port)
        except OSError as error:
            held = f" (by {holder(port)})" if error.errno == errno.EADDRINUSE else ""
            raise Misconfigured(
                f"cannot listen on {host}:{port}: {error.strerror}{held}; give another --port, 0 for any free one, "
                "or --no-port for none"
            ) from error
        self.host, self.port = self._bound.getsockname()[:2]
        routes = [*health.routes(), metrics_route(registry)]
        app = Starlette(routes=routes, exception_handlers={HTTPException: exception_handler(in_json)})
        limits = Limits(in_all=MOST_CONNECTIONS, of_one_address=MOST_CONNECTIONS)
        served = only_own_hosts(app, address=self.host)
        self._server = BackgroundServer(served, is_proxy=lambda _: True, limits=limits, log=log)
        self._thread = threading.Thread(target=self._server.run_on, args=(self._bound,), name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._bound.close()
