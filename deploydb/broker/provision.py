"""Declaring the topology on RabbitMQ, ahead of use, and checking it.

AMQP cannot list bindings. So only a wrong one is removed: a pattern of commands that the topology gives to one queue is
unbound from the other command queues. Else two orchestrators would deploy an environment that has moved. The queue of
an orchestrator without environments stays, with its bindings of patterns that no other queue has: delete it once it is
empty.
"""

from collections.abc import Callable
from functools import partial

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.pika_session import connected
from deploydb.broker.topology import COMMANDS, Topology
from deploydb.domain.model.errors import Misconfigured

_NOT_FOUND = 404


def provision(address: RabbitMQAddress, topology: Topology) -> list[str]:
    """Declare missing parts, check the others, and name the new ones. Idempotent.

    Raises: Misconfigured for a part with other arguments (which it names), or a missing exchange of others; Transient.
    """
    made = []
    with connected(address, name="provision") as connection:
        for exchange in topology.others:
            if not _exists(connection, partial(BlockingChannel.exchange_declare, exchange=exchange, passive=True)):
                problem = f"the exchange {exchange} does not exist on {address}"
                raise Misconfigured(f"{problem}: start what publishes to it first, or name another one")
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
    """Raises: Misconfigured for the first missing part; Transient."""
    with connected(address, name="check") as connection:
        channel = connection.channel()
        for exchange in (*topology.exchanges, *topology.others):
            channel.exchange_declare(exchange, passive=True)
        for queue in topology.queues:
            channel.queue_declare(queue.name, passive=True)


def _exists(connection: pika.BlockingConnection, declare: Callable[[BlockingChannel], object]) -> bool:
    try:
        declare(connection.channel())  # of its own: a failed passive declare closes it
    except ChannelClosedByBroker as closed:
        if closed.reply_code != _NOT_FOUND:
            raise
        return False
    return True
