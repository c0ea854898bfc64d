"""A store that tests feed as ingest and promotion do, and the service on it."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.query.asking import Service
from tests.servers import PostgreSQL
from tests.story import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """The store, on each database in turn."""
    with World(database_url) as world:
        yield world


@pytest.fixture
def service(world: World) -> Iterator[Service]:
    """The query service on it, asked without a network."""
    with Service(world) as service:
        yield service


@pytest.fixture
def embedded(sqlite_url: str) -> Iterator[Service]:
    """The same on SQLite alone, for what has nothing to do with the database."""
    with World(sqlite_url) as world, Service(world) as service:
        yield service


@pytest.fixture(scope="module")
def shared_sqlite_url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A migrated file for all tests of a module that only read."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path_factory.mktemp('shared') / 'deploydb.db')}"


@pytest.fixture(scope="module")
def shared_postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A migrated database for all tests of a module that only read."""
    name = f"shared_{secrets.token_hex(8)}"
    yield postgresql.create_database(name, template="deploydb_template")
    postgresql.drop_database(name)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def shared_url(request: pytest.FixtureRequest) -> str:
    """Each database in turn, for all tests of a module that only read."""
    url: str = request.getfixturevalue(f"shared_{request.param}_url")
    return url
