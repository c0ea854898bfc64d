"""What a migration locks on PostgreSQL, and who has it: another migration, and sessions that use its tables."""

import time
from collections.abc import Iterable

import sqlalchemy as sa

from deploydb.store.engine import Held, reading
from deploydb.store.revision_impact import Impact

_MIGRATION_LOCK = 7_237_001
"""Any number that no other advisory lock in this database has."""
_ATTEMPT_SECONDS = 2.0
"""How long an attempt waits for all tables. All other sessions wait behind it meanwhile, also those that only read."""
_FIRST = "event"
"""A transaction that records facts begins with it."""
_HOLDERS = sa.text(
    "SELECT a.pid, coalesce(a.usename, 'the server') AS usename, a.application_name, host(a.client_addr) AS host, "
    "extract(epoch FROM clock_timestamp() - a.xact_start) AS seconds FROM pg_stat_activity AS a JOIN "
    "(SELECT pid, bool_or(locktype = 'advisory') AS migrates FROM pg_locks WHERE granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database()) AND (locktype = 'advisory' AND classid = 0 AND "
    "objid = :key AND objsubid = 1 OR locktype = 'relation' AND relation IN (SELECT CAST(to_regclass(name) AS oid) "
    "FROM unnest(CAST(:tables AS text[])) AS name)) GROUP BY pid) AS l ON l.pid = a.pid "
    "WHERE a.pid <> pg_backend_pid() ORDER BY l.migrates DESC, a.xact_start, a.pid LIMIT 3"
)
"""A role that is not a superuser sees neither the address nor the times of other roles' sessions."""


def take_locks(connection: sa.Connection, impacts: Iterable[Impact]) -> None:
    """Have all tables of the revisions before any work, until the transaction ends: what is waited for later could be
    a deadlock, which undoes the work. Nothing that others wait for is held for more than two seconds before it is all
    had.

    Raises: Held, translated or not, where others have a table for longer.
    """
    there = {*sa.inspect(connection).get_table_names()}
    modes: dict[str, str] = {}
    for impact in impacts:
        modes |= {table: "SHARE ROW EXCLUSIVE" for table in impact.blocks_writes if table not in modes}
        modes |= dict.fromkeys(impact.locks, "ACCESS EXCLUSIVE")
    until = time.monotonic() + _ATTEMPT_SECONDS
    for table in sorted(modes.keys() & there, key=lambda name: (name != _FIRST, name)):
        limit_waiting(connection, until - time.monotonic())
        connection.exec_driver_sql(f"LOCK TABLE {table} IN {modes[table]} MODE")
    limit_waiting(connection, _ATTEMPT_SECONDS)


def limit_waiting(connection: sa.Connection, seconds: float) -> None:
    """For each lock of the transaction."""
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{max(1, round(seconds * 1000))}ms'")


def require_alone(connection: sa.Connection) -> None:
    """Return as the one migration of the database, until the transaction ends. Raises: Held."""
    if not connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_MIGRATION_LOCK))).scalar_one():
        raise Held("another `deploydb db migrate` is at work")


def in_the_way(engine: sa.Engine, impacts: Iterable[Impact]) -> str:
    """Sessions that a migration with these revisions waits for, for its message: another one, the oldest others.

    Raises: as `engine.transact`.
    """
    if engine.dialect.name != "postgresql":
        return ""
    tables = sorted({table for impact in impacts for table in (*impact.locks, *impact.blocks_writes)})
    with reading(engine) as connection:
        rows = connection.execute(_HOLDERS, {"key": _MIGRATION_LOCK, "tables": tables}).all()
    found = [
        f"{row.application_name or 'a session'} of {row.usename}{f' from {row.host}' if row.host else ''}, "
        f"process {row.pid}{f', for {row.seconds:.0f} s' if row.seconds is not None else ''}"
        for row in rows
    ]
    return f"; in the way: {'; '.join(found)}" if found else ""
