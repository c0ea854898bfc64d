"""The form of a dead letter: the message unchanged, and the reason in headers.

A publisher can write every header, those that look like ours or RabbitMQ's too. So a letter leaves them out. Ours are
read only from a letter that came by the dead exchange, which only workers may write, without a death of the broker's.
The broker dead-letters by the same exchange, and puts its own entry before those of `x-death`; its routing key is the
queue's name, by the queue's arguments. A replay goes by that queue alone.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from deploydb.broker.port import (
    MAX_HEADER_NAME_BYTES,
    MAX_NAME_BYTES,
    DeadLetter,
    Death,
    Delivery,
    Message,
    header_bytes,
)
from deploydb.broker.topology import (
    COMMANDS,
    DEAD,
    DELIVERY_LIMIT,
    EVENTS,
    INGEST_QUEUE,
    NOTIFICATIONS,
    NOTIFY_QUEUE,
)
from deploydb.domain.model.errors import Misconfigured

_OURS = "x-deploydb-"
_BROKERS = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count", "x-acquired-count")
_ROUTES = ("cc", "bcc")
"""RabbitMQ also sends a message to the routing keys in these."""
_MAX_REASON_BYTES = 4000
MAX_HEADERS_BYTES = 64 * 1024
"""Headers of a publisher that a dead letter keeps; half a frame."""

_MAX_DIGITS = 19

TOO_OFTEN = f"delivered more than {DELIVERY_LIMIT} times without an ack: its consumer fails or dies"
"""The reason of a message that the broker itself gives up."""


def dead_letter(delivery: Delivery, queue: str, reason: str, path: str, data: str | None = None) -> Message:
    """The letter to publish for a bad delivery of `queue`, before its ack. Always sendable. `data`: the reason for
    programs, in JSON."""
    headers, dropped = sendable_headers(delivery.headers)
    headers |= {
        f"{_OURS}reason": _cut(reason, _MAX_REASON_BYTES),
        f"{_OURS}path": _cut(path, _MAX_REASON_BYTES),
        f"{_OURS}exchange": _cut(delivery.exchange, MAX_NAME_BYTES),
        f"{_OURS}routing-key": _cut(delivery.routing_key, MAX_NAME_BYTES),
        f"{_OURS}died-at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if data is not None and len(data.encode()) <= _MAX_REASON_BYTES:
        headers[f"{_OURS}reason-data"] = data
    if delivery.user_id is not None:
        headers[f"{_OURS}user-id"] = _cut(delivery.user_id, MAX_NAME_BYTES)
    if delivery.cut_from is not None:
        headers[f"{_OURS}cut-from"] = str(delivery.cut_from)
    if dropped:
        headers[f"{_OURS}dropped"] = str(dropped)
    return Message(
        exchange=DEAD,
        routing_key=_cut(queue, MAX_NAME_BYTES),
        body=delivery.body,
        message_id=_cut(delivery.message_id or _digest(delivery.body), MAX_NAME_BYTES),
        content_type=_cut(delivery.content_type, MAX_NAME_BYTES),
        headers=headers,
    )


def bare(message: Message) -> Message:
    """A dead letter without the publisher's properties: for a broker that refuses the whole dead."""
    ours = (f"{_OURS}reason", f"{_OURS}path", f"{_OURS}cut-from")
    kept = {name: message.headers[name] for name in ours if name in message.headers}
    return Message(
        exchange=message.exchange,
        routing_key=message.routing_key,
        body=message.body,
        message_id=_digest(message.body),
        headers=kept,
    )


def letter(delivery: Delivery) -> DeadLetter:
    """One message of the dead-letter queue, for people."""
    queue = delivery.routing_key if delivery.exchange == DEAD else ""
    ours = delivery.headers if queue and delivery.death is None else {}
    return DeadLetter(
        id=_digest(queue, delivery.content_type, delivery.message_id or "", _stable(delivery.headers), delivery.body),
        by="broker" if queue and delivery.death else "worker" if queue else "unknown",
        reason=ours.get(f"{_OURS}reason") or _broker_reason(delivery.death if queue else None),
        path=ours.get(f"{_OURS}path", "$"),
        reason_data=ours.get(f"{_OURS}reason-data"),
        queue=queue,
        exchange=_way_back(queue),
        routing_key=ours.get(f"{_OURS}routing-key", delivery.death.routing_key if delivery.death else ""),
        body=delivery.body,
        content_type=delivery.content_type,
        headers=_publishers(delivery.headers),
        message_id=delivery.message_id or _digest(delivery.body),
        worker=delivery.user_id if ours else None,
        user_id=ours.get(f"{_OURS}user-id") if ours else delivery.user_id,
        cut_from=delivery.cut_from or _number(ours.get(f"{_OURS}cut-from")),
        died_at=_moment(ours.get(f"{_OURS}died-at")),
    )


