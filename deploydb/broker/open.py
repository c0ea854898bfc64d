"""Which transport a URL means.

Each one's client library is imported when it is first needed: an embedded DeployDB starts without kombu and pika.
"""

from typing import assert_never

from deploydb.broker.address import EmbeddedAddress, RabbitMQAddress, parse_address
from deploydb.broker.port import PREFETCH, DeadLetters, Inbound, Outbound
from deploydb.broker.topology import Topology

# ruff: noqa: PLC0415


def open_inbound(
    url: str, queue: str, *, name: str, prefetch: int = PREFETCH, body_bytes: int | None = None
) -> Inbound:
    """A connection that takes messages from `queue`. `name` tells the broker's operator who that is.

    `prefetch`: how many unacked messages RabbitMQ hands over, taken or not; the embedded transport hands over what is
    taken. Who works long on a message, or fears the next one, asks for few: the rest is for others.

    `body_bytes`: of a longer body only so much is kept (`Delivery.cut_from`).

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
            from deploydb.broker.deadletters import RabbitMQDeadLetters

            return RabbitMQDeadLetters(address, name=name)
        case EmbeddedAddress():
            from deploydb.broker.embedded.deadletters import EmbeddedDeadLetters

            return EmbeddedDeadLetters(address)
        case _:
            assert_never(address)


def provision(url: str, topology: Topology) -> list[str]:
    """Make what is missing, and name it. Idempotent.

    Raises: Transient; Misconfigured where something exists otherwise (it names the argument).
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
    """Return only if everything of the topology exists. Raises: Misconfigured, naming what does not; Transient."""
    match address := parse_address(url):
        case RabbitMQAddress():
            from deploydb.broker.provision import check as check_rabbitmq

            check_rabbitmq(address, topology)
        case EmbeddedAddress():
            from deploydb.broker.embedded.file import check as check_embedded

            check_embedded(address, topology)
        case _:
            assert_never(address)
