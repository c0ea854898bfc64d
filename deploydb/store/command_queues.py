"""The command queues that no orchestrator consumes, as the relays have seen them on the broker.

Promotion names the queues, of the configuration in force. Each relay looks at them, and writes what it has seen where
that differs, else once a minute. A look counts for `GONE_AFTER`: without a relay nothing is known of the queues.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.formatting import instant
from deploydb.store import bulk
from deploydb.store.engine import reading, transact
from deploydb.store.revision import advance
from deploydb.store.tables import command_queue as table

WRITTEN_AGAIN_AFTER = timedelta(minutes=1)
GONE_AFTER = timedelta(minutes=5)


class Unconsumed(Struct, frozen=True, kw_only=True):
    """An orchestrator's queue with `ready` messages and without a consumer, since a time."""

    orchestrator: str
    since: datetime
    ready: int

    @property
    def words(self) -> str:
        """`without a consumer since 2026-11-22 12:00:00 UTC, and 3 commands wait`."""
        waiting = "1 command waits" if self.ready == 1 else f"{self.ready} commands wait"
        return f"without a consumer since {instant(self.since)}, and {waiting}"


def name_queues(connection: sa.Connection, orchestrators: Collection[str]) -> None:
    """Have the queues of exactly these orchestrators looked at."""
    known = set(connection.execute(sa.select(table.c.orchestrator)).scalars())
    gone = sorted(known - set(orchestrators))
    if gone:
        connection.execute(sa.delete(table).where(table.c.orchestrator.in_(gone)))
    new = [{"orchestrator": name} for name in sorted(set(orchestrators) - known)]
    bulk.insert_new(connection, table, new, returning=("orchestrator",))


def orchestrators(engine: sa.Engine) -> list[str]:
    """Those with a queue. A row each: there are few."""
    with reading(engine) as connection:
        return sorted(connection.execute(sa.select(table.c.orchestrator)).scalars())


def note_waiting(engine: sa.Engine, waiting: Mapping[str, int], now: datetime) -> None:
    """Write what a relay has seen: by orchestrator the commands that wait without a consumer, 0 for none.

    Writes nothing that is known and fresh. Raises: as `engine.transact`.
    """
    with reading(engine) as connection:
        rows = {row.orchestrator: row for row in connection.execute(sa.select(table))}
    seen = [
        {
            "orchestrator": name,
            "looked_at": now,
            "unconsumed_since": (rows[name].unconsumed_since or now) if ready else None,
            "ready": ready,
        }
        for name, ready in sorted(waiting.items())
        if name in rows
    ]
    changed = [one for one in seen if one["ready"] != rows[one["orchestrator"]].ready]
    stale = [one for one in seen if _is_stale(rows[one["orchestrator"]].looked_at, now)]
    if not changed and not stale:
        return

    def work(connection: sa.Connection) -> None:
        bulk.update_rows(connection, table, seen, key=("orchestrator",))
        if changed:
            advance(connection)

    transact(engine, work)


def unconsumed(connection: sa.Connection, now: datetime) -> list[Unconsumed]:
    """The queues in which commands wait without a consumer. A row each: there are few."""
    statement = sa.select(table.c.orchestrator, table.c.unconsumed_since.label("since"), table.c.ready).where(
        table.c.unconsumed_since.is_not(None), table.c.looked_at >= now - GONE_AFTER
    )
    return [Unconsumed(**row._mapping) for row in connection.execute(statement.order_by(table.c.orchestrator))]


def _is_stale(looked_at: datetime | None, now: datetime) -> bool:
    return looked_at is None or looked_at <= now - WRITTEN_AGAIN_AFTER
