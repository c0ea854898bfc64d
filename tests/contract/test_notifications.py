"""Waiting for work, on every database."""

import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest

from deploydb.store import notifications
from tests.scenario import Scenario

SOON = timedelta(milliseconds=50)
LONG = timedelta(seconds=20)


@pytest.fixture
def world(database_url: str) -> Iterator[Scenario]:
    with Scenario(database_url) as world:
        yield world


def test_a_waiter_is_woken_by_a_commit_of_somebody_else(world: Scenario) -> None:
    with notifications.Listener(world.engine, notifications.MARKS) as waker:
        teller = threading.Timer(0.1, world.publish, args=("1.0",))
        teller.start()
        assert waker.wait(LONG)
        teller.join()


def test_what_came_before_the_wait_ends_it_at_once(world: Scenario) -> None:
    with notifications.Listener(world.engine, notifications.MARKS) as waker:
        world.publish("1.0")
        assert waker.wait(LONG)
        assert not waker.wait(SOON)


def test_a_command_wakes_the_relay(world: Scenario) -> None:
    world.publish("1.0")
    with notifications.Listener(world.engine, notifications.OUTBOX) as waker:
        world.evaluate()
        assert waker.wait(LONG)
