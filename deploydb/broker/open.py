"""Opening the transport of a URL.

A client library is imported at its first use: an embedded DeployDB starts without kombu and pika.
"""

from deploydb.broker.address import EmbeddedAddress, parse_address
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
    if isinstance(address := parse_address(url), EmbeddedAddress):
        from deploydb.broker.embedded.inbound import EmbeddedInbound

        return EmbeddedInbound(address, queue, body_bytes=body_bytes)
    from deploydb.broker.inbound import RabbitMQInbound

    return RabbitMQInbound(address, queue, name=name, prefetch=prefetch, body_bytes=body_bytes)


def open_outbound(url: str, *, name: str) -> Outbound:
    """A connection that publishes. Raises: as `open_inbound`."""
    if isinstance(address := parse_address(url), EmbeddedAddress):
        from deploydb.broker.embedded.outbound import EmbeddedOutbound

        return EmbeddedOutbound(address)
    from deploydb.broker.outbound import RabbitMQOutbound

    return RabbitMQOutbound(address, name=name)


def open_dead_letters(url: str, *, name: str) -> DeadLetters:
    """The dead-letter queue, for people. Raises: as `open_inbound`; on RabbitMQ with the first call."""
    if isinstance(address := parse_address(url), EmbeddedAddress):
        from deploydb.broker.embedded.dead_letter_queue import EmbeddedDeadLetters

        return EmbeddedDeadLetters(address)
    from deploydb.broker.dead_letter_queue import RabbitMQDeadLetters

    return RabbitMQDeadLetters(address, name=name)


def user_of(url: str) -> str:
    """The user that the broker knows this process by. Raises: Misconfigured for the URL."""
    if isinstance(address := parse_address(url), EmbeddedAddress):
        from deploydb.broker.embedded.outbound import user_name

        return user_name()
    return address.user


def provision(url: str, topology: Topology) -> list[str]:
    """Declare missing parts, and name them. Idempotent.

    Raises: Transient; Misconfigured for a part with another argument (which it names).
    """
    if isinstance(address := parse_address(url), EmbeddedAddress):
        from deploydb.broker.embedded.file import provision as provision_embedded

        return provision_embedded(address, topology)
    from deploydb.broker.provision import provision as provision_rabbitmq

    return provision_rabbitmq(address, topology)


def check(url: str, topology: Topology) -> None:
    """Raises: Misconfigured for the first missing part of the topology; Transient."""
    if isinstance(address := parse_address(url), EmbeddedAddress):
        from deploydb.broker.embedded.file import check as check_embedded

        check_embedded(address, topology)
        return
    from deploydb.broker.provision import check as check_rabbitmq

    check_rabbitmq(address, topology)
