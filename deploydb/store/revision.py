"""The state's revision: a number that is higher after every commit that changed what is stored.

Log numbers become visible out of order, so the highest one says nothing of what has been committed since. Here each
writing transaction adds one to a counter of its own choice, last of all, so that hardly ever two wait for each other.
"""

import random
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from deploydb.store.tables import hold, revision

_SLOTS = 64
_NOW = sa.bindparam("now", type_=hold.c.until.type)
_TURNED = (
    sa.select(sa.func.count(sa.case((hold.c.until <= _NOW, 1))) + sa.func.count(sa.case((hold.c.begins <= _NOW, 1))))
    .where(hold.c.placed)
    .scalar_subquery()
)
_ADVANCE = {
    name: insert(revision).on_conflict_do_update(index_elements=["slot"], set_={"number": revision.c.number + 1})
    for name, insert in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}
_READ = sa.select(sa.func.coalesce(sa.func.sum(revision.c.number), 0), _TURNED)


def advance(connection: sa.Connection) -> None:
    """This transaction has changed something. The last statement of it: others may wait for it."""
    slot = random.randrange(_SLOTS)  # noqa: S311  # it only spreads them
    connection.execute(_ADVANCE[connection.dialect.name], {"slot": slot, "number": 1})


def read_revision(connection: sa.Connection, now: datetime) -> tuple[int, int]:
    """The revision, and how many holds have begun or ended by themselves by now: what is stored says the same while
    neither has changed.

    Reads a handful of rows whatever is stored. Index: `ix_hold_placed`.
    """
    number, turned = connection.execute(_READ, {"now": now}).one()
    return int(number), int(turned)
