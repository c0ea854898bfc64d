"""Processes of an older version beside those of this one, on one queue and one database, during an upgrade."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from deploydb.broker.open import open_dead_letters
from deploydb.broker.topology import topology_of
from deploydb.store.privileges import WRITES, role_of
from tests.cli.shell import Shell
from tests.cluster import Cluster, write_config
from tests.conftest import needs_servers
from tests.e2e.site import Orchestrator
from tests.servers import until
from tests.servers.logins import provision_with_users
from tests.upgrade.old_code import BY_REVISION, extracted
from tests.upgrade.old_store import make_store

WORKERS = ("ingest", "promote", "relay")
SERVICES = 5
PART = 40
"""Releases of each phase: before, during and after the upgrade."""
NEW = "service <> 'foo'"
"""Deployments of this test; the service foo has those of the old store."""
SUPPORTED = {"0025"}
"""Revisions whose processes can work with the newest schema."""


@pytest.fixture
def house(amqp_url: str, empty_postgresql_url: str, tmp_path: Path) -> Iterator[Cluster]:
    files = {
        "pipelines/main.yml": "environments:\n  dev:\n  prod:\n",
        "environments/dev.yml": "description: first\n",
        "environments/prod.yml": "description: last\n",
    }
    for name in ("foo", *(f"s{number}" for number in range(SERVICES))):
        files[f"services/{name}.yml"] = f"artifacts: [com.example:{name}]\npipelines: [main]\n"
    with Cluster(amqp_url, empty_postgresql_url, write_config(tmp_path / "config", files)) as house:
        provision_with_users(house.broker_url, topology_of(house.catalog()))
        yield house


@needs_servers
@pytest.mark.parametrize("revision", BY_REVISION)
def test_an_upgrade_while_both_versions_run_loses_nothing(house: Cluster, tmp_path: Path, revision: str) -> None:
    make_store(house.database_url, revision).dispose()
    code = extracted(revision, tmp_path / "code")
    with psycopg.connect(house.database_url, autocommit=True) as database, Orchestrator(house) as orchestrator:
        for process in WRITES:  # their rights on the tables of that time
            database.execute(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role_of(process)}".encode())

        def count(rows: str) -> int:
            row = database.execute(f"SELECT count(*) FROM {rows}".encode()).fetchone()
            return row[0] if row else 0

        events, flows = count("event WHERE source = 'ci'"), count("flow")
        old = {name: start_old(house, code, name) for name in WORKERS}
        publish(house, 0)
        until(lambda: count("outbox WHERE sent_at IS NOT NULL AND exchange = 'deploydb.commands'") > 10)
        new = [house.start(name) for name in WORKERS]
        publish(house, 1)
        Shell(tmp_path).ok("db", "migrate", DEPLOYDB_DATABASE_URL=house.database_url)
        publish(house, 2)
        until(lambda: count("event WHERE source = 'ci'") - events > 2 * PART, what="facts to be stored meanwhile")
        if revision in SUPPORTED:
            assert [name for name, process in old.items() if process.poll() is not None] == []
        for process in old.values():
            process.terminate()
            process.wait(30)
        publish(house, 3)
        until(lambda: count("event WHERE source = 'ci'") - events == 4 * PART, what="every fact to be stored")
        until(lambda: count("flow") - flows == 4 * PART, what="a flow for every release", seconds=150)
        until(lambda: count(f"deployment WHERE needs_evaluation AND {NEW}") == 0, what="every flow to end", seconds=150)
        until(lambda: count("outbox WHERE sent_at IS NULL") == 0, what="every command to be sent")
        assert count(f"deployment WHERE {NEW}") == 2 * 4 * PART
        assert count(f"deployment WHERE {NEW} AND status NOT IN ('SUCCESS', 'SKIPPED')") == 0
        assert count(f"(SELECT 1 FROM deployment WHERE {NEW} GROUP BY flow_id, environment HAVING count(*) > 1) t") == 0
        query = f"SELECT command, id FROM deployment WHERE {NEW} AND command IS NOT NULL"
        commanded = dict(database.execute(query.encode()).fetchall())
        until(lambda: commanded.keys() <= {one.id for one in orchestrator.commands}, what="every command to arrive")
        assert {one.id: one.deployment for one in orchestrator.commands if one.service != "foo"} == commanded
        assert [process.poll() for process in new] == [None] * len(new)
    with open_dead_letters(house.broker_url, name="tests") as letters:
        assert letters.peek(10) == []


def start_old(house: Cluster, code: Path, worker: str) -> subprocess.Popen[bytes]:
    """A process of the older code. Its logins are the owner's: there were no others."""
    command = [sys.executable, "-m", "workers", worker, "--no-port"]
    return subprocess.Popen(command, env=house.environment, cwd=code)


def publish(house: Cluster, part: int) -> None:
    """The releases of a phase, and one that was published before once more."""
    numbers = [*range(part * PART, (part + 1) * PART), 0]
    house.publish([released(number) for number in numbers])


def released(number: int) -> bytes:
    artifact = {"group": "com.example", "name": f"s{number % SERVICES}", "version": f"1.{number}"}
    fact = {"type": "artifact.published", "id": f"build-{number}", "source": "ci", "artifact": artifact}
    return json.dumps(fact).encode()
