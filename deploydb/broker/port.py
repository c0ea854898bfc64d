"""The ports to a message broker, and the contract of RabbitMQ and the embedded transport.

**Confirmed means durable.** `Outbound.publish` returns a receipt for each message. Only `confirmed` means that every
queue of its route has it on disk. The caller sends all others again; consumers dedupe on `message_id`.

**Received is not removed.** A delivery of `Inbound.receive` belongs to this connection until its ack. If the process
ends, or the connection or lease is lost, the broker delivers it again to any consumer, with `redelivered` set.

**Ack after effect.** `Inbound.ack` is called only after the effect is durable. After a lost ack the message comes
again; the effect must be harmless to repeat. An ack takes any of the unacked deliveries.

**The caller dead-letters a poison message**: it publishes `dead_letter(...)` with a confirm, then acks the original.
The broker does so itself after too many deliveries (`DELIVERY_LIMIT`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, Self

from msgspec import Struct

PREFETCH = 1000
"""Two batches: one in work while the next one arrives."""

SENT_FOR = "x-deploydb-publisher"
"""The header in which the gateway names the sender of a request. Others' word for it is not taken."""

TAKE_BYTES = 8 * 1024 * 1024
"""Bodies of one call of `take`, the last of which may exceed it: it bounds the memory for large messages."""

MAX_NAME_BYTES = 255
"""The limit of AMQP's short strings: routing keys, message ids, content types."""
MAX_HEADER_NAME_BYTES = 127
"""RabbitMQ accepts header names of 255 bytes; not every client sends them."""
FRAME_BYTES = 131_072
"""RabbitMQ's default largest frame. All properties of a message are in one."""
_FRAME_SPARE_BYTES = 2048
"""Room for the other properties, beside the headers."""


class Message(Struct, frozen=True, kw_only=True):
    """An outgoing message. `message_id` is the caller's, the same for every attempt to send it."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = "application/json"
    headers: dict[str, str] = {}

    @property
    def unsendable(self) -> str | None:
        """The reason why no broker accepts it; None for most. AMQP's names are UTF-8 of at most 255 bytes."""
        return self.unsendable_in(FRAME_BYTES)

    def unsendable_in(self, frame_bytes: int) -> str | None:
        """The same for another size of frames."""
        names = {
            "exchange": self.exchange,
            "routing key": self.routing_key,
            "message id": self.message_id,
            "content type": self.content_type,
        }
        try:
            for what, name in names.items():
                if len(name) > MAX_NAME_BYTES // 4 and len(name.encode()) > MAX_NAME_BYTES:
                    return f"its {what} is longer than {MAX_NAME_BYTES} bytes: {name[:80]}…"
                name.encode()
            size = 0
            for key, value in self.headers.items():
                if len(key.encode()) > MAX_HEADER_NAME_BYTES:
                    return f"the name of its header {key[:80]}… is longer than {MAX_HEADER_NAME_BYTES} bytes"
                size += header_bytes(key, value)
        except UnicodeEncodeError as error:
            return f"it has text that is not Unicode: {error}"
        if size > frame_bytes - _FRAME_SPARE_BYTES:
            return f"its headers have {size} bytes, more than a frame of {frame_bytes} holds"
        return None


def header_bytes(name: str, value: str) -> int:
    """The size of a header in a message. Raises: UnicodeEncodeError."""
    return len(name.encode()) + len(value.encode()) + 6  # the name's length, the type, the value's length


ReceiptState = Literal["confirmed", "returned", "refused"]


class Receipt(Struct, frozen=True, kw_only=True):
    """The broker's answer to one published message.

    confirmed  the broker has it, in every queue of its route
    returned   no queue is bound for its routing key (`detail` says so)
    refused    the broker did not accept it: a queue is full, or the connection was lost before its answer

    `unsendable`: refused without being sent, now and at each retry.
    """

    message_id: str
    state: ReceiptState
    detail: str = ""
    unsendable: bool = False


class QueueDepth(Struct, frozen=True, kw_only=True):
    """How many messages are ready for delivery in a queue, and how many consumers it has."""

    ready: int
    consumers: int


class Death(Struct, frozen=True, kw_only=True):
    """The broker's own dead-lettering of a message, as the header `x-death` has it.

    `reason` is the broker's. `routing_key` is the message's first one; the publisher may have written it.
    """

    reason: str
    routing_key: str


