"""The rights on the tables: those that each process needs, as roles of PostgreSQL, and those that our own role has.

A process reads all tables: a decision, an answer and a list of what is under way come from any of them, and the log has
the content of the others. It writes the tables of its own work alone. None needs a role that owns the tables; only
`deploydb db migrate` does. PostgreSQL asks for UPDATE where a row is locked, and for none of the rights of an identity
column's sequence.
"""

import json
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.facts import fact_types
from deploydb.store.tables import metadata

Right = Literal["INSERT", "UPDATE", "DELETE"]
Rights = dict[str, tuple[Right, ...]]
"""By table, beside SELECT."""

_ADD: tuple[Right, ...] = ("INSERT",)
_CHANGE: tuple[Right, ...] = ("UPDATE",)
_PUT: tuple[Right, ...] = ("INSERT", "UPDATE")
_REPLACE: tuple[Right, ...] = ("INSERT", "DELETE")
_ANY: tuple[Right, ...] = ("INSERT", "UPDATE", "DELETE")

_FACTS: Rights = {
    **{kind.projection.table: _PUT for kind in fact_types() if kind.projection.table is not None},
    "artifact": _PUT,
    "correlation": _REPLACE,
    "deployment": _PUT,
    "evaluation_request": _ADD,
    "event": _ADD,
    "outbox": _ADD,
    "publication": _REPLACE,
    "revision": _PUT,
    "unmatched_fact": _REPLACE,
}
"""Folding facts into the tables (`projections.project`): ingest, and promote for facts that came early."""

WRITES: dict[str, Rights] = {
    "ingest": {**_FACTS, "ingest_watermark": _ANY},
    "promote": {
        **_FACTS,
        "catalog_listing": _PUT,
        "command_queue": _REPLACE,
        "configuration_file": _ADD,
        "current_version": _PUT,
        "environment_name": _REPLACE,
        "evaluation_request": _ANY,
        "external_check": _ADD,
        "flow": _ADD,
        "live_interval": _PUT,
        "live_status": _ADD,
        "service_schedule": _PUT,
        "unmatched_fact": _ANY,
        "verdict": _PUT,
        "wanted_notification": _REPLACE,
    },
    "relay": {"command_queue": _CHANGE, "outbox": _CHANGE, "revision": _PUT},
    "verify": {"external_check": _CHANGE, "outbox": _ADD},
    "notify": {"webhook_delivery": _ANY, "webhook_endpoint": _PUT},
    "orchestrate": {"orchestrator_run": _ANY, "outbox": _ADD},
    "query": {},
    "gateway": {},
    "web": {},
    "operator": {"webhook_delivery": _CHANGE, "webhook_endpoint": _PUT},
}
"""What each process writes; `operator`: a person with `deploydb doctor` and `deploydb webhook`."""

UPDATES: dict[str, dict[str, tuple[str, ...]]] = {"promote": {"event": ("environment",)}}
"""The columns that a process may update, by table, where `WRITES` lets it add rows alone: renamed environments."""


def role_of(process: str) -> str:
    """The name of the role of a process."""
    return f"deploydb_{process}"


def statements() -> list[str]:
    """The SQL that makes the roles, without passwords, and gives each its rights on the tables that there are.

    Idempotent: what a role had before is taken back. For the owner of the database and of its tables; making a role
    that is not there takes CREATEROLE. It raises an exception for another role, whose REVOKE would only warn. Logins of
    others stay as they are.
    """
    made = [
        """DO $$ BEGIN
  IF NOT (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
    RAISE EXCEPTION '% does not own the database %: run this as its owner', current_user, current_database();
  END IF;
END $$"""
    ]
    for process in WRITES:
        role = role_of(process)
        made.append(f"""DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
    CREATE ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION;
  END IF;
END $$""")
    roles = ", ".join(map(role_of, WRITES))
    made += [
        f"""DO $$ BEGIN
  EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO {roles}', current_database());
END $$""",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {roles}",
        f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {roles}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {roles}",
    ]
    for process, writes in WRITES.items():
        tables: dict[str, list[str]] = {}
        for table, rights in sorted(writes.items()):
            tables.setdefault(", ".join(rights), []).append(f"public.{table}")
        made += [f"GRANT {given} ON {', '.join(names)} TO {role_of(process)}" for given, names in tables.items()]
        made += [
            f"GRANT UPDATE ({', '.join(columns)}) ON public.{table} TO {role_of(process)}"
            for table, columns in UPDATES.get(process, {}).items()
        ]
    return made


