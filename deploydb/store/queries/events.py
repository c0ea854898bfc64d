"""The log, newest first."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.tables import event


class EventView(Struct, frozen=True, kw_only=True):
    """One row of the log: who said what, when it happened, and when we knew."""

    number: int
    source: str
    id: str
    type: str
    time: datetime
    recorded_at: datetime
    publisher: str | None
    service: str | None
    environment: str | None
    body: Any


def events_before(
    connection: sa.Connection,
    *,
    before: int | None,
    limit: int,
    service: str | None = None,
    environment: str | None = None,
    kind: str | None = None,
    source: str | None = None,
) -> list[EventView]:
    """Rows with a lower number than `before`, newest first. Indexes: primary key; by service `ix_event_lane`."""
    statement = sa.select(event).order_by(event.c.number.desc()).limit(limit)
    wanted = (
        (event.c.service, service),
        (event.c.environment, environment),
        (event.c.type, kind),
        (event.c.source, source),
    )
    for column, value in wanted:
        if value is not None:
            statement = statement.where(column == value)
    if before is not None:
        statement = statement.where(event.c.number < before)
    return [EventView(**row._mapping) for row in connection.execute(statement)]
