"""The schema's version: brought up to date by `deploydb db migrate`, checked by everybody else.

Alembic is imported to migrate: who only checks starts without it, and reads no revision.
"""

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from msgspec import Struct
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from deploydb.domain.model.errors import Misconfigured, Transient
from deploydb.store.engine import Contention, Held, reading, translate_errors
from deploydb.store.privileges import grant_missing
from deploydb.store.revision_impact import IMPACTS, Impact
from deploydb.store.tables import schema_support

if TYPE_CHECKING:
    from alembic.config import Config

# ruff: noqa: PLC0415

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Alembic's table: one row."""
_MIGRATION_LOCK = 7_237_001
"""Any number that no other advisory lock in this database has."""
_STATEMENT_SECONDS = 6 * 60 * 60.0
"""How long a statement of a revision may take: it may rewrite the largest table."""
WAIT = timedelta(minutes=1)
"""How long a migration waits for another one, and for locks of other sessions, by default."""
_LOCK_SECONDS = 2
"""How long an attempt waits for a table. All other sessions wait behind it meanwhile, also those that only read."""


class SchemaBehind(Transient):
    """The database's schema is of an older DeployDB: processes wait for `deploydb db migrate`."""


class PlannedRevision(Struct, frozen=True, kw_only=True):
    """A revision that the database does not have yet: its first line, and its `Impact`."""

    revision: str
    does: str
    impact: Impact


class Plan(Struct, frozen=True, kw_only=True):
    """What `migrate` would do. `found`: the database's revision, None for an empty one; `head`: that of the code."""

    found: str | None
    head: str
    pending: tuple[PlannedRevision, ...]

    @property
    def stops(self) -> bool:
        """Whether processes that run on the database's revision have to be stopped before."""
        return self.found is not None and any(planned.impact.stops for planned in self.pending)


def migrate(engine: sa.Engine, *, wait: timedelta = WAIT) -> list[str]:
    """Bring the schema up to date, and name the revisions that it took: all in one transaction, or none.

    On PostgreSQL one at a time: another one waits, and both wait for tables that others have locked, in attempts that
    hold nothing up for more than two seconds each. Roles of `store.privileges` that are there get the rights that they
    lack. Its statements may take hours, whatever the engine allows others.

    Raises: Held after `wait`, with the sessions in its way; Misconfigured where the database is of a newer DeployDB;
    else as `engine.transact`.
    """
    attempts = Retrying(
        retry=retry_if_exception_type((Held, Contention)),
        stop=stop_after_delay(wait),
        wait=wait_random(0.2, 1),
        reraise=True,
    )
    try:
        for attempt in attempts:
            with attempt:
                return _migrate(engine)
    except Held as error:
        raise Held(f"{error}; waited {wait.total_seconds():.0f} s{_in_the_way(engine)}") from error
    raise AssertionError("tenacity re-raises the last error")


def _migrate(engine: sa.Engine) -> list[str]:
    from alembic import command

    with translate_errors(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            _be_patient(connection)
            if not connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_MIGRATION_LOCK))).scalar_one():
                raise Held("another `deploydb db migrate` is at work")
        taken = [planned.revision for planned in _plan_from(_current(connection)).pending]
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        connection.execute(sa.delete(schema_support))
        connection.execute(sa.insert(schema_support).values(oldest=_oldest()))
        grant_missing(connection)
        return taken


def plan(engine: sa.Engine | None) -> Plan:
    """What `migrate` would do; nothing is changed. None: for a database that is yet to be made.

    Raises: Misconfigured where the database is of a newer DeployDB; Transient where it is away.
    """
    if engine is None:
        return _plan_from(None)
    with reading(engine) as connection:
        return _plan_from(_current(connection))


def _plan_from(found: str | None) -> Plan:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_configuration())
    revisions = [*script.walk_revisions()][::-1]
    names = [revision.revision for revision in revisions]
    if found is not None and found not in names:
        raise Misconfigured(
            f"the database's schema is at revision {found}, which this DeployDB does not have: it is older than the "
            "database; install the newer one"
        )
    pending = revisions[names.index(found) + 1 if found is not None else 0 :]
    planned = (
        PlannedRevision(
            revision=revision.revision, does=(revision.doc or "").partition("\n")[0], impact=IMPACTS[revision.revision]
        )
        for revision in pending
    )
    return Plan(found=found, head=names[-1], pending=tuple(planned))


def _in_the_way(engine: sa.Engine) -> str:
    """The sessions that a migration may wait for, for its message: the holder of its lock, the oldest transactions."""
    if engine.dialect.name != "postgresql":
        return ""
    statement = sa.text(
        "SELECT a.pid, a.usename, a.application_name, coalesce(host(a.client_addr), 'local') AS host, "
        "coalesce(round(extract(epoch FROM clock_timestamp() - a.xact_start)), 0) AS seconds, "
        "l.pid IS NOT NULL AS held "
        "FROM pg_stat_activity AS a LEFT JOIN pg_locks AS l ON l.pid = a.pid AND l.granted AND l.locktype = 'advisory' "
        "AND l.classid = 0 AND l.objid = :key AND l.database = (SELECT oid FROM pg_database WHERE datname = a.datname) "
        "WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.xact_start IS NOT NULL "
        "ORDER BY held DESC, a.xact_start LIMIT 3"
    )
    with reading(engine) as connection:
        rows = connection.execute(statement, {"key": _MIGRATION_LOCK}).all()
    found = [
        f"{row.application_name or 'a session'} of {row.usename} from {row.host}, process {row.pid}, for "
        f"{row.seconds:.0f} s"
        for row in rows
    ]
    return f"; open transactions: {'; '.join(found)}" if found else ""


def _oldest() -> str:
    """The oldest revision whose processes can work with the newest schema."""
    return max((name for name, impact in IMPACTS.items() if impact.stops), default=min(IMPACTS))


def _configuration() -> "Config":
    from alembic.config import Config

    configuration = Config()
    configuration.set_main_option("script_location", str(_MIGRATIONS))
    return configuration


def _be_patient(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    connection.detach()  # it goes back to no pool, where others would have it
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {setting} = '{_STATEMENT_SECONDS:.0f}s'")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'")
    driver.limit_silence(_STATEMENT_SECONDS)


def require_current(engine: sa.Engine) -> None:
    """Return only if the schema is one that this code can work with: its own, or a newer one that permits it.

    Raises: SchemaBehind for an older one; Misconfigured for an empty one, and for a newer one that this code cannot
    work with, saying what was found and what to do; Transient where the database is away.
    """
    head = max(IMPACTS)
    with reading(engine) as connection:
        found = _current(connection)
        oldest = _oldest_of(connection) if found is not None and found not in IMPACTS else found
    if found is None:
        raise Misconfigured("the database is empty: run `deploydb db migrate`")
    if found in IMPACTS and found != head:
        raise SchemaBehind(
            f"the database's schema is at revision {found}, this DeployDB needs {head}: run `deploydb db migrate`"
        )
    if oldest not in IMPACTS:
        raise Misconfigured(
            f"the database's schema is at revision {found}, for processes of revision {oldest} and newer; this "
            f"DeployDB has {head}: install the newer one"
        )


def _oldest_of(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(schema_support.name):
        return None
    return connection.scalar(sa.select(schema_support.c.oldest))


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))
