"""The schema's version: brought up to date by `deploydb db migrate`, checked by everybody else.

Alembic is imported to migrate: who only checks starts without it, and reads no revision.
"""

from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.errors import Misconfigured
from deploydb.store.engine import reading, translate_errors

# ruff: noqa: PLC0415

_MIGRATIONS = Path(__file__).parent / "migrations"
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))
"""Alembic's table: one row."""
_MIGRATION_LOCK = 7_237_001
"""Any number that no other advisory lock in this database has."""
_STATEMENT_SECONDS = 6 * 60 * 60.0
"""How long a statement of a revision may take: it may rewrite the largest table."""


def migrate(engine: sa.Engine) -> list[str]:
    """Bring the schema up to date, and name the revisions that it took. Two at a time wait for each other.

    Its statements may take hours, whatever the engine allows others; a lock is waited for as long as the engine says.

    Raises: Transient, Misconfigured as `engine.transact`.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    with translate_errors(), engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            _be_patient(connection)
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        before = _current(connection)
        configuration = Config()
        configuration.set_main_option("script_location", str(_MIGRATIONS))
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")
        script = ScriptDirectory.from_config(configuration)
        taken = script.iterate_revisions("head", before or "base")
        return [revision.revision for revision in taken][::-1]


def _be_patient(connection: sa.Connection) -> None:
    driver: Any = connection.connection.driver_connection
    connection.detach()  # it goes back to no pool, where others would have it
    for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
        connection.exec_driver_sql(f"SET LOCAL {setting} = '{_STATEMENT_SECONDS:.0f}s'")
    driver.limit_silence(_STATEMENT_SECONDS)


def require_current(engine: sa.Engine) -> None:
    """Return only if the schema is the one that this code was written for.

    Raises: Misconfigured, saying what was found and what to do; Transient where the database is away.
    """
    head = _head()
    with reading(engine) as connection:
        found = _current(connection)
    if found is None:
        raise Misconfigured("the database is empty: run `deploydb db migrate`")
    if found != head:
        raise Misconfigured(
            f"the database's schema is at revision {found}, this DeployDB needs {head}: run `deploydb db migrate` "
            "(or this DeployDB is older than the database: install the newer one)"
        )


@cache
def _head() -> str:
    """The newest revision of this code. The name of a revision's file begins with it."""
    return max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")).partition("_")[0]


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    return connection.scalar(sa.select(_VERSION.c.version_num))
