"""What the tables have in common: their names' form, and the kind of id."""

from typing import Any

import sqlalchemy as sa

from deploydb.store.columns import BigId, UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def identity(name: str = "id") -> sa.Column[Any]:
    """A number that the database gives."""
    return sa.Column(name, BigId, sa.Identity(), primary_key=True)


def trace_columns() -> tuple[sa.Column[Any], ...]:
    """The place of a row in a trace (`domain.model.trace`); null where it has none."""
    return (sa.Column("traceparent", sa.Text), sa.Column("tracestate", sa.Text))


def fact_columns() -> tuple[sa.Column[Any], ...]:
    """The fact of a row: its order among others on the same subject, and its log row."""
    return (
        sa.Column("time", UtcDateTime, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("event", BigId, nullable=False),
    )


def partial_index(name: str, *columns: sa.Column[Any], where: sa.ColumnElement[bool], unique: bool = False) -> None:
    """An index of the rows for which the condition holds."""
    sa.Index(name, *columns, unique=unique, postgresql_where=where, sqlite_where=where)
