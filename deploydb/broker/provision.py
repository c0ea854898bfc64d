"""Declaring the topology on RabbitMQ, ahead of use, and checking it.

Bindings cannot be listed over AMQP, so one is only taken away where it is known to be wrong: a pattern of commands
that the topology gives to one queue is unbound from its other command queues, so that an environment that has moved to
another orchestrator is not deployed by both. The queue of an orchestrator that no environment names any more is left as
it is, its bindings of patterns that nobody else has taken over included: delete it once it is empty.
"""

from collections.abc import Callable
from functools import partial

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.session import connected
from deploydb.broker.topology import COMMANDS, Topology

_NOT_FOUND = 404


def provision(address: RabbitMQAddress, topology: Topology) -> list[str]:
    """Declare what is missing, check what is there, and name what was made. Idempotent.

    Raises: Misconfigured where something exists with other arguments (it names them); Transient.
    """
    made = []
    with connected(address, name="provision") as connection:
        for exchange in topology.exchanges:
            if not _exists(connection, partial(BlockingChannel.exchange_declare, exchange=exchange, passive=True)):
                made.append(f"exchange {exchange}")
            connection.channel().exchange_declare(exchange, exchange_type="topic", durable=True)
        for queue in topology.queues:
            if not _exists(connection, partial(BlockingChannel.queue_declare, queue=queue.name, passive=True)):
                made.append(f"queue {queue.name}")
            channel = connection.channel()
            channel.queue_declare(queue.name, durable=True, arguments=queue.arguments)
            for binding in queue.bindings:
                channel.queue_bind(queue.name, binding.exchange, binding.pattern)
            for pattern in topology.foreign_patterns(queue):
                channel.queue_unbind(queue.name, COMMANDS, pattern)
    return made


def check(address: RabbitMQAddress, topology: Topology) -> None:
    """Return only if everything exists. Raises: Misconfigured, naming the first that does not; Transient."""
    with connected(address, name="check") as connection:
        channel = connection.channel()
        for exchange in topology.exchanges:
            channel.exchange_declare(exchange, passive=True)
        for queue in topology.queues:
            channel.queue_declare(queue.name, passive=True)


def _exists(connection: pika.BlockingConnection, declare: Callable[[BlockingChannel], object]) -> bool:
    try:
        declare(connection.channel())  # of its own: a passive declare of what is missing closes it
    except ChannelClosedByBroker as closed:
        if closed.reply_code != _NOT_FOUND:
            raise
        return False
    return True
