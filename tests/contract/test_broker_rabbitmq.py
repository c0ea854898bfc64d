"""RabbitMQ alone: its refusals as our errors, hostile publishers, dead peers."""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest

from deploydb.broker import inbound as inbound_module
from deploydb.broker import pika_session as session_module
from deploydb.broker.open import check, open_dead_letters, open_inbound, open_outbound, provision
from deploydb.broker.port import Delivery, Message
from deploydb.broker.topology import EVENTS, INGEST_QUEUE, topology
from deploydb.domain.model.errors import Misconfigured, Transient
from tests.faults.proxy import Proxy
from tests.servers import RabbitMQ, until
from tests.servers.ports import free_port
from tests.servers.process import BUSY

pytestmark = pytest.mark.servers

TOPOLOGY = topology({"default": ("dev",)})
SECOND = timedelta(seconds=1)
EVENT = Message(exchange=EVENTS, routing_key="a", body=b"{}", message_id="id-1")

DOORS: dict[str, Callable[[str], Any]] = {
    "inbound": lambda url: open_inbound(url, INGEST_QUEUE, name="tests"),
    "outbound": lambda url: open_outbound(url, name="tests"),
    "dead letters": lambda url: open_dead_letters(url, name="tests").peek(1),
    "provision": lambda url: provision(url, TOPOLOGY),
    "check": lambda url: check(url, TOPOLOGY),
}
every_door = pytest.mark.parametrize("door", DOORS.values(), ids=DOORS.keys())


@pytest.fixture
def url(amqp_url: str) -> str:
    provision(amqp_url, TOPOLOGY)
    return amqp_url


