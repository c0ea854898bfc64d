"""`deploydb db migrate`: its plan, one at a time, killed halfway, and the rights of the roles afterwards."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from deploydb.store.engine import open_engine
from deploydb.store.revision_impact import IMPACTS
from deploydb.store.schema import require_current
from deploydb.store.tables import metadata
from tests.cli.shell import DEPLOYDB, Shell
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


def test_a_database_of_a_newer_version_is_left_alone(at: Shell, empty_url: str) -> None:
    at.ok("db", "migrate")
    engine = open_engine(empty_url, name="tests")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    for arguments in ((), ("--plan",)):
        assert "revision 9999, which this DeployDB does not have" in at.fails("db", "migrate", *arguments)


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
def test_one_waits_for_the_other_and_says_which_holds_it(tmp_path: Path, empty_postgresql_url: str) -> None:
    shell = Shell(tmp_path, DEPLOYDB_DATABASE_URL=empty_postgresql_url)
    make_store(empty_postgresql_url, "0024").dispose()
    with psycopg.connect(empty_postgresql_url, application_name="deploydb-migrate") as other:
        other.execute("LOCK TABLE catalog_listing IN ACCESS SHARE MODE")
        first = subprocess.Popen([*DEPLOYDB, "db", "migrate"], env=shell.environment, stdout=subprocess.PIPE)
        until(lambda: holds_lock(empty_postgresql_url), what="the first migration to begin")
        answer = shell.fails("db", "migrate", "--wait", "0")
        assert "is at work" in answer or "has locked" in answer
        assert "open transactions: deploydb-migrate of " in answer
        other.rollback()
        assert first.communicate(timeout=60)[0].split()[0] == b"0025"
    assert shell.ok("db", "migrate").stdout == ""


def holds_lock(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database"
        row = connection.execute(f"{held} WHERE datname = current_database())".encode()).fetchone()
    return bool(row and row[0])


@needs_servers
def test_roles_get_their_rights_on_new_tables(tmp_path: Path, empty_postgresql_url: str) -> None:
    shell = Shell(tmp_path, DEPLOYDB_DATABASE_URL=empty_postgresql_url)
    engine = open_engine(empty_postgresql_url, name="tests")
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()
    ended = shell.ok("db", "migrate")
    login = database_login(empty_postgresql_url, "orchestrate")
    with psycopg.connect(login, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM orchestrator_run").fetchone() == (0,)
        connection.execute("DELETE FROM orchestrator_run")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM event")
    assert "missing roles" not in ended.stderr
    environment = {"DEPLOYDB_DATABASE_URL": database_login(empty_postgresql_url, "promote")}
    assert shell.ok("db", "check", **environment).stderr == "the schema is current\n"
    make_roles(empty_postgresql_url)  # what it gives is what they had
    with psycopg.connect(empty_postgresql_url) as connection:
        given = "SELECT count(*) FROM information_schema.table_privileges WHERE grantee = 'deploydb_relay'"
        assert connection.execute(given).fetchone() == (len(metadata.tables) + 1 + 4,)
