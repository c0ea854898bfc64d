"""A dead letter: the broker takes it whatever the message was, and nothing in it that a publisher wrote is believed."""

import secrets
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pika
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pika.exceptions import AMQPChannelError, AMQPConnectionError

from deploydb.broker.dead_letter import bare, dead_letter
from deploydb.broker.open import open_dead_letters, open_inbound, open_outbound, provision
from deploydb.broker.port import Delivery, Inbound, Message, Outbound
from deploydb.broker.topology import COMMANDS, EVENTS, INGEST_QUEUE, command_queue, topology
from tests.amqp_properties import HOSTILE, Header, Properties, nested, text
from tests.conftest import needs_servers
from tests.servers import RabbitMQ, until

TOPOLOGY = topology({"rabbit": ("prod",)})
COMMAND_QUEUE = command_queue("rabbit")
SOON = timedelta(seconds=10)
FORGED = {
    "x-deploydb-exchange": COMMANDS,
    "x-deploydb-routing-key": "prod.shop.deploy",
    "x-deploydb-reason": "a forged reason",
    "x-deploydb-path": "$.forged",
    "x-deploydb-user-id": "relay",
    "x-deploydb-died-at": "2020-01-01T00:00:00+00:00",
    "x-first-death-exchange": COMMANDS,
    "x-first-death-queue": COMMAND_QUEUE,
    "x-first-death-reason": "delivery_limit",
    "note": "kept",
}


def deaths(**changes: object) -> list[dict[str, Any]]:
    """`x-death` as a publisher may write it."""
    return [
        {
            "queue": INGEST_QUEUE,
            "reason": "expired",
            "count": 0,
            "exchange": COMMANDS,
            "routing-keys": ["prod.shop.deploy"],
            "time": 1,
            **changes,
        }
    ]


