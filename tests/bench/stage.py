"""A stage for one measurement: a vhost, a database, a catalog, and worker processes on them."""

import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from deploydb.broker.open import open_outbound, provision

from deploydb.broker.port import Message
from deploydb.broker.topology import EVENTS, topology_of
from deploydb.configuration import load
from deploydb.domain.catalog import Catalog
from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from tests.servers import Servers

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 300
WINDOW = 2000
"""Messages handed to one publish call."""


class Stage:
    """The addresses of one measurement, and what to do with them."""

    def __init__(self, broker_url: str, database_url: str, config: Path) -> None:
        self.broker_url = broker_url
        self.database_url = database_url
        self.config = config
        self.environment = os.environ | {
            "DEPLOYDB_BROKER_URL": broker_url,
            "DEPLOYDB_DATABASE_URL": database_url,
            "DEPLOYDB_CONFIG": str(config),
            "DEPLOYDB_LOG_LEVEL": "warning",
        }

    def catalog(self) -> Catalog:
        """The stage's configuration, read."""
        loaded = load(self.config)
        assert loaded.catalog is not None, "\n".join(map(str, loaded.problems))
        return loaded.catalog

    @contextmanager
    def workers(self, *names: str) -> Iterator[None]:
        """Worker processes with these names, one each, stopped by SIGTERM at the end."""
        with ExitStack() as running:
            for name in names:
                process = subprocess.Popen(
                    [sys.executable, "-m", "workers", name, "--port", "0"], env=self.environment, cwd=ROOT
                )
                running.callback(process.wait, timeout=30)
                running.callback(process.terminate)
            yield

    def publish(self, bodies: Sequence[bytes]) -> None:
        """All of them to the events exchange, each one confirmed."""
        with open_outbound(self.broker_url, name="bench") as outbound:
            for start in range(0, len(bodies), WINDOW):
                batch = [
                    Message(exchange=EVENTS, routing_key="artifact.published", body=body, message_id=str(start + index))
                    for index, body in enumerate(bodies[start : start + WINDOW])
                ]
                receipts = outbound.publish(batch)
                assert all(receipt.state == "confirmed" for receipt in receipts)

    @contextmanager
    def counting(self) -> Iterator["Counter"]:
        """A connection that counts rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield Counter(connection)


class Counter:
    """Counts in the database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def __call__(self, query: str = "SELECT count(*) FROM event") -> int:
        row = self._connection.execute(query).fetchone()  # type: ignore[call-overload]
        return int(row[0])


@contextmanager
def stage(servers: Servers, services: int) -> Iterator[Stage]:
    """A fresh stage with a catalog of so many services, provisioned and migrated."""
    name = f"bench_{secrets.token_hex(4)}"
    broker, database = servers.rabbitmq(), servers.postgresql()
    with tempfile.TemporaryDirectory(prefix="deploydb-bench-") as folder:
        made = Stage(broker.create_vhost(name), database.create_database(name), write_catalog(Path(folder), services))
        provision(made.broker_url, topology_of(made.catalog()))
        engine = open_engine(made.database_url, name="bench")
        migrate(engine)
        engine.dispose()
        try:
            yield made
        finally:
            broker.delete_vhost(name)
            database.drop_database(name)


def write_catalog(folder: Path, services: int) -> Path:
    """`services` services of one module each, from dev to prod, with a smoke test."""
    for kind in ("services", "pipelines", "environments", "promotions"):
        (folder / kind).mkdir()
    (folder / "pipelines/main.yml").write_text("environments:\n  dev:\n  prod:\n")
    (folder / "environments/dev.yml").write_text("description: first\n")
    (folder / "environments/prod.yml").write_text("description: last\n")
    (folder / "promotions/smoke.yml").write_text("type: VerificationPromotion\n")
    for number in range(services):
        (folder / f"services/s{number}.yml").write_text(
            f"artifacts: [com.example:s{number}]\npipelines: [main]\npromotions: [smoke]\n"
        )
    return folder


def artifact(service: int, build: int) -> bytes:
    """An `artifact.published` of about 600 bytes, as a CI system writes it."""
    return (
        b'{"type":"artifact.published","id":"build-%d-%d","source":"jenkins/s%d","time":"2026-11-22T12:00:00Z",'
        b'"artifact":{"group":"com.example","name":"s%d","version":"1.%d",'
        b'"url":"https://repo.example.com/releases/com/example/s%d/1.%d/s%d-1.%d-linux-x86_64.tar.gz",'
        b'"digest":"sha256:%064x","commit":"%040x"},"build":{"number":%d,"job":"https://ci.example.com/job/s%d/%d/",'
        b'"branch":"main","node":"agent-17","labels":["release","signed","sbom"],"duration_seconds":184.2}}'
    ) % (service, build, service, service, build, service, build, service, build, build, build, build, service, build)


def when(count: Callable[[], int], *, at_least: int) -> tuple[float, int]:
    """The moment at which the count reaches so many, and the count then."""
    until = time.perf_counter() + LIMIT_SECONDS
    while time.perf_counter() < until:
        found = count()
        if found >= at_least:
            return time.perf_counter(), found
        time.sleep(0.01)
    raise TimeoutError(f"{count()} of {at_least} rows after {LIMIT_SECONDS} s on {os.cpu_count()} cores")
