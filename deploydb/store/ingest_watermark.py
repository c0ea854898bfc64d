"""Until when ingest has read: every message that was in its queue before then has been recorded.

Each ingest worker writes its own time, at most once a second. All of them together have read until the earliest of
these. One that has died without a word counts for `GONE_AFTER` more: by then the broker has given what it held to the
others. While none works, it stays as it was.
"""

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store import bulk
from deploydb.store.engine import transact
from deploydb.store.tables import ingest_watermark as table

GONE_AFTER = timedelta(minutes=2)
FORGOTTEN_AFTER = timedelta(hours=1)

_ALL = sa.select(table)


class Read(Struct, frozen=True, kw_only=True):
    """Until when all has been recorded, and when an ingest worker last reported it."""

    until: datetime
    seen_at: datetime


def note(engine: sa.Engine, worker: str, until: datetime, now: datetime) -> None:
    """A worker has recorded all that it was given, and the queue's messages from before `until` have been given out.

    Forgets workers that ended long ago. Raises: as `engine.transact`.
    """

    def work(connection: sa.Connection) -> None:
        row = {"worker": worker, "read_until": until, "seen_at": now, "over": False}
        bulk.upsert(connection, table, [row], key=("worker",))
        connection.execute(sa.delete(table).where(table.c.seen_at < now - FORGOTTEN_AFTER, table.c.worker != worker))

    transact(engine, work)


def end(engine: sa.Engine, worker: str, now: datetime) -> None:
    """A worker has ended, and what it held is in the queue again. Raises: as `engine.transact`."""
    over = sa.update(table).where(table.c.worker == worker).values(over=True, seen_at=now)
    transact(engine, lambda connection: connection.execute(over))


def read_until(connection: sa.Connection) -> Read | None:
    """Until when all workers have read; None where none ever has. A row a worker: it is small."""
    found = connection.execute(_ALL).all()
    if not found:
        return None
    seen_at = max(row.seen_at for row in found)
    working = [row for row in found if not row.over and row.seen_at > seen_at - GONE_AFTER]
    if not working:
        last = [row.read_until for row in found if row.seen_at > seen_at - GONE_AFTER]
        return Read(until=min(last), seen_at=seen_at)
    until = min(row.read_until for row in working)
    # what one that has ended held back is in the queue again, and is read once the others have read past its end
    ended = [row.read_until for row in found if row.over and row.seen_at >= until]
    return Read(until=min([until, *ended]), seen_at=seen_at)
