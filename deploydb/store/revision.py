"""The state's revision: a number that is higher after every commit that changed what is stored.

Log numbers become visible out of order, so the highest one says nothing of what has been committed since. Here each
writing transaction adds one to a counter of its own choice, last of all, so that hardly ever two wait for each other.
"""

import random
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from deploydb.store.environment_names import refresh_names, require_names
from deploydb.store.notifications import Channel, waking
from deploydb.store.tables import hold, revision

_SLOTS = 64
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOW = sa.bindparam("now", type_=hold.c.until.type)
_TURNS = [
    sa.select(sa.func.max(column)).where(hold.c.placed, column <= _NOW).scalar_subquery()
    for column in (hold.c.until, hold.c.begins)
]


def _advancing(insert: Any) -> tuple[Any, Any]:  # noqa: ANN401  # a dialect's own
    """The statements that advance one counter, and one of all while the names change."""
    row = insert(revision)
    more = {"number": revision.c.number + 1}
    one = row.on_conflict_do_update(index_elements=["slot"], set_=more).returning(revision.c.names)
    return one, row.on_conflict_do_update(index_elements=["slot"], set_={**more, "names": row.excluded.names})


_ADVANCE = {"postgresql": _advancing(postgresql.insert), "sqlite": _advancing(sqlite.insert)}
_WAKE = {channel: _ADVANCE["postgresql"][0].returning(waking(channel)) for channel in get_args(Channel)}
_READ = sa.select(
    sa.func.coalesce(sa.func.sum(revision.c.number), 0), sa.func.coalesce(sa.func.max(revision.c.names), 0), *_TURNS
)


def advance(connection: sa.Connection, *, wakes: Channel | None = None) -> None:
    """This transaction has changed something. The last statement of it: others may wait for it. With `wakes`, also as
    `notifications.notify`.

    Raises: Contention where the names of environments are others than those that are remembered.
    """
    slot = random.randrange(_SLOTS)  # noqa: S311  # it only spreads them
    statement = _ADVANCE[connection.dialect.name][0]
    if wakes is not None and connection.dialect.name == "postgresql":
        statement = _WAKE[wakes]
    # of a row that it had to wait for PostgreSQL returns what was committed meanwhile
    names = connection.execute(statement, {"slot": slot, "number": 1}).scalar_one()
    require_names(connection, names)


def advance_all(connection: sa.Connection, names: int) -> None:
    """The names of environments change for the time of that number. A transaction that has advanced before is committed
    when it returns, and one that has not waits for this one."""
    for slot in range(_SLOTS):
        connection.execute(_ADVANCE[connection.dialect.name][1], {"slot": slot, "number": 1, "names": names})


def read_revision(connection: sa.Connection, now: datetime) -> tuple[int, int]:
    """The revision, and when a hold has begun or ended by itself last, in microseconds: what is stored says the same
    while neither has changed.

    Reads a handful of rows whatever is stored, and where they have changed the names of environments. Indexes:
    `ix_hold_until`, `ix_hold_begins`.
    """
    number, names, *turns = connection.execute(_READ, {"now": now}).one()
    refresh_names(connection, names)
    last = max((turn for turn in turns if turn is not None), default=_EPOCH)
    return int(number), (last - _EPOCH) // timedelta(microseconds=1)