def deploydb(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line on this broker."""
    command = [sys.executable, "-m", "deploydb", *arguments]
    environment = {"DEPLOYDB_BROKER_URL": url, "PATH": "", "LANG": "C.UTF-8"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def taken(url: str, queue: str, number: int, *, wait: timedelta = SOON) -> list[Delivery]:
    """What a queue holds, acked; waits for the first `number`."""
    found: list[Delivery] = []
    with open_inbound(url, queue, name="tests") as inbound:
        while arrived := inbound.receive(1000, wait if len(found) < number else timedelta(seconds=0.3)):
            inbound.ack(arrived)
            found += arrived
    return found


@needs_servers
def test_a_user_who_may_only_write_events_gets_nothing_into_a_command_queue(amqp_url: str, rabbitmq: RabbitMQ) -> None:
    provision(amqp_url, TOPOLOGY)
    name = f"ci-{secrets.token_hex(4)}"
    ci = rabbitmq.create_user(name, "pw", urlsplit(amqp_url).path[1:], {"write": r"^deploydb\.events$"})
    tables: list[Mapping[str, Any]] = [
        FORGED,
        FORGED | {"x-death": deaths(queue=COMMAND_QUEUE, reason="delivery_limit")},
        FORGED | {"x-death": deaths()},
        FORGED | {"x-death": deaths(count=7)},
        FORGED | {"x-death": "text"},
        FORGED | {"x-death": []},
        FORGED | {"X-Death": "x", "X-DeployDB-Exchange": COMMANDS},
        FORGED | {"CC": ["prod.shop.deploy"], "BCC": ["prod.shop.rollback"]},
    ]
    connection = pika.BlockingConnection(pika.URLParameters(ci))
    for number, table in enumerate(tables):
        properties = pika.BasicProperties(headers=table, expiration="1", message_id=str(number), user_id=name)
        connection.channel().basic_publish(EVENTS, "fact", b"{}", properties)
    unread: list[Header] = [(name.encode(), text(value.encode())) for name, value in FORGED.items()]
    connection.channel().basic_publish(
        EVENTS, "fact", b"{}", Properties([(b"t", b"T" + b"\xff" * 8), *unread], expiration=b"1")
    )
    connection.close()
    count = len(tables) + 1
    with open_dead_letters(amqp_url, name="tests") as dead:
        until(lambda: len(dead.peek(100)) == count, what="the broker to dead-letter them")
        letters = dead.peek(100)
    for one in letters:
        assert (one.by, one.queue, one.exchange, one.path) == ("broker", INGEST_QUEUE, EVENTS, "$")
        assert one.reason == "the broker gave it up: expired"
        assert one.user_id in (name, None)
        assert (one.worker, one.died_at) == (None, None)
        assert one.headers == {"note": "kept"}

    listed = deploydb(amqp_url, "dead", "list", "-o", "json").stdout
    assert "forged" not in listed
    assert '"deadLetteredBy": "broker"' in listed or '"deadLetteredBy":"broker"' in listed
    shown = deploydb(amqp_url, "dead", "show", letters[0].id).stderr
    assert f"died in {INGEST_QUEUE}, goes back to {EVENTS}" in shown
    assert "by the broker: published by ci" in shown

    assert deploydb(amqp_url, "dead", "replay", "--all").returncode == 0
    back = taken(amqp_url, INGEST_QUEUE, count)
    assert len(back) == count
    for delivery in back:
        assert (delivery.exchange, delivery.headers, delivery.death) == (EVENTS, {"note": "kept"}, None)
    assert taken(amqp_url, COMMAND_QUEUE, 0) == []


def test_what_a_publisher_forges_is_not_in_the_letter_of_a_worker_and_not_in_its_replay(broker_url: str) -> None:
    provision(broker_url, TOPOLOGY)
    forged = Message(exchange=EVENTS, routing_key="fact", body=b"{", message_id="1", headers=FORGED | {"x-death": "x"})
    with open_outbound(broker_url, name="tests") as outbound:
        assert outbound.publish([forged])[0].state == "confirmed"
        (delivery,) = taken(broker_url, INGEST_QUEUE, 1)
        assert outbound.publish([dead_letter(delivery, INGEST_QUEUE, "wrong", "$.id")])[0].state == "confirmed"
    with open_dead_letters(broker_url, name="tests") as dead:
        (one,) = dead.peek(10)
        assert (one.by, one.reason, one.path) == ("worker", "wrong", "$.id")
        assert (one.exchange, one.routing_key, one.headers) == (EVENTS, "fact", {"note": "kept"})
        assert (one.user_id, one.worker) == (delivery.user_id, delivery.user_id)
        assert dead.replay(one.id)
    (again,) = taken(broker_url, INGEST_QUEUE, 1)
    assert (again.exchange, again.headers) == (EVENTS, {"note": "kept"})
    assert taken(broker_url, COMMAND_QUEUE, 0) == []


def test_a_command_goes_back_to_the_command_exchange_and_one_that_cannot_go_stops_no_other(broker_url: str) -> None:
    provision(broker_url, TOPOLOGY)
    command = Delivery(tag=1, body=b"1", routing_key="prod.shop.deploy", exchange=EVENTS)
    gone = Delivery(tag=2, body=b"2", routing_key="gone.shop.deploy", exchange=COMMANDS)
    with open_outbound(broker_url, name="tests") as outbound:
        outbound.publish([dead_letter(one, COMMAND_QUEUE, "wrong", "$") for one in (gone, command)])
    ended = deploydb(broker_url, "dead", "replay", "--all")
    assert ended.returncode == 1
    assert "gone.shop.deploy" in ended.stderr
    (back,) = taken(broker_url, COMMAND_QUEUE, 1)
    assert (back.body, back.exchange, back.routing_key) == (b"1", COMMANDS, "prod.shop.deploy")
    with open_dead_letters(broker_url, name="tests") as dead:
        assert [one.body for one in dead.peek(10)] == [b"2"]


@needs_servers
def test_a_message_that_came_to_the_dead_queue_another_way_goes_nowhere(amqp_url: str) -> None:
    provision(amqp_url, TOPOLOGY)
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    connection.channel().basic_publish("", "deploydb.dead", b"{}", pika.BasicProperties(headers=FORGED))
    connection.close()
    with open_dead_letters(amqp_url, name="tests") as dead:
        until(lambda: len(dead.peek(10)) == 1)
        (one,) = dead.peek(10)
    assert (one.by, one.queue, one.exchange, one.reason) == ("unknown", "", "", "no reason was given")
    assert "did not come by" in deploydb(amqp_url, "dead", "replay", one.id).stderr


class Entrances:
    """A stranger's connection, and ingest's two."""

    def __init__(self, url: str, inbound: Inbound, outbound: Outbound) -> None:
        self.url, self.inbound, self.outbound = url, inbound, outbound
        self.stranger = pika.BlockingConnection(pika.URLParameters(url))

    def publish(self, properties: Properties, body: bytes, key: bytes) -> bool:
        """Whether the broker has taken what a stranger sent."""
        if not self.stranger.is_open:
            self.stranger = pika.BlockingConnection(pika.URLParameters(self.url))
        try:
            channel = self.stranger.channel()
            channel.confirm_delivery()
            channel.basic_publish(EVENTS, key, body, properties)
            channel.close()
        except (AMQPChannelError, AMQPConnectionError):
            return False
        return True

    def bury(self) -> Message:
        """The letter of what a stranger published, once the broker has it."""
        (delivery,) = self.inbound.receive(1, SOON)
        letter = dead_letter(delivery, INGEST_QUEUE, "w" * 10_000, "$")
        assert letter.unsendable is None
        (receipt, other) = self.outbound.publish([letter, bare(letter)])
        assert (receipt.state, other.state) == ("confirmed", "confirmed"), receipt
        self.inbound.ack([delivery])
        return letter


@pytest.fixture
def doors(amqp_url: str) -> Iterator[Entrances]:
    provision(amqp_url, TOPOLOGY)
    with (
        open_inbound(amqp_url, INGEST_QUEUE, name="tests") as inbound,
        open_outbound(amqp_url, name="tests") as outbound,
    ):
        made = Entrances(amqp_url, inbound, outbound)
        yield made
        if made.stranger.is_open:
            made.stranger.close()


@needs_servers
@pytest.mark.parametrize("headers", HOSTILE.values(), ids=HOSTILE.keys())
def test_the_letter_of_a_hostile_message_is_taken_read_and_sent_back(
    doors: Entrances, amqp_url: str, headers: list[Header]
) -> None:
    properties = Properties(headers, content_type=b"\xff" * 255, message_id=b"\xfe" * 255)
    assert doors.publish(properties, b"{", b"\xff" * 255)
    doors.bury()
    with open_dead_letters(amqp_url, name="tests") as dead:
        one, _bare = dead.peek(10)
        assert (one.by, one.reason[:3], one.body) == ("worker", "www", b"{")
        assert dead.replay(one.id) == one
    assert [delivery.body for delivery in doors.inbound.receive(1, SOON)] == [b"{"]


_short = st.binary(max_size=255)
_sized = st.integers(0, 4000).map(lambda size: b"\xff" * size)
_value = st.one_of(
    st.one_of(st.binary(max_size=40), _sized).map(text),
    st.integers(0, 2**64 - 1).map(lambda number: b"T" + struct.pack(">Q", number)),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: b"l" + struct.pack(">q", number)),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: b"d" + struct.pack(">d", number)),
    st.integers(0, 300).map(nested),
    st.sampled_from([b"V", b"t\0", b"t\1", b"b\xff", b"s\xff\xff", b"I\xff\xff\xff\xff", b"D\xff\xff\xff\xff\xff"]),
)
_name = st.one_of(
    _short.filter(lambda name: name not in (b"CC", b"BCC")),
    st.sampled_from([b"x-deploydb-reason", b"x-deploydb-dropped", b"x-death", b"x-delivery-count", b"cc"]),
)


@needs_servers
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    headers=st.lists(st.tuples(_name, _value), max_size=30),
    content_type=st.none() | _short,
    message_id=st.none() | _short,
    key=_short,
)
def test_whatever_is_delivered_its_letter_is_one_that_rabbitmq_takes(
    doors: Entrances, headers: list[Header], content_type: bytes | None, message_id: bytes | None, key: bytes
) -> None:
    assume(doors.publish(Properties(headers, content_type=content_type, message_id=message_id), b"{", key))
    doors.bury()


_any_text = st.text(st.characters(codec=None), max_size=300) | st.integers(0, 200_000).map(lambda size: "ä" * size)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    headers=st.dictionaries(_any_text, _any_text, max_size=10),
    name=_any_text,
    key=_any_text,
)
def test_whatever_is_delivered_its_letter_is_one_that_the_embedded_broker_takes(
    embedded_url: str, headers: dict[str, str], name: str, key: str
) -> None:
    provision(embedded_url, TOPOLOGY)
    delivery = Delivery(
        tag=1, body=b"{", routing_key=key, exchange=EVENTS, message_id=name, content_type=name, headers=headers
    )
    with open_outbound(embedded_url, name="tests") as outbound:
        (receipt,) = outbound.publish([dead_letter(delivery, INGEST_QUEUE, name, key)])
    assert receipt.state == "confirmed", receipt
