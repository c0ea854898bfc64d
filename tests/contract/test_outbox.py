"""What the outbox promises, on every database."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.store import outbox
from deploydb.store.tables import deployment
from deploydb.store.tables import outbox as outbox_table
from tests.scenario import NOON, Scenario

LEASE = timedelta(seconds=15)


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        world.publish("1.0")
        world.evaluate()
        yield world


def test_a_leased_message_has_one_worker_until_the_lease_is_over(world: Scenario) -> None:
    (first,) = outbox.lease(world.engine, NOON, limit=10, duration=LEASE)
    assert outbox.lease(world.engine, NOON + timedelta(seconds=14), limit=10, duration=LEASE) == []
    (again,) = outbox.lease(world.engine, NOON + timedelta(seconds=15), limit=10, duration=LEASE)
    assert first.message_id == again.message_id
    assert (first.attempts, again.attempts) == (1, 2)


def test_a_sent_message_is_sent_for_good(world: Scenario) -> None:
    (leased,) = outbox.lease(world.engine, NOON, limit=10, duration=LEASE)
    outbox.settle(world.engine, [leased.id], {}, NOON)
    assert outbox.lease(world.engine, NOON + timedelta(days=1), limit=10, duration=LEASE) == []
    assert outbox.next_due(world.engine) is None
    assert outbox.waiting(world.engine).count == 0
    assert world.rows(outbox_table)[0].sent_at == NOON


def test_a_returned_message_keeps_its_problem_and_is_due_again_after_a_pause(world: Scenario) -> None:
    (leased,) = outbox.lease(world.engine, NOON, limit=10, duration=LEASE)
    outbox.settle(world.engine, [], {leased.id: "no queue is bound for dev.foo.deploy"}, NOON)
    assert world.rows(outbox_table)[0].problem == "no queue is bound for dev.foo.deploy"
    assert outbox.next_due(world.engine) == NOON + timedelta(seconds=1)
    waiting = outbox.waiting(world.engine)
    assert (waiting.count, waiting.oldest_at) == (1, NOON)


def test_messages_are_removed_long_after_they_were_sent_the_oldest_first(world: Scenario) -> None:
    (command,) = outbox.lease(world.engine, NOON, limit=10, duration=LEASE)
    body = command.body
    rows = [
        outbox.unsent_row(name, command.exchange, command.routing_key, body, NOON) for name in ("m-2", "m-3", "m-4")
    ]
    with world.engine.begin() as connection:
        outbox.add(connection, rows)
    first, second, third = outbox.lease(world.engine, NOON, limit=10, duration=LEASE)
    outbox.settle(world.engine, [command.id, first.id, second.id], {third.id: "returned"}, NOON)
    assert outbox.prune(world.engine, NOON + outbox.KEPT, limit=2) == 0
    later = NOON + outbox.KEPT + timedelta(seconds=1)
    assert outbox.prune(world.engine, later, limit=2) == 2
    assert _left(world) == ["m-3", "m-4"]
    assert outbox.prune(world.engine, later, limit=2) == 1
    assert outbox.prune(world.engine, later + timedelta(days=900), limit=2) == 0
    assert _left(world) == ["m-4"], "what is not sent is never removed"


def test_a_report_on_a_command_counts_after_its_message_is_removed(world: Scenario) -> None:
    (leased,) = outbox.lease(world.engine, NOON, limit=10, duration=LEASE)
    outbox.settle(world.engine, [leased.id], {}, NOON)
    assert outbox.prune(world.engine, NOON + 2 * outbox.KEPT, limit=9) == 1
    world.now += 2 * outbox.KEPT
    (under_way,) = (row for row in world.rows(deployment) if row.command is not None)
    world.tell("deployment.finished", command=under_way.command, outcome="succeeded")
    world.evaluate()
    assert world.statuses("1.0")["dev"] == "COMPLETED"
    assert world.rows(outbox_table) == []


def _left(world: Scenario) -> list[str]:
    return [row.message_id for row in sorted(world.rows(outbox_table), key=lambda row: row.id)]


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (500, 60)])
def test_the_pause_doubles_up_to_a_minute(attempts: int, seconds: int) -> None:
    assert outbox.backoff(attempts) == timedelta(seconds=seconds)
