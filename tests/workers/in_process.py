"""Workers in threads of the test's process, on a real broker and a real database, put together as they always are."""

import io
import json
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import Mock

import sqlalchemy as sa
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from deploydb.broker.open import open_dead_letters, open_inbound, open_outbound
from deploydb.broker.port import DeadLetter, Message
from deploydb.broker.topology import EVENTS, command_queue, topology_of
from deploydb.configuration import LiveCatalog
from deploydb.domain.model.commands import DeployCommand
from deploydb.settings import Settings
from deploydb.store.engine import open_engine, reading
from deploydb.telemetry import open_log
from deploydb.tracing import NO_TRACER, Tracer
from deploydb.wire.native import decode_command
from tests.cluster import write_config
from tests.servers.logins import database_login, ensure_roles, provision_with_users
from workers.__main__ import WORKERS
from workers.health import WorkerHealth
from workers.loop import RetryPolicy, run
from workers.process import Process
from workers.service_manager import ServiceManager
from workers.signals import Signals
from workers.stop_deadline import Deadline

T = TypeVar("T")

DEADLINE_SECONDS = 60.0

CONFIG = {
    "services/foo.yml": "artifacts: [com.example:foo]\npipelines: [main]\n",
    "pipelines/main.yml": "environments:\n  dev:\n  prod:\n",
    "environments/dev.yml": "description: Development\n",
    "environments/prod.yml": "description: Production\n",
}
"""Service foo of com.example:foo through dev and prod, without promotions."""


def until(look: Callable[[], T], what: str, *, within: float = DEADLINE_SECONDS) -> T:
    """The first true thing that `look` sees."""
    deadline = time.monotonic() + within
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within:.0f} s: {what}; seen last: {seen!r}")
        time.sleep(0.02)


class Working:
    """One worker's loop in a thread."""

    def __init__(self, name: str, settings: Settings, tracer: Tracer = NO_TRACER) -> None:
        self.signals = Signals()
        self.health = WorkerHealth()
        self.registry = CollectorRegistry()
        self.error: BaseException | None = None
        self._name = name
        self._settings = settings
        self._tracer = tracer
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """As SIGTERM does; raises what ended it, if something did."""
        self.signals.stop()
        self._thread.join(timeout=60)
        assert not self._thread.is_alive(), f"{self._name} does not stop"
        if self.error is not None:
            raise self.error

    def metric(self, name: str, **labels: str) -> float:
        """A counter's or gauge's value, 0 where it has none yet."""
        return self.registry.get_sample_value(name, labels) or 0

    def _run(self) -> None:
        log = open_log("debug", name=self._name, stream=io.StringIO())
        retry_policy = RetryPolicy(signals=self.signals, health=self.health, log=log, registry=self.registry)
        around = Process(
            log=log,
            signals=self.signals,
            deadline=Mock(spec=Deadline),
            health=self.health,
            registry=self.registry,
            retry_policy=retry_policy,
            service_manager=ServiceManager(self.health, log, send=None),
            tracer=self._tracer,
        )
        try:
            with WORKERS[self._name][1](around, self._settings) as worker:
                run(worker, signals=self.signals, retry_policy=retry_policy, log=log)
        except BaseException as error:
            self.error = error


class InProcess:
    """A provisioned broker, a migrated database, a configuration, and the workers that a test starts."""

    def __init__(self, broker_url: str, database_url: str, folder: Path) -> None:
        self.config = write_config(folder / "config", CONFIG)
        self.settings = Settings(data=folder, broker_url=broker_url, database_url=database_url, config=self.config)
        self.provision()
        ensure_roles(database_url)
        self._stack = ExitStack()
        self._engine = open_engine(database_url, name="tests")
        self._stack.callback(self._engine.dispose)
        self._ids = count(1)
        self.tracer = NO_TRACER

    def __enter__(self) -> "InProcess":
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def provision(self) -> None:
        """Make what the configuration needs on the broker."""
        live = LiveCatalog(self.config)
        provision_with_users(self.settings.broker_url, topology_of(live.catalog), live.orchestrators)

    def start(self, *names: str) -> list[Working]:
        """Start workers; each is stopped with the workshop at the latest."""
        started = [Working(name, self._login(name), self.tracer) for name in names]
        for working in started:
            self._stack.callback(working.stop)
        self._stack.callback(
            lambda: [working.signals.stop() for working in started]
        )  # all of them before any is awaited
        return started

    def _login(self, name: str) -> Settings:
        """The settings of a worker: on PostgreSQL its own role."""
        return replace(self.settings, database_url=database_login(self.settings.database_url, name))

    def publish(
        self,
        *bodies: bytes,
        content_type: str = "application/json",
        exchange: str = EVENTS,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Messages to the events exchange, each confirmed."""
        messages = [
            Message(
                exchange=exchange,
                routing_key="tests",
                body=body,
                message_id=f"m-{next(self._ids)}",
                content_type=content_type,
                headers=headers or {},
            )
            for body in bodies
        ]
        with open_outbound(self.settings.broker_url, name="tests") as outbound:
            assert [receipt.state for receipt in outbound.publish(messages)] == ["confirmed"] * len(messages)

    def rows(self, statement: sa.Select[Any]) -> Sequence[Any]:
        """What the database answers."""
        with reading(self._engine) as connection:
            return connection.execute(statement).all()

    def forget_connections(self) -> None:
        """The test's own, after the database was away."""
        self._engine.dispose()

    def dead(self) -> list[DeadLetter]:
        """The dead-letter queue."""
        with open_dead_letters(self.settings.broker_url, name="tests") as letters:
            return letters.peek(1000)

    def commands(self, number: int = 1, *, orchestrator: str = "default") -> list[DeployCommand]:
        """So many commands off an orchestrator's queue, acked."""
        taken: list[DeployCommand] = []
        with open_inbound(self.settings.broker_url, command_queue(orchestrator), name="tests") as inbound:
            deadline = time.monotonic() + DEADLINE_SECONDS
            while len(taken) < number and time.monotonic() < deadline:
                deliveries = inbound.receive(number - len(taken), timedelta(seconds=1))
                inbound.ack(deliveries)
                taken += [decode_command(delivery.body) for delivery in deliveries]
        assert len(taken) == number, f"{len(taken)} of {number} commands came"
        return taken


def fact(kind: str, ident: str, **fields: Any) -> bytes:
    """A fact's body."""
    return json.dumps({"type": kind, "id": ident, "source": "tests", **fields}).encode()


def published(version: str, *, name: str = "foo", **fields: Any) -> bytes:
    """`artifact.published` of com.example:NAME, with the version as part of its id."""
    artifact = {"group": "com.example", "name": name, "version": version}
    return fact("artifact.published", f"{name}-{version}", artifact=artifact, **fields)
