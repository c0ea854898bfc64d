"""The servers and addresses that tests ask for. One RabbitMQ node and one PostgreSQL cluster serve a whole run, under
xdist too; each test gets a vhost, a database, a file of its own."""

import os
import secrets
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import settings
from jinja2 import Environment
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite

from deploydb.store.engine import open_engine
from deploydb.store.schema import migrate
from tests.missing import missing
from tests.order import in_blocks
from tests.servers import PostgreSQL, RabbitMQ, ServerMissing, Servers
from tests.servers.logins import make_roles
from workers.garbage import look_seldom

settings.register_profile("tests", deadline=None)  # of an example: a busy machine is no failure
settings.load_profile("tests")

S = TypeVar("S")

_COMPILED: dict[Any, Any] = {}


@sa.event.listens_for(sa.Engine, "engine_connect")
def _keep_compiled_statements(connection: sa.Connection) -> None:
    """For all engines of a process: each test opens one, and compiling takes longer than what it runs."""
    connection.execution_options(compiled_cache=_COMPILED)


for _dialect in (SQLiteDialect_pysqlite, PGDialect_psycopg):  # part of a statement's key
    _dialect.__eq__ = lambda self, other: type(self) is type(other)  # type: ignore[method-assign]
    _dialect.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]

_TEMPLATES: dict[Any, CodeType] = {}
_compile = Environment.compile


def _compile_file_once(self: Environment, source: Any, name: Any = None, filename: Any = None, *more: Any) -> Any:
    """For all applications of a process, as statements: a page takes up to 0.2 s."""
    if filename is None:
        return _compile(self, source, name, filename, *more)
    key = type(self), self.autoescape, self.trim_blocks, self.lstrip_blocks, source, name, filename, more
    if key not in _TEMPLATES:
        _TEMPLATES[key] = _compile(self, source, name, filename, *more)
    return _TEMPLATES[key]


Environment.compile = _compile_file_once  # type: ignore[method-assign]

_servers = pytest.StashKey[Servers]()

needs_servers = pytest.mark.servers
_OF_SERVERS = {"rabbitmq", "own_rabbitmq", "postgresql", "own_postgresql"}


def pytest_configure(config: pytest.Config) -> None:
    """The run's process chooses the folder, xdist's workers get it."""
    _reset_signals_of_children()
    # many containers set it; each process that a test starts would compile all of DeployDB, for half a second
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    given = getattr(config, "workerinput", None)
    if given is None:
        # to make and drop a database takes a fifth of the time there
        config.stash[_servers] = Servers.temporary(in_memory=True)
    else:
        config.stash[_servers] = Servers(Path(given["servers_folder"]), given["servers_owner"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses a server by a fixture of its own, as the parameters that do are marked. Order for xdist."""
    for item in items:
        if _OF_SERVERS.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(needs_servers)
    given = getattr(config, "workerinput", None)
    if given is not None:
        items[:] = in_blocks(items, given["workercount"])


def pytest_collection_finish() -> None:
    """As the processes of DeployDB do: a look for garbage goes through all tests, for half a second."""
    look_seldom()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker."""
    servers: Servers = node.config.stash[_servers]
    node.workerinput["servers_folder"] = str(servers.folder)
    node.workerinput["servers_owner"] = servers.owner


def pytest_unconfigure(config: pytest.Config) -> None:
    """The run's process stops what any of the workers has started."""
    if not hasattr(config, "workerinput") and _servers in config.stash:
        config.stash[_servers].stop()


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest) -> Servers:
    """The servers of this run; `own_rabbitmq()` and `own_postgresql()` give some that a test may break."""
    return request.config.stash[_servers]


@pytest.fixture(scope="session")
def rabbitmq(servers: Servers) -> RabbitMQ:
    """The run's shared node."""
    return _or_skip(servers.rabbitmq)


@pytest.fixture
def own_rabbitmq(servers: Servers) -> Iterator[RabbitMQ]:
    """A node for one test to break. Takes 5 to 10 seconds to boot."""
    with _or_skip(servers.own_rabbitmq) as node:
        yield node


@pytest.fixture
def amqp_url(rabbitmq: RabbitMQ) -> Iterator[str]:
    """A fresh vhost; nothing is provisioned in it."""
    vhost = f"test-{secrets.token_hex(8)}"
    yield rabbitmq.create_vhost(vhost)
    rabbitmq.delete_vhost(vhost)


@pytest.fixture
def embedded_url(tmp_path: Path) -> str:
    """The embedded transport on a fresh file; nothing is provisioned in it."""
    return f"embedded:{tmp_path}/broker.db"


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=needs_servers)])
def broker_url(request: pytest.FixtureRequest) -> str:
    """Each transport in turn."""
    name = "embedded_url" if request.param == "embedded" else "amqp_url"
    url: str = request.getfixturevalue(name)
    return url


@pytest.fixture(scope="session")
def postgresql(servers: Servers) -> Iterator[PostgreSQL]:
    """The run's shared cluster, with a migrated database `deploydb_template` in it.

    It does not wait for the disk: no test of it outlives a crash of the machine, and each drops a database.
    """
    cluster = _or_skip(lambda: servers.postgresql({"fsync": "off", "full_page_writes": "off"}))
    with servers.once("template") as first:
        if first:
            url = cluster.create_database("deploydb_template")
            _migrate(url)
            make_roles(url)
    with cluster.connected():
        yield cluster


@pytest.fixture
def own_postgresql(servers: Servers) -> Iterator[PostgreSQL]:
    """A cluster for one test to break."""
    with _or_skip(servers.own_postgresql) as cluster:
        yield cluster


@pytest.fixture
def postgresql_url(postgresql: PostgreSQL) -> Iterator[str]:
    """A fresh migrated database."""
    name = f"test_{secrets.token_hex(8)}"
    yield postgresql.create_database(name, template="deploydb_template")
    postgresql.drop_database(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh migrated file."""
    return f"sqlite:///{shutil.copy(sqlite_template, tmp_path / 'deploydb.db')}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=needs_servers)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Each database in turn."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


def _reset_signals_of_children() -> None:
    """What is ignored here, as by `nohup` and for background jobs, is ignored by each process that is started, but not
    what is handled: this process goes on ignoring it, and those can be stopped by it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda _number, _frame: None)


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


def _migrate(url: str) -> None:
    engine = open_engine(url, name="tests")
    try:
        migrate(engine)
    finally:
        engine.dispose()


def _or_skip(start: Callable[[], S]) -> S:
    try:
        return start()
    except ServerMissing as error:
        missing(str(error))
