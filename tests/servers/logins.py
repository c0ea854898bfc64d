"""The users of RabbitMQ and the roles of PostgreSQL that `deploydb broker definitions` and `deploydb db roles` make, on
the servers of a test: its processes log in as they do in production."""

from collections.abc import Collection
from urllib.parse import quote, unquote, urlsplit

import psycopg

from deploydb.broker.definitions import definitions, password_hash
from deploydb.broker.open import provision
from deploydb.broker.topology import Topology
from deploydb.broker.users import users
from deploydb.store.privileges import WRITES, role_of, statements
from tests.servers.rabbitmq import RabbitMQ

PASSWORD = "of-every-user"
BROKER_USERS = {"web": "gateway"}
"""By process, where the user has another name."""
WITHOUT_BROKER = {"promote", "verify", "query"}


def provision_with_users(url: str, topology: Topology, tools: Collection[str] = ()) -> None:
    """Make the topology. On a node of the tests with the users, of the URL's vhost."""
    node = RabbitMQ.of(url)
    if node is not None:
        made = users(topology, tools)
        hashes = {user.name: password_hash(PASSWORD, b"salt") for user in made}
        vhost = unquote(urlsplit(url).path[1:])
        node.api("POST", "definitions", definitions(topology, made, vhost=vhost, hashes=hashes))
    provision(url, topology)


def broker_login(url: str, process: str) -> str | None:
    """The URL for a process; None for one that has no user. That of a test's own broker as it is."""
    if RabbitMQ.of(url) is None:
        return url
    if process in WITHOUT_BROKER:
        return None
    parts = urlsplit(url)
    user = BROKER_USERS.get(process, process)
    return f"amqp://{user}:{PASSWORD}@127.0.0.1:{parts.port}{parts.path}"


def make_roles(url: str) -> None:
    """Make the roles in the URL's database, with the password of its user. A clone of the database has the rights."""
    password = unquote(urlsplit(url).password or "")
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements():
            connection.execute(statement.encode())
        for process in WRITES:
            connection.execute(f"ALTER ROLE {role_of(process)} PASSWORD '{password}'".encode())


def ensure_roles(url: str) -> None:
    """Make the roles where the URL's database is of PostgreSQL and has none."""
    if url.startswith("postgresql:") and not _has_roles(url):
        make_roles(url)


def _has_roles(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(
            "SELECT bool_or(grantee = %s) FROM information_schema.table_privileges WHERE table_name = 'outbox'",
            (role_of("relay"),),
        ).fetchone()
    return bool(row and row[0])


def database_login(url: str, process: str) -> str:
    """The URL for a process. That of SQLite as it is."""
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return url
    return f"postgresql://{role_of(process)}:{quote(unquote(parts.password or ''))}@127.0.0.1:{parts.port}{parts.path}"