@pytest.fixture
def plain(url: str) -> Iterator[Any]:
    """A channel of somebody else's client."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    yield connection.channel()
    if connection.is_open:
        connection.close()


def at_port(url: str, port: int) -> str:
    return re.sub(r"(127\.0\.0\.1):\d+", rf"\1:{port}", url)


@every_door
def test_a_wrong_password_is_misconfigured_and_is_not_shown(url: str, door: Callable[[str], Any]) -> None:
    with pytest.raises(Misconfigured, match="refuses") as raised:
        door(url.replace("guest:guest", "guest:s3cret"))
    assert "s3cret" not in str(raised.value)


@every_door
def test_a_vhost_that_does_not_exist_is_misconfigured(rabbitmq: RabbitMQ, door: Callable[[str], Any]) -> None:
    with pytest.raises(Misconfigured, match=r"refuses.*vhost"):
        door(rabbitmq.url("absent"))


@every_door
def test_a_broker_that_is_away_is_transient(url: str, door: Callable[[str], Any]) -> None:
    port = free_port()
    began = time.monotonic()
    with pytest.raises(Transient, match=f"127.0.0.1:{port}"):
        door(at_port(url, port))
    assert time.monotonic() - began < 10 * BUSY


def test_an_argument_that_differs_is_named_with_both_values_and_the_remedy(plain: Any, amqp_url: str) -> None:
    plain.queue_delete(INGEST_QUEUE)
    arguments = TOPOLOGY.queues[1].arguments | {"x-delivery-limit": 3}
    plain.queue_declare(INGEST_QUEUE, durable=True, arguments=arguments)
    with pytest.raises(
        Misconfigured, match=r"queue deploydb\.ingest .* has x-delivery-limit 3, and 20 is wanted.*delete"
    ):
        provision(amqp_url, TOPOLOGY)


def test_an_argument_that_is_missing_is_named(plain: Any, amqp_url: str) -> None:
    plain.queue_delete(INGEST_QUEUE)
    plain.queue_declare(INGEST_QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
    with pytest.raises(Misconfigured, match=r"has x-\S+ none, and \S+ is wanted"):
        provision(amqp_url, TOPOLOGY)


def test_an_exchange_of_another_kind_is_named(plain: Any, amqp_url: str) -> None:
    plain.exchange_delete(EVENTS)
    plain.exchange_declare(EVENTS, exchange_type="fanout", durable=True)
    with pytest.raises(Misconfigured, match=r"exchange deploydb\.events .* has type fanout, and topic is wanted"):
        provision(amqp_url, TOPOLOGY)


def test_a_publisher_without_the_right_to_write_is_misconfigured(url: str, rabbitmq: RabbitMQ) -> None:
    reader = rabbitmq.create_user(f"reader-{secrets.token_hex(4)}", "pw", urlsplit(url).path[1:], {"read": ".*"})
    with open_outbound(reader, name="tests") as outbound, pytest.raises(Misconfigured, match=r"refuses.*permissions"):
        outbound.publish([EVENT])
    with open_inbound(reader, INGEST_QUEUE, name="tests") as inbound:
        assert inbound.receive(1, timedelta(0)) == []


def test_a_consumer_without_the_right_to_read_is_misconfigured(url: str, rabbitmq: RabbitMQ) -> None:
    name = f"writer-{secrets.token_hex(4)}"
    writer = rabbitmq.create_user(name, "pw", urlsplit(url).path[1:], {"write": ".*"})
    with pytest.raises(Misconfigured, match=r"refuses.*permissions"):
        open_inbound(writer, INGEST_QUEUE, name="tests")
    with open_outbound(writer, name="tests") as outbound:
        assert outbound.publish([EVENT])[0].state == "confirmed"
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        (delivery,) = inbound.receive(1, 5 * SECOND)
    assert delivery.user_id == name


@pytest.mark.parametrize(
    "properties",
    [
        {"message_id": b"\xff\xfe"},
        {"user_id": "guest", "content_type": b"\xff"},
        {"timestamp": 2**63},
        {"headers": {"compression": "application/x-gzip"}},
        {"content_encoding": "rot13", "headers": {"n": 1, "b": b"\xff", "t": {"u": [{"v": None}]}, "x": None}},
    ],
)
def test_unreadable_properties_harm_no_other_message(url: str, plain: Any, properties: dict[str, Any]) -> None:
    plain.basic_publish(EVENTS, "a", b"before", pika.BasicProperties())
    plain.basic_publish(EVENTS, "a", b"hostile", pika.BasicProperties(**properties))
    plain.basic_publish(EVENTS, "a", b"", pika.BasicProperties(**properties))
    plain.basic_publish(EVENTS, b"\xff" * 255, b"hostile key", pika.BasicProperties(**properties))
    plain.basic_publish(EVENTS, "a", b"after", pika.BasicProperties(message_id="x"))
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        taken: list[Delivery] = []
        while len(taken) < 5:
            taken += inbound.receive(5, 5 * SECOND)
        assert [delivery.body for delivery in taken] == [b"before", b"hostile", b"", b"hostile key", b"after"]
        assert taken[-1].message_id == "x"
        for delivery in taken:
            for text in (delivery.routing_key, delivery.content_type, *delivery.headers, *delivery.headers.values()):
                text.encode()
        inbound.ack(taken)
        assert inbound.receive(1, timedelta(seconds=0.1)) == []


def test_a_message_for_a_full_queue_is_refused(url: str, plain: Any) -> None:
    plain.queue_declare("full", durable=True, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    plain.queue_bind("full", EVENTS, "full")
    full = Message(exchange=EVENTS, routing_key="full", body=b"", message_id="f")
    with open_outbound(url, name="tests") as outbound:
        states = [receipt.state for receipt in outbound.publish([full, EVENT, full, EVENT])]
    assert states == ["confirmed", "confirmed", "refused", "confirmed"]


def test_a_queue_that_is_deleted_under_a_consumer_is_transient_and_then_misconfigured(url: str, plain: Any) -> None:
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        plain.queue_delete(INGEST_QUEUE)
        with pytest.raises(Transient, match="cancelled"):
            inbound.receive(1, 5 * SECOND)
    with pytest.raises(Misconfigured, match="does not exist"):
        open_inbound(url, INGEST_QUEUE, name="tests")


def test_a_connection_that_is_cut_is_transient_for_the_consumer(url: str, rabbitmq: RabbitMQ) -> None:
    with Proxy(rabbitmq.port) as proxy, open_inbound(at_port(url, proxy.port), INGEST_QUEUE, name="tests") as inbound:
        assert inbound.receive(1, timedelta(0)) == []
        proxy.close()
        with pytest.raises(Transient, match="lost"):
            inbound.receive(1, 5 * SECOND)


def test_a_connection_that_is_cut_is_transient_for_the_publisher(url: str, rabbitmq: RabbitMQ) -> None:
    with Proxy(rabbitmq.port) as proxy, open_outbound(at_port(url, proxy.port), name="tests") as outbound:
        assert outbound.publish([EVENT])[0].state == "confirmed"
        proxy.close()
        with pytest.raises(Transient):
            outbound.publish([EVENT])


def test_a_consumer_notices_a_peer_that_has_gone_silent(
    url: str, rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_module, "HEARTBEAT_SECONDS", 2)
    monkeypatch.setattr(inbound_module, "_BEAT_SECONDS", 0.6)
    monkeypatch.setattr(inbound_module, "_SILENCE_SECONDS", 4)
    with Proxy(rabbitmq.port) as proxy, open_inbound(at_port(url, proxy.port), INGEST_QUEUE, name="tests") as inbound:
        assert inbound.receive(1, 6 * SECOND) == []  # alive by heartbeats alone
        proxy.go_silent()
        began = time.monotonic()
        with pytest.raises(Transient, match="nothing was heard"):
            inbound.receive(1, 60 * SECOND)
        assert time.monotonic() - began < 8 * BUSY


def test_a_consumer_that_holds_messages_keeps_its_connection_by_taking_none(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_module, "HEARTBEAT_SECONDS", 2)
    monkeypatch.setattr(inbound_module, "_BEAT_SECONDS", 0.6)
    with open_outbound(url, name="tests") as outbound, open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        outbound.publish([EVENT])
        held = inbound.receive(1, 5 * SECOND)
        began = time.monotonic()
        until(lambda: inbound.receive(0, SECOND) == [] and time.monotonic() - began > 7)
        inbound.ack(held)
        assert inbound.receive(1, timedelta(seconds=0.2)) == []


def test_a_publisher_notices_a_peer_that_has_gone_silent(
    url: str, rabbitmq: RabbitMQ, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "HEARTBEAT_SECONDS", 1)
    with Proxy(rabbitmq.port) as proxy, open_outbound(at_port(url, proxy.port), name="tests") as outbound:
        proxy.go_silent()
        began = time.monotonic()
        with pytest.raises(Transient, match="lost"):
            outbound.publish([EVENT])
        assert time.monotonic() - began < 15 * BUSY


@pytest.mark.parametrize("door", [DOORS["inbound"], DOORS["outbound"]], ids=["inbound", "outbound"])
def test_closing_does_not_wait_for_a_silent_peer(url: str, rabbitmq: RabbitMQ, door: Callable[[str], Any]) -> None:
    with Proxy(rabbitmq.port) as proxy:
        connection = door(at_port(url, proxy.port))
        proxy.go_silent()
        began = time.monotonic()
        connection.close()
        assert time.monotonic() - began < 5 * BUSY


@pytest.mark.parametrize("act", ["take", "keep alive", "ack", "give back"])
def test_a_connection_that_its_library_has_torn_down_is_transient(
    url: str, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    with open_outbound(url, name="tests") as outbound:
        outbound.publish([EVENT])
    inbound = open_inbound(url, INGEST_QUEUE, name="tests")
    assert isinstance(inbound, inbound_module.RabbitMQInbound)
    taken = inbound.receive(1, 5 * SECOND)
    amqp = inbound._amqp
    amqp.collect()
    acts: dict[str, Callable[[], object]] = {
        "take": lambda: inbound.receive(1, SECOND),
        "keep alive": amqp.send_heartbeat,
        "ack": lambda: inbound.ack(taken),
        "give back": lambda: inbound.requeue(taken),
    }
    with pytest.raises(Transient), inbound._dropped_on_error():
        acts[act]()
    inbound.close()


def test_what_waits_behind_large_messages_is_known_once_they_are_taken(url: str) -> None:
    with open_outbound(url, name="tests") as outbound:
        outbound.publish(
            [
                Message(exchange=EVENTS, routing_key="tests", body=b"x" * 1024 * 1024, message_id=str(number))
                for number in range(32)
            ]
        )
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        while not inbound.receive(1, timedelta(seconds=1)):
            pass
        assert inbound.waiting() is None
        kept = inbound.receive(1000, timedelta(0))
        assert 7 <= len(kept) <= 9  # about 8 MiB are kept here
        taken = 1 + len(kept)
        while (waiting := inbound.waiting()) is None:
            taken += len(inbound.receive(1000, timedelta(0)))
        assert taken + waiting == 32


def test_a_delivery_held_for_longer_than_the_broker_allows_is_transient(own_rabbitmq: RabbitMQ) -> None:
    own_rabbitmq.ctl(
        "eval",
        "application:set_env(rabbit, channel_tick_interval, 500), application:set_env(rabbit, consumer_timeout, 500).",
    )
    url = own_rabbitmq.create_vhost("held")
    provision(url, TOPOLOGY)
    with open_outbound(url, name="tests") as outbound:
        outbound.publish([EVENT])
    with open_inbound(url, INGEST_QUEUE, name="tests") as inbound:
        taken = inbound.receive(1, 5 * SECOND)
        with pytest.raises(Transient, match="timed out"):
            until(lambda: inbound.receive(0, SECOND) != [], what="the broker to close the channel")
        with pytest.raises(Transient):
            inbound.ack(taken)
