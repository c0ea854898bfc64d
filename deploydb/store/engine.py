"""Connections to the database: how they are set up, and how their errors are told apart."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from deploydb.domain.errors import Misconfigured, Permanent, Transient

T = TypeVar("T")

STATEMENT_TIMEOUT_SECONDS = 30
LOCK_TIMEOUT_SECONDS = 10
PEER_TIMEOUT_SECONDS = 20
"""How long what we send may stay unacknowledged before a silent peer counts as gone."""

_POSTGRESQL_OPTIONS = (
    f"-c timezone=UTC -c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s -c lock_timeout={LOCK_TIMEOUT_SECONDS}s"
    f" -c idle_in_transaction_session_timeout={STATEMENT_TIMEOUT_SECONDS}s"
)
_UNSTORABLE_STATES = ("22", "23", "54")
"""SQLSTATE classes that a value is to blame for: data exception, constraint, program limit (PostgreSQL, appendix A)."""


class Contention(Transient):
    """A deadlock or a serialization failure: the database undid the work so that another could go on. Do it again."""


class Unstorable(Permanent):
    """The database will not take a value in this batch, however often it is asked."""


def open_engine(url: str, *, name: str) -> sa.Engine:
    """A pool of connections that nothing has been opened of yet. `name` tells a database's operator who is asking.

    Raises: Misconfigured for a URL that is not `sqlite:///PATH` or `postgresql://…`.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise Misconfigured("DEPLOYDB_DATABASE_URL is not a URL: expected sqlite:///PATH or postgresql://…") from error
    match parsed.get_backend_name():
        case "postgresql":
            return sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                connect_args={
                    "application_name": f"deploydb-{name}",
                    "connect_timeout": 5,
                    "tcp_user_timeout": PEER_TIMEOUT_SECONDS * 1000,
                    "options": _POSTGRESQL_OPTIONS,
                },
                json_serializer=_to_json,
                json_deserializer=msgspec.json.decode,
            )
        case "sqlite":
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(parsed, json_serializer=_to_json, json_deserializer=msgspec.json.decode)
            sa.event.listen(engine, "connect", _prepare_sqlite)
            sa.event.listen(engine, "begin", _begin_sqlite)
            return engine
        case other:
            raise Misconfigured(f"DEPLOYDB_DATABASE_URL names {other}: expected sqlite:///PATH or postgresql://…")


def transact(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    """What `work` returns, once its transaction is committed. Undone and done again where the database asks for it.

    Raises: Transient where the database is away or too busy (the outcome of a lost commit is unknown: repeat the whole
    work, it must be harmless); Unstorable; Misconfigured where tables or rights are missing.
    """
    attempts = Retrying(
        retry=retry_if_exception_type(Contention), stop=stop_after_attempt(8), wait=wait_random(0, 0.05), reraise=True
    )
    for attempt in attempts:
        with attempt, told_apart(), engine.begin() as connection:
            return work(connection)
    raise AssertionError("tenacity re-raises the last error")


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to read from: one snapshot on SQLite, never a writer's lock.

    Raises: as `transact`.
    """
    with told_apart(), engine.connect().execution_options(deploydb_reading=True) as connection:
        yield connection


@contextmanager
def told_apart() -> Iterator[None]:
    """Database errors as ours: what is worth trying again, and what is not."""
    try:
        yield
    except DBAPIError as error:
        raise _translated(error) from error


def _translated(error: DBAPIError) -> Transient | Permanent:
    cause = str(error.orig).strip().partition("\n")[0]
    state = getattr(error.orig, "sqlstate", None)
    if state in ("40001", "40P01"):
        return Contention(f"the database asks to try again: {cause}")
    if state in ("42P01", "42703") or "no such table" in cause or "no such column" in cause:
        return Misconfigured(f"the database's schema is not current ({cause}): run `deploydb db migrate`")
    if state in ("42501", "28P01", "28000", "3D000"):
        return Misconfigured(f"the database refuses: {cause}; check DEPLOYDB_DATABASE_URL and the role's rights")
    if state is not None and state.startswith("42"):
        return Permanent(f"the database does not understand us, which is a mistake of DeployDB: {cause}")
    if state.startswith(_UNSTORABLE_STATES) if state else not isinstance(error, OperationalError | InterfaceError):
        return Unstorable(f"the database does not take it: {cause}")
    # whatever else it is (a timeout, a shutdown, a full disk), no message is to blame for it
    return Transient(f"the database is away or busy: {cause}")


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's own type
    connection.isolation_level = None  # we say BEGIN: the driver's own would be deferred and deadlock on upgrade
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("deploydb_reading", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
