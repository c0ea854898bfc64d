"""Messages with properties that RabbitMQ takes and that client libraries refuse to send."""

import struct
from typing import Any

import pika

Header = tuple[bytes, bytes]
"""A name, and a type with its encoded value."""


def text(value: bytes) -> bytes:
    """A header's value of the type long string."""
    return b"S" + struct.pack(">I", len(value)) + value


def nested(depth: int) -> bytes:
    """A header's value: lists in lists."""
    value = b""
    for _ in range(depth):
        value = b"A" + struct.pack(">I", len(value)) + value
    return value


class Properties(pika.BasicProperties):  # type: ignore[misc]  # pika has no types
    """Properties by their bytes."""

    def __init__(
        self,
        headers: list[Header],
        *,
        content_type: bytes | None = None,
        expiration: bytes | None = None,
        message_id: bytes | None = None,
        user_id: bytes | None = None,
    ) -> None:
        super().__init__()
        table = b"".join(bytes([len(name)]) + name + value for name, value in headers)
        named = {15: content_type, 8: expiration, 7: message_id, 4: user_id}
        parts = {bit: bytes([len(value)]) + value for bit, value in named.items() if value is not None}
        parts[13] = struct.pack(">I", len(table)) + table
        parts[12] = b"\2"
        flags = sum(1 << bit for bit in parts)
        self._encoded = struct.pack(">H", flags) + b"".join(parts[bit] for bit in sorted(parts, reverse=True))

    def encode(self) -> list[Any]:
        return [self._encoded]


HOSTILE: dict[str, list[Header]] = {
    "a name of 255 bytes": [(b"n" * 255, text(b"v"))],
    "names that are no UTF-8": [(bytes([number]) * 200, text(b"\xff")) for number in range(128, 256)],
    "values that are no UTF-8": [(b"n%d" % number, text(b"\xff" * 20_000)) for number in range(6)],
    "headers that fill a frame": [(b"n%d" % number, text(b"v" * 4000)) for number in range(32)],
    "a value that fills a frame": [(b"n", text(b"v" * 130_000))],
    "many headers": [(b"%d" % number, b"V") for number in range(20_000)],
    "lists in lists": [(b"n", nested(20_000))],
    "a time beyond the calendar": [(b"t", b"T" + b"\xff" * 8), (b"x-death", b"T" + b"\xff" * 8)],
    "a count of thousands of digits": [(b"x-delivery-count", text(b"9" * 5000))],
    "words of ours": [(b"x-deploydb-" + name, text(b"forged" * 100)) for name in (b"reason", b"exchange", b"cut-from")],
}
"""Headers that RabbitMQ takes."""
