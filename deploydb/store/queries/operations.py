"""What is still to be done, and what could not be."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.claims import KEPT
from deploydb.store.columns import viewed
from deploydb.store.tables import evaluation_request, event, outbox, service_schedule


class WaitingView(Struct, frozen=True, kw_only=True):
    """How many wait, and since when the first."""

    count: int
    oldest_at: datetime | None


class ReturnedView(Struct, frozen=True, kw_only=True):
    """A message that the broker would not take; it is sent again."""

    id: int
    routing_key: str
    attempts: int
    problem: str
    created_at: datetime
    due_at: datetime


class DueView(Struct, frozen=True, kw_only=True):
    """When time alone may change something about a service."""

    service: str
    due_at: datetime


class LastView(Struct, frozen=True, kw_only=True):
    """The log's last row."""

    number: int
    type: str
    source: str
    time: datetime
    recorded_at: datetime


def unevaluated(connection: sa.Connection) -> WaitingView:
    """What promotion has still to look at, without what is kept for services that are set aside. Costs how much that
    is. Index: primary key of `evaluation_request`."""
    return _waiting(connection, evaluation_request.c.created_at, sa.and_(evaluation_request.c.id > 0, sa.not_(KEPT)))


def unsent(connection: sa.Connection) -> WaitingView:
    """What has still to be sent. Costs how much that is. Index: `ix_outbox_unsent`."""
    return _waiting(connection, outbox.c.created_at, outbox.c.sent_at.is_(None))


def returned(connection: sa.Connection, *, limit: int) -> list[ReturnedView]:
    """What has been tried and could not be sent, the next to be tried first. Index: `ix_outbox_unsent`."""
    statement = (
        sa.select(*viewed(ReturnedView, outbox))
        .where(outbox.c.sent_at.is_(None), outbox.c.problem.is_not(None))
        .order_by(outbox.c.due_at, outbox.c.id)
        .limit(limit)
    )
    return [ReturnedView(**row._mapping) for row in connection.execute(statement)]


def due_next(connection: sa.Connection, *, limit: int) -> list[DueView]:
    """The services that are looked at next because of the time. Index: `ix_service_schedule_due`."""
    statement = (
        sa.select(*viewed(DueView, service_schedule))
        .where(service_schedule.c.due_at.is_not(None))
        .order_by(service_schedule.c.due_at)
        .limit(limit)
    )
    return [DueView(**row._mapping) for row in connection.execute(statement)]


def last_event(connection: sa.Connection) -> LastView | None:
    """What came last into the log. Index: primary key of `event`."""
    statement = sa.select(*viewed(LastView, event))
    row = connection.execute(statement.order_by(event.c.number.desc()).limit(1)).one_or_none()
    return LastView(**row._mapping) if row is not None else None


def _waiting(connection: sa.Connection, created_at: sa.Column[Any], waits: sa.ColumnElement[bool]) -> WaitingView:
    statement = sa.select(sa.func.count().label("count"), sa.func.min(created_at).label("oldest_at")).where(waits)
    return WaitingView(**connection.execute(statement).one()._mapping)
