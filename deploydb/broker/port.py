"""The ports to a message broker, and the contract that RabbitMQ and the embedded transport both keep.

**Confirmed means kept.** `Outbound.publish` answers each message with a receipt. Only `confirmed` means that every
queue it was routed to has it on disk. Everything else is the caller's to send again; consumers dedupe on `message_id`.

**Taken is not gone.** A delivery taken by `Inbound.take` belongs to this connection until it is acked. If the process
dies, or the connection or lease is lost, the broker delivers it again with `redelivered` set, to anybody.

**Ack after effect.** `Inbound.ack` is called only after the effect is durable. After an ack is lost the message comes
again; the effect must be harmless to repeat. An ack may be called with any of the deliveries taken and not yet acked.

**A poison message is the caller's to dead-letter**: publish `dead_letter(...)` with a confirm, then ack the original.
The broker does so itself where a message has been delivered too often (`DELIVERY_LIMIT`).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Literal, Protocol, Self

from msgspec import Struct

PREFETCH = 1000
"""Two batches: one is worked on while the next one arrives."""

TAKE_BYTES = 8 * 1024 * 1024
"""Bodies in one take, the last of which may exceed it: so much of a queue of large messages is in memory at a time."""

MAX_NAME_BYTES = 255
"""Of a short string of AMQP: routing keys, message ids, content types."""
MAX_HEADER_NAME_BYTES = 127
"""RabbitMQ takes header names of 255 bytes; not every client sends them."""
FRAME_BYTES = 131_072
"""RabbitMQ's largest frame, unless it is configured otherwise. All properties of a message are in one."""
_FRAME_SPARE_BYTES = 2048
"""What a frame of properties holds besides the headers."""


class Message(Struct, frozen=True, kw_only=True):
    """One message on its way out. `message_id` is the caller's, stable over every attempt to send it."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    content_type: str = "application/json"
    headers: dict[str, str] = {}

    @property
    def unsendable(self) -> str | None:
        """Why no broker can take it; None for all but very few. AMQP's names are UTF-8 of at most 255 bytes."""
        return self.unsendable_in(FRAME_BYTES)

    def unsendable_in(self, frame_bytes: int) -> str | None:
        """The same for a broker whose frames have another size."""
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
    """The room that a header takes in a message. Raises: UnicodeEncodeError."""
    return len(name.encode()) + len(value.encode()) + 6  # the name's length, the type, the value's length


class Receipt(Struct, frozen=True, kw_only=True):
    """What became of one published message.

    confirmed  the broker has it, in every queue it is routed to
    returned   no queue is bound for its routing key (`detail` says so)
    refused    the broker would not take it: a queue is full, or the connection was lost before its answer

    `unsendable`: refused without being sent, and whenever it is tried again.
    """

    message_id: str
    state: Literal["confirmed", "returned", "refused"]
    detail: str = ""
    unsendable: bool = False


class Death(Struct, frozen=True, kw_only=True):
    """The broker's own dead-lettering of a message, as the header `x-death` has it.

    `reason` is the broker's word. `routing_key` is where the message first went; the publisher of the message may have
    written it.
    """

    reason: str
    routing_key: str


class Delivery(Struct, frozen=True, kw_only=True, eq=False):
    """One message that came in. `tag` is the transport's own word for it and means nothing elsewhere.

    `user_id` is the publisher as the broker vouches for it, None where the publisher did not set it. `headers` are the
    publisher's word, whatever they say. `death`, in the dead-letter queue: the broker itself put the message there.
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
    """What both directions share. One thread owns a connection."""

    def close(self) -> None:
        """Let go of it. What was taken and not acked goes back to the queue. Never raises."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Inbound(Connection, Protocol):
    """Takes messages from one queue."""

    def take(self, limit: int, wait: timedelta) -> list[Delivery]:
        """What has arrived, oldest first, at most `limit` messages and about `TAKE_BYTES`; waits up to `wait` for the
        first one only.

        Also keeps the connection alive: a caller that holds deliveries for long calls it with `limit=0`.

        Raises: Transient where the connection is lost (open a new one; deliveries not acked come again there);
        Misconfigured where the queue does not exist or may not be read.
        """
        ...

    def waiting(self) -> int | None:
        """How many messages there were to be taken when it was first asked, or more: in the queue by the broker's word,
        and on their way to us. None while the answer is behind messages that must be taken first: ask again after.
        Messages that others have taken do not count.

        Raises: as `take`.
        """
        ...

    def ack(self, deliveries: Sequence[Delivery]) -> None:
        """Say that their effect is durable. Idempotent for one that has been given back meanwhile.

        Raises: Transient where the connection is lost: they come again.
        """
        ...

    def give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Return them to the queue, for anybody, now. Raises: Transient where the connection is lost."""
        ...


class Outbound(Connection, Protocol):
    """Publishes with confirms."""

    @property
    def blocked(self) -> bool:
        """Whether the broker has stopped taking messages (a memory or disk alarm) on this connection."""
        ...

    def publish(self, messages: Sequence[Message]) -> list[Receipt]:
        """Send all, windowed, `mandatory` and persistent; a receipt for each, in their order.

        Raises: Transient where the connection is lost or blocked (nothing is known of the unanswered ones: send all
        again); Misconfigured where the exchange does not exist or may not be written.
        """
        ...

    def look(self) -> None:
        """Return where messages would be taken now. Raises: as `publish`."""
        ...


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One message in a dead-letter queue, as people see it. `id` is derived from its content: stable between looks.

    by          worker: a worker of ours (or an orchestrator) could not take it, says the broker; `worker` is its user
                broker: the broker gave it up (delivered too often, expired)
                unknown: it came to the queue another way
    queue       where it died, by the broker's routing; empty for `unknown`
    exchange    where a replay goes, by `queue`; empty where it can go nowhere
    reason, path, died_at   the word of `by`
    user_id     the publisher as the broker vouches for it
    routing_key, headers, content_type, body   the publisher's word
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


class DeadLetters(Connection, Protocol):
    """The dead-letter queue, for people: look, and send back."""

    def look(self, limit: int) -> list[DeadLetter]:
        """The oldest ones, left where they are."""
        ...

    def replay(self, ident: str, body: bytes | None = None) -> DeadLetter | None:
        """Publish it to the exchange of the queue that it died in, with `body` in the place of its own if given, then
        take it away.

        Confirmed before it is taken away: a crash between the two leaves both, and the event counts once. None where
        no dead letter has that id.
        """
        ...

    def discard(self, ident: str) -> DeadLetter | None:
        """Take it away for good. None where no dead letter has that id."""
        ...
