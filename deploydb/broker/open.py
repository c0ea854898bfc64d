"""Opening the transport of a URL.

A client library is imported at its first use: an embedded DeployDB starts without kombu and pika.
"""

from typing import assert_never

from deploydb.broker.address import EmbeddedAddress, RabbitMQAddress, parse_address
from deploydb.broker.port import PREFETCH, DeadLetters, Inbound, Outbound
from deploydb.broker.topology import Topology

# ruff: noqa: PLC0415


def open_inbound(
    url: str, queue: str, *, name: str, prefetch: int = PREFETCH, body_bytes: int | None = None
) -> Inbound:
    """A connection that receives messages from `queue`. The broker's operator sees it under `name`.

    `prefetch`: the most unacked messages that RabbitMQ delivers in advance; the embedded transport has none. A consumer
    that works long on a message sets a low one, and leaves the rest to others.

    `body_bytes`: a longer body is cut (`Delivery.cut_from`).

    Raises: Transient where the broker is away; Misconfigured for the URL, the login, or a queue that does not exist.
    """
    match address := parse_address(url):
        case RabbitMQAddress():
            from deploydb.broker.inbound import RabbitMQInbound

            return RabbitMQInbound(address, queue, name=name, prefetch=prefetch, body_bytes=body_bytes)
        case EmbeddedAddress():
            from deploydb.broker.embedded.inbound import EmbeddedInbound

            return EmbeddedInbound(address, queue, body_bytes=body_bytes)
        case _:
            assert_never(address)


def open_outbound(url: str, *, name: str) -> Outbound:
    """A connection that publishes. Raises: as `open_inbound`."""
    match address := parse_address(url):
        case RabbitMQAddress():
            from deploydb.broker.outbound import RabbitMQOutbound

            return RabbitMQOutbound(address, name=name)
        case EmbeddedAddress():
            from deploydb.broker.embedded.outbound import EmbeddedOutbound

            return EmbeddedOutbound(address)
        case _:
            assert_never(address)


def open_dead_letters(url: str, *, name: str) -> DeadLetters:
    """The dead-letter queue, for people. Raises: as `open_inbound`; on RabbitMQ with the first call."""
    match address := parse_address(url):
        case RabbitMQAddress():
            from deploydb.broker.dead_letter_queue import RabbitMQDeadLetters

            return RabbitMQDeadLetters(address, name=name)
        case EmbeddedAddress():
            from deploydb.broker.embedded.dead_letter_queue import EmbeddedDeadLetters

            return EmbeddedDeadLetters(address)
        case _:
            assert_never(address)


def provision(url: str, topology: Topology) -> list[str]:
    """Declare missing parts, and name them. Idempotent.

    Raises: Transient; Misconfigured for a part with another argument (which it names).
    """
    match address := parse_address(url):
        case RabbitMQAddress():
            from deploydb.broker.provision import provision as provision_rabbitmq

            return provision_rabbitmq(address, topology)
        case EmbeddedAddress():
            from deploydb.broker.embedded.file import provision as provision_embedded

            return provision_embedded(address, topology)
        case _:
            assert_never(address)


def check(url: str, topology: Topology) -> None:
    """Raises: Misconfigured for the first missing part of the topology; Transient."""
    match address := parse_address(url):
        case RabbitMQAddress():
            from deploydb.broker.provision import check as check_rabbitmq

            check_rabbitmq(address, topology)
        case EmbeddedAddress():
            from deploydb.broker.embedded.file import check as check_embedded

            check_embedded(address, topology)
        case _:
            assert_never(address)
