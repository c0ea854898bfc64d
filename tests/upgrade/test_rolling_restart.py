"""Each process in turn ends by SIGTERM and starts again while releases come: nothing is lost, and nothing twice."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.cluster import Cluster, write_config
from tests.conftest import needs_servers
from tests.e2e.site import Orchestrator
from tests.servers import until
from tests.servers.ports import free_ports

PROCESSES = ("ingest", "promote", "relay", "verify", "notify", "orchestrate", "query", "gateway")
SERVICES = 5
EVERY_SECONDS = 0.1
FILES = {
    "pipelines/main.yml": "environments:\n  dev:\n  prod:\n",
    "pipelines/other.yml": "environments:\n  spare:\n",
    "environments/dev.yml": "description: first\n",
    "environments/prod.yml": "description: last\n",
    "environments/spare.yml": "orchestrator: tool\n",
    "services/other.yml": "artifacts: [com.example:other]\npipelines: [other]\n",
    "orchestrators/tool.yml": (
        "type: http\nurl: https://tool.example.com/runs\nbody: '{}'\nrun: $.id\nstate: $.state\n"
        "status_url: https://tool.example.com/runs/{run}\nsucceeded: [live]\nfailed: [failed]\nidempotent: true\n"
    ),
    "webhook/hook.yml": "url: https://hooks.example.com/x\n",
}
"""With a webhook for `notify` and a tool for `orchestrate`."""


class Releases(threading.Thread):
    """Publishes a release every tenth of a second, with the broker's confirm."""

    def __init__(self, house: Cluster) -> None:
        super().__init__()
        self.published = 0
        self._house = house
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            number = self.published
            artifact = {"group": "com.example", "name": f"s{number % SERVICES}", "version": f"1.{number}"}
            fact = {"type": "artifact.published", "id": f"build-{number}", "source": "ci", "artifact": artifact}
            self._house.publish([json.dumps(fact).encode()])
            self.published += 1

    def __enter__(self) -> "Releases":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@pytest.fixture
def house(amqp_url: str, postgresql_url: str, tmp_path: Path) -> Iterator[Cluster]:
    services = {
        f"services/s{number}.yml": f"artifacts: [com.example:s{number}]\npipelines: [main]\n"
        for number in range(SERVICES)
    }
    query, gateway = (f"127.0.0.1:{port}" for port in free_ports(2))
    settings = {"DEPLOYDB_LISTEN": query, "DEPLOYDB_GATEWAY_LISTEN": gateway}
    with Cluster(amqp_url, postgresql_url, write_config(tmp_path, FILES | services), **settings) as house:
        house.furnish()
        yield house


@needs_servers
def test_a_rolling_restart_of_every_process_under_load_loses_nothing(house: Cluster) -> None:
    running = {name: house.start(name) for name in PROCESSES}
    with psycopg.connect(house.database_url, autocommit=True) as database, Orchestrator(house) as orchestrator:

        def count(rows: str) -> int:
            row = database.execute(f"SELECT count(*) FROM {rows}".encode()).fetchone()
            return row[0] if row else 0

        with Releases(house) as releases:
            for name in PROCESSES:
                before = len(orchestrator.commands)
                until(lambda before=before: len(orchestrator.commands) > before, what="commands to come")
                running[name].terminate()
                assert running[name].wait(30) == 0, name
                running[name] = house.start(name)
            before = len(orchestrator.commands)
            until(lambda: len(orchestrator.commands) > before, what="commands to come after all restarts")
        total = releases.published
        until(lambda: count("event WHERE source = 'ci'") == total, what="every fact to be stored")
        until(lambda: count("flow") == total, what="a flow for every release")
        until(lambda: count("deployment WHERE needs_evaluation") == 0, what="every flow to end")
        until(lambda: count("outbox WHERE sent_at IS NULL") == 0, what="every command to be sent")
        assert count("deployment") == 2 * total
        assert count("deployment WHERE status NOT IN ('SUCCESS', 'SKIPPED')") == 0
        commanded = dict(database.execute("SELECT command, id FROM deployment WHERE command IS NOT NULL").fetchall())
        until(lambda: commanded.keys() <= {one.id for one in orchestrator.commands}, what="every command to arrive")
        assert {one.id: one.deployment for one in orchestrator.commands} == commanded
        assert {name: process.poll() for name, process in running.items()} == dict.fromkeys(PROCESSES)
