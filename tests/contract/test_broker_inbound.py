"""The contract of `deploydb.broker.port.Inbound`, on RabbitMQ and on the embedded transport."""

import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from deploydb.broker.embedded.outbound import user_name
from deploydb.broker.open import open_inbound, open_outbound
from deploydb.broker.topology import EVENTS, INGEST_QUEUE
from deploydb.domain.model.errors import Misconfigured, Transient
from tests.contract.broker_steps import SOON, assert_left, bodies, event, publish, take
from tests.contract.broker_steps import url as url
from tests.servers.process import BUSY, PATIENCE_SECONDS

NOW = timedelta(0)


def test_every_property_of_a_message_arrives(url: str) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    publish(
        url,
        event(
            1,
            body=b'{"n": "\xc3\xa9\x00"}',
            routing_key="a.b",
            content_type="application/cloudevents+json",
            headers={"traceparent": "00-1", "ce-type": "größe"},
        ),
    )
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        (delivery,) = take(inbound, 1)
    assert delivery.body == b'{"n": "\xc3\xa9\x00"}'
    assert (delivery.exchange, delivery.routing_key, delivery.message_id) == (EVENTS, "a.b", "id-1")
    assert delivery.content_type == "application/cloudevents+json"
    assert delivery.headers == {"traceparent": "00-1", "ce-type": "größe"}
    assert delivery.user_id == (user_name() if url.startswith("embedded:") else "guest")
    assert not delivery.redelivered
    assert delivery.sent_at is not None
    assert before <= delivery.sent_at <= datetime.now(UTC)


