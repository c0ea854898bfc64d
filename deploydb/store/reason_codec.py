"""Reasons as JSON: in columns, and in the bodies of decision events."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from deploydb.domain.model.reasons import Reason, Reported
from deploydb.store.columns import Json

_DECODER: msgspec.json.Decoder[Reason] = msgspec.json.Decoder(Reason)
_KEPT = 32_768
"""Decoded reasons that are kept: a matrix of 5,000 lanes reads 10,000, and most of them again each time."""


def reason_of(value: object) -> Reason | None:
    """The reason of a JSON value. A text is a user's or a tool's.

    A code of another release of DeployDB becomes text, so that no reader fails by it.
    """
    return _decoded(msgspec.json.encode(value).decode() if value is not None else None)


@lru_cache(_KEPT)
def _decoded(text: str | None) -> Reason | None:
    if text is None:
        return None
    try:
        return _DECODER.decode(text)
    except msgspec.ValidationError:
        value = msgspec.json.decode(text)
        return Reported(text=value if isinstance(value, str) else text)


class ReasonJson(sa.types.TypeDecorator[Reason]):
    """A reason: JSON in the database (`bulk` and the engine's serializer encode structs), a struct in Python."""

    impl = Json
    cache_ok = True

    def column_expression(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """The JSON as it is: its text is the key of what is decoded already."""
        return sa.type_coerce(sa.cast(column, sa.Text), self)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[str | None], Reason | None]:
        """Decodes the text: a cache without a Python frame around it, for 10,000 values a matrix."""
        return _decoded
