"""The dead-letter queue on RabbitMQ, for people.

AMQP has no way to look into a queue: messages are taken without an ack, and put back afterwards. A quorum queue
delivers what was put back before anything else, in the order in which it was put back; so all of them are taken, up to
a bound, else each look would turn the order round. Whoever looks at the same moment sees the rest. There is one queue
for all dead letters; nothing consumes it. Letters are read as ingest reads messages: their properties are a stranger's.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic, sleep
from types import TracebackType
from typing import Self

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.dead import letter, replayed, require_replayable, unbound
from deploydb.broker.inbound import RabbitMQInbound
from deploydb.broker.outbound import RabbitMQOutbound
from deploydb.broker.port import DeadLetter, Delivery
from deploydb.broker.session import connected
from deploydb.broker.topology import DEAD_QUEUE
from deploydb.domain.errors import Transient
from deploydb.settings import MAX_BODY_BYTES

_MOST = 10_000
"""Dead letters that are taken at once. With more of them than this, looking changes their order."""
_ARRIVAL = timedelta(seconds=2)
_RETURN_SECONDS = 10.0
_RETURNED_AT_ONCE = 16


class RabbitMQDeadLetters:
    """`port.DeadLetters`. Each call is a connection of its own: people take their time."""

    def __init__(self, address: RabbitMQAddress, *, name: str) -> None:
        self._address = address
        self._name = name

    def look(self, limit: int) -> list[DeadLetter]:
        """As `port.DeadLetters.look`."""
        with self._queue() as queue:
            return [found for found, _delivery in queue.letters[:limit]]

    def replay(self, ident: str, body: bytes | None = None) -> DeadLetter | None:
        """As `port.DeadLetters.replay`."""
        with self._queue() as queue:
            found = queue.find(ident)
            if found is None:
                return None
            one, delivery = found
            require_replayable(one, body)
            self._send_back(one, one.body if body is None else body)
            queue.take_away(delivery)
            return one

    def discard(self, ident: str) -> DeadLetter | None:
        """As `port.DeadLetters.discard`."""
        with self._queue() as queue:
            found = queue.find(ident)
            if found is None:
                return None
            one, delivery = found
            queue.take_away(delivery)
            return one

    def close(self) -> None:
        """Nothing is held between calls."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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

    def _send_back(self, one: DeadLetter, body: bytes) -> None:
        with RabbitMQOutbound(self._address, name=self._name) as outbound:
            (receipt,) = outbound.publish([replayed(one, body)])
        if receipt.state == "returned":
            raise unbound(one)
        if receipt.state == "refused":
            raise Transient(f"the broker would not take dead letter {one.id} back: {receipt.detail}")


class _DeadQueue:
    """The queue while somebody looks through it."""

    def __init__(self, inbound: RabbitMQInbound, count: int, ready: Callable[[], int]) -> None:
        self._inbound = inbound
        self._ready = ready
        self._held: list[Delivery] = []
        while len(self._held) < count and (arrived := inbound.take(count - len(self._held), _ARRIVAL)):
            self._held += arrived  # where fewer than `count` come, somebody else has taken the rest
        # Before anything is put back: it would be delivered to us again.
        inbound.cancel()
        self.letters = [(letter(delivery), delivery) for delivery in self._held]

    def find(self, ident: str) -> tuple[DeadLetter, Delivery] | None:
        return next((pair for pair in self.letters if pair[0].id == ident), None)

    def take_away(self, delivery: Delivery) -> None:
        self._inbound.ack([delivery])
        self._held.remove(delivery)

    def put_back(self) -> None:
        """A few at a time, each time until they are back: RabbitMQ's client of a quorum queue starts to buffer at 32
        commands under way, and the buffer, like a closing channel, gives back in any order."""
        deadline = monotonic() + _RETURN_SECONDS
        for start in range(0, len(self._held), _RETURNED_AT_ONCE):
            some = self._held[start : start + _RETURNED_AT_ONCE]
            self._inbound.give_back(some)
            while self._ready() < start + len(some) and monotonic() < deadline:
                sleep(0.001)
