"""The types of notifications that the configuration in force wants, for ingest, whose own may be older or newer.

Promotion writes them with each configuration that it has first.
"""

from collections.abc import Collection

import sqlalchemy as sa

from deploydb.store import bulk
from deploydb.store.tables import wanted_notification as table

_WANTED = sa.select(table.c.type)


def name_wanted(connection: sa.Connection, types: Collection[str]) -> None:
    """Have exactly these types sent."""
    known = wanted_notifications(connection)
    gone = sorted(known - set(types))
    if gone:
        connection.execute(sa.delete(table).where(table.c.type.in_(gone)))
    bulk.insert_new(connection, table, [{"type": name} for name in sorted(set(types) - known)], returning=("type",))


def wanted_notifications(connection: sa.Connection) -> frozenset[str]:
    """The types to send. A row each: there are few."""
    return frozenset(connection.execute(_WANTED).scalars())
