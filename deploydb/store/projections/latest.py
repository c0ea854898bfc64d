"""The latest fact on each subject: one row a subject, whatever the order in which its facts come."""

from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.deployment import FactOrder
from deploydb.domain.model.facts import Fact, type_of
from deploydb.store import bulk
from deploydb.store.tables import metadata

Row = dict[str, Any]
T = TypeVar("T", bound=Struct)
_ORDER = ("time", "source", "event_id")


def table_of(fact: Fact) -> sa.Table:
    """The table that keeps facts of its type. Raises: TypeError where only the log does."""
    name = fact.projection.table
    if name is None:
        raise TypeError(f"{type_of(fact)} is kept by the log alone")
    return metadata.tables[name]


class LatestRows:
    """Rows of the table that keeps some facts, the latest of each primary key: no statement may touch a row twice."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._key = tuple(column.name for column in table.primary_key)
        self._empty = {column.name: None for column in table.c if column.nullable}
        self._rows: dict[tuple[Any, ...], Row] = {}

    def keep(self, fact: Fact, number: int, /, **more: Any) -> None:  # noqa: ANN401
        """Add the row of a fact, unless there is a later one.

        `number`: of the fact's row in the log; `more`: further columns.
        """
        given = fact.values() | more | {"event_id": fact.id, "event": number}
        row = self._empty | {name: value for name, value in given.items() if name in self._table.c}
        for name in self._key:
            row[name] = "" if row[name] is None else row[name]
        key = tuple(row[name] for name in self._key)
        if key not in self._rows or _order(self._rows[key]) < _order(row):
            self._rows[key] = row

    def write(self, connection: sa.Connection) -> None:
        """Write the rows over older ones, in the order of their keys."""
        rows = [self._rows[key] for key in sorted(self._rows)]
        bulk.upsert(connection, self._table, rows, key=self._key, later=_ORDER)


class LatestFacts:
    """Facts of any types, as the rows of the tables that keep them."""

    def __init__(self) -> None:
        self._tables: dict[str, LatestRows] = {}

    def keep(self, fact: Fact, number: int, /, **more: Any) -> None:  # noqa: ANN401
        """Add the row of a fact, as `LatestRows.keep`."""
        name = fact.projection.table or ""
        rows = self._tables.get(name) or self._tables.setdefault(name, LatestRows(table_of(fact)))
        rows.keep(fact, number, **more)

    def write(self, connection: sa.Connection) -> None:
        """Write them all, in one order of the tables: two workers would wait for each other."""
        for table in sorted(self._tables):
            self._tables[table].write(connection)


def value_of(kind: type[T], row: Any, /, **more: Any) -> T:  # noqa: ANN401  # a row with a fact's columns
    """The value of a row; `more`: the fields that are not columns, or differ from them."""
    same = {name: getattr(row, name) for name in kind.__struct_fields__ if name != "at" and name not in more}
    return kind(**same, **more, at=FactOrder(row.time, row.source, row.event_id))


def _order(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _ORDER)