@pytest.mark.parametrize("size", [0, 1, 5 * 1024 * 1024])
def test_a_body_of_any_size_passes_unchanged(url: str, size: int) -> None:
    body = bytes(range(256)) * (size // 256) if size > 1 else b"x" * size
    publish(url, event(1, body=body), event(2))
    assert_left(url, [body, b"event 2"])


def test_take_returns_arrived_messages_oldest_first_up_to_the_limit(url: str) -> None:
    publish(url, *(event(number) for number in range(5)))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        assert bodies(take(inbound, 2)) == [b"event 0", b"event 1"]
        assert bodies(take(inbound, 3)) == [b"event 2", b"event 3", b"event 4"]


def test_waiting_counts_the_messages_to_receive(url: str) -> None:
    with (
        open_inbound(url, INGEST_QUEUE, name="a", prefetch=2) as one,
        open_inbound(url, INGEST_QUEUE, name="b", prefetch=2) as other,
    ):
        assert (one.waiting(), other.waiting()) == (0, 0)
        publish(url, *(event(number) for number in range(10)))
        held = take(one, 2) + take(other, 2)
        assert (one.waiting(), other.waiting()) == (6, 6)
        one.ack(held[:2])
        other.ack(held[2:])


def test_take_waits_for_the_first_message_up_to_its_limit(url: str) -> None:
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        began = time.monotonic()
        assert inbound.receive(10, timedelta(seconds=0.3)) == []
        assert 0.29 <= time.monotonic() - began < 2 * BUSY
        publish(url, event(1))
        began = time.monotonic()
        assert bodies(inbound.receive(10, 4 * SOON)) == [b"event 1"]
        assert time.monotonic() - began < 2 * BUSY


def test_a_waiting_consumer_is_woken_by_a_message(url: str) -> None:
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound, open_outbound(url, name="tests") as outbound:
        latencies = []
        for number in range(20):
            outbound.publish([event(number)])
            began = time.monotonic()
            inbound.ack(take(inbound, 1))
            latencies.append(time.monotonic() - began)
    assert sorted(latencies)[10] < 0.1 * BUSY


def test_taking_none_gives_none_and_loses_none(url: str) -> None:
    publish(url, event(1))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        assert inbound.receive(0, SOON) == []
        assert bodies(take(inbound, 1)) == [b"event 1"]


def test_acked_messages_are_gone_and_others_come_again_after_the_connection(url: str) -> None:
    publish(url, *(event(number) for number in range(4)))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        taken = take(inbound, 4)
        inbound.ack(taken[:2])
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        again = take(inbound, 2)
        assert bodies(again) == [b"event 2", b"event 3"]
        assert all(delivery.redelivered for delivery in again)
        inbound.ack(again)
    assert_left(url, [])


@pytest.mark.parametrize("acked", [(1, 2), (0, 2), (3,), (0, 1, 3), (3, 0), (0, 1, 2, 3), ()])
def test_an_ack_of_any_subset_in_any_order_leaves_the_others(url: str, acked: tuple[int, ...]) -> None:
    publish(url, *(event(number) for number in range(4)))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        taken = take(inbound, 4)
        inbound.ack([taken[index] for index in acked])
    assert_left(url, [b"event %d" % number for number in range(4) if number not in acked])


def test_acks_in_several_steps_and_across_takes_leave_the_others(url: str) -> None:
    publish(url, *(event(number) for number in range(9)))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        first, second, third = take(inbound, 3), take(inbound, 3), take(inbound, 3)
        inbound.ack([first[1]])
        inbound.ack(second)
        inbound.ack([first[0], third[2]])
    assert_left(url, [b"event 2", b"event 6", b"event 7"])


def test_a_repeated_ack_has_no_effect(url: str) -> None:
    publish(url, event(1), event(2))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        first, _second = take(inbound, 2)
        inbound.ack([first])
        inbound.ack([first])
        inbound.receive(0, NOW)
    assert_left(url, [b"event 2"])


def test_an_ack_on_another_connection_does_nothing(url: str) -> None:
    publish(url, event(1), event(2))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        stale = take(inbound, 2)
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        take(inbound, 2)
        inbound.ack(stale)
    assert_left(url, [b"event 1", b"event 2"])


def test_a_returned_message_comes_again_to_any_consumer_and_its_ack_is_too_late(url: str) -> None:
    publish(url, event(1), event(2))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        first, second = take(inbound, 2)
        inbound.requeue([first])
        (again,) = take(inbound, 1)
        assert (again.body, again.redelivered) == (b"event 1", True)
        inbound.ack([first, second])
        inbound.receive(0, NOW)
    assert_left(url, [b"event 1"])


def test_two_consumers_share_a_queue_without_overlap(url: str) -> None:
    publish(url, *(event(number) for number in range(3000)))
    seen: list[bytes] = []
    with open_inbound(url, INGEST_QUEUE, name="a") as one, open_inbound(url, INGEST_QUEUE, name="b") as other:
        shares = {id(one): 0, id(other): 0}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(seen) < 3000 and time.monotonic() < deadline:
            for inbound in (one, other):
                taken = inbound.receive(100, timedelta(milliseconds=50))
                inbound.ack(taken)
                seen += bodies(taken)
                shares[id(inbound)] += len(taken)
    assert sorted(seen) == sorted(b"event %d" % number for number in range(3000))
    assert min(shares.values()) > 0


def test_one_connection_serves_many_batches_larger_than_the_prefetch(url: str) -> None:
    publish(url, *(event(number) for number in range(2500)))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        seen: list[bytes] = []
        for _ in range(5):
            batch = take(inbound, 500)
            inbound.ack(batch)
            seen += bodies(batch)
    assert seen == [b"event %d" % number for number in range(2500)]


def test_a_consumer_killed_between_take_and_ack_loses_nothing(url: str) -> None:
    publish(url, event(1), event(2))
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, url, INGEST_QUEUE], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    try:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"took event 1\n"
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
            again = {delivery.body: delivery for delivery in take(inbound, 2)}
            assert again.keys() == {b"event 1", b"event 2"}
            assert again[b"event 1"].redelivered
            inbound.ack(list(again.values()))
        assert_left(url, [])
    finally:
        victim.kill()
        victim.communicate()


_VICTIM = """
import sys
from datetime import timedelta
from deploydb.broker.open import open_inbound
inbound = open_inbound(sys.argv[1], sys.argv[2], name="victim")
(taken,) = inbound.receive(1, timedelta(seconds=10))
print("took", taken.body.decode(), flush=True)
sys.stdin.read()
"""


def test_receiving_from_a_missing_queue_raises_with_the_remedy(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"queue absent does not exist.*deploydb broker provision"):
        open_inbound(url, "absent", name="tests")


def test_a_closed_inbound_is_transient_and_closes_again(url: str) -> None:
    inbound = open_inbound(url, INGEST_QUEUE, name="tests")
    inbound.close()
    inbound.close()
    with pytest.raises(Transient):
        inbound.receive(1, NOW)
