"""A stage for one measurement: a vhost, a database, a catalog, and worker processes on them."""

import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.cluster import Cluster, write_config
from tests.servers import Servers

LIMIT_SECONDS = 300


class Stage(Cluster):
    """The addresses of one measurement, and what to do with them."""

    @contextmanager
    def counting(self) -> Iterator["Counter"]:
        """A connection that counts rows."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            yield Counter(connection)


class Counter:
    """Counts in the database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def __call__(self, query: str = "SELECT coalesce(max(number), 0) FROM event") -> int:
        """The query's number; by default the log's highest, which costs nothing and follows the count closely."""
        row = self._connection.execute(query).fetchone()  # type: ignore[call-overload]
        return int(row[0])


@contextmanager
def stage(
    servers: Servers, services: int, environments: tuple[str, ...] = ("dev", "prod"), **settings: str
) -> Iterator[Stage]:
    """A fresh stage with a catalog of so many services, provisioned and migrated."""
    name = f"bench_{secrets.token_hex(4)}"
    broker, database = servers.rabbitmq(), servers.postgresql()
    with tempfile.TemporaryDirectory(prefix="deploydb-bench-") as folder:
        config = _catalog(Path(folder), services, environments)
        with Stage(broker.create_vhost(name), database.create_database(name), config, **settings) as made:
            made.furnish()
            yield made
        broker.delete_vhost(name)
        database.drop_database(name)


def _catalog(folder: Path, services: int, environments: tuple[str, ...]) -> Path:
    """`services` services of one module each, through all environments, with a smoke test."""
    files = {
        "pipelines/main.yml": "environments:\n" + "".join(f"  {name}:\n" for name in environments),
        "promotions/smoke.yml": "type: VerificationPromotion\n",
    }
    files |= {f"environments/{name}.yml": "description: a stage\n" for name in environments}
    for number in range(services):
        files[f"services/s{number}.yml"] = (
            f"artifacts: [com.example:s{number}]\npipelines: [main]\npromotions: [smoke]\n"
        )
    return write_config(folder, files)


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
