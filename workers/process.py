"""What every worker's process has around its loop: a log, signals, health, metrics, and an end."""

import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from msgspec import Struct
from prometheus_client import CollectorRegistry

from deploydb.domain.model.errors import Misconfigured
from deploydb.exit_codes import ExitCode
from deploydb.http.metrics import process_registry
from deploydb.redaction import redacted
from deploydb.telemetry import Log
from deploydb.tracing import NO_TRACER, Tracer, open_tracer

from .garbage import look_seldom
from .health import HealthServer, WorkerHealth
from .loop import RetryPolicy
from .service_manager import ServiceManager
from .signals import Signals
from .stop_deadline import Deadline


class Process(Struct, frozen=True, kw_only=True, eq=False):
    """The parts that a composition root hands to its worker."""

    log: Log
    signals: Signals
    deadline: Deadline
    health: WorkerHealth
    registry: CollectorRegistry
    retry_policy: RetryPolicy
    service_manager: ServiceManager
    tracer: Tracer = NO_TRACER


@contextmanager
def process(log: Log, *, name: str, host: str, port: int | None, secrets: Sequence[str] = ()) -> Iterator[Process]:
    """The surroundings of a worker. `port`: of its health server; 0 for any free one, None for no server. It shows
    none of the `secrets`. Its service manager gets reports from now on. `name`: of the process in traces.

    Raises: Misconfigured where the port is taken, or for a wrong setting of traces.
    """
    signals = Signals()
    signals.install()
    deadline = Deadline(signals, say=log.warning)
    health = WorkerHealth(redact=lambda text: redacted(text, secrets))
    registry = process_registry(health)
    retry_policy = RetryPolicy(signals=signals, health=health, log=log, registry=registry)
    service_manager = ServiceManager.of_environment(health, log)
    tracer = open_tracer(name, os.environ, log)
    look_seldom()
    with ExitStack() as stack:
        stack.callback(tracer.close)
        if port is not None:
            server = stack.enter_context(HealthServer(health, registry, host=host, port=port, log=log))
            log.info("health and metrics", address=f"http://{server.host}:{server.port}", pid=os.getpid())
        service_manager.report_until_stopped(signals)
        stack.callback(service_manager.stopping)
        yield Process(
            log=log,
            signals=signals,
            deadline=deadline,
            health=health,
            registry=registry,
            retry_policy=retry_policy,
            service_manager=service_manager,
            tracer=tracer,
        )


@contextmanager
def ended_clearly(name: str, log: Log | None = None) -> Iterator[None]:
    """End the process by what comes out: one line and 1 for a setting, a traceback and 70 for our own mistake."""
    try:
        yield
    except Misconfigured as error:
        sys.stderr.write(f"deploydb {name}: {error}\n")
        sys.exit(ExitCode.FAILED)
    except Exception:
        if log is None:
            raise
        log.critical("ended by an error that should not happen: please report it", exc_info=True)
        sys.exit(ExitCode.DEFECT)


def end_with_parent(log: Log) -> None:
    """Stop as soon as stdin ends: the parent holds its other end, and has died, however it died."""

    def watch() -> None:
        while os.read(sys.stdin.fileno(), 1024):
            pass
        log.warning("the parent is gone: stopping")
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent", daemon=True).start()


def tell_parent_ready() -> None:
    """Say so on stdout, which the parent reads."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()
