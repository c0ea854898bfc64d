"""The dead-letter queue on RabbitMQ, for people.

AMQP cannot look into a queue: messages are received without an ack, and returned afterwards. A quorum queue delivers
returned messages first, in the order of their return. So all of them are received, up to a bound: else each look would
change the order. A second user at the same moment sees the rest. One queue has all dead letters; no worker consumes it.
Letters are read like the messages of ingest: any publisher may have written their properties.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.dead_letter import letter, replayed, require_replayable, unbound
from deploydb.broker.inbound import RabbitMQInbound
from deploydb.broker.outbound import RabbitMQOutbound
from deploydb.broker.pika_session import connected
from deploydb.broker.port import DeadLetter, DeadLetters, Delivery
from deploydb.broker.topology import DEAD_QUEUE
from deploydb.domain.model.errors import Transient
from deploydb.settings import MAX_BODY_BYTES

_MOST = 10_000
"""Dead letters that are received at once. With more than these, a look changes their order."""
_ARRIVAL = timedelta(seconds=2)
_RETURN_SECONDS = 10.0
_RETURNED_AT_ONCE = 16


class RabbitMQDeadLetters(DeadLetters):
    """`port.DeadLetters`. Each call has a connection of its own: people are slow."""

    def __init__(self, address: RabbitMQAddress, *, name: str) -> None:
        self._address = address
        self._name = name

    def peek(self, limit: int) -> list[DeadLetter]:
        with self._queue() as queue:
            return [found for found, _delivery in queue.letters[:limit]]

    def replay(self, id_: str, body: bytes | None = None) -> DeadLetter | None:
        return self._take_away(id_, lambda dead: self._send_back(dead, body))

    def discard(self, id_: str) -> DeadLetter | None:
        return self._take_away(id_, lambda _: None)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _take_away(self, id_: str, before: Callable[[DeadLetter], None]) -> DeadLetter | None:
        with self._queue() as queue:
            for dead, delivery in queue.letters:
                if dead.id == id_:
                    before(dead)
                    queue.take_away(delivery)
                    return dead
        return None

    @contextmanager
    def _queue(self) -> Iterator["_DeadQueue"]:
        with connected(self._address, name=self._name) as connection:
            counting = connection.channel()

            def ready() -> int:
                count: int = counting.queue_declare(DEAD_QUEUE, passive=True).method.message_count
                return count

            count = min(ready(), _MOST)
            with RabbitMQInbound(
                self._address, DEAD_QUEUE, name=self._name, prefetch=max(count, 1), body_bytes=MAX_BODY_BYTES
            ) as inbound:
                queue = _DeadQueue(inbound, count, ready)
                try:
                    yield queue
                finally:
                    queue.put_back()

    def _send_back(self, dead: DeadLetter, body: bytes | None) -> None:
        require_replayable(dead, body)
        with RabbitMQOutbound(self._address, name=self._name) as outbound:
            (receipt,) = outbound.publish([replayed(dead, dead.body if body is None else body)])
        if receipt.state == "returned":
            raise unbound(dead)
        if receipt.state == "refused":
            raise Transient(f"the broker would not take dead letter {dead.id} back: {receipt.detail}")


class _DeadQueue:
    """The queue during one call."""

    def __init__(self, inbound: RabbitMQInbound, count: int, ready: Callable[[], int]) -> None:
        self._inbound = inbound
        self._ready = ready
        self._held: list[Delivery] = []
        while len(self._held) < count and (arrived := inbound.receive(count - len(self._held), _ARRIVAL)):
            self._held += arrived  # fewer than `count`: another consumer has the rest
        # Before any is returned: it would be delivered to us again.
        inbound.cancel()
        self.letters = [(letter(delivery), delivery) for delivery in self._held]

    def take_away(self, delivery: Delivery) -> None:
        self._inbound.ack([delivery])
        self._held.remove(delivery)

    def put_back(self) -> None:
        """Return a few at a time, and wait for each few: RabbitMQ's client of a quorum queue starts to buffer at 32
        pending commands, and the buffer, like a closing channel, returns them in any order."""
        deadline = monotonic() + _RETURN_SECONDS
        for start in range(0, len(self._held), _RETURNED_AT_ONCE):
            some = self._held[start : start + _RETURNED_AT_ONCE]
            self._inbound.requeue(some)
            while self._ready() < start + len(some) and monotonic() < deadline:
                sleep(0.001)
