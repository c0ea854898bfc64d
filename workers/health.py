"""What a worker says of itself, to probes and to Prometheus, over HTTP on a port of its own."""

import errno
import json
import threading
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from deploydb.domain.errors import Misconfigured
from deploydb.hosts import MISDIRECTED, Hosts, is_loopback, refusal_body
from deploydb.listening import holder
from deploydb.redaction import redacted
from workers.bounded_http import BoundedHandler, BoundedServer

STALE_AFTER = timedelta(seconds=4)
"""No sign of progress for so long: not ready. A step waits for at most a second, and each statement that the database
answers is a sign."""
STUCK_AFTER = timedelta(minutes=2)
"""The loop has not come round for so long: not alive. Above every timeout of broker and database."""


class Ready(Struct, frozen=True, kw_only=True):
    """The answer of `/readyz`. `warnings` do not stand in the way of work."""

    ready: bool
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class Health:
    """Readiness and liveness of one worker, in words that sources of any thread report.

    A source is a short name ("broker", "configuration"); it reports for itself alone and replaces its earlier report.
    The loop reports by `succeeded` and `failed`.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, *, redact: Callable[[str], str] = redacted) -> None:
        self._redact = redact
        self._clock = clock
        self._beat_at = clock()
        self._connected = False
        self._failure: str | None = None
        self._lock = threading.Lock()
        self._reasons: dict[str, tuple[str, ...]] = {}
        self._warnings: dict[str, tuple[str, ...]] = {}
        self._checks: dict[str, Callable[[], Iterable[str]]] = {}
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

    def report(self, source: str, *, reasons: Iterable[str] = (), warnings: Iterable[str] = ()) -> None:
        """Replace the report of a source. `reasons` make the worker not ready, `warnings` do not; none: all is well.

        Each is shown as `SOURCE: TEXT`.
        """
        with self._lock:
            self._reasons = self._reasons | {source: _named(source, reasons)}
            self._warnings = self._warnings | {source: _named(source, warnings)}

    def check(self, source: str, look: Callable[[], Iterable[str]]) -> None:
        """Have `look` called whenever readiness is asked for; it returns the reasons against it, quickly."""
        self._checks[source] = look

    @property
    def alive(self) -> bool:
        """Whether the loop still comes round."""
        return self._clock() - self._beat_at < STUCK_AFTER.total_seconds()

    def ready(self) -> Ready:
        """Whether work is being done, and the reasons against it."""
        failure, since = self._failure, self._clock() - self._beat_at
        reasons: list[str] = []
        if failure is not None:
            reasons.append(failure)
        elif not self._connected:
            reasons.append("starting: not connected yet")
        elif since >= STALE_AFTER.total_seconds():
            reasons.append(f"no progress for {since:.0f} s: a step hangs, or is slow")
        for reported in self._reasons.values():
            reasons += reported
        for source, look in self._checks.items():
            reasons += _named(source, look())
        warnings = tuple(warning for reported in self._warnings.values() for warning in reported)
        return Ready(
            ready=not reasons,
            reasons=tuple(map(self._redact, reasons)),
            warnings=tuple(map(self._redact, warnings)),
        )


def _named(source: str, texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{source}: {text}" for text in texts)


class HealthServer:
    """`/healthz`, `/readyz` and `/metrics` in threads of their own. `port` is the one that it got.

    Raises: Misconfigured where the port is taken.
    """

    def __init__(self, health: Health, registry: CollectorRegistry, *, host: str, port: int) -> None:
        try:
            self._server = _Server((host, port), _Handler)
        except OSError as error:
            held = f" (by {holder(port)})" if error.errno == errno.EADDRINUSE else ""
            raise Misconfigured(
                f"cannot listen on {host}:{port}: {error.strerror}{held}; give another --port, 0 for any free one, "
                "or --no-port for none"
            ) from error
        self._server.health = health
        self._server.registry = registry
        self._server.hosts = Hosts() if is_loopback(str(self._server.server_address[0])) else None
        self.host = host
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(BoundedServer):
    health: Health
    registry: CollectorRegistry
    hosts: Hosts | None
    """On loopback, the names that it answers to; None where it is asked from elsewhere."""


class _Handler(BoundedHandler):
    server: _Server
    server_version = "deploydb"
    sys_version = ""

    def do_GET(self) -> None:  # noqa: N802  # the base class calls it so
        misdirected = self.server.hosts.refusal(self.headers.get_all("Host", [])) if self.server.hosts else None
        if misdirected is not None:
            self._answer(MISDIRECTED, "application/json", refusal_body(misdirected))
            return
        match self.path.partition("?")[0]:
            case "/healthz":
                self._answer_json(200 if self.server.health.alive else 503, {"alive": self.server.health.alive})
            case "/readyz":
                ready = self.server.health.ready()
                told = {"ready": ready.ready, "reasons": ready.reasons, "warnings": ready.warnings}
                self._answer_json(200 if ready.ready else 503, told)
            case "/metrics":
                encoder, content_type = choose_encoder(self.headers.get("Accept", ""))
                self._answer(200, content_type, encoder(self.server.registry))
            case path:
                told = {"code": 404, "message": f"{path} does not exist: /healthz, /readyz and /metrics do"}
                self._answer_json(404, told)

    do_HEAD = do_GET  # noqa: N815  # the base class calls it so

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ANN401  # the base class's
        """Probes come every few seconds: not worth a line."""

    def _answer_json(self, status: int, told: dict[str, Any]) -> None:
        self._answer(status, "application/json", json.dumps(told).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
