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
        names = {
            "exchange": self.exchange,
            "routing key": self.routing_key,
            "message id": self.message_id,
            "content type": self.content_type,
        }
        try:
            for what, name in names.items():
                if len(name) > 63 and len(name.encode()) > 255:
                    return f"its {what} is longer than 255 bytes: {name[:80]}…"
                name.encode()
            for key, value in self.headers.items():
                if len(key.encode()) > 127:
                    return f"the name of its header {key[:80]}… is longer than 127 bytes"
                value.encode()
        except UnicodeEncodeError as error:
            return f"it has text that is not Unicode: {error}"
        return None


class Receipt(Struct, frozen=True, kw_only=True):
    """What became of one published message.

    confirmed  the broker has it, in every queue it is routed to
    returned   no queue is bound for its routing key (`detail` says so)
    refused    the broker would not take it: a queue is full, or the connection was lost before its answer
    """

    message_id: str
    state: Literal["confirmed", "returned", "refused"]
    detail: str = ""


class Delivery(Struct, frozen=True, kw_only=True, eq=False):
    """One message that came in. `tag` is the transport's own word for it and means nothing elsewhere.

    `user_id` is the publisher as the broker vouches for it, None where the publisher did not set it.
    """

    tag: int
    body: bytes
    routing_key: str
    exchange: str = ""
    message_id: str | None = None
    content_type: str = "application/json"
    headers: dict[str, str] = {}
    user_id: str | None = None
    redelivered: bool = False
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
        """What has arrived, oldest first, at most `limit`; waits up to `wait` for the first one only.

        Also keeps the connection alive: a caller that holds deliveries for long calls it with `limit=0`.

        Raises: Transient where the connection is lost (open a new one; deliveries not acked come again there);
        Misconfigured where the queue does not exist or may not be read.
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


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One message in a dead-letter queue, as people see it. `id` is derived from its content: stable between looks."""

    id: str
    reason: str
    path: str
    queue: str
    exchange: str
    routing_key: str
    body: bytes
    content_type: str
    headers: dict[str, str]
    user_id: str | None = None
    died_at: datetime | None = None


class DeadLetters(Connection, Protocol):
    """The dead-letter queue, for people: look, and send back."""

    def look(self, limit: int) -> list[DeadLetter]:
        """The oldest ones, left where they are."""
        ...

    def replay(self, ident: str, body: bytes | None = None) -> DeadLetter | None:
        """Publish it to where it first went, with `body` in the place of its own if given, then take it away.

        Confirmed before it is taken away: a crash between the two leaves both, and the event counts once. None where
        no dead letter has that id.
        """
        ...

    def discard(self, ident: str) -> DeadLetter | None:
        """Take it away for good. None where no dead letter has that id."""
        ...