def replayed(dead: DeadLetter, body: bytes) -> Message:
    """The message for the replay of a dead letter. Always sendable."""
    headers, _dropped = sendable_headers(dead.headers)
    return Message(
        exchange=dead.exchange,
        routing_key=_cut(dead.routing_key, MAX_NAME_BYTES),
        body=body,
        message_id=_cut(dead.message_id, MAX_NAME_BYTES),
        content_type=_cut(dead.content_type, MAX_NAME_BYTES),
        headers=headers,
    )


def require_replayable(dead: DeadLetter, body: bytes | None) -> None:
    """Raises: Misconfigured for a letter that cannot go back."""
    if not dead.exchange:
        where = f"died in {dead.queue}, no queue of DeployDB" if dead.queue else f"did not come by the exchange {DEAD}"
        raise Misconfigured(f"dead letter {dead.id} cannot go back: it {where}; `deploydb dead discard {dead.id}`")
    if dead.cut_from is not None and body is None:
        raise Misconfigured(
            f"dead letter {dead.id} cannot go back as it is: {len(dead.body)} of its {dead.cut_from} bytes were kept; "
            "give a whole body, or discard it"
        )


def unbound(dead: DeadLetter) -> Misconfigured:
    """The error to raise for a letter without a queue to go to."""
    return Misconfigured(
        f"dead letter {dead.id} cannot go back: no queue is bound to exchange {dead.exchange} for its routing "
        f"key {dead.routing_key}"
    )


def sendable_headers(headers: Mapping[str, str]) -> tuple[dict[str, str], int]:
    """A publisher's own headers within the limits, and the number of the others."""
    kept: dict[str, str] = {}
    room = MAX_HEADERS_BYTES
    for given_name, given_value in _publishers(headers).items():
        name, value = _cut(given_name, MAX_HEADER_NAME_BYTES), _cut(given_value, MAX_HEADERS_BYTES)
        size = header_bytes(name, value)
        if size <= room and name not in kept and not _reserved(name):
            kept[name] = value
            room -= size
    return kept, len(headers) - len(kept)


def _way_back(queue: str) -> str:
    """The exchange that fills a queue of ours."""
    if queue == INGEST_QUEUE:
        return EVENTS
    if queue == NOTIFY_QUEUE:
        return NOTIFICATIONS
    return COMMANDS if queue.startswith(f"{COMMANDS}.") else ""


def _publishers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not _reserved(name)}


def _reserved(name: str) -> bool:
    folded = name.casefold()
    return folded in _ROUTES or folded.startswith((_OURS, *_BROKERS))


def _stable(headers: Mapping[str, str]) -> str:
    """The headers that are the same at each look: RabbitMQ counts the looks in one of its own."""
    return str(sorted((name, value) for name, value in headers.items() if not name.startswith(_BROKERS)))


def _digest(*parts: str | bytes) -> str:
    """Twelve hexadecimal digits: short enough to type, far more than a dead-letter queue needs."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part if isinstance(part, bytes) else part.encode("utf-8", "replace")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()[:12]


def _broker_reason(death: Death | None) -> str:
    match death.reason if death else "":
        case "delivery_limit":
            return TOO_OFTEN
        case "expired" | "maxlen" | "rejected" as word:
            return f"the broker gave it up: {word}"
        case _:
            return "no reason was given"


def _cut(text: str, limit: int) -> str:
    """The text, or its beginning, of at most so many bytes of UTF-8."""
    encoded = text.encode("utf-8", "replace")
    return encoded[:limit].decode("utf-8", "ignore")


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() and len(text) < _MAX_DIGITS else None


def _moment(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
