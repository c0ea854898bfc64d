"""The contract of `deploydb.broker.port`, clause by clause, on RabbitMQ and on the embedded transport."""

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from deploydb.broker.dead_letter import dead_letter
from deploydb.broker.embedded.outbound import user_name
from deploydb.broker.open import check, open_dead_letters, open_inbound, open_outbound, provision
from deploydb.broker.port import Delivery, Inbound, Message, Receipt
from deploydb.broker.topology import (
    COMMANDS,
    DELIVERY_LIMIT,
    EVENTS,
    INGEST_QUEUE,
    Binding,
    Queue,
    Topology,
    command_queue,
    topology,
)
from deploydb.domain.model.errors import Misconfigured, Transient
from tests.servers import until

NOW = timedelta(0)
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
    deadline = time.monotonic() + 20
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


# Publishing


def test_a_confirmed_message_is_in_every_queue_it_is_routed_to(broker_url: str) -> None:
    twice = tuple(Queue(name=name, bindings=(Binding(exchange=EVENTS, pattern="a.#"),)) for name in ("one", "two"))
    provision(broker_url, Topology(exchanges=(EVENTS,), queues=twice))
    (receipt,) = publish(broker_url, event(1, routing_key="a.b"))
    assert receipt == Receipt(message_id="id-1", state="confirmed")
    assert_left(broker_url, [b"event 1"], "one")
    assert_left(broker_url, [b"event 1"], "two")


def test_a_message_that_no_queue_is_bound_for_is_returned_and_the_others_are_confirmed(url: str) -> None:
    lost = event(2, exchange=COMMANDS, routing_key="nowhere.x.deploy")
    receipts = publish(url, event(1), lost, event(3))
    assert [(receipt.message_id, receipt.state) for receipt in receipts] == [
        ("id-1", "confirmed"),
        ("id-2", "returned"),
        ("id-3", "confirmed"),
    ]
    assert "no queue is bound" in receipts[1].detail
    assert_left(url, [b"event 1", b"event 3"])


def test_receipts_come_in_the_order_of_the_messages_also_where_ids_repeat(url: str) -> None:
    same = [event(1), event(1, exchange=COMMANDS, routing_key="nowhere.x"), event(1)]
    assert [receipt.state for receipt in publish(url, *same)] == ["confirmed", "returned", "confirmed"]


def test_ten_thousand_messages_get_ten_thousand_receipts_and_all_arrive_once_and_in_order(url: str) -> None:
    messages = [event(number) for number in range(10_000)]
    receipts = publish(url, *messages)
    assert {receipt.state for receipt in receipts} == {"confirmed"}
    assert [receipt.message_id for receipt in receipts] == [message.message_id for message in messages]
    assert_left(url, [message.body for message in messages])


def test_publishing_nothing_gives_no_receipts(url: str) -> None:
    assert publish(url) == []


def test_a_message_with_a_name_that_is_too_long_is_refused_and_the_others_pass(url: str) -> None:
    receipts = publish(url, event(1), event(2, routing_key="k" * 256), event(3, message_id="\ud800"), event(4))
    assert [receipt.state for receipt in receipts] == ["confirmed", "refused", "refused", "confirmed"]
    assert "routing key is longer than 255 bytes" in receipts[1].detail
    assert_left(url, [b"event 1", b"event 4"])


def test_publishing_to_a_missing_exchange_raises_with_the_remedy(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"exchange absent does not exist.*deploydb broker provision"):
        publish(url, event(1, exchange="absent"))


def test_a_closed_outbound_is_transient_and_closes_again(url: str) -> None:
    outbound = open_outbound(url, name="tests")
    outbound.close()
    outbound.close()
    with pytest.raises(Transient):
        outbound.publish([event(1)])


# Taking and acking


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
        assert 0.29 <= time.monotonic() - began < 2
        publish(url, event(1))
        began = time.monotonic()
        assert bodies(inbound.receive(10, SOON)) == [b"event 1"]
        assert time.monotonic() - began < 2


def test_a_waiting_consumer_is_woken_by_a_message(url: str) -> None:
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound, open_outbound(url, name="tests") as outbound:
        latencies = []
        for number in range(20):
            outbound.publish([event(number)])
            began = time.monotonic()
            inbound.ack(take(inbound, 1))
            latencies.append(time.monotonic() - began)
    assert sorted(latencies)[10] < 0.1


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
        deadline = time.monotonic() + 20
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


