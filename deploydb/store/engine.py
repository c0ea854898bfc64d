"""Connections to the database: their settings, their number, and the kinds of their errors."""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite.base import SQLiteCompiler
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random

from deploydb import disk_space
from deploydb.disk_space import Unwritable
from deploydb.domain.model.errors import MUST_BE_WRITABLE, Misconfigured, NotAllowed, Permanent, Transient, Unusable
from deploydb.private_files import make_folder, make_sqlite_file
from deploydb.store.silence_limit import connecting

T = TypeVar("T")

STATEMENT_TIMEOUT_SECONDS = 30.0
LOCK_TIMEOUT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 4
"""Long enough for two SYN packets to be lost; then the next attempt follows."""
CONNECTIONS = 16
"""Of a pool, by default."""

_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    # sent and not acknowledged for so long; it also ends the keepalives, at the second probe
    "tcp_user_timeout": 10_000,
}
_POOL_TIMEOUT_SECONDS = 10
_UNSTORABLE_STATES = ("22", "23", "44", "54", "P0")
"""SQLSTATE classes that a value is to blame for: data exception, constraint, check option, program limit, a trigger's
own error (PostgreSQL, appendix A)."""
_LOST_STATES = ("08", "57P", "58", "25006")
"""SQLSTATE prefixes of a session that is of no use any more: connection exceptions, shutdown and crash, system errors,
and a server that only reads since another one took its place."""
_DISK_STATES = ("53100", "58030")
"""A full disk, and an I/O error."""
_DISK_ERRORS = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
_FILE_ERRORS = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
_LOGIN_STATES = ("28", "3D000")
_LOGIN_WORDS = (
    "authentication failed",
    "no password supplied",
    "no pg_hba.conf entry",
    "is not permitted to log in",
    "permission denied for database",
)
"""libpq gives no SQLSTATE for a connection that was refused: its words, which are English unless the server is set to
another language. One that is not recognized counts as a server that is away."""


class Contention(Transient):
    """A deadlock or a serialization failure: the database undid the work so that another could go on. Do it again."""


class Held(Transient):
    """Another session has had a row, a table or SQLite's file locked for longer than we wait for it."""


class TimedOut(Transient):
    """A statement has taken longer than it may: it is for too much at once, or the database is busy."""


class Unstorable(Permanent):
    """The database will not take a value in this batch, however often it is asked."""


