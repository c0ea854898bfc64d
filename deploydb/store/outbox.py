"""The only way out: rows written with the decision, leased by a relay, settled by the broker's answer."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.commands import NOTIFICATIONS, Notification
from deploydb.domain.model.trace import TraceContext
from deploydb.store.bulk import insert_new, update_rows
from deploydb.store.columns import viewed
from deploydb.store.engine import reading, transact
from deploydb.store.list_parameters import among
from deploydb.store.notifications import OUTBOX
from deploydb.store.tables import outbox
from deploydb.store.trace_contexts import columns, places_of_deployments
from deploydb.wire.native import encode_notification

FIRST_BACKOFF = timedelta(seconds=1)
LONGEST_BACKOFF = timedelta(minutes=1)
KEPT = timedelta(days=90)
"""How long a message is kept once it is sent. Until then a fact may link to a notification by its id, a further span
begins at the place of its command, and a message under the same id is not added again: each is of one transaction, of
one fact or of one order, which none repeats later."""
AT_ONCE = datetime.min.replace(year=1970, tzinfo=UTC)
"""When a new message is due: at once, by any clock."""


class Outgoing(Struct, frozen=True, kw_only=True):
    """One message to send. `attempts` counts this lease."""

    id: int
    message_id: str
    exchange: str
    routing_key: str
    body: bytes
    attempts: int
    traceparent: str | None = None
    tracestate: str | None = None


class Waiting(Struct, frozen=True, kw_only=True):
    """How many messages are not sent, and since when the oldest waits; how many of them the broker did not take at
    their last attempt, and the problem of one of these."""

    count: int
    oldest_at: datetime | None
    stuck: int = 0
    problem: str | None = None


def unsent_row(
    message_id: str, exchange: str, routing_key: str, body: bytes, now: datetime, trace: TraceContext | None = None
) -> dict[str, Any]:
    """The row of a message that a transaction adds to the outbox."""
    named = {"message_id": message_id, "exchange": exchange, "routing_key": routing_key}
    return {**named, "body": body.decode(), "created_at": now, "due_at": AT_ONCE, **columns(trace)}


def add(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add messages to the outbox, with the transaction. One that is there already is not added again."""
    if rows:
        insert_new(connection, outbox, rows, returning=("id",), wakes=OUTBOX)


def add_notifications(connection: sa.Connection, found: Iterable[Notification], now: datetime) -> None:
    """Add notifications to the outbox, with the transaction."""
    notifications = list(found)
    about = {one.deployment for one in notifications if one.deployment is not None}
    places = places_of_deployments(connection, about)
    add(connection, [notification_row(one, now, places.get(one.deployment or 0)) for one in notifications])


def notification_row(one: Notification, now: datetime, trace: TraceContext | None = None) -> dict[str, Any]:
    """The row of a notification."""
    return unsent_row(one.id, NOTIFICATIONS, one.routing_key, encode_notification(one), now, trace)


def lease(engine: sa.Engine, now: datetime, *, limit: int, duration: timedelta) -> list[Outgoing]:
    """The oldest due messages, for this relay alone until `duration` has passed; after that anybody may send them.

    Index: `ix_outbox_unsent`.
    """

    def work(connection: sa.Connection) -> list[Outgoing]:
        due = (
            sa.select(outbox.c.id)
            .where(outbox.c.sent_at.is_(None), outbox.c.due_at <= now)
            .order_by(outbox.c.due_at, outbox.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte("due")  # so it is run once, whatever the plan
        )
        taken = (
            sa.update(outbox)
            .where(outbox.c.id.in_(sa.select(due.c.id)))
            .values(due_at=now + duration, attempts=outbox.c.attempts + 1)
            .returning(*viewed(Outgoing, outbox))
        )
        return [
            Outgoing(**{**row._mapping, "body": row.body.encode()})
            for row in sorted(connection.execute(taken), key=lambda row: row.id)
        ]

    return transact(engine, work)


def settle(engine: sa.Engine, sent: Sequence[int], problems: Mapping[int, str], now: datetime) -> None:
    """Write down the broker's answers: sent for good, or the problem and when to try again.

    The pause doubles with each attempt up to a minute; a message is never given up.
    """

    def work(connection: sa.Connection) -> None:
        done = [{"id": ident, "sent_at": now} for ident in sorted(sent)]
        update_rows(connection, outbox, done, key=("id",))
        if not problems:
            return
        known = connection.execute(
            sa.select(outbox.c.id, outbox.c.attempts).where(among(outbox.c.id, problems)).order_by(outbox.c.id)
        )
        again = [{"id": row.id, "problem": problems[row.id], "due_at": now + backoff(row.attempts)} for row in known]
        update_rows(connection, outbox, again, key=("id",))

    transact(engine, work)


def prune(engine: sa.Engine, now: datetime, *, limit: int) -> int:
    """Remove messages that were sent long ago, and return how many: of the `limit` oldest that are sent. So it costs no
    more than these, however many are kept. Index: primary key."""
    sent = sa.select(outbox.c.id, outbox.c.sent_at).where(outbox.c.sent_at.is_not(None))
    with reading(engine) as connection:
        oldest = connection.execute(sent.order_by(outbox.c.id).limit(limit)).all()
    old = [row.id for row in oldest if row.sent_at < now - KEPT]
    if not old:
        return 0
    removal = sa.delete(outbox).where(among(outbox.c.id, old))
    return transact(engine, lambda connection: connection.execute(removal).rowcount)


def backoff(attempts: int) -> timedelta:
    """The pause after so many attempts: 1 s, 2 s, 4 s … 1 min."""
    doubled: int = 2 ** min(attempts - 1, 10)
    return min(FIRST_BACKOFF * doubled, LONGEST_BACKOFF)


def next_due(engine: sa.Engine) -> datetime | None:
    """When the next message is due, in the past too; None where all are sent. Index: `ix_outbox_unsent`."""
    return first_due(engine, outbox.c.due_at, outbox.c.sent_at.is_(None))


def first_due(engine: sa.Engine, due_at: sa.Column[datetime], waits: sa.ColumnElement[bool]) -> datetime | None:
    """The earliest time of the rows that wait; None where none does."""
    with reading(engine) as connection:
        return connection.execute(sa.select(due_at).where(waits).order_by(due_at).limit(1)).scalar()


def waiting(engine: sa.Engine) -> Waiting:
    """What is not sent. Index: `ix_outbox_unsent`."""
    with reading(engine) as connection:
        row = connection.execute(
            sa.select(
                sa.func.count(),
                sa.func.min(outbox.c.created_at),
                sa.func.count(outbox.c.problem),
                sa.func.min(outbox.c.problem),
            ).where(outbox.c.sent_at.is_(None))
        ).one()
        return Waiting(count=row[0], oldest_at=row[1], stuck=row[2], problem=row[3])
