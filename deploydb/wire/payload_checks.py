"""Values that a database cannot keep or return, anywhere in a message.

An escaped NUL is legal JSON and no text in PostgreSQL. Half a surrogate pair is no text. A number beyond a double's
range, or of thousands of digits, is stored by one database and fails to be read from the other. Deep nesting meets the
limits of parsers. The search is slow, so it needs a hint of one of these; it names the field.
"""

import json
import math
import re
from collections.abc import Iterator
from typing import Any

from deploydb.domain.model.errors import MessageRejected
from deploydb.wire.error_messages import shortened

MAX_NESTING = 64
MAX_DIGITS = 4300
"""Python's own limit for reading an integer (`sys.int_info.default_max_str_digits`)."""

_HALF_PAIR = re.compile("[\ud800-\udfff]")


class _Unreadable(str):
    """The problem of a number or a constant, in the place of its value."""

    __slots__ = ()


def find_offence(body: bytes) -> MessageRejected | None:
    """The first offence in the order of the message, with its path; None for none, and where the body is not JSON."""
    try:
        message = json.loads(body, parse_int=_integer, parse_float=_number, parse_constant=_constant)
    except RecursionError:
        return MessageRejected(f"nested more than {MAX_NESTING} deep")
    except ValueError:
        return None
    found = ((path, _offence_of(value)) for path, value in _walk(message))
    return next((MessageRejected(why, path=_plain(path)) for path, why in found if why is not None), None)


def _walk(message: Any) -> Iterator[tuple[str, Any]]:  # noqa: ANN401  # any JSON
    """Every value and every key, with its path. Stops at the nesting limit."""
    waiting: list[tuple[str, int, Any]] = [("$", 0, message)]
    while waiting:
        path, depth, value = waiting.pop()
        inside: list[tuple[str, int, Any]] = []
        match value:
            case dict():
                for key, member in value.items():
                    inside += [(f"{path}.{key}", depth, key), (f"{path}.{key}", depth + 1, member)]
            case list():
                inside = [(f"{path}[{index}]", depth + 1, member) for index, member in enumerate(value)]
        if isinstance(value, dict | list) and depth >= MAX_NESTING:
            yield path, _Unreadable(f"nested more than {MAX_NESTING} deep")
            return
        yield path, value
        waiting.extend(reversed(inside))


def _offence_of(value: Any) -> str | None:  # noqa: ANN401  # any JSON
    match value:
        case _Unreadable():
            return str(value)
        case str() if "\0" in value:
            return "has a NUL character, which cannot be stored"
        case str() if _HALF_PAIR.search(value):
            return "has half of a surrogate pair, which is no text"
        case _:
            return None


def _plain(path: str) -> str:
    """A printable path: without NUL and half pairs in the names of fields."""
    return shortened(_HALF_PAIR.sub("\ufffd", path).replace("\0", "\ufffd"))


def _integer(text: str) -> int | str:
    if len(text) > MAX_DIGITS:
        return _Unreadable(f"is a number of {len(text)} digits; at most {MAX_DIGITS} are taken")
    return int(text)


def _number(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else _Unreadable("is a number out of range: beyond 1.8e308")


def _constant(text: str) -> str:
    return _Unreadable(f"{text} is no JSON: write null, or leave the field out")
