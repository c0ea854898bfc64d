"""The rights on the tables: those that each process needs, as roles of PostgreSQL, and those that our own role has.

A process reads all tables: a decision, an answer and a list of what is under way come from any of them, and the log has
the content of the others. It writes the tables of its own work alone. None needs a role that owns the tables; only
`deploydb db migrate` does. PostgreSQL asks for UPDATE where a row is locked, and for none of the rights of an identity
column's sequence.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.facts import fact_types
from deploydb.store.tables import metadata

Right = Literal["INSERT", "UPDATE", "DELETE"]
Rights = dict[str, tuple[Right, ...]]
"""By table, beside SELECT."""
_Right = tuple[str, str, str | None]
"""A right, the table, and the column for a right on one alone."""
_VERSION = "alembic_version"
"""Alembic's table, which is not among ours."""

_ADD: tuple[Right, ...] = ("INSERT",)
_CHANGE: tuple[Right, ...] = ("UPDATE",)
_PUT: tuple[Right, ...] = ("INSERT", "UPDATE")
_REPLACE: tuple[Right, ...] = ("INSERT", "DELETE")
_SETTLE: tuple[Right, ...] = ("UPDATE", "DELETE")
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
    "relay": {"command_queue": _CHANGE, "dead_letter_queue": _PUT, "outbox": _SETTLE, "revision": _PUT},
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


def granted_roles(connection: sa.Connection) -> list[str]:
    """The processes whose roles may read this database: roles are the server's, and those that other databases have may
    be there, too. None on SQLite, and where the tables are not in the schema public."""
    if connection.dialect.name != "postgresql":
        return []
    statement = sa.text(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(CAST(:names AS text[])) AND current_schema() = 'public' "
        "AND has_table_privilege(oid, CAST(to_regclass('public.alembic_version') AS oid), 'SELECT')"
    )
    there = {*connection.execute(statement, {"names": [role_of(process) for process in WRITES]}).scalars()}
    return [process for process in WRITES if role_of(process) in there]


def grant_missing(connection: sa.Connection, processes: Sequence[str]) -> None:
    """Give the roles of these processes the rights that they lack on the tables. Takes none back.

    For the owner of the tables. Raises: as `engine.transact`.
    """
    wanted = {
        role_of(process): [
            *(("SELECT", table, None) for table in (*sorted(metadata.tables), _VERSION)),
            *_wanted(process),
        ]
        for process in processes
    }
    for role, (right, table, column) in _lacking(connection, wanted):
        part = f" ({column})" if column is not None else ""
        connection.exec_driver_sql(f"GRANT {right}{part} ON public.{table} TO {role}")


def missing_roles(connection: sa.Connection) -> list[str]:
    """The roles of `WRITES` that may not read this database, where another one may: `deploydb db roles` makes them."""
    granted = granted_roles(connection)
    return [role_of(process) for process in WRITES if process not in granted] if granted else []


def _wanted(process: str) -> Iterator[_Right]:
    """What the process writes."""
    for table, given in WRITES[process].items():
        yield from ((right, table, None) for right in given)
    for table, columns in UPDATES.get(process, {}).items():
        yield from (("UPDATE", table, column) for column in columns)


def _lacking(connection: sa.Connection, wanted: Mapping[str, Iterable[_Right]]) -> list[tuple[str, _Right]]:
    """The rights that roles do not have, by the role's name."""
    if not wanted:
        return []
    asked = [(role, right) for role, rights in wanted.items() for right in rights]
    statement = sa.text(
        "SELECT place FROM json_to_recordset(CAST(:wanted AS json)) "
        "AS w(place int, role text, grantright text, tablename text, part text) WHERE NOT CASE WHEN part IS NULL "
        "THEN has_table_privilege(role, tablename, grantright) "
        "ELSE has_column_privilege(role, tablename, part, grantright) END ORDER BY place"
    )
    rows = [
        {"place": place, "role": role, "grantright": right, "tablename": table, "part": column}
        for place, (role, (right, table, column)) in enumerate(asked)
    ]
    return [asked[place] for place in connection.execute(statement, {"wanted": json.dumps(rows)}).scalars()]


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
    reads: list[_Right] = [("SELECT", table, None) for table in sorted(metadata.tables)]
    writes = {process: [*_wanted(process)] for process in WRITES}
    every = {*reads, *(right for wanted in writes.values() for right in wanted)}
    lacking = {right for _, right in _lacking(connection, {role: every})}
    return Privileges(
        role=role,
        unreadable=[table for right, table, column in reads if (right, table, column) in lacking],
        enough_for=[process for process, wanted in writes.items() if lacking.isdisjoint(wanted)],
    )


def time_there(connection: sa.Connection) -> datetime:
    """The database's clock, now."""
    if connection.dialect.name == "postgresql":
        moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)
    text: str = connection.execute(sa.select(sa.func.strftime("%Y-%m-%dT%H:%M:%f", "now"))).scalar_one()
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
