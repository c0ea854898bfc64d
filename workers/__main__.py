"""`python -m workers NAME`: the composition root of each worker. Each imports what it needs."""

import gc

if __name__ == "__main__":
    gc.disable()  # until all is imported, and stays: a quarter of a start (`look_seldom` enables it)

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import click
import sqlalchemy as sa
from sqlalchemy.engine import ExceptionContext

from deploydb import settings, telemetry
from deploydb.broker.open import open_inbound, open_outbound, user_of
from deploydb.broker.topology import INGEST_QUEUE, NOTIFY_QUEUE
from deploydb.configuration import LiveCatalog
from deploydb.http.health import ANSWER_WITHIN_SECONDS
from deploydb.settings import MAX_BODY_BYTES, Settings, value_of
from deploydb.store.engine import LOCK_TIMEOUT_SECONDS, open_engine
from deploydb.terminal import make_visible

from .availability import BrokerPing, check_database
from .configuration_metrics import ConfigurationMetrics
from .confirmed_publisher import ConfirmedPublisher
from .health import WorkerHealth
from .loop import Worker, run
from .process import Process, end_with_parent, ended_clearly, process, tell_parent_ready


@contextmanager
def _ingest(around: Process, given: Settings) -> Iterator[Worker]:
    from .ingest import Ingest

    around.health.check("broker", BrokerPing(lambda: open_outbound(given.broker_url, name="ingest-health")))
    with _engine(around, given, "ingest", connections=2) as engine:
        yield Ingest(
            around,
            engine=engine,
            open_inbound=lambda prefetch: open_inbound(
                given.broker_url, INGEST_QUEUE, name="ingest", prefetch=prefetch, body_bytes=MAX_BODY_BYTES
            ),
            publisher=ConfirmedPublisher(lambda: open_outbound(given.broker_url, name="ingest")),
            live=_live(around, given),
            own=user_of(given.broker_url),
        )


@contextmanager
def _promote(around: Process, given: Settings) -> Iterator[Worker]:
    from .promote import Promote

    with _engine(around, given, "promote", connections=2, lock_timeout=1) as engine:
        yield Promote(around, engine=engine, live=_live(around, given))


@contextmanager
def _relay(around: Process, given: Settings) -> Iterator[Worker]:
    from .relay import Relay

    with _engine(around, given, "relay", connections=2) as engine:
        yield Relay(around, engine=engine, open_outbound=lambda: open_outbound(given.broker_url, name="relay"))


@contextmanager
def _verify(around: Process, given: Settings) -> Iterator[Worker]:
    from deploydb.egress import Client, EgressPolicy

    from .verify import SETTLING, Verify

    outgoing = Client(EgressPolicy.parse(given.outgoing_allow))
    with _engine(around, given, "verify", connections=SETTLING + 1) as engine:
        worker = Verify(around, engine=engine, live=_live(around, given), outgoing=outgoing)
        yield worker
        worker.close()


@contextmanager
def _notify(around: Process, given: Settings) -> Iterator[Worker]:
    from deploydb.egress import Client

    from .notify import SETTLING, Notify
    from .webhook_endpoints import policy_of

    around.health.check("broker", BrokerPing(lambda: open_outbound(given.broker_url, name="notify-health")))
    with _engine(around, given, "notify", connections=SETTLING + 2) as engine:
        worker = Notify(
            around,
            engine=engine,
            live=_live(around, given),
            outgoing=Client(policy_of(given)),
            open_inbound=lambda: open_inbound(given.broker_url, NOTIFY_QUEUE, name="notify", body_bytes=MAX_BODY_BYTES),
            queue_exists=partial(_exists, given.broker_url, NOTIFY_QUEUE),
            publisher=ConfirmedPublisher(lambda: open_outbound(given.broker_url, name="notify")),
            variable=partial(value_of, os.environ),
            url=given.url,
        )
        yield worker
        worker.close()


@contextmanager
def _orchestrate(around: Process, given: Settings) -> Iterator[Worker]:
    from deploydb.egress import Client, EgressPolicy

    from .orchestrate import STEPPING, Orchestrate

    around.health.check("broker", BrokerPing(lambda: open_outbound(given.broker_url, name="orchestrate-health")))
    with _engine(around, given, "orchestrate", connections=STEPPING + 2) as engine:
        yield Orchestrate(
            around,
            engine=engine,
            live=_live(around, given),
            outgoing=Client(EgressPolicy.parse(given.outgoing_allow)),
            open_inbound=lambda queue: open_inbound(
                given.broker_url, queue, name="orchestrate", body_bytes=MAX_BODY_BYTES
            ),
            existing=partial(_existing, given.broker_url),
            publisher=ConfirmedPublisher(lambda: open_outbound(given.broker_url, name="orchestrate")),
            variable=partial(value_of, os.environ),
        )


def _live(around: Process, given: Settings) -> LiveCatalog:
    live = LiveCatalog(given.config)
    ConfigurationMetrics(live, around.registry)
    return live


