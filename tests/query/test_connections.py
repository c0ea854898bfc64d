"""How the service holds its connections to the database."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from deploydb.domain.model.errors import Transient
from deploydb.query import read_engine
from deploydb.query.read_engine import for_reading
from deploydb.store.engine import open_engine, reading
from deploydb.store.tables import artifact, event
from tests.query.client import Service
from tests.scenario import Scenario

ENDLESS = sa.text("WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n % 1000 + 1 FROM t) SELECT count(*) FROM t")
COUNTED = sa.select(sa.func.count()).select_from(artifact)


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """As the service opens it."""
    made = for_reading(open_engine(database_url, name="tests"))
    yield made
    made.dispose()


def test_its_connections_cannot_write(engine: sa.Engine) -> None:
    with reading(engine) as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(event)).scalar() == 0
    with pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.?only"), engine.connect() as connection:
        connection.execution_options(deploydb_reading=True).execute(sa.delete(event))


def test_a_statement_that_takes_too_long_is_given_up_and_the_next_one_is_answered(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_engine, "ANSWER_WITHIN_SECONDS", 0.2)
    for _ in range(2):
        with pytest.raises(Transient, match="away or busy"), reading(engine) as connection:
            connection.execute(ENDLESS)
        with reading(engine) as connection:
            assert connection.execute(COUNTED).scalar() == 0


def test_what_one_answer_reads_is_of_one_moment(engine: sa.Engine, world: Scenario) -> None:
    with reading(engine) as connection:
        assert connection.execute(COUNTED).scalar() == 0
        world.publish("1.0")
        assert connection.execute(COUNTED).scalar() == 0
    with reading(engine) as connection:
        assert connection.execute(COUNTED).scalar() == 1


def test_every_resource_answers_from_such_connections(engine: sa.Engine, world: Scenario) -> None:
    world.publish("1.0")
    world.evaluate()
    world.deploy()
    writing, world.engine = world.engine, engine
    try:
        with Service(world) as service:
            for path in (
                "/api/artifacts/1", "/api/artifacts/1/versions", "/api/artifacts/1/deployments",
                "/api/artifacts/by-module/com.example:foo", "/api/artifacts/by-module/com.example:foo/latest",
                "/api/deployments", "/api/deployments/latest", "/api/deployments/1", "/api/deployments/1/promotions/1",
                "/api/flows/1", "/api/status", "/api/why/foo/prod", "/api/history/foo", "/api/history/foo/dev",
                "/api/events", "/healthcheck", "/readyz",
            ):  # fmt: skip
                assert service.get(path)
    finally:
        world.engine = writing
