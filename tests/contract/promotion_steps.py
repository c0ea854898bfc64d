"""Steps of the tests of promotion on every database: a service whose first version runs in dev and prod."""

from collections.abc import Iterator

import pytest

from deploydb.domain.model.catalog import Service
from deploydb.domain.wording import text
from deploydb.store.tables import deployment
from tests.scenario import Scenario, catalog

FOO = Service(ident="foo", artifacts=("com.example:foo",), pipelines=("main",))


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """1.0 runs in dev and prod, with success."""
    with Scenario(database_url, catalog(FOO)) as world:
        through(world, "1.0")
        yield world


def through(world: Scenario, version: str) -> None:
    """The version goes through dev and prod."""
    world.publish(version)
    world.evaluate(minutes=1)
    for _ in ("dev", "prod"):
        world.deploy()


def reason(world: Scenario, environment: str, version: str) -> str:
    (row,) = [one for one in world.rows(deployment) if (one.environment, one.version) == (environment, version)]
    return text(row.status_reason)
