"""A store that tests feed as ingest and promotion do, and the service on it."""

from collections.abc import Iterator

import pytest

from tests.query.client import Service
from tests.scenario import Scenario


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    """The store, on each database in turn."""
    with Scenario(database_url) as world:
        yield world


@pytest.fixture
def service(world: Scenario) -> Iterator[Service]:
    """The query service on it, asked without a network."""
    with Service(world) as service:
        yield service


@pytest.fixture
def embedded(sqlite_url: str) -> Iterator[Service]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    with Scenario(sqlite_url) as world, Service(world) as service:
        yield service
