"""What the log notes of a source no more often than once an hour: a clock ahead, an id that is used twice."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deploydb.store.journal import is_own
from deploydb.store.list_parameters import among
from deploydb.store.tables import event
from deploydb.store.tables.deployments import is_rare

NOTED_EVERY = timedelta(hours=1)
"""Of one source, no more often."""
_MOST = 200


def noted_lately(
    connection: sa.Connection, type_: str, field: str, sources: Collection[str], now: datetime
) -> set[str]:
    """The sources, of those given, that events of a rare type have noted in the last hour, each in this field.

    Costs the events of this type of the last hour, of all sources. Index: `ix_event_rare`.
    """
    noted = _noted(type_)
    source = event.c.body[field].as_string()
    last_before = (
        sa.select(event.c.number)
        .where(*noted, event.c.recorded_at <= now - NOTED_EVERY)
        .order_by(event.c.number.desc())
        .limit(1)
        .scalar_subquery()
    )
    recent = sa.select(source).where(
        *noted, event.c.number > sa.func.coalesce(last_before, 0), among(source, sorted(sources))
    )
    return set(connection.execute(recent).scalars())


def noted_last(connection: sa.Connection, type_: str, *columns: sa.ColumnElement[Any]) -> Sequence[sa.Row[Any]]:
    """These columns of the last events of a rare type, newest first, with `at`: of the last day of the log, as many as
    200. Index: `ix_event_rare`."""
    last = connection.execute(sa.select(event.c.recorded_at).order_by(event.c.number.desc()).limit(1)).scalar()
    since = last - timedelta(days=1) if last is not None else datetime.min.replace(tzinfo=UTC)
    wanted: tuple[Any, ...] = (*columns, event.c.recorded_at.label("at"))
    statement = sa.select(*wanted).where(*_noted(type_)).order_by(event.c.number.desc()).limit(_MOST)
    return [row for row in connection.execute(statement) if row.at >= since]


def _noted(type_: str) -> tuple[sa.ColumnElement[bool], ...]:
    return is_rare, event.c.type == sa.literal(type_, literal_execute=True), is_own()
