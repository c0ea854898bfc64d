"""Comparing a broker with the topology, without a change.

RabbitMQ shows the arguments of a queue only to a client that declares it again: equal arguments change nothing, others
are refused. This needs the permission to configure, which few roles have; without it only the queue's existence shows.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from msgspec import Struct

from deploydb.broker.address import EmbeddedAddress, RabbitMQAddress, parse_address
from deploydb.broker.port import QueueDepth
from deploydb.broker.topology import Topology
from deploydb.domain.model.errors import Misconfigured, NotAllowed

# ruff: noqa: PLC0415


class Found(Struct, frozen=True, kw_only=True):
    """An exchange or a queue. `problem`: its fault; `compared`: whether its arguments could be compared.

    `depth`: of a queue that is there.
    """

    name: str
    problem: str | None = None
    compared: bool = True
    depth: QueueDepth | None = None


def inspect(url: str, topology: Topology) -> list[Found]:
    """The state of each part of the topology.

    Raises: Transient where the broker is away; Misconfigured for the URL or the login.
    """
    address = parse_address(url)
    return _in_file(address, topology) if isinstance(address, EmbeddedAddress) else _on_rabbitmq(address, topology)


def _in_file(address: EmbeddedAddress, topology: Topology) -> list[Found]:
    from deploydb.broker.embedded.depths import depth_of
    from deploydb.broker.embedded.file import open_file, translate_errors
    from deploydb.broker.errors import PROVISION

    connection = open_file(address, synchronous="NORMAL")
    try:
        with translate_errors(address):
            exchanges = {name for (name,) in connection.execute("SELECT name FROM exchange")}
            queues = {name for (name,) in connection.execute("SELECT name FROM queue")}
            bindings = set(connection.execute("SELECT exchange, pattern, queue FROM binding"))
            depths = {queue.name: depth_of(connection, queue.name) for queue in topology.queues}
    finally:
        connection.close()
    found = [
        Found(name=f"exchange {name}", problem=None if name in exchanges else f"does not exist: {PROVISION}")
        for name in topology.exchanges
    ]
    for queue in topology.queues:
        problem = None if queue.name in queues else f"does not exist: {PROVISION}"
        unbound = [bind for bind in queue.bindings if (bind.exchange, bind.pattern, queue.name) not in bindings]
        if problem is None and unbound:
            problem = f"is not bound to {unbound[0].exchange} for {unbound[0].pattern}: {PROVISION}"
        found.append(Found(name=f"queue {queue.name}", problem=problem, depth=depths[queue.name]))
    return found


def _on_rabbitmq(address: RabbitMQAddress, topology: Topology) -> list[Found]:
    from pika.adapters.blocking_connection import BlockingChannel
    from pika.spec import Queue

    from deploydb.broker.pika_session import connected, translate_errors

    with connected(address, name="inspect") as connection:

        def look(name: str, declare: Callable[..., Any], **arguments: Any) -> Found:  # noqa: ANN401
            depth: QueueDepth | None = None
            try:
                with translate_errors(address):
                    # a channel of its own each time: a refusal closes it
                    answer = declare(connection.channel(), passive=True).method
                    if isinstance(answer, Queue.DeclareOk):
                        depth = QueueDepth(ready=answer.message_count, consumers=answer.consumer_count)
                with translate_errors(address):
                    declare(connection.channel(), durable=True, **arguments)
            except NotAllowed:
                return Found(name=name, compared=False, depth=depth)
            except Misconfigured as error:
                return Found(name=name, problem=str(error), depth=depth)
            return Found(name=name, depth=depth)

        exchanges = [
            look(f"exchange {name}", partial(BlockingChannel.exchange_declare, exchange=name), exchange_type="topic")
            for name in topology.exchanges
        ]
        return exchanges + [
            look(f"queue {one.name}", partial(BlockingChannel.queue_declare, queue=one.name), arguments=one.arguments)
            for one in topology.queues
        ]
