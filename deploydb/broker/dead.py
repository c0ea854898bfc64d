"""What a dead letter looks like: the message as it came, and why it could not be taken, in headers.

The broker's own dead letters (delivered too often) carry RabbitMQ's headers instead of ours; `letter` reads both.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from deploydb.broker.port import DeadLetter, Delivery, Message
from deploydb.broker.topology import DEAD, DELIVERY_LIMIT

_OURS = "x-deploydb-"
_BROKERS = ("x-death", "x-first-death-", "x-last-death-", "x-delivery-count")
_MAX_REASON_CHARACTERS = 4000

TOO_OFTEN = f"delivered more than {DELIVERY_LIMIT} times without an ack: whoever takes it fails or dies"
"""The reason of what the broker itself gives up."""


def dead_letter(delivery: Delivery, queue: str, reason: str, path: str) -> Message:
    """What to publish for a delivery of `queue` that cannot be taken, before acking it. Always sendable."""
    headers = {key: value for key, value in delivery.headers.items() if not key.startswith(_OURS)}
    headers |= {
        f"{_OURS}reason": _sendable(reason)[:_MAX_REASON_CHARACTERS],
        f"{_OURS}path": _sendable(path)[:_MAX_REASON_CHARACTERS],
        f"{_OURS}exchange": delivery.exchange,
        f"{_OURS}routing-key": delivery.routing_key,
        f"{_OURS}died-at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    if delivery.user_id is not None:
        headers[f"{_OURS}user-id"] = delivery.user_id
    return Message(
        exchange=DEAD,
        routing_key=queue,
        body=delivery.body,
        message_id=delivery.message_id or _digest(delivery.body),
        content_type=delivery.content_type,
        headers=headers,
    )


def letter(
    *,
    queue: str,
    body: bytes,
    content_type: str,
    headers: Mapping[str, Any],
    message_id: str | None,
    user_id: str | None,
    sent_at: datetime | None,
) -> DeadLetter:
    """One message of the dead-letter queue, as people see it."""
    death = _first(headers.get("x-death"))
    keys = death.get("routing-keys")
    exchange = headers.get(f"{_OURS}exchange", headers.get("x-first-death-exchange", ""))
    routing_key = headers.get(f"{_OURS}routing-key", _first_text(keys) or queue)
    reason = headers.get(f"{_OURS}reason") or _broker_reason(death.get("reason"))
    return DeadLetter(
        id=_digest(queue, content_type, message_id or "", _stable(headers), body),
        reason=str(reason),
        path=str(headers.get(f"{_OURS}path", "$")),
        queue=queue,
        exchange=str(exchange),
        routing_key=str(routing_key),
        body=body,
        content_type=content_type,
        headers=original_headers(headers),
        user_id=headers.get(f"{_OURS}user-id", user_id),
        died_at=_moment(headers.get(f"{_OURS}died-at")) or _aware(death.get("time")) or sent_at,
    )


def original_headers(headers: Mapping[str, Any]) -> dict[str, str]:
    """Those that the publisher set, as far as they are plain values."""
    return {
        key: str(value)
        for key, value in headers.items()
        if not key.startswith((_OURS, *_BROKERS)) and isinstance(value, str | int | float | bool)
    }


def _stable(headers: Mapping[str, Any]) -> str:
    """Those that stay as they are from one look to the next: RabbitMQ counts the looks in one of its own."""
    return str(sorted((key, str(value)) for key, value in headers.items() if not key.startswith(_BROKERS)))


def _digest(*parts: str | bytes) -> str:
    """Twelve hexadecimal digits: short enough to type, far more than a dead-letter queue needs."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part if isinstance(part, bytes) else part.encode("utf-8", "replace")
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.hexdigest()[:12]


def _broker_reason(word: object) -> str:
    match word:
        case "delivery_limit":
            return TOO_OFTEN
        case "expired" | "maxlen" | "rejected":
            return f"the broker gave it up: {word}"
        case _:
            return "no reason was given"


def _first(deaths: object) -> Mapping[str, Any]:
    if isinstance(deaths, Sequence) and deaths and isinstance(deaths[0], Mapping):
        return deaths[0]
    return {}


def _first_text(values: object) -> str | None:
    return str(values[0]) if isinstance(values, Sequence) and values else None


def _sendable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _moment(text: object) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(str(text)))
    except ValueError:
        return None


def _aware(moment: object) -> datetime | None:
    if not isinstance(moment, datetime):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
