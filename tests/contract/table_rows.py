"""The rows of a store's tables, as the comparison with a fold reads them."""

from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.projections.latest import value_of

Table = dict[Any, Any]


def rows(connection: sa.Connection, table: sa.Table) -> list[Any]:
    return list(connection.execute(sa.select(table)))


def values(kind: type[Struct], table: sa.Table, *key: str) -> Any:
    """A reader of the rows as values of a type, by key."""

    def stored(connection: sa.Connection) -> Table:
        return {tuple(row._mapping[name] for name in key): value_of(kind, row) for row in rows(connection, table)}

    return stored