# Dead letters


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


# Provisioning


def test_provisioning_names_new_parts_and_a_second_time_makes_none(broker_url: str) -> None:
    wanted = topology({"default": ("dev",)})
    made = provision(broker_url, wanted)
    assert f"exchange {EVENTS}" in made
    assert f"queue {INGEST_QUEUE}" in made
    assert f"queue {command_queue('default')}" in made
    assert provision(broker_url, wanted) == []
    check(broker_url, wanted)


def test_an_orchestrator_that_comes_later_is_made_then(url: str) -> None:
    assert provision(url, topology({"rabbit": ("test", "prod"), "new": ("stage",)})) == [
        f"queue {command_queue('new')}"
    ]


def test_an_environment_that_moves_to_another_orchestrator_is_not_deployed_by_both(url: str) -> None:
    provision(url, topology({"rabbit": ("test",), "other": ("lab", "prod")}))
    publish(url, event(1, exchange=COMMANDS, routing_key="prod.shop.deploy"))
    assert_left(url, [], RABBIT)
    assert_left(url, [b"event 1"], OTHER)


def test_commands_go_to_the_queue_of_their_environments_orchestrator(url: str) -> None:
    keys = ["prod.shop.deploy", "test.shop.deploy", "lab.shop.rollback", "prod.a.b.c"]
    publish(url, *(event(0, exchange=COMMANDS, routing_key=key, body=key.encode()) for key in keys))
    assert_left(url, [b"prod.shop.deploy", b"test.shop.deploy", b"prod.a.b.c"], RABBIT)
    assert_left(url, [b"lab.shop.rollback"], OTHER)


def test_the_check_names_what_is_missing(url: str) -> None:
    with pytest.raises(Misconfigured, match=r"queue deploydb\.commands\.more does not exist.*broker provision"):
        check(url, topology({"more": ("x",)}))


# Topic patterns: one table, and both must agree with it.

_KEYS = ("", "a", "b", "a.b", "a.b.c", "a..c", "a.", ".", "a.a.b", "a.x.y.b", "a.b.b.c", "x.b", "A.b", "a.*", "ä.b")
_FITS: dict[str, set[str]] = {
    "#": set(_KEYS),
    "*": {"a", "b"},
    "a.*": {"a.b", "a.", "a.*"},
    "a.#": {"a", "a.b", "a.b.c", "a..c", "a.", "a.a.b", "a.x.y.b", "a.b.b.c", "a.*"},
    "*.b": {"a.b", "x.b", "A.b", "ä.b"},
    "#.b": {"b", "a.b", "a.a.b", "a.x.y.b", "x.b", "A.b", "ä.b"},
    "a.#.b": {"a.b", "a.a.b", "a.x.y.b"},
    "a.*.c": {"a.b.c", "a..c"},
    "#.#": set(_KEYS),
    "#.*": set(_KEYS) - {""},
    "*.#": set(_KEYS) - {""},
    "a.b": {"a.b"},
    "a": {"a"},
    "a.#.#.c": {"a.b.c", "a..c", "a.b.b.c"},
    "": {""},
}


def test_patterns_take_the_routing_keys_that_they_should(broker_url: str) -> None:
    end = Binding(exchange="end", pattern="#")
    queues = tuple(
        Queue(name=f"of {pattern}", bindings=(Binding(exchange=EVENTS, pattern=pattern), end)) for pattern in _FITS
    )
    provision(broker_url, Topology(exchanges=(EVENTS, "end"), queues=queues))
    publish(broker_url, *(event(0, routing_key=key, body=key.encode()) for key in _KEYS))
    publish(broker_url, event(0, exchange="end", body=b"end"))
    found = {}
    for pattern in _FITS:
        with open_inbound(broker_url, f"of {pattern}", name="tests") as inbound:
            seen = []
            while b"end" not in seen:
                seen += bodies(take(inbound, 1))
        found[pattern] = {body.decode() for body in seen} - {"end"}
    assert found == _FITS


def bury(url: str, reason: str, path: str = "$") -> None:
    """What a worker does with the oldest message, which it cannot take."""
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        (taken,) = take(inbound, 1)
        (receipt,) = publish(url, dead_letter(taken, INGEST_QUEUE, reason, path))
        assert receipt.state == "confirmed", receipt
        inbound.ack([taken])
