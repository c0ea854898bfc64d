"""`deploydb db migrate`: its plan, one at a time, killed halfway, and the rights of the roles afterwards."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import sqlalchemy as sa

from deploydb.store.engine import Held, open_engine
from deploydb.store.privileges import WRITES, role_of
from deploydb.store.revision_impact import IMPACTS
from deploydb.store.schema import migrate, require_current
from deploydb.store.tables import metadata
from tests.cli.shell import DEPLOYDB, Shell, running
from tests.conftest import needs_servers
from tests.servers import until
from tests.servers.logins import database_login, make_roles
from tests.upgrade.old_store import make_store, upgrade

HEAD = max(IMPACTS)


@pytest.fixture
def at(tmp_path: Path, empty_url: str) -> Shell:
    return Shell(tmp_path, DEPLOYDB_DATABASE_URL=empty_url)


def test_the_plan_of_a_new_database_makes_none(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    ended = shell.ok("db", "migrate", "--plan")
    assert [line.split()[0] for line in ended.stdout.splitlines()] == ["REVISION", *IMPACTS]
    assert ended.stderr == f"empty to {HEAD}: processes may run meanwhile\n"
    assert list(tmp_path.iterdir()) == []


def test_the_plan_says_what_each_revision_does_and_what_it_locks(at: Shell, empty_url: str) -> None:
    make_store(empty_url, "0011").dispose()
    ended = at.run("db", "migrate", "--plan", "-o", "json")
    plan = json.loads(ended.stdout)
    assert (ended.returncode, plan["found"], plan["head"], plan["stopProcesses"]) == (5, "0011", HEAD, True)
    assert [planned["revision"] for planned in plan["pending"]] == [name for name in IMPACTS if name > "0011"]
    assert plan["pending"][1] == {
        "revision": "0013",
        "does": "Incidents of before revision 0003, as all their reports add up.",
        "locks": [],
        "blocksWrites": [],
        "changes": ["incident"],
        "stops": None,
    }
    ended = at.run("db", "migrate", "--plan")
    assert (ended.returncode, ended.stderr) == (5, f"0011 to {HEAD}: stop all processes before\n")
    assert "locks deployment and live_interval" in ended.stdout
    assert at.run("db", "check").returncode == 1  # nothing has changed


def test_the_plan_permits_processes_where_each_revision_does(at: Shell, empty_url: str) -> None:
    make_store(empty_url, "0022").dispose()
    ended = at.ok("db", "migrate", "--plan")
    assert ended.stderr == f"0022 to {HEAD}: processes may run meanwhile\n"
    at.ok("db", "migrate")
    ended = at.ok("db", "migrate", "--plan", "-o", "json")
    assert json.loads(ended.stdout)["pending"] == []


def test_an_older_version_leaves_a_newer_database_that_permits_it_alone(at: Shell, empty_url: str) -> None:
    at.ok("db", "migrate")
    newer = {"alembic_version SET version_num": "9999", "schema_support SET oldest": "0026"}
    change(empty_url, **newer)
    assert at.ok("db", "migrate").stderr == "the schema is current\n"
    assert json.loads(at.ok("db", "migrate", "--plan", "-o", "json").stdout) == {
        "found": "9999",
        "head": HEAD,
        "stopProcesses": False,
        "pending": [],
    }
    at.ok("db", "check")
    with open_engine(empty_url, name="tests").connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num, oldest FROM alembic_version, schema_support").one() == (
            "9999",
            "0026",
        )
        connection.engine.dispose()


@pytest.mark.parametrize("arguments", [("migrate",), ("migrate", "--plan"), ("check",)])
def test_a_newer_database_that_does_not_permit_it_and_another_program_s_are_refused(
    at: Shell, empty_url: str, arguments: tuple[str, ...]
) -> None:
    at.ok("db", "migrate")
    change(empty_url, **{"alembic_version SET version_num": "9999", "schema_support SET oldest": "9998"})
    answer = at.fails("db", *arguments)
    assert f"revision 9999, for processes of revision 9998 and newer; this DeployDB has {HEAD}: install" in answer
    engine = open_engine(empty_url, name="tests")
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE schema_support")
    engine.dispose()
    assert "revision 9999, which is of no DeployDB: is DEPLOYDB_DATABASE_URL that" in at.fails("db", *arguments)


def change(url: str, **columns: str) -> None:
    engine = open_engine(url, name="tests")
    with engine.begin() as connection:
        for column, value in columns.items():
            connection.exec_driver_sql(f"UPDATE {column} = '{value}'")
    engine.dispose()


def test_it_waits_for_a_process_that_writes_to_the_file(sqlite_url: str) -> None:
    engine = open_engine(sqlite_url, name="tests")
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 1"))
    with closing(sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Held, match=r"another process writes to the database's file: .*; waited 0 s"):
            migrate(engine, wait=timedelta(0))
    engine.dispose()


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from deploydb.cli import main

@sa.event.listens_for(sa.Engine, "before_cursor_execute")
def look(connection, cursor, statement, *_):
    if "CREATE TABLE orchestrator_run" in statement:
        os.kill(os.getpid(), signal.SIGKILL)

sys.argv = ["deploydb", "db", "migrate"]
main()
"""


def test_killed_halfway_it_has_changed_nothing_and_runs_again(at: Shell, empty_url: str) -> None:
    engine = make_store(empty_url, "0011")
    before = tables(engine)
    ended = subprocess.run([sys.executable, "-c", KILLED], env=at.environment, check=False)
    assert ended.returncode == -9
    assert tables(engine) == before
    assert at.ok("db", "migrate").stdout.split() == [name for name in IMPACTS if name > "0011"]
    assert at.ok("db", "migrate").stderr.startswith("the schema is current\n")
    require_current(engine)
    engine.dispose()


