"""The schema's version: brought up to date by `deploydb db migrate`, checked by everybody else.

Alembic is imported to migrate: who only checks starts without it, and reads no revision.
"""

import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from msgspec import Struct
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from deploydb.domain.model.errors import DeployDBError, Misconfigured, Transient
from deploydb.store.engine import Contention, Held, reading, translate_errors
from deploydb.store.migration_locks import in_the_way, require_alone, take_locks
from deploydb.store.privileges import grant_missing, granted_roles
from deploydb.store.revision_impact import IMPACTS, Impact
from deploydb.store.tables import schema_support

if TYPE_CHECKING:
    from alembic.config import Config

# ruff: noqa: PLC0415

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Alembic's table: one row."""
_STATEMENT_SECONDS = 6 * 60 * 60.0
"""How long a statement of a revision may take: it may rewrite the largest table."""
WAIT = timedelta(minutes=1)
"""How long a migration waits for another one, and for locks of other sessions, by default."""


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
    hold nothing up for more than two seconds each. An attempt that has all tables keeps them until it is committed; its
    statements may take hours, whatever the engine allows others. Roles of `store.privileges` that could read the
    database before get the rights that they lack. On SQLite each attempt waits for ten seconds.

    A newer database that permits this DeployDB is left as it is.

    Raises: Held after `wait`, with the sessions in its way; Misconfigured where the database is of a newer DeployDB
    that does not permit this one, or of another program; else as `engine.transact`.
    """
    attempts = Retrying(
        retry=retry_if_exception_type((Held, Contention)),
        stop=stop_after_delay(wait),
        wait=wait_random(0.2, 1),
        reraise=True,
    )
    began = time.monotonic()
    try:
        for attempt in attempts:
            with attempt:
                return _migrate(engine)
    except (Held, Contention) as error:
        waited = time.monotonic() - began
        raise Held(f"{error}; waited {waited:.0f} s{_in_the_way(engine)}") from error
    raise AssertionError("tenacity re-raises the last error")


def _migrate(engine: sa.Engine) -> list[str]:
    from alembic import command

    with translate_errors(), engine.begin() as connection:
        server = connection.dialect.name == "postgresql"
        if server:
            _be_patient(connection)
            require_alone(connection)
        found = _current(connection)
        if _is_newer(connection, found):
            return []
        pending = _plan_from(found).pending
        if server:
            take_locks(connection, [planned.impact for planned in pending])
        roles = granted_roles(connection)
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        connection.execute(sa.delete(schema_support))
        connection.execute(sa.insert(schema_support).values(oldest=_oldest()))
        grant_missing(connection, roles)
        return [planned.revision for planned in pending]


def plan(engine: sa.Engine | None) -> Plan:
    """What `migrate` would do; nothing is changed. None: for a database that is yet to be made.

    Raises: Misconfigured as `migrate`; Transient where the database is away.
    """
    if engine is None:
        return _plan_from(None)
    with reading(engine) as connection:
        found = _current(connection)
        if _is_newer(connection, found):
            return Plan(found=found, head=max(IMPACTS), pending=())
        return _plan_from(found)


def _plan_from(found: str | None) -> Plan:
    from alembic.script import ScriptDirectory

    script = ScriptDirectory.from_config(_configuration())
    revisions = [*script.walk_revisions()][::-1]
    names = [revision.revision for revision in revisions]
    pending = revisions[names.index(found) + 1 if found is not None else 0 :]
    planned = (
        PlannedRevision(
            revision=revision.revision, does=(revision.doc or "").partition("\n")[0], impact=IMPACTS[revision.revision]
        )
        for revision in pending
    )
    return Plan(found=found, head=names[-1], pending=tuple(planned))


def _in_the_way(engine: sa.Engine) -> str:
    with suppress(DeployDBError):  # the error of the migration says more
        return in_the_way(engine, [planned.impact for planned in plan(engine).pending])
    return ""


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
    with suppress(sa.exc.DBAPIError), connection.begin_nested():  # from 14 on, where the server's system has it
        connection.exec_driver_sql("SET LOCAL client_connection_check_interval = '5s'")
    driver.limit_silence(_STATEMENT_SECONDS)


def require_current(engine: sa.Engine) -> None:
    """Return only if the schema is one that this code can work with: its own, or a newer one that permits it.

    Raises: SchemaBehind for an older one; Misconfigured for an empty one, and for a newer one that this code cannot
    work with, saying what was found and what to do; Transient where the database is away.
    """
    head = max(IMPACTS)
    with reading(engine) as connection:
        found = _current(connection)
        newer = _is_newer(connection, found)
    if found is None:
        raise Misconfigured("the database is empty: run `deploydb db migrate`")
    if not newer and found != head:
        raise SchemaBehind(
            f"the database's schema is at revision {found}, this DeployDB needs {head}: run `deploydb db migrate`"
        )


def _is_newer(connection: sa.Connection, found: str | None) -> bool:
    """Whether the database is of a newer DeployDB that permits this one.

    Raises: Misconfigured where it does not permit it, or is of another program.
    """
    if found is None or found in IMPACTS:
        return False
    oldest = None
    if sa.inspect(connection).has_table(schema_support.name):
        oldest = connection.scalar(sa.select(schema_support.c.oldest))
    if oldest is None:
        raise Misconfigured(
            f"the database's schema is at revision {found}, which is of no DeployDB: is DEPLOYDB_DATABASE_URL that of "
            "another database?"
        )
    if oldest not in IMPACTS:
        raise Misconfigured(
            f"the database's schema is at revision {found}, for processes of revision {oldest} and newer; this "
            f"DeployDB has {max(IMPACTS)}: install the newer one"
        )
    return True


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))
