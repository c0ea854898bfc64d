"""Reasons as JSON: in columns, and in the bodies of decision events."""

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.engine import Dialect

from deploydb.domain.model.reasons import Reason, Reported
from deploydb.store.columns import Json


class _Holder(Struct):
    """msgspec keeps what it has found out about a struct; a union it studies at each call (half a millisecond)."""

    reason: Reason


def reason_of(value: object) -> Reason | None:
    """The reason of a JSON value. A text is a user's or a tool's.

    A code of another release of DeployDB becomes text, so that no reader fails by it.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return Reported(text=value)
    try:
        return msgspec.convert({"reason": value}, _Holder).reason
    except msgspec.ValidationError:
        return Reported(text=msgspec.json.encode(value).decode())


class ReasonJson(sa.types.TypeDecorator[Reason]):
    """A reason: JSON in the database (`bulk` and the engine's serializer encode structs), a struct in Python."""

    impl = Json
    cache_ok = True

    def process_result_value(self, value: object, dialect: Dialect) -> Reason | None:
        return reason_of(value)