def _exists(broker_url: str, queue: str) -> bool:
    return queue in _existing(broker_url, [queue])


def _existing(broker_url: str, queues: Sequence[str]) -> Sequence[str]:
    with open_outbound(broker_url, name="queues") as outbound:
        return list(outbound.depths(queues))


@contextmanager
def _engine(
    around: Process, given: Settings, name: str, *, connections: int, lock_timeout: float = LOCK_TIMEOUT_SECONDS
) -> Iterator[sa.Engine]:
    """`connections`: as many as ask at one time; the listener of the loop has one beside them."""
    engine = open_engine(given.database_url, name=name, connections=connections, lock_timeout=lock_timeout)
    # a session that survives a failover is worse than a lost one
    around.retry_policy.on_failure(engine.dispose)
    # with a connection of its own: an answer to it is no progress of the worker
    health_engine = open_engine(
        given.database_url, name=f"{name}-health", connections=1, statement_timeout=ANSWER_WITHIN_SECONDS
    )
    around.health.check("database", partial(check_database, health_engine, around.health))
    # a long step of many statements is under way, not stuck
    sa.event.listen(engine, "after_cursor_execute", lambda *_: around.health.beat())
    sa.event.listen(engine, "handle_error", partial(_beat_if_answered, around.health))
    try:
        yield engine
    finally:
        engine.dispose()
        health_engine.dispose()


def _beat_if_answered(health: WorkerHealth, context: ExceptionContext) -> None:
    """A statement that the server gives up is an answer, too: a batch in halves may take minutes."""
    if getattr(context.original_exception, "sqlstate", None) is not None:
        health.beat()


WORKERS: dict[str, tuple[int, Callable[[Process, Settings], AbstractContextManager[Worker]]]] = {
    "ingest": (9101, _ingest),
    "promote": (9102, _promote),
    "relay": (9103, _relay),
    "verify": (9104, _verify),
    "notify": (9105, _notify),
    "orchestrate": (9106, _orchestrate),
}
"""Each with the port of its health server where none is given, and how it is put together."""
SERVICES = ("query", "gateway", "web")
"""What answers over HTTP; health and metrics are at the same address."""


@click.command(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="ingest: the broker's facts into the log. promote: decisions. relay: the outbox to the broker. "
    "verify: asks URLs and Prometheus for gates. notify: calls webhooks. "
    "orchestrate: runs commands by tools over HTTP. "
    "query: the read-only HTTP service, on DEPLOYDB_LISTEN. gateway: what "
    "people say by HTTP, on DEPLOYDB_GATEWAY_LISTEN. web: query and gateway in one, on DEPLOYDB_LISTEN. up, deployer: "
    "as `deploydb up` and `deploydb deployer` start them.",
)
@click.argument("name", type=click.Choice([*WORKERS, *SERVICES, "up", "deployer"]))
@click.argument("options", required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Where /metrics, /healthz and /readyz listen.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Default: 9101 ingest, 9102 promote, 9103 relay, 9104 verify, 9105 notify, 9106 orchestrate; 0: any.",
)
@click.option("--no-port", is_flag=True, help="No /metrics, /healthz and /readyz.")
@click.option("--with-parent", is_flag=True, help="Say `ready` on stdout; end when stdin does.")
@click.option("--listen-fd", type=int, metavar="FD", help="For web and up: a socket, inherited, that listens already.")
def main(
    name: str, options: str | None, host: str, port: int | None, no_port: bool, with_parent: bool, listen_fd: int | None
) -> None:
    """Run one process until SIGTERM. Where everything is comes from the environment (DEPLOYDB_*). OPTIONS are the
    deployer's, in JSON."""
    make_visible()
    inherited = socket.socket(fileno=listen_fd) if listen_fd is not None else None
    with ended_clearly(name):
        given = settings.from_environment()
        if name == "up":
            from . import up

            up.run(given, inherited=inherited)
            return
        if name == "deployer":
            from . import deployer_process

            deployer_process.run_deployer(options or "{}", given)
            return
        log = telemetry.open_log(given.log_level, name=name, secrets=given.secrets)
    if with_parent:
        end_with_parent(log)
    with ended_clearly(name, log):
        if name in SERVICES:
            from . import web

            once_listening = tell_parent_ready if with_parent else None
            web.serve(name, given, log, once_listening=once_listening, bound=inherited)
            return
        usual, build = WORKERS[name]
        wanted = None if no_port else usual if port is None else port
        surroundings = process(log, name=name, host=host, port=wanted, secrets=given.secrets)
        with surroundings as around, build(around, given) as worker:
            if with_parent:
                around.health.once_ready(tell_parent_ready)
            run(
                worker,
                signals=around.signals,
                retry_policy=around.retry_policy,
                log=log,
                reloading=around.service_manager.reloading,
            )


if __name__ == "__main__":
    main()
