"""Steps of the broker's contract tests, and a provisioned broker."""

import time
from collections.abc import Sequence
from datetime import timedelta

import pytest

from deploydb.broker.open import open_inbound, open_outbound, provision
from deploydb.broker.port import Delivery, Inbound, Message, Receipt
from deploydb.broker.topology import EVENTS, INGEST_QUEUE, command_queue, topology
from tests.servers.process import PATIENCE_SECONDS

SOON = timedelta(seconds=5)
RABBIT = command_queue("rabbit")
OTHER = command_queue("other")


@pytest.fixture
def url(broker_url: str) -> str:
    """A provisioned broker: environments `test` and `prod` are the orchestrator rabbit's, `lab` is other's."""
    provision(broker_url, topology({"rabbit": ("test", "prod"), "other": ("lab",)}))
    return broker_url


def event(number: int, **changes: object) -> Message:
    base = {"exchange": EVENTS, "routing_key": "", "body": b"event %d" % number, "message_id": f"id-{number}"}
    return Message(**{**base, **changes})  # type: ignore[arg-type]


def publish(url: str, *messages: Message) -> list[Receipt]:
    with open_outbound(url, name="tests") as outbound:
        return outbound.publish(messages)


def take(inbound: Inbound, count: int) -> list[Delivery]:
    """Exactly so many, within the deadline."""
    taken: list[Delivery] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(taken) < count and time.monotonic() < deadline:
        taken += inbound.receive(count - len(taken), timedelta(seconds=1))
    assert len(taken) == count, bodies(taken)
    return taken


def bodies(deliveries: Sequence[Delivery]) -> list[bytes]:
    return [delivery.body for delivery in deliveries]


def assert_left(url: str, expected: Sequence[bytes], queue: str = INGEST_QUEUE) -> None:
    """A queue gives exactly these, in this order, and then nothing.

    They are waited for: RabbitMQ gives back what a connection held some time after its end.
    """
    found: list[bytes] = []
    with open_inbound(url, queue, name="tests") as inbound:
        while len(found) < len(expected) and (taken := inbound.receive(1000, 4 * SOON)):
            found += bodies(taken)
            inbound.ack(taken)
        assert found == list(expected)
        assert inbound.receive(1, timedelta(seconds=0.02 if url.startswith("embedded:") else 0.2)) == []
