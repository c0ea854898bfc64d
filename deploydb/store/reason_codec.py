"""Reasons as JSON: in columns, and in the bodies of decision events."""

from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect

from deploydb.domain.model.reasons import Reason, Reported


def reason_of(value: object) -> Reason | None:
    """The reason of a JSON value. A text is a user's or a tool's.

    A code of another release of DeployDB becomes text, so that no reader fails by it.
    """
    if value is None:
        return None
    if isinstance(value, str):
        return Reported(text=value)
    try:
        reason: Reason = msgspec.convert(value, type=Reason)
    except msgspec.ValidationError:
        return Reported(text=msgspec.json.encode(value).decode())
    return reason


class ReasonJson(sa.types.TypeDecorator[Reason]):
    """A reason: JSON in the database, a struct in Python."""

    impl = sa.JSON(none_as_null=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> sa.types.TypeEngine[Any]:
        """Binary JSON where the database has it."""
        if dialect.name == "postgresql":
            return dialect.type_descriptor(postgresql.JSONB(none_as_null=True))
        return dialect.type_descriptor(sa.JSON(none_as_null=True))

    def process_bind_param(self, value: Reason | None, dialect: Dialect) -> object:
        """To JSON's own types."""
        return msgspec.to_builtins(value)

    def process_result_value(self, value: object, dialect: Dialect) -> Reason | None:
        """To the struct."""
        return reason_of(value)
