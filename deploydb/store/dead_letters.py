"""The dead letters, as the relays have counted them on the broker.

The letters themselves stay there, for `deploydb dead`. Each relay counts them, and writes the count where it differs,
else once a minute. As with command queues, a look counts for `GONE_AFTER`: without a relay nothing is known.
"""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store import bulk
from deploydb.store.command_queues import GONE_AFTER, WRITTEN_AGAIN_AFTER
from deploydb.store.engine import reading, transact
from deploydb.store.revision import advance
from deploydb.store.tables import dead_letter_queue as table


class DeadLetters(Struct, frozen=True, kw_only=True):
    """So many in the queue, which has not been empty since a time."""

    queue: str
    ready: int
    since: datetime


def note_dead_letters(engine: sa.Engine, queue: str, ready: int, now: datetime) -> None:
    """Write how many a relay has seen in the queue. Writes nothing that is known and fresh.

    Raises: as `engine.transact`.
    """
    with reading(engine) as connection:
        row = connection.execute(sa.select(table).where(table.c.queue == queue)).one_or_none()
    changed = ready != (row.ready if row is not None else 0)
    if row is not None and not changed and row.looked_at > now - WRITTEN_AGAIN_AFTER:
        return
    known_since = row.ready_since if row is not None else None
    seen = {"queue": queue, "looked_at": now, "ready_since": (known_since or now) if ready else None, "ready": ready}

    def work(connection: sa.Connection) -> None:
        bulk.upsert(connection, table, [seen], key=("queue",))
        if changed:
            advance(connection)

    transact(engine, work)


def dead_letters(connection: sa.Connection, now: datetime) -> DeadLetters | None:
    """Those that a relay has seen lately; None for none, and where none has looked."""
    statement = sa.select(table.c.queue, table.c.ready, table.c.ready_since.label("since")).where(
        table.c.ready_since.is_not(None), table.c.looked_at > now - GONE_AFTER
    )
    row = connection.execute(statement).first()
    return DeadLetters(**row._mapping) if row is not None else None
