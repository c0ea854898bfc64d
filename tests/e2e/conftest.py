"""Servers' addresses for all tests of a module: to start a house costs seconds."""

import secrets
from collections.abc import Iterator

import pytest

from tests.servers import PostgreSQL, RabbitMQ


@pytest.fixture(scope="module")
def shared_amqp_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A fresh vhost."""
    vhost = f"shared-{secrets.token_hex(8)}"
    yield rabbitmq.create_vhost(vhost)
    rabbitmq.delete_vhost(vhost)


@pytest.fixture(scope="module")
def shared_postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"shared_{secrets.token_hex(8)}"
    yield postgresql.create_database(name, template="deploydb_template")
    postgresql.drop_database(name)
