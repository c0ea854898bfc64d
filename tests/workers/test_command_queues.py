"""Commands that no orchestrator takes: the relay's metrics, its health, and `why`."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from deploydb.broker.open import open_dead_letters, open_inbound
from deploydb.broker.topology import command_queue
from deploydb.configuration import load
from deploydb.store.clock import DatabaseClock
from deploydb.store.command_queues import Unconsumed, unconsumed
from deploydb.store.engine import open_engine, reading
from tests.query.client import Service
from tests.workers.in_process import InProcess, Working, published, until
from workers import command_queues

QUEUE = command_queue("default")


class Store:
    """What the query service is asked on."""

    def __init__(self, workshop: InProcess) -> None:
        self.engine = open_engine(workshop.settings.database_url, name="tests")
        self.catalog = load(workshop.config).catalog
        self._clock = DatabaseClock(self.engine)

    @property
    def now(self) -> datetime:
        return self._clock()

    def unconsumed(self) -> list[Unconsumed]:
        with reading(self.engine) as connection:
            return unconsumed(connection, self.now)


@pytest.fixture
def relay(workshop: InProcess, monkeypatch: pytest.MonkeyPatch) -> Working:
    monkeypatch.setattr(command_queues, "LOOK_EVERY_SECONDS", 0.05)
    return workshop.start("ingest", "promote", "relay")[-1]


def test_a_queue_that_no_orchestrator_consumes_is_named_until_one_does(workshop: InProcess, relay: Working) -> None:
    store: Any = Store(workshop)
    workshop.publish(published("1.0"))
    (queue,) = until(store.unconsumed, "the relay has seen the command in its queue")
    assert (queue.orchestrator, queue.ready) == ("default", 1)
    assert relay.metric("deploydb_command_queue_ready_messages", queue=QUEUE) == 1
    assert relay.metric("deploydb_command_queue_consumers", queue=QUEUE) == 0
    warning = f"command queues: {QUEUE} has no consumer; waiting commands: 1"
    until(lambda: warning in relay.health.ready().warnings, "a warning of /readyz")
    with Service(store) as service:
        body = service.get("/api/why/foo/prod")
        assert f"; the queue {QUEUE} is {queue.words}" in body["answer"]
        assert body["unconsumed"][0]["queue"] == QUEUE
        with open_inbound(workshop.settings.broker_url, QUEUE, name="tests") as inbound:
            inbound.receive(1, timedelta(seconds=5))
            until(lambda: not store.unconsumed(), "the relay has seen the consumer")
            assert relay.metric("deploydb_command_queue_consumers", queue=QUEUE) == 1
            assert "unconsumed" not in service.get("/api/why/foo/prod")
    store.engine.dispose()


def test_dead_letters_are_in_the_inbox_until_they_are_gone(workshop: InProcess, relay: Working) -> None:
    store: Any = Store(workshop)
    workshop.publish(b"no JSON", b"none either")
    with Service(store) as service, open_dead_letters(workshop.settings.broker_url, name="tests") as letters:

        def counted() -> int:
            found = service.get("/api/inbox?kind=dead")["entries"]
            return int(found[0]["count"]) if found else 0

        until(lambda: counted() == 2, "the relay has counted the dead letters")
        for letter in letters.peek(2):
            letters.discard(letter.id)
        until(lambda: counted() == 0, "the relay has seen none")
    store.engine.dispose()


def test_a_queue_that_is_empty_is_not_named(workshop: InProcess, relay: Working) -> None:
    store = Store(workshop)
    until(lambda: relay.registry.get_sample_value("deploydb_command_queue_consumers", {"queue": QUEUE}) == 0, "a look")
    assert store.unconsumed() == []
    store.engine.dispose()
