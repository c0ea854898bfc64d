"""The database goes away and comes back: the workers wait, say so, and go on; nothing is given back meanwhile."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa

from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from deploydb.store.tables import event
from tests.servers import PostgreSQL
from tests.workers.in_process import InProcess, Working, fact, published, until


@pytest.fixture
def workshop(own_postgresql: PostgreSQL, amqp_url: str, tmp_path: Path) -> Iterator[InProcess]:
    url = own_postgresql.create_database("away")
    engine = open_engine(url, name="tests")
    migrate(engine)
    engine.dispose()
    with InProcess(amqp_url, url, tmp_path) as made:
        yield made


def _stored(workshop: InProcess) -> int:
    return int(workshop.rows(sa.select(sa.func.count()).select_from(event).where(event.c.source == "tests"))[0][0])


def _not_ready(worker: Working) -> bool:
    return not worker.health.ready().ready


@pytest.mark.servers
def test_workers_outlive_a_database_that_is_killed_and_comes_back(
    workshop: InProcess, own_postgresql: PostgreSQL
) -> None:
    workers = workshop.start("ingest", "promote", "relay")
    workshop.publish(*[published(f"1.{number}") for number in range(50)])
    until(lambda: _stored(workshop) == 50, "the first ones are stored")
    own_postgresql.kill()
    workshop.publish(*[published(f"2.{number}") for number in range(50)])
    for worker in workers:
        until(partial(_not_ready, worker), "it says that it is not ready")
        assert worker.health.alive
    own_postgresql.start()
    until(lambda: all(worker.health.ready().ready for worker in workers), "all are ready again")
    workshop.forget_connections()
    until(lambda: _stored(workshop) == 100, "all are stored")
    (command,) = workshop.commands()
    workshop.publish(fact("deployment.finished", "f-1", command=command.id, outcome="succeeded"))
    workshop.commands()
    assert workshop.dead() == []
    for worker in workers:
        assert worker.metric("deploydb_worker_transient_errors_total") >= 1