def tables(engine: sa.Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(sa.inspect(connection).get_table_names())


@needs_servers
def test_an_owner_with_no_other_right_learns_whom_it_waits_for(tmp_path: Path, empty_postgresql_url: str) -> None:
    shell = Shell(tmp_path, DEPLOYDB_DATABASE_URL=owned(empty_postgresql_url))
    make_store(shell.environment["DEPLOYDB_DATABASE_URL"], "0024").dispose()
    with psycopg.connect(empty_postgresql_url, autocommit=True) as superuser:
        superuser.execute("GRANT SELECT ON event TO deploydb_ingest")
    login = database_login(empty_postgresql_url, "ingest")
    with psycopg.connect(login, application_name="deploydb-ingest") as ingest:
        ingest.execute("SELECT FROM event")
        answer = shell.fails("db", "migrate", "--wait", "0")
        assert "another session has locked what we need" in answer
        seen = f"deploydb-ingest of deploydb_ingest, process {ingest.info.backend_pid}"
        assert answer.endswith(f"; in the way: {seen}\n")
        with psycopg.connect(empty_postgresql_url, application_name="deploydb-migrate") as migration:
            migration.execute("SELECT pg_advisory_xact_lock(7237001)")
            answer = shell.fails("db", "migrate", "--wait", "0")
            assert "another `deploydb db migrate` is at work" in answer
            first = f"deploydb-migrate of postgres, process {migration.info.backend_pid}"
            assert answer.endswith(f"; in the way: {first}; {seen}\n")
    assert shell.ok("db", "migrate").stdout.split()[0] == "0025"
    assert shell.ok("db", "migrate").stdout == ""


@needs_servers
def test_it_has_no_table_before_it_has_all(tmp_path: Path, empty_postgresql_url: str) -> None:
    shell = Shell(tmp_path, DEPLOYDB_DATABASE_URL=empty_postgresql_url)
    make_store(empty_postgresql_url, "0024").dispose()
    with psycopg.connect(empty_postgresql_url) as other:
        other.execute("SELECT FROM event")
        with running([*DEPLOYDB, "db", "migrate"], env=shell.environment, stdout=subprocess.PIPE) as migration:
            until(lambda: waits_for(empty_postgresql_url, "event"), what="the migration to wait")
            other.execute("LOCK TABLE catalog_listing, outbox IN ROW EXCLUSIVE MODE NOWAIT")
            other.rollback()
            assert migration.communicate(timeout=60)[0].split()[0] == "0025"


def owned(url: str) -> str:
    """The URL for a new role that owns the database, and has no other right."""
    parts = urlsplit(url)
    role = f"owner_{parts.path[1:]}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'secret'".encode())
        connection.execute(f"ALTER DATABASE {parts.path[1:]} OWNER TO {role}".encode())
        connection.execute(f"GRANT CREATE ON SCHEMA public TO {role}".encode())  # its right from 15 on
    return f"postgresql://{role}:secret@127.0.0.1:{parts.port}{parts.path}"


def waits_for(url: str, table: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = CAST(%s AS regclass)"
        row = connection.execute(waiting, (table,)).fetchone()
    return bool(row and row[0])


@needs_servers
def test_roles_get_their_rights_on_new_tables(tmp_path: Path, empty_postgresql_url: str) -> None:
    shell = Shell(tmp_path, DEPLOYDB_DATABASE_URL=empty_postgresql_url)
    engine = open_engine(empty_postgresql_url, name="tests")
    with engine.begin() as connection:
        upgrade(connection, "0001")
        for process in WRITES.keys() - {"web"}:
            connection.exec_driver_sql(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role_of(process)}")
    engine.dispose()
    ended = shell.ok("db", "migrate")
    login = database_login(empty_postgresql_url, "orchestrate")
    with psycopg.connect(login, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM orchestrator_run").fetchone() == (0,)
        connection.execute("DELETE FROM orchestrator_run")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM event")
    assert ended.stderr.endswith("missing roles: deploydb_web; make them with `deploydb db roles`\n")
    environment = {"DEPLOYDB_DATABASE_URL": database_login(empty_postgresql_url, "promote")}
    assert shell.ok("db", "check", **environment).stderr == "the schema is current\n"
    make_roles(empty_postgresql_url)  # what it gives is what they had
    with psycopg.connect(empty_postgresql_url) as connection:
        given = "SELECT count(*) FROM information_schema.table_privileges WHERE grantee = 'deploydb_relay'"
        assert connection.execute(given).fetchone() == (
            len(metadata.tables) + 1 + sum(map(len, WRITES["relay"].values())),
        )


@needs_servers
@pytest.mark.parametrize("schema", ["public", "postgres"])
def test_roles_of_other_databases_get_no_rights(tmp_path: Path, empty_postgresql_url: str, schema: str) -> None:
    """Neither in a database that is new, nor where a schema of the owner's name has the tables."""
    shell = Shell(tmp_path, DEPLOYDB_DATABASE_URL=empty_postgresql_url)
    with psycopg.connect(empty_postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
        assert shell.ok("db", "migrate").stderr == f"took {len(IMPACTS)} revisions\n"
        assert shell.ok("db", "migrate").stderr == "the schema is current\n"
        given = "SELECT table_schema, grantee LIKE 'deploydb_%' FROM information_schema.table_privileges "
        rows = connection.execute(f"{given} WHERE table_name = 'event'".encode()).fetchall()
        assert {*rows} == {(schema, False)}
