"""Decoding a delivery from its frames: `basic.deliver`, the header with its properties, and the body.

py-amqp needs twice the time of all other consuming for this. It also ends the connection over properties that it cannot
parse: text that is not UTF-8, a timestamp beyond the calendar. A publisher can send those, and other messages would be
redelivered with them. So the two fixed layouts are read here (AMQP 0-9-1, 2.3.5 and 4.2.6). Names are text of any
encoding; unreadable properties count as absent.
"""

from struct import Struct, error
from typing import Any

from deploydb.broker.errors import moment
from deploydb.broker.port import Death, Delivery
from deploydb.broker.tables import fields, items, plain, text

METHOD, HEADER, BODY = 1, 2, 3
DELIVER = b"\0\x3c\0\x3c"
"""Class 60, method 60."""

_TAG = Struct(">QB")
_HEAD = Struct(">QH")
_SHORT_TEXT_BEFORE_TIMESTAMP = (("correlation_id", 10), ("reply_to", 9), ("expiration", 8), ("message_id", 7))
_SHORT_TEXT_AFTER_TIMESTAMP = (("type", 5), ("user_id", 4))

Properties = dict[str, Any]


class Assembly:
    """Assembles deliveries from the frames of one channel. Other channels' frames may come in between.

    Drops the rest of a body longer than `body_bytes` as it arrives.
    """

    def __init__(self, body_bytes: int | None = None) -> None:
        self._most = body_bytes
        self._size = self._kept = 0
        self._deliver: bytes | None = None
        self._properties: Properties = {}
        self._missing = 0
        self._parts: list[bytes] = []

    def wants(self, kind: int, payload: bytes) -> bool:
        """Whether the frame begins a delivery, or continues one."""
        return self._deliver is not None or (kind == METHOD and payload.startswith(DELIVER))

    def add(self, kind: int, payload: bytes) -> Delivery | None:
        """Add a frame; the last one returns the delivery."""
        if kind == METHOD:
            self._deliver, self._parts = payload, []
            return None
        if kind == HEADER:
            self._size, flags = _HEAD.unpack_from(payload, 4)
            self._missing, self._kept = self._size, 0
            self._properties = _properties(payload, flags) if flags else {}
        else:
            self._missing -= len(payload)
            room = len(payload) if self._most is None else max(0, self._most - self._kept)
            if kept := payload[:room]:
                self._parts.append(kept)
                self._kept += len(kept)
        return self._finished() if self._missing <= 0 else None

    def _finished(self) -> Delivery:
        deliver, properties = self._deliver, self._properties
        assert deliver is not None  # noqa: S101  # `wants` comes first
        self._deliver = None
        at = 5 + deliver[4]  # after the consumer tag
        tag, redelivered = _TAG.unpack_from(deliver, at)
        exchange, at = _short_text(deliver, at + _TAG.size)
        routing_key, _ = _short_text(deliver, at)
        parts = self._parts
        return Delivery(
            tag=tag,
            body=parts[0] if len(parts) == 1 else b"".join(parts),
            routing_key=routing_key,
            exchange=exchange,
            message_id=properties.get("message_id"),
            content_type=properties.get("content_type") or "application/json",
            headers=properties.get("headers", {}),
            death=properties.get("death"),
            user_id=properties.get("user_id"),
            redelivered=bool(redelivered & 1),
            cut_from=self._size if self._kept < self._size else None,
            sent_at=moment(properties.get("timestamp")),
        )


def _properties(payload: bytes, flags: int) -> Properties:
    """The properties in use, up to the first unreadable one. They are in the order of their flags."""
    found: Properties = {}
    at = 14
    try:
        if flags & 1 << 15:
            found["content_type"], at = _short_text(payload, at)
        if flags & 1 << 14:
            _, at = _short_text(payload, at)  # content encoding
        if flags & 1 << 13:
            end = at + 4 + int.from_bytes(payload[at : at + 4])
            found["headers"], found["death"] = _headers(payload[at + 4 : end])
            at = end
        at += (flags >> 12 & 1) + (flags >> 11 & 1)  # delivery mode and priority, a byte each
        for name, bit in _SHORT_TEXT_BEFORE_TIMESTAMP:
            if flags & 1 << bit:
                found[name], at = _short_text(payload, at)
        if flags & 1 << 6:
            found["timestamp"] = int.from_bytes(payload[at : at + 8])
            at += 8
        for name, bit in _SHORT_TEXT_AFTER_TIMESTAMP:
            if flags & 1 << bit:
                found[name], at = _short_text(payload, at)
    except (IndexError, error):
        pass
    return found


def _short_text(payload: bytes, at: int) -> tuple[str, int]:
    """A short string: a length byte, then at most 255 bytes; RabbitMQ accepts any encoding."""
    end = at + 1 + payload[at]
    return text(payload[at + 1 : end]), end


def _headers(table: bytes) -> tuple[dict[str, str], Death | None]:
    """The headers with plain values, as text, and RabbitMQ's latest death."""
    headers: dict[str, str] = {}
    death: Death | None = None
    for name, kind, value in fields(table):
        if name == "x-death":
            death = death or _death(kind, value)
        elif (found := plain(kind, value)) is not None:
            headers.setdefault(name, found)
    return headers, death


def _death(kind: str, value: bytes) -> Death:
    """RabbitMQ's entry precedes those of a publisher, or increments one of the same queue and reason."""
    kind, entry = next(items(value), ("", b"")) if kind == "A" else ("", b"")
    found = {name: (of, value) for name, of, value in fields(entry)} if kind == "F" else {}
    of, keys = found.get("routing-keys", ("", b""))
    key = next((plain(*key) for key in items(keys)), None) if of == "A" else None
    return Death(reason=plain(*found.get("reason", ("", b""))) or "", routing_key=key or "")
