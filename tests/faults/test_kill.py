"""kill -9 of every worker, anywhere, while events flow: nothing is lost and nothing happens twice."""

import json
import random
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from deploydb.broker.open import open_inbound
from deploydb.broker.topology import command_queue
from deploydb.wire.native import decode_command
from tests.cluster import Cluster, Process, write_config
from tests.servers import until

EVENTS = 10_000
SERVICES = 200
KILLS = 4
"""Kills of each worker while the events flow."""


@pytest.fixture
def house(amqp_url: str, postgresql_url: str, tmp_path: Path) -> Iterator[Cluster]:
    files = {
        "pipelines/main.yml": "environments:\n  dev:\n  prod:\n",
        "environments/dev.yml": "description: first\n",
        "environments/prod.yml": "description: last\n",
    }
    for number in range(SERVICES):
        files[f"services/s{number}.yml"] = f"artifacts: [com.example:s{number}]\npipelines: [main]\n"
    with Cluster(amqp_url, postgresql_url, write_config(tmp_path, files)) as house:
        house.furnish()
        yield house


def bodies() -> list[bytes]:
    """So many events with ids of their own, and every tenth one again somewhere else."""
    unique = [
        json.dumps(
            {
                "type": "artifact.published",
                "id": f"build-{number}",
                "source": "jenkins",
                "artifact": {"group": "com.example", "name": f"s{number % SERVICES}", "version": f"1.{number}"},
            }
        ).encode()
        for number in range(EVENTS)
    ]
    chance = random.Random(7)
    for repeated in unique[::10]:
        unique.insert(chance.randrange(len(unique)), repeated)
    return unique


class Orchestrator(threading.Thread):
    """Takes commands, remembers them, and answers each at once that it went well."""

    def __init__(self, house: Cluster) -> None:
        super().__init__()
        self.received: dict[str, int] = {}
        self._house = house
        self._over = threading.Event()

    def run(self) -> None:
        url = self._house.broker_url
        with open_inbound(url, command_queue("default"), name="tests") as inbound:
            while not self._over.is_set():
                deliveries = inbound.receive(500, timedelta(seconds=0.2))
                commands = [decode_command(delivery.body) for delivery in deliveries]
                for delivery, command in zip(deliveries, commands, strict=True):
                    assert delivery.message_id == command.id
                    assert self.received.setdefault(command.id, command.deployment) == command.deployment
                if commands:
                    self._house.publish([_finished(command.id) for command in commands])
                    inbound.ack(deliveries)

    def __enter__(self) -> "Orchestrator":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


def _finished(command: str) -> bytes:
    fact = {"type": "deployment.finished", "id": command, "source": "tests", "command": command, "outcome": "succeeded"}
    return json.dumps(fact).encode()


def test_kill_9_of_each_worker_while_ten_thousand_events_flow(house: Cluster) -> None:
    published = bodies()
    running = {name: house.start(name) for name in ("ingest", "promote", "relay")}
    size = len(published) // (3 * KILLS)
    with psycopg.connect(house.database_url, autocommit=True) as database, Orchestrator(house) as orchestrator:
        for number in range(3 * KILLS):
            house.publish(published[number * size : (number + 1) * size])
            name = ("ingest", "promote", "relay")[number % 3]
            _until_it_works(database, running[name], name)
            house.kill(running[name])
            running[name] = house.start(name)
        house.publish(published[3 * KILLS * size :])

        def count(rows: str) -> int:
            return _one(database, f"SELECT count(*) FROM {rows}")

        until(lambda: count("event WHERE source = 'jenkins'") == EVENTS, what="every event to be stored")
        until(lambda: count("flow") == EVENTS, what="a flow for every event")
        until(lambda: count("deployment WHERE needs_evaluation") == 0, what="every flow to end")
        until(lambda: count("outbox WHERE sent_at IS NULL") == 0, what="every command to be sent")
        assert count("event WHERE source = 'jenkins'") == count("artifact") == count("flow") == EVENTS
        assert count("deployment") == 2 * EVENTS
        assert count("deployment WHERE status NOT IN ('SUCCESS', 'SKIPPED')") == 0
        assert count("deployment WHERE status_reason ->> 'code' = 'stage_added_later'") == 0
        commanded = database.execute("SELECT command, id FROM deployment WHERE command IS NOT NULL").fetchall()
        until(lambda: len(orchestrator.received) == len(commanded), what="every command to arrive")
    assert orchestrator.received == dict(commanded)


def _until_it_works(database: psycopg.Connection, process: Process, name: str) -> None:
    """Return at some moment at which the worker has just committed some of its work, and has more."""
    assert process.poll() is None, f"{name} has ended by itself"
    done = {"ingest": "event", "promote": "flow", "relay": "outbox WHERE sent_at IS NOT NULL"}[name]
    before = _one(database, f"SELECT count(*) FROM {done}")
    until(lambda: _one(database, f"SELECT count(*) FROM {done}") > before, what=f"{name} to work")


def _one(database: psycopg.Connection, query: str) -> Any:
    row = database.execute(query).fetchone()  # type: ignore[call-overload]
    return row[0]