def open_engine(
    url: str,
    *,
    name: str,
    connections: int = CONNECTIONS,
    statement_timeout: float = STATEMENT_TIMEOUT_SECONDS,
    lock_timeout: float = LOCK_TIMEOUT_SECONDS,
) -> sa.Engine:
    """A pool of connections, none opened yet. `name` shows the client to a database's operator.

    `connections`: as many as the threads that ask at one time, so that none waits for another's.
    `lock_timeout`: seconds to wait for a row that another session has locked, on PostgreSQL.
    `statement_timeout` in seconds, kept by the server; one that has been silent for longer is dropped
    (`store.silence_limit`).

    Raises: Misconfigured for a URL that is not `sqlite:///PATH` or `postgresql://…`, or a folder that cannot be made.
    """
    try:
        parsed = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # whose words may have a part of the password
        raise Misconfigured("DEPLOYDB_DATABASE_URL is not a URL: expected sqlite:///PATH or postgresql://…") from None
    if parsed.get_backend_name() != "sqlite" and "@" in f"{parsed.host}{parsed.database}":
        message = "has an @ behind its first one: write the password's as %40"
        raise Misconfigured(f"DEPLOYDB_DATABASE_URL {message}")
    pool: dict[str, Any] = {
        "poolclass": _Pool,
        "pool_size": connections,
        "max_overflow": 0,
        "pool_timeout": _POOL_TIMEOUT_SECONDS,
    }
    match parsed.get_backend_name():
        case "postgresql":
            milliseconds = round(statement_timeout * 1000)
            engine = sa.create_engine(
                parsed.set(drivername="postgresql+psycopg"),
                connect_args={
                    "application_name": f"deploydb-{name}",
                    "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                    **_KEEPALIVES,
                    "options": f"-c timezone=UTC -c statement_timeout={milliseconds}"
                    f" -c lock_timeout={round(lock_timeout * 1000)}"
                    f" -c idle_in_transaction_session_timeout={milliseconds}",
                },
                json_serializer=_to_json,
                json_deserializer=msgspec.json.decode,
                **pool,
            )
            sa.event.listen(engine, "do_connect", connecting(statement_timeout))
            sa.event.listen(engine, "handle_error", _drop_lost_sessions)
            return engine
        case "sqlite":
            if parsed.database:
                try:
                    make_folder(Path(parsed.database).parent)
                except OSError as error:
                    raise Misconfigured(f"cannot make the folder of {parsed.database}: {error.strerror}") from error
            else:
                pool = {}  # in memory: one connection
            engine = sa.create_engine(parsed, json_serializer=_to_json, json_deserializer=msgspec.json.decode, **pool)
            engine.dialect.statement_compiler = _SqliteCompiler
            sa.event.listen(engine, "do_connect", _make_sqlite_file)
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
        with attempt, translate_errors(), engine.begin() as connection:
            return work(connection)
    raise AssertionError("tenacity re-raises the last error")


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to read from: one snapshot on SQLite, never a writer's lock.

    Raises: as `transact`.
    """
    with translate_errors(), engine.connect().execution_options(deploydb_reading=True) as connection:
        yield connection


def require_room(engine: sa.Engine) -> None:
    """Return where a database in a file could grow; a server reports its own disk. Raises: Unwritable."""
    if engine.dialect.name == "sqlite" and engine.url.database:
        disk_space.require_room(Path(engine.url.database).parent)


@contextmanager
def translate_errors() -> Iterator[None]:
    """Database errors as ours, whether SQLAlchemy has wrapped the driver's or not: what is worth trying again, and what
    is not."""
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise Transient(f"the database is busy: every connection of the pool was in use ({error})") from error
    except DBAPIError as error:
        cause = error.orig or error
        lost = isinstance(error, OperationalError | InterfaceError)
        raise _translated(cause, lost=lost) from error
    except (psycopg.Error, sqlite3.Error) as error:
        lost = isinstance(
            error, psycopg.OperationalError | psycopg.InterfaceError | sqlite3.OperationalError | sqlite3.InterfaceError
        )
        # a closed connection, which another thread may have closed, is SQLite's ProgrammingError
        raise _translated(error, lost=lost or "closed" in str(error)) from error


def _translated(error: BaseException, *, lost: bool) -> Transient | Permanent:
    cause = str(error).strip().partition("\n")[0]
    state = getattr(error, "sqlstate", None)
    if state in ("40001", "40P01"):
        return Contention(f"the database asks to try again: {cause}")
    if state == "55P03":
        return Held(f"another session has locked what we need: {cause}")
    if state == "57014":
        return TimedOut(f"the database is away or busy: {cause}")
    if state in ("42P01", "42703") or "no such table" in cause or "no such column" in cause:
        return Misconfigured(f"the database's schema is not current ({cause}): run `deploydb db migrate`")
    if state == "42501":
        rights = "check DEPLOYDB_DATABASE_URL, and the role's rights, which `deploydb db roles` prints"
        return Misconfigured(f"the database refuses: {cause}; {rights}")
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without what extends it
    if state in _DISK_STATES or kind in _DISK_ERRORS:
        return Unwritable(f"the database cannot be written: {cause}; free space on its disk")
    if kind == sqlite3.SQLITE_BUSY:
        return Held(f"another process writes to the database's file: {cause}")
    if kind in _FILE_ERRORS:
        return Unusable(f"the database's file cannot be used: {cause}; {MUST_BE_WRITABLE}")
    if _is_refused_login(error, state):
        return NotAllowed(f"the database refuses the login: {cause}; check DEPLOYDB_DATABASE_URL")
    if state is not None and state.startswith("42"):
        return Permanent(f"the database does not understand us, which is a mistake of DeployDB: {cause}")
    if state.startswith(_UNSTORABLE_STATES) if state else not lost:
        return Unstorable(f"the database does not take it: {cause}")
    # whatever else it is (a timeout, a shutdown), no message is to blame for it
    return Transient(f"the database is away or busy: {cause}")


def _is_refused_login(error: BaseException, state: str | None) -> bool:
    if state is not None:
        return state.startswith(_LOGIN_STATES)
    text = str(error)
    missing = "does not exist" in text and ('database "' in text or 'role "' in text)
    return isinstance(error, psycopg.OperationalError) and (missing or any(words in text for words in _LOGIN_WORDS))


def _drop_lost_sessions(context: ExceptionContext) -> None:
    """Have SQLAlchemy drop the session and everything in its pool: the others are no better."""
    state = getattr(context.original_exception, "sqlstate", None)
    if state is not None and state.startswith(_LOST_STATES):
        context.is_disconnect = True


class _Pool(QueuePool):
    """Closes what comes back after `dispose`, too: SQLAlchemy leaves that to the garbage collector."""

    _disposed = False

    def dispose(self) -> None:
        self._disposed = True
        super().dispose()

    def _do_return_conn(self, record: ConnectionPoolEntry) -> None:
        super()._do_return_conn(record)
        if self._disposed:
            super().dispose()


logging.getLogger(f"{__name__}.{_Pool.__name__}").setLevel(logging.WARNING)  # as SQLAlchemy's own pools


class _SqliteCompiler(SQLiteCompiler):
    """Renders a boolean column as it is: for SQLAlchemy's `= 1` SQLite uses no partial index of the column."""

    def visit_is_true_unary_operator(self, element: Any, operator: Any, **more: Any) -> str:  # noqa: ANN401
        return str(self.process(element.element, **more))


def _make_sqlite_file(_dialect: object, _record: object, arguments: Sequence[str], _options: object) -> None:
    if arguments and not arguments[0].startswith((":", "file:")):
        make_sqlite_file(Path(arguments[0]))


def _prepare_sqlite(connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's own type
    connection.isolation_level = None  # we say BEGIN: the driver's own would be deferred and deadlock on upgrade
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 10000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("deploydb_reading", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _to_json(value: object) -> str:
    return msgspec.json.encode(value).decode()
