"""Deliveries of webhooks: added with the notification, attempted in the order of each endpoint.

An endpoint is leased as a whole, so that one worker at a time calls it, and its deliveries keep their order. A lease
that a dead worker leaves ends by itself; its delivery is attempted again, with the same id.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import asdict

from deploydb.domain.webhook_attempts import Attempt
from deploydb.store import bulk
from deploydb.store.columns import viewed
from deploydb.store.engine import reading, transact
from deploydb.store.list_parameters import among
from deploydb.store.outbox import first_due
from deploydb.store.tables import webhook_delivery, webhook_endpoint
from deploydb.store.tables.webhooks import DELIVERY_IS_OPEN as IS_OPEN

KEPT = timedelta(days=30)
"""What is delivered is kept so long, and so long a notification that comes again is found to be one."""
DEAD_KEPT = timedelta(days=90)
"""What was given up is kept so long after its last attempt, to be replayed."""


class NewDelivery(Struct, frozen=True, kw_only=True):
    """A call to make: of an endpoint, with a notification's id. With a `problem` it cannot be made, and is dead."""

    endpoint: str
    notification: str
    type: str
    service: str | None
    environment: str | None
    deployment: int | None
    headers: dict[str, str]
    body: str
    problem: str | None = None


class EndpointLease(Struct, frozen=True, kw_only=True):
    """An endpoint that is a worker's own until `until`. `failures`: attempts without a success since."""

    endpoint: str
    failures: int
    until: datetime


class OpenDelivery(Struct, frozen=True, kw_only=True):
    """A call that is still to be made. `attempts`: those that were made. `opened_at`: after `created_at`, where it is
    replayed."""

    id: int
    notification: str
    type: str
    headers: dict[str, str]
    body: str
    created_at: datetime
    opened_at: datetime
    attempts: int


class Backlog(Struct, frozen=True, kw_only=True):
    """How many deliveries are open, and since when the oldest; how many are dead; the endpoints with open ones
    that fail, with the number of their failures and the last problem."""

    count: int
    oldest_at: datetime | None
    dead: int
    failing: dict[str, tuple[int, str]]


def add(engine: sa.Engine, deliveries: Sequence[NewDelivery], now: datetime) -> int:
    """Add those that are not there yet, in their order. How many; committed when it returns. Harmless to repeat."""

    def work(connection: sa.Connection) -> int:
        rows = [
            {**asdict(one), "created_at": now, "opened_at": now, "dead_at": now if one.problem is not None else None}
            for one in deliveries
        ]
        made = bulk.insert_new(connection, webhook_delivery, rows, returning=("endpoint",))
        endpoints = sorted({row.endpoint for row in made})
        wake(connection, endpoints, now)
        return len(made)

    return transact(engine, work) if deliveries else 0


def wake(connection: sa.Connection, endpoints: Sequence[str], now: datetime) -> None:
    """Have the endpoints called that have no open delivery but these. They are locked first: one whose last delivery
    another worker has just made is seen as it is then."""
    if not endpoints:
        return
    named = among(webhook_endpoint.c.endpoint, endpoints)
    new = [{"endpoint": endpoint, "due_at": now} for endpoint in endpoints]
    bulk.insert_new(connection, webhook_endpoint, new, returning=("endpoint",))
    connection.execute(
        sa.select(webhook_endpoint.c.endpoint).where(named).order_by(webhook_endpoint.c.endpoint).with_for_update()
    )
    connection.execute(sa.update(webhook_endpoint).where(named, webhook_endpoint.c.due_at.is_(None)).values(due_at=now))


def lease(engine: sa.Engine, now: datetime, *, limit: int, duration: timedelta) -> list[EndpointLease]:
    """The endpoints that are due, the longest first, for this worker alone until `duration` has passed.

    Index: `ix_webhook_endpoint_due`.
    """

    def work(connection: sa.Connection) -> list[EndpointLease]:
        due = sa.select(webhook_endpoint.c.endpoint, webhook_endpoint.c.failures).where(
            webhook_endpoint.c.due_at <= now
        )
        found = connection.execute(
            due.order_by(webhook_endpoint.c.due_at).limit(limit).with_for_update(skip_locked=True)
        ).all()
        until = now + duration
        moved = [{"endpoint": row.endpoint, "due_at": until} for row in found]
        bulk.update_rows(connection, webhook_endpoint, moved, key=("endpoint",))
        return [EndpointLease(endpoint=row.endpoint, failures=row.failures, until=until) for row in found]

    return transact(engine, work)


def oldest(engine: sa.Engine, leased: EndpointLease, *, limit: int) -> list[OpenDelivery]:
    """The endpoint's open deliveries, oldest first. Index: `ix_webhook_delivery_open`."""
    mine = sa.select(*viewed(OpenDelivery, webhook_delivery)).where(
        webhook_delivery.c.endpoint == leased.endpoint, IS_OPEN
    )
    with reading(engine) as connection:
        found = connection.execute(mine.order_by(webhook_delivery.c.id).limit(limit))
        return [OpenDelivery(**row._mapping) for row in found]