def grant_missing(connection: sa.Connection) -> None:
    """Give the roles of `WRITES` that are there the rights that they lack on the tables. Takes none back.

    For the owner of the tables. Raises: as `engine.transact`. On SQLite it does nothing.
    """
    if connection.dialect.name != "postgresql":
        return
    for process, right, table, column in _missing(connection):
        part = f" ({column})" if column is not None else ""
        connection.exec_driver_sql(f"GRANT {right}{part} ON public.{table} TO {role_of(process)}")


def missing_roles(connection: sa.Connection) -> list[str]:
    """The roles of `WRITES` that are not there, where at least one is: `deploydb db roles` makes them."""
    there = _roles_there(connection) if connection.dialect.name == "postgresql" else []
    return [role_of(process) for process in WRITES if process not in there] if there else []


def _roles_there(connection: sa.Connection) -> list[str]:
    names = connection.execute(sa.text("SELECT rolname FROM pg_roles")).scalars()
    there = set(names)
    return [process for process in WRITES if role_of(process) in there]


def _missing(connection: sa.Connection) -> list[tuple[str, str, str, str | None]]:
    """Process, right, table, and column for a right on one alone."""
    wanted: list[tuple[str, str, str, str | None]] = []
    for process in _roles_there(connection):
        wanted += [(process, "SELECT", table, None) for table in (*sorted(metadata.tables), "alembic_version")]
        wanted += [(process, right, table, None) for table, given in WRITES[process].items() for right in given]
        updates = UPDATES.get(process, {})
        wanted += [(process, "UPDATE", table, column) for table, columns in updates.items() for column in columns]
    statement = sa.text(
        "SELECT place FROM json_to_recordset(CAST(:wanted AS json)) "
        "AS w(place int, role text, grantright text, tablename text, part text) WHERE NOT CASE WHEN part IS NULL "
        "THEN has_table_privilege(role, 'public.' || tablename, grantright) "
        "ELSE has_column_privilege(role, 'public.' || tablename, part, grantright) END ORDER BY place"
    )
    rows = [
        {"place": place, "role": role_of(process), "grantright": right, "tablename": table, "part": column}
        for place, (process, right, table, column) in enumerate(wanted)
    ]
    return [wanted[place] for place in connection.execute(statement, {"wanted": json.dumps(rows)}).scalars()]


class Privileges(Struct, frozen=True, kw_only=True):
    """The tables that the role may not read, and the processes for which its rights are enough, by `WRITES`."""

    role: str
    unreadable: list[str]
    enough_for: list[str]


def rights(connection: sa.Connection) -> Privileges:
    """What this connection's role may do with our tables. SQLite has no roles: there, its file says it."""
    if connection.dialect.name != "postgresql":
        return Privileges(role="", unreadable=[], enough_for=list(WRITES))
    role: str = connection.execute(sa.select(sa.func.current_user())).scalar_one()
    every: tuple[str, ...] = ("SELECT", *_ANY)
    asked = [(name, right) for name in sorted(metadata.tables) for right in every]
    answers = connection.execute(sa.select(*(sa.func.has_table_privilege(*one) for one in asked))).one()
    has = {one for one, allowed in zip(asked, answers, strict=True) if allowed}
    parts = [(table, column) for tables in UPDATES.values() for table, columns in tables.items() for column in columns]
    some = sa.select(*(sa.func.has_column_privilege(*one, "UPDATE") for one in parts))
    updates = {one for one, allowed in zip(parts, connection.execute(some).one(), strict=True) if allowed}
    return Privileges(
        role=role,
        unreadable=[name for name in sorted(metadata.tables) if (name, "SELECT") not in has],
        enough_for=[
            process
            for process, writes in WRITES.items()
            if all((table, right) in has for table, given in writes.items() for right in given)
            and all((table, one) in updates for table, given in UPDATES.get(process, {}).items() for one in given)
        ],
    )


def time_there(connection: sa.Connection) -> datetime:
    """The database's clock, now."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)
    text: str = connection.execute(sa.select(sa.func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
