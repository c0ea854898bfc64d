"""Column types that PostgreSQL and SQLite keep differently and we see the same; columns by the names of fields."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Dialect


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An instant: `timestamptz` on PostgreSQL, UTC text of fixed width on SQLite; always aware in Python."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; without the zone where the database keeps none."""
        if value is None:
            return None
        moment = value.astimezone(UTC)
        return moment if dialect.name == "postgresql" else moment.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware, in UTC: SQLite keeps no zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Any:  # noqa: ANN401  # SQLAlchemy's own type
        """PostgreSQL's driver gives aware ones in UTC, the session's zone (`engine`): nothing to do for each value."""
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)


Json = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def choice(name: str, *values: str, of: str | None = None) -> sa.CheckConstraint:
    """The column holds one of these words."""
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{of or name} IN ({listed})", name=name)


@cache
def shared_fields(table: sa.Table, kind: type[Struct]) -> Callable[[Any], dict[str, Any]]:
    """Reads, from a struct or from a row, the fields of the struct that are columns of the table."""
    names = [name for name in kind.__struct_fields__ if name in table.c]
    read = attrgetter(*names)
    return lambda value: dict(zip(names, read(value), strict=True))


def viewed(kind: type[Struct], table: sa.FromClause, /, **others: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    """The columns of a view, in the order of its fields: those in `others`, and the table's of the same name."""
    return [others[name].label(name) if name in others else table.c[name] for name in kind.__struct_fields__]


def in_lanes(table: sa.FromClause, service: str | None, environment: str | None) -> list[sa.ColumnElement[bool]]:
    """Conditions for the rows of one service, or of all (None), in one environment, or in all."""
    wanted = (("service", service), ("environment", environment))
    return [table.c[name] == value for name, value in wanted if value is not None]


def begins_with(commit: sa.ColumnElement[Any], prefix: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a commit's id begins so. Whatever the database's collation, it has the hexadecimal digits in their order,
    and `g` behind them: an index on the commit serves it."""
    return sa.and_(commit >= prefix, commit < prefix + "g", commit.startswith(prefix))
