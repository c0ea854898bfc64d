"""The dead-letter queue on RabbitMQ, for people.

AMQP has no way to look into a queue: messages are taken without an ack, and put back afterwards. A quorum queue
delivers what was put back before anything else, in the order in which it was put back; so all of them are taken, up to
a bound, else each look would turn the order round. Whoever looks at the same moment sees the rest. There is one queue
for all dead letters; nothing consumes it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from time import monotonic
from types import TracebackType
from typing import Any, Self

import pika
from msgspec import Struct
from pika.exceptions import NackError, UnroutableError

from deploydb.broker.address import RabbitMQAddress
from deploydb.broker.dead import letter
from deploydb.broker.port import DeadLetter
from deploydb.broker.replies import moment
from deploydb.broker.session import connected
from deploydb.broker.topology import DEAD_QUEUE
from deploydb.domain.errors import Misconfigured, Transient

_MOST = 10_000
"""Dead letters that are taken at once. With more of them than this, looking changes their order."""
_ARRIVAL_SECONDS = 2.0
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
            return [taken.letter for taken in queue.letters[:limit]]

    def replay(self, ident: str, body: bytes | None = None) -> DeadLetter | None:
        """As `port.DeadLetters.replay`. Raises: Misconfigured where no queue is bound any more for where it went."""
        with self._queue() as queue:
            taken = queue.find(ident)
            if taken is None:
                return None
            queue.send_back(taken, taken.letter.body if body is None else body, self._address.user)
            queue.take_away(taken)
            return taken.letter

    def discard(self, ident: str) -> DeadLetter | None:
        """As `port.DeadLetters.discard`."""
        with self._queue() as queue:
            taken = queue.find(ident)
            if taken is None:
                return None
            queue.take_away(taken)
            return taken.letter

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
            queue = _DeadQueue(connection.channel())
            try:
                yield queue
            finally:
                queue.put_back()


class _Taken(Struct, frozen=True, kw_only=True):
    tag: int
    letter: DeadLetter
    message_id: str | None


class _DeadQueue:
    """The queue while somebody looks through it."""

    def __init__(self, channel: Any) -> None:  # noqa: ANN401  # pika has no types
        self._channel = channel
        self._held: list[int] = []
        channel.confirm_delivery()
        self.letters = [self._taken(*each) for each in self._arriving(min(self._ready(), _MOST))]

    def find(self, ident: str) -> _Taken | None:
        return next((taken for taken in self.letters if taken.letter.id == ident), None)

    def take_away(self, taken: _Taken) -> None:
        self._channel.basic_ack(taken.tag)
        self._held.remove(taken.tag)

    def put_back(self) -> None:
        """A few at a time, each time until they are back: RabbitMQ's client of a quorum queue starts to buffer at 32
        commands under way, and the buffer, like a closing channel, gives back in any order."""
        deadline = monotonic() + _RETURN_SECONDS
        for start in range(0, len(self._held), _RETURNED_AT_ONCE):
            some = self._held[start : start + _RETURNED_AT_ONCE]
            if not self._channel.is_open:
                return
            for tag in some:
                self._channel.basic_reject(tag, requeue=True)
            while self._ready() < start + len(some) and monotonic() < deadline:
                self._channel.connection.sleep(0.001)

    def send_back(self, taken: _Taken, body: bytes, user: str) -> None:
        one = taken.letter
        properties = pika.BasicProperties(
            content_type=one.content_type,
            delivery_mode=2,
            message_id=taken.message_id,
            timestamp=int(datetime.now(UTC).timestamp()),
            user_id=user,  # the broker vouches for whoever publishes: that is the operator now
            headers=one.headers,
        )
        try:
            self._channel.basic_publish(one.exchange, one.routing_key, body, properties, mandatory=True)
        except UnroutableError as error:
            raise Misconfigured(
                f"dead letter {one.id} cannot go back: no queue is bound to exchange {one.exchange} for its routing "
                f"key {one.routing_key}"
            ) from error
        except NackError as error:
            raise Transient(f"the broker would not take dead letter {one.id} back: its queue is full") from error

    def _ready(self) -> int:
        count: int = self._channel.queue_declare(DEAD_QUEUE, passive=True).method.message_count
        return count

    def _arriving(self, count: int) -> Iterator[tuple[Any, Any, bytes]]:
        if not count:
            return
        self._channel.basic_qos(prefetch_count=count)
        for method, properties, body in self._channel.consume(DEAD_QUEUE, inactivity_timeout=_ARRIVAL_SECONDS):
            if method is None:
                break  # somebody else has taken the rest
            self._held.append(method.delivery_tag)
            yield method, properties, body
            if len(self._held) == count:
                break
        # Before anything is put back: it would be delivered to us again.
        self._channel.cancel()

    @staticmethod
    def _taken(method: Any, properties: Any, body: bytes) -> _Taken:  # noqa: ANN401
        message_id = _text(properties.message_id)
        one = letter(
            queue=_text(method.routing_key) or "",
            body=body,
            content_type=_text(properties.content_type) or "application/json",
            headers={_text(key) or "": _value(value) for key, value in (properties.headers or {}).items()},
            message_id=message_id,
            user_id=_text(properties.user_id),
            sent_at=moment(properties.timestamp),
        )
        return _Taken(tag=method.delivery_tag, letter=one, message_id=message_id)


def _text(value: str | bytes | None) -> str | None:
    """As text: pika leaves what is not UTF-8 as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _value(value: Any) -> Any:  # noqa: ANN401  # whatever a header can be
    return _text(value) if isinstance(value, bytes) else value