def settle(
    engine: sa.Engine, leased: EndpointLease, delivery: OpenDelivery, attempt: Attempt, now: datetime, until: datetime
) -> EndpointLease | None:
    """Write down an attempt. The lease until `until`; None where it is over: the endpoint has a pause, or another
    worker has it."""
    endpoint: dict[str, Any] = {}
    if attempt.problem is None:
        endpoint = {"failures": 0, "failing_since": None, "problem": None}
    elif attempt.again_at is not None:
        since = {} if leased.failures else {"failing_since": now}
        endpoint = {"failures": leased.failures + 1, "problem": attempt.problem, **since}

    def work(connection: sa.Connection) -> EndpointLease | None:
        ended = {"delivered_at": now} if attempt.delivered else {"dead_at": now} if attempt.dead else {}
        written = {"attempts": delivery.attempts + 1, "attempted_at": now, "status": attempt.status}
        connection.execute(
            sa.update(webhook_delivery)
            .where(webhook_delivery.c.id == delivery.id, IS_OPEN)
            .values(**written, problem=attempt.problem, **ended)
        )
        if attempt.dead_before is not None:
            expired = (
                webhook_delivery.c.endpoint == leased.endpoint,
                webhook_delivery.c.opened_at <= attempt.dead_before,
            )
            given_up = sa.update(webhook_delivery).where(*expired, IS_OPEN)
            connection.execute(given_up.values(dead_at=now, problem=attempt.problem))
        changed = connection.execute(_mine(leased).values(due_at=attempt.again_at or until, **endpoint))
        if not changed.rowcount or attempt.again_at is not None:
            return None
        failures = endpoint.get("failures", leased.failures)
        return EndpointLease(endpoint=leased.endpoint, failures=failures, until=until)

    return transact(engine, work)


def release(
    engine: sa.Engine, leased: EndpointLease, now: datetime, until: datetime | None = None
) -> EndpointLease | None:
    """Give an endpoint back: due at once where it has an open delivery. With `until`, such a one is kept until then,
    and its lease returned: what was added meanwhile does not wait to be looked for."""

    def work(connection: sa.Connection) -> EndpointLease | None:
        mine = sa.select(webhook_endpoint.c.endpoint).where(
            webhook_endpoint.c.endpoint == leased.endpoint, webhook_endpoint.c.due_at == leased.until
        )
        if connection.execute(mine.with_for_update()).first() is None:
            return None
        # after the lock, in a statement of its own: what was added before is seen
        rest = sa.select(webhook_delivery.c.id).where(webhook_delivery.c.endpoint == leased.endpoint, IS_OPEN)
        waits = connection.execute(rest.limit(1)).first() is not None
        connection.execute(_mine(leased).values(due_at=(until or now) if waits else None))
        if not waits or until is None:
            return None
        return EndpointLease(endpoint=leased.endpoint, failures=leased.failures, until=until)

    return transact(engine, work)


def delivered_after(engine: sa.Engine, endpoint: str, delivery: OpenDelivery) -> list[str]:
    """The bodies of the later ones that an endpoint has got, of `KEPT`. Index: primary key."""
    later = sa.select(webhook_delivery.c.body).where(
        webhook_delivery.c.id > delivery.id,
        webhook_delivery.c.endpoint == endpoint,
        webhook_delivery.c.delivered_at.is_not(None),
    )
    with reading(engine) as connection:
        return list(connection.execute(later).scalars())


def replay(engine: sa.Engine, now: datetime, ident: int | None = None) -> int:
    """Open a delivery that is not open again, or every dead one. How many. Each has all of its attempts again, and goes
    before the newer ones of its endpoint. Index: primary key, or `ix_webhook_delivery_dead`."""
    which: sa.ColumnElement[bool] = webhook_delivery.c.dead_at.is_not(None)
    if ident is not None:
        which = sa.and_(webhook_delivery.c.id == ident, sa.not_(IS_OPEN))
    opened = {"delivered_at": None, "dead_at": None, "attempts": 0, "opened_at": now}

    def work(connection: sa.Connection) -> int:
        again = sa.update(webhook_delivery).where(which).values(**opened).returning(webhook_delivery.c.endpoint)
        endpoints = connection.execute(again).scalars().all()
        wake(connection, sorted(set(endpoints)), now)
        return len(endpoints)

    return transact(engine, work)


def next_due(engine: sa.Engine) -> datetime | None:
    """When the next endpoint is due, in the past too; None for none. Index: `ix_webhook_endpoint_due`."""
    return first_due(engine, webhook_endpoint.c.due_at, webhook_endpoint.c.due_at.is_not(None))


def backlog(engine: sa.Engine) -> Backlog:
    """What is still to be delivered, and what never was. Indexes: `ix_webhook_delivery_open`, `…_dead`."""
    is_dead = webhook_delivery.c.dead_at.is_not(None)
    with reading(engine) as connection:
        waits = connection.execute(
            sa.select(sa.func.count(), sa.func.min(webhook_delivery.c.opened_at)).where(IS_OPEN)
        ).one()
        dead = connection.execute(sa.select(sa.func.count()).select_from(webhook_delivery).where(is_dead)).scalar_one()
        endpoint = webhook_endpoint.c
        failing = connection.execute(
            sa.select(endpoint.endpoint, endpoint.failures, endpoint.problem).where(
                endpoint.failures > 0, endpoint.due_at.is_not(None)
            )
        )
        return Backlog(
            count=waits[0],
            oldest_at=waits[1],
            dead=dead,
            failing={row.endpoint: (row.failures, row.problem or "") for row in failing},
        )


def prune(engine: sa.Engine, now: datetime) -> None:
    """Remove what was delivered, or given up, long ago. Indexes: `ix_webhook_delivery_delivered`, `…_dead`."""
    delivered = webhook_delivery.c.delivered_at < now - KEPT
    dead = webhook_delivery.c.dead_at < now - DEAD_KEPT

    def work(connection: sa.Connection) -> None:
        for old in (delivered, dead):
            connection.execute(sa.delete(webhook_delivery).where(old))

    transact(engine, work)


def _mine(leased: EndpointLease) -> sa.Update:
    return sa.update(webhook_endpoint).where(
        webhook_endpoint.c.endpoint == leased.endpoint, webhook_endpoint.c.due_at == leased.until
    )
