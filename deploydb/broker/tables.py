"""Field tables of AMQP 0-9-1, read field by field.

RabbitMQ delivers tables that client libraries cannot read: a time beyond the calendar, 20,000 nested lists. A nested
table or list is skipped by its length. Of two fields with one name the first counts, as for RabbitMQ.
"""

import struct
from collections.abc import Iterator

Field = tuple[str, str, bytes]
"""Name, type and encoded value."""

_NUMBERS = {
    "t": ">?",
    "b": ">b",
    "B": ">B",
    "s": ">h",
    "U": ">h",
    "u": ">H",
    "I": ">i",
    "i": ">I",
    "L": ">q",
    "l": ">q",
    "f": ">f",
    "d": ">d",
}
_SIZES = {kind: struct.calcsize(layout) for kind, layout in _NUMBERS.items()} | {"D": 5, "T": 8, "V": 0}
_TEXTS = ("S", "x")
_WITH_LENGTH = (*_TEXTS, "A", "F")


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a table without its length, up to the first unreadable one."""
    at = 0
    try:
        while at < len(data):
            name_end = at + 1 + data[at]
            name = data[at + 1 : name_end]
            kind, value, at = _item(data, name_end)
            yield text(name), kind, value
    except (IndexError, KeyError, struct.error):
        return


def items(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Type and encoded value of each member of a list without its length, up to the first unreadable one."""
    at = 0
    try:
        while at < len(data):
            kind, value, at = _item(data, at)
            yield kind, value
    except (IndexError, KeyError, struct.error):
        return


def plain(kind: str, value: bytes) -> str | None:
    """The value as text; None for one that is no text, number or boolean."""
    if kind in _TEXTS:
        return text(value)
    layout = _NUMBERS.get(kind)
    return None if layout is None or len(value) != _SIZES[kind] else str(struct.unpack(layout, value)[0])


def text(value: bytes) -> str:
    """Bytes of any encoding as text, which can be encoded again."""
    return value.decode("utf-8", "replace")


def _item(data: bytes, at: int) -> tuple[str, bytes, int]:
    kind = chr(data[at])
    at += 1
    if kind in _WITH_LENGTH:
        (size,) = struct.unpack_from(">I", data, at)
        at += 4
    else:
        size = _SIZES[kind]
    return kind, data[at : at + size], at + size