class Delivery(Struct, frozen=True, kw_only=True, eq=False):
    """An incoming message. `tag` is valid within its transport only.

    `user_id` is the publisher by the broker's authentication, None where the publisher did not set it. `headers` are
    the publisher's, and unverified. `death`, in the dead-letter queue: the broker itself put the message there.
    `cut_from`: the size of the whole body in bytes, where `body` is only its beginning.
    """

    tag: int
    body: bytes
    routing_key: str
    exchange: str = ""
    message_id: str | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    death: Death | None = None
    user_id: str | None = None
    redelivered: bool = False
    cut_from: int | None = None
    sent_at: datetime | None = None


class Connection(Protocol):
    """The common part of both directions. One thread owns a connection; a `with` block closes it."""

    def close(self) -> None:
        """Close it. Unacked deliveries return to the queue. Never raises."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Inbound(Connection, Protocol):
    """Receives messages from one queue."""

    def receive(self, limit: int, wait: timedelta) -> list[Delivery]:
        """The arrived messages, oldest first, at most `limit` and about `TAKE_BYTES`; waits up to `wait` for the first
        one only.

        It also keeps the connection alive: a caller that holds deliveries for long calls it with `limit=0`.

        Raises: Transient for a lost connection (open a new one; unacked deliveries come again there); Misconfigured for
        a queue that does not exist or may not be read.
        """

    def waiting(self) -> int | None:
        """The number of messages in the queue at the first call, and on their way to us; it may be more. None while
        the answer is behind messages that must be received first: call again after. Messages of other consumers do not
        count.

        Raises: as `receive`.
        """

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge them: their effect is durable. No effect for one that has been returned meanwhile.

        Raises: Transient for a lost connection: they come again.
        """

    def requeue(self, deliveries: Sequence[Delivery]) -> None:
        """Return them to the queue now, for any consumer. Raises: Transient for a lost connection."""


class Outbound(Connection, Protocol):
    """Publishes with confirms."""

    @property
    def blocked(self) -> bool:
        """Whether the broker has blocked publishing on this connection (a memory or disk alarm)."""

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        """Send all, windowed, `mandatory` and persistent; a receipt for each, in their order.

        Raises: Transient for a lost or blocked connection (the fate of unanswered ones is unknown: send all again);
        Misconfigured for an exchange that does not exist or may not be written.
        """

    def ping(self) -> None:
        """Check that messages can be published now. Raises: as `publish`."""

    def depths(self, queues: Sequence[str]) -> dict[str, QueueDepth]:
        """The depth of each of the queues that exist. Changes nothing. Raises: as `publish`."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One message in a dead-letter queue, for people. `id` is derived from its content: the same at each look.

    by          worker: a worker (or an orchestrator) dead-lettered it, by the broker's routing; `worker` is its user
                broker: the broker gave it up (delivered too often, expired)
                unknown: it came to the queue another way
    queue       the queue that it died in, by the broker's routing; empty for `unknown`
    exchange    the exchange of a replay, by `queue`; empty where no replay is possible
    reason, path, died_at   given by `by`
    reason_data   the reason for programs, in JSON, where it has a code
    user_id     the publisher, by the broker's authentication
    routing_key, headers, content_type, body   given by the publisher, unverified
    cut_from    the size of the whole body, where `body` is only its beginning
    """

    id: str
    by: Literal["worker", "broker", "unknown"]
    reason: str
    path: str
    queue: str
    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    headers: dict[str, str]
    message_id: str
    worker: str | None = None
    user_id: str | None = None
    cut_from: int | None = None
    died_at: datetime | None = None
    reason_data: str | None = None


class DeadLetters(Connection, Protocol):
    """The dead-letter queue, for people: look, replay, discard."""

    def peek(self, limit: int) -> list[DeadLetter]:
        """The oldest ones; they stay in the queue."""

    def replay(self, id_: str, body: bytes | None = None) -> DeadLetter | None:
        """Publish it to the exchange of its queue, with `body` in the place of its own if given, then remove it.

        The confirm precedes the removal: a crash in between leaves both, and the event counts once. None for an unknown
        id.
        """

    def discard(self, id_: str) -> DeadLetter | None:
        """Remove it for good. None for an unknown id."""
