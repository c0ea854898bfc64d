"""The contract of `deploydb.broker.port.DeadLetters`, on RabbitMQ and on the embedded transport."""

from datetime import UTC, datetime, timedelta

import pytest

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.open import open_dead_letters, open_inbound
from deploydb.broker.port import Delivery
from deploydb.broker.topology import COMMANDS, DELIVERY_LIMIT, EVENTS, INGEST_QUEUE
from deploydb.domain.model.errors import Misconfigured
from tests.contract.broker_steps import RABBIT, assert_left, event, publish, take
from tests.contract.broker_steps import url as url
from tests.servers import until


def test_a_dead_letter_has_its_reason_and_its_queue_and_stays(url: str) -> None:
    publish(url, event(1, routing_key="a.b", headers={"traceparent": "00-1"}, body=b"{"))
    bury(url, "expected a JSON object", "$.artifact.version")
    with open_dead_letters(url, name="tests") as dead:
        (one,) = dead.peek(10)
        assert dead.peek(10) == [one]
    assert (one.reason, one.path) == ("expected a JSON object", "$.artifact.version")
    assert (one.queue, one.exchange, one.routing_key) == (INGEST_QUEUE, EVENTS, "a.b")
    assert (one.body, one.headers, one.content_type) == (b"{", {"traceparent": "00-1"}, "application/json")
    assert one.user_id
    assert one.died_at is not None
    assert abs(datetime.now(UTC) - one.died_at) < timedelta(minutes=1)


def test_dead_letters_are_looked_at_oldest_first_up_to_a_limit_and_keep_their_order(url: str) -> None:
    publish(url, *(event(number) for number in range(5)))
    for number in range(5):
        bury(url, f"reason {number}")
    with open_dead_letters(url, name="tests") as dead:
        for _ in range(3):
            assert [one.reason for one in dead.peek(2)] == ["reason 0", "reason 1"]
        assert dead.peek(0) == []
        assert [one.reason for one in dead.peek(100)] == [f"reason {number}" for number in range(5)]
        assert len({one.id for one in dead.peek(100)}) == 5


def test_a_replayed_dead_letter_goes_to_its_first_exchange_with_a_corrected_body(url: str) -> None:
    publish(url, event(1, routing_key="a.b", headers={"traceparent": "00-1"}), event(2))
    bury(url, "wrong")
    bury(url, "wrong too")
    with open_dead_letters(url, name="tests") as dead:
        first, second = dead.peek(10)
        assert dead.replay(first.id, b"corrected") == first
        assert dead.peek(10) == [second]
        assert dead.replay(first.id) is None
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        (again,) = take(inbound, 1)
    assert (again.body, again.routing_key, again.exchange, again.message_id) == (b"corrected", "a.b", EVENTS, "id-1")
    assert again.headers == {"traceparent": "00-1"}


def test_a_dead_letter_replayed_as_it_is_keeps_its_body(url: str) -> None:
    publish(url, event(1))
    bury(url, "the catalog was wrong, not the message")
    with open_dead_letters(url, name="tests") as dead:
        dead.replay(dead.peek(1)[0].id)
        assert dead.peek(10) == []
    assert_left(url, [b"event 1"])


def test_a_discarded_dead_letter_is_gone_and_the_others_are_not(url: str) -> None:
    publish(url, event(1), event(2), event(3))
    for _ in range(3):
        bury(url, "wrong")
    with open_dead_letters(url, name="tests") as dead:
        letters = dead.peek(10)
        assert dead.discard(letters[1].id) == letters[1]
        assert dead.discard(letters[1].id) is None
        assert dead.peek(10) == [letters[0], letters[2]]


def test_a_dead_letter_without_a_queue_to_go_to_stays_and_raises(url: str) -> None:
    taken = Delivery(tag=1, body=b"{", routing_key="nowhere.x", exchange=COMMANDS)
    publish(url, dead_letter(taken, RABBIT, "wrong", "$"), dead_letter(taken, "audit", "wrong", "$"))
    with open_dead_letters(url, name="tests") as dead:
        one, other = dead.peek(10)
        with pytest.raises(Misconfigured, match=r"no queue is bound .* nowhere\.x"):
            dead.replay(one.id)
        with pytest.raises(Misconfigured, match=r"died in audit, no queue of DeployDB"):
            dead.replay(other.id)
        assert dead.peek(10) == [one, other]


def test_a_dead_letter_is_sendable_whatever_its_reason_and_its_message(url: str) -> None:
    publish(url, event(1, headers={"note": "n" * 5000}))
    bury(url, "\ud800" + "r" * 100_000, "$." + "p" * 100_000)
    with open_dead_letters(url, name="tests") as dead:
        (one,) = dead.peek(10)
    assert one.reason.startswith("?rrr")
    assert one.headers == {"note": "n" * 5000}


def test_a_message_delivered_too_often_ends_in_the_dead_queue_with_a_reason_and_can_go_back(url: str) -> None:
    publish(url, event(1, routing_key="a.b"))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        for _ in range(DELIVERY_LIMIT + 1):
            inbound.requeue(take(inbound, 1))
        assert inbound.receive(1, timedelta(seconds=0.2)) == []
    with open_dead_letters(url, name="tests") as dead:
        until(lambda: bool(dead.peek(1)), what="the broker to dead-letter it")
        (one,) = dead.peek(10)
        assert (one.body, one.queue, one.exchange, one.routing_key) == (b"event 1", INGEST_QUEUE, EVENTS, "a.b")
        assert f"more than {DELIVERY_LIMIT} times" in one.reason
        dead.replay(one.id)
    assert_left(url, [b"event 1"])


def bury(url: str, reason: str, path: str = "$") -> None:
    """What a worker does with the oldest message, which it cannot take."""
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        (taken,) = take(inbound, 1)
        (receipt,) = publish(url, dead_letter(taken, INGEST_QUEUE, reason, path))
        assert receipt.state == "confirmed", receipt
        inbound.ack([taken])
