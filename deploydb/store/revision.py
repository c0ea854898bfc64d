"""The state's revision: a number that is higher after every commit that changed what is stored.

Log numbers become visible out of order, so the highest one says nothing of what has been committed since. Here each
writing transaction adds one to a counter of its own choice, last of all, so that hardly ever two wait for each other.
"""

import random
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from deploydb.store.tables import hold, revision

_SLOTS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOW = sa.bindparam("now", type_=hold.c.until.type)
_TURNS = [
    sa.select(sa.func.max(column)).where(hold.c.placed, column <= _NOW).scalar_subquery()
    for column in (hold.c.until, hold.c.begins)
]
_ADVANCE = {
    name: insert(revision).on_conflict_do_update(index_elements=["slot"], set_={"number": revision.c.number + 1})
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_READ = sa.select(sa.func.coalesce(sa.func.sum(revision.c.number), 0), *_TURNS)


def advance(connection: sa.Connection) -> None:
    """This transaction has changed something. The last statement of it: others may wait for it."""
    slot = random.randrange(_SLOTS)  # noqa: S311  # it only spreads them
    connection.execute(_ADVANCE[connection.dialect.name], {"slot": slot, "number": 1})


def read_revision(connection: sa.Connection, now: datetime) -> tuple[int, int]:
    """The revision, and when a hold has begun or ended by itself last, in microseconds: what is stored says the same
    while neither has changed.

    Reads a handful of rows whatever is stored. Indexes: `ix_hold_until`, `ix_hold_begins`.
    """
    number, *turns = connection.execute(_READ, {"now": now}).one()
    last = max((turn for turn in turns if turn is not None), default=_EPOCH)
    return int(number), (last - _EPOCH) // timedelta(microseconds=1)
