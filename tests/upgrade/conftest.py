"""Empty databases: nothing is migrated in them."""

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import needs_servers
from tests.servers import PostgreSQL


@pytest.fixture
def empty_postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    name = f"test_{secrets.token_hex(8)}"
    yield postgresql.create_database(name)
    postgresql.drop_database(name)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_servers)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each database in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/old.db"
    url: str = request.getfixturevalue("empty_postgresql_url")
    return url
