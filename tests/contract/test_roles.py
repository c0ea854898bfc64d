"""The roles of PostgreSQL: as the code has them, enough for each process, and no more."""

import secrets
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, RaiseException

from deploydb.store.engine import open_engine, reading
from deploydb.store.privileges import WRITES, rights, statements
from deploydb.store.tables import metadata
from tests.cli.shell import Shell
from tests.conftest import needs_servers
from tests.servers import PostgreSQL
from tests.servers.logins import database_login, make_roles
from workers.__main__ import SERVICES, WORKERS

ROOT = Path(__file__).parents[2]


def test_the_copy_is_up_to_date() -> None:
    copy = (ROOT / "deploy/postgres/roles.sql").read_text(encoding="utf-8")
    assert copy == Shell(ROOT).ok("db", "roles").stdout, "run `make definitions`, and commit what changes"


def test_each_process_has_a_role_and_each_table_is_there() -> None:
    assert WRITES.keys() == {*WORKERS, *SERVICES, "operator"}
    assert {table for writes in WRITES.values() for table in writes} <= metadata.tables.keys()


@needs_servers
@pytest.mark.parametrize("process", WRITES)
def test_a_role_may_read_all_tables_and_write_its_own(postgresql_url: str, process: str) -> None:
    with psycopg.connect(database_login(postgresql_url, process), autocommit=True) as connection:
        found = connection.execute(
            "SELECT t, r FROM unnest(%s::text[]) t, unnest(%s::text[]) r WHERE has_table_privilege(t, r)",
            (list(metadata.tables), ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"]),
        ).fetchall()
        assert set(found) == {
            (table, right) for table in metadata.tables for right in ("SELECT", *WRITES[process].get(table, ()))
        }
        columns = [column.name for column in metadata.tables["event"].columns]
        updates = connection.execute(
            "SELECT c FROM unnest(%s::text[]) c WHERE has_column_privilege('event', c, 'UPDATE')", (columns,)
        ).fetchall()
        assert updates == ([("environment",)] if process == "promote" else [])
        with pytest.raises(InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")
        with pytest.raises(InsufficientPrivilege):
            connection.execute("ALTER TABLE outbox ADD COLUMN mine int")
    engine = open_engine(database_login(postgresql_url, process), name="tests")
    with reading(engine) as connection:
        assert process in rights(connection).enough_for
    engine.dispose()


@needs_servers
def test_the_script_gives_back_what_it_gave_once_and_takes_the_rest(postgresql_url: str) -> None:
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute("GRANT DELETE ON event TO deploydb_relay")
        connection.execute("REVOKE UPDATE ON outbox FROM deploydb_relay")

        def has(table: str, right: str) -> bool:
            row = connection.execute("SELECT has_table_privilege('deploydb_relay', %s, %s)", (table, right)).fetchone()
            return bool(row and row[0])

        assert has("event", "DELETE")
        make_roles(postgresql_url)
        assert (has("event", "DELETE"), has("outbox", "UPDATE")) == (False, True)


def test_the_script_keeps_the_logins_of_others_and_is_for_the_owner_of_the_database(postgresql_url: str) -> None:
    other, parts = f"other_{secrets.token_hex(4)}", urlsplit(postgresql_url)
    with psycopg.connect(postgresql_url, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {other} LOGIN CREATEROLE PASSWORD 'secret'".encode())
        try:
            make_roles(postgresql_url)
            url = f"postgresql://{other}:secret@127.0.0.1:{parts.port}{parts.path}"
            with psycopg.connect(url, autocommit=True) as mine:
                with pytest.raises(
                    RaiseException, match=f"{other} does not own the database .*: run this as its owner"
                ):
                    mine.execute(";".join(statements()).encode())
                with pytest.raises(InsufficientPrivilege):
                    mine.execute("CREATE TEMPORARY TABLE mine (id int)")
        finally:
            connection.execute(f"DROP ROLE {other}".encode())


def test_the_script_runs_under_psql_twice(postgresql: PostgreSQL, postgresql_url: str) -> None:
    script = ROOT / "deploy/postgres/roles.sql"
    command = [PostgreSQL.programs() / "psql", "--set", "ON_ERROR_STOP=1", "--quiet", "--file", script, postgresql_url]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
