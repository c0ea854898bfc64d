"""The file: its tables, opening, translation of errors, provisioning."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from deploydb.broker.address import EmbeddedAddress
from deploydb.broker.errors import PROVISION
from deploydb.broker.topology import COMMANDS, Topology
from deploydb.disk_space import Unwritable
from deploydb.domain.model.errors import MUST_BE_WRITABLE, Misconfigured, Transient, Unusable
from deploydb.private_files import make_folder, make_sqlite_file

_VERSION = 1
_BUSY_SECONDS = 10.0

_TABLES = (
    "CREATE TABLE exchange (name TEXT NOT NULL PRIMARY KEY)",
    "CREATE TABLE queue (name TEXT NOT NULL PRIMARY KEY, dead_letters INTEGER NOT NULL)",
    "CREATE TABLE binding (exchange TEXT NOT NULL REFERENCES exchange, pattern TEXT NOT NULL,"
    " queue TEXT NOT NULL REFERENCES queue, PRIMARY KEY (exchange, pattern, queue))",
    # A consumer's lease is that of every message it owns.
    "CREATE TABLE consumer (token TEXT NOT NULL PRIMARY KEY, queue TEXT NOT NULL, lease_until REAL NOT NULL,"
    " machine TEXT NOT NULL, process TEXT NOT NULL)",
    # AUTOINCREMENT: an id is never used again, so a late ack cannot mean another message.
    "CREATE TABLE message (id INTEGER PRIMARY KEY AUTOINCREMENT, queue TEXT NOT NULL, owner TEXT,"
    " attempts INTEGER NOT NULL DEFAULT 0, exchange TEXT NOT NULL, routing_key TEXT NOT NULL, message_id TEXT NOT NULL,"
    " content_type TEXT NOT NULL, headers TEXT NOT NULL, user_id TEXT NOT NULL, sent_at REAL NOT NULL,"
    " body BLOB NOT NULL)",
    "CREATE INDEX message_ready ON message (queue, id) WHERE owner IS NULL",
    "CREATE INDEX message_leased ON message (owner) WHERE owner IS NOT NULL",
)


def open_file(address: EmbeddedAddress, *, synchronous: Literal["FULL", "NORMAL"]) -> sqlite3.Connection:
    """A connection to a provisioned file. `synchronous`: whether its commits survive a power failure.

    Raises: Misconfigured for a missing or foreign file; Transient.
    """
    if not address.path.exists():
        raise Misconfigured(f"{address} does not exist: {PROVISION}, or `deploydb up`")
    with translate_errors(address):
        connection = _connect(address.path)
        try:
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            _require_version(connection, address)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction with the write lock from its beginning: an upgrade from reading would not wait for it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@contextmanager
def translate_errors(address: EmbeddedAddress) -> Iterator[None]:
    """Translate SQLite's errors."""
    try:
        yield
    except sqlite3.ProgrammingError as error:
        raise Transient(f"the connection to {address} is closed") from error
    except sqlite3.OperationalError as error:
        text = str(error)
        if "no such table" in text or "no such column" in text:
            raise Misconfigured(f"{address} is not provisioned ({text}): {PROVISION}") from error
        if "unable to open" in text or "readonly" in text:
            raise Unusable(f"{address}: {text}; {MUST_BE_WRITABLE}") from error
        if "is full" in text or "disk I/O" in text:
            raise Unwritable(f"{address} cannot be written: {text}; free space on its disk") from error
        raise Transient(f"{address} is away or busy: {text}") from error
    except sqlite3.DatabaseError as error:
        raise Misconfigured(f"{address} is damaged, or no file of the embedded transport: {error}") from error
    except OSError as error:
        raise Misconfigured(f"{address} cannot be used: {error}") from error


def provision(address: EmbeddedAddress, topology: Topology) -> list[str]:
    """Create the file with its folder, and the missing parts of the topology in it; name them. Idempotent.

    Patterns of commands are unbound from queues that the topology does not give them to; messages stay. Raises:
    Misconfigured for exchanges of others, of which there are none here.
    """
    if topology.others:
        problem = f"{address} has no exchange {topology.others[0]}: no other program publishes to it"
        raise Misconfigured(f"{problem}; send such events to POST /events of the gateway")
    made: list[str] = []
    with translate_errors(address):
        make_folder(address.path.parent)
        make_sqlite_file(address.path)
        connection = _connect(address.path)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            with writing(connection):
                if _version(connection) == 0:
                    made.append(f"file {address.path}")
                    for statement in _TABLES:
                        connection.execute(statement)
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
                _require_version(connection, address)
                made += _declare(connection, topology)
        finally:
            connection.close()
    return made


def check(address: EmbeddedAddress, topology: Topology) -> None:
    """Raises: Misconfigured for the first missing part; Transient."""
    connection = open_file(address, synchronous="NORMAL")
    try:
        with translate_errors(address):
            exchanges = {name for (name,) in connection.execute("SELECT name FROM exchange")}
            queues = {name for (name,) in connection.execute("SELECT name FROM queue")}
    finally:
        connection.close()
    missing = [f"exchange {name}" for name in topology.exchanges if name not in exchanges]
    missing += [f"queue {queue.name}" for queue in topology.queues if queue.name not in queues]
    if missing:
        raise Misconfigured(f"the {missing[0]} does not exist on {address}: {PROVISION}")


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _require_version(connection: sqlite3.Connection, address: EmbeddedAddress) -> None:
    if (version := _version(connection)) != _VERSION:
        raise Misconfigured(
            f"{address} has the layout {version} of the embedded transport, this DeployDB has {_VERSION}: "
            + (PROVISION if version == 0 else "use the DeployDB that made it, or another file")
        )


def _declare(connection: sqlite3.Connection, topology: Topology) -> list[str]:
    made = []
    for exchange in topology.exchanges:
        if connection.execute("INSERT OR IGNORE INTO exchange VALUES (?)", (exchange,)).rowcount:
            made.append(f"exchange {exchange}")
    for queue in topology.queues:
        if connection.execute("INSERT OR IGNORE INTO queue VALUES (?, ?)", (queue.name, queue.dead_letters)).rowcount:
            made.append(f"queue {queue.name}")
        connection.executemany(
            "INSERT OR IGNORE INTO binding (exchange, pattern, queue) VALUES (?, ?, ?)",
            [(binding.exchange, binding.pattern, queue.name) for binding in queue.bindings],
        )
        connection.executemany(
            "DELETE FROM binding WHERE exchange = ? AND pattern = ? AND queue = ?",
            [(COMMANDS, pattern, queue.name) for pattern in topology.foreign_patterns(queue)],
        )
    return made
