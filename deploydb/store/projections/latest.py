"""The latest fact on each subject: one row a subject, whatever the order in which its facts come."""

from typing import Any, TypeVar

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.deployment import FactOrder
from deploydb.store import bulk
from deploydb.store.columns import shared_fields

Row = dict[str, Any]
T = TypeVar("T", bound=Struct)
_ORDER = ("time", "source", "event_id")


class LatestRows:
    """Rows of a table with a fact's columns, the latest of each primary key: a statement may not touch a row twice."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._key = tuple(column.name for column in table.primary_key)
        self._rows: dict[tuple[Any, ...], Row] = {}

    def keep(self, value: Struct, number: int, /, **more: Any) -> None:  # noqa: ANN401
        """Add the row of a value (see `row_of`), unless there is a later one."""
        row = row_of(self._table, value, number, **more)
        key = tuple(row[name] for name in self._key)
        if key not in self._rows or _order(self._rows[key]) < _order(row):
            self._rows[key] = row

    @property
    def rows(self) -> list[Row]:
        """The rows, in the order of their keys."""
        return [self._rows[key] for key in sorted(self._rows)]

    def write(self, connection: sa.Connection) -> None:
        """Write the rows over older ones."""
        bulk.upsert(connection, self._table, self.rows, key=self._key, later=_ORDER)


def row_of(table: sa.Table, value: Any, number: int, /, **more: Any) -> Row:  # noqa: ANN401  # a struct with `at`
    """The row of a fact's value: the fields that are columns, `more` columns, and the order of the fact.

    `number`: of the fact's row in the log.
    """
    kind: type[Struct] = type(value)
    at: FactOrder = value.at
    order = {"time": at.time, "source": at.source, "event_id": at.id, "event": number}
    return {**shared_fields(table, kind)(value), **more, **order}


def value_of(kind: type[T], row: Any, /, **more: Any) -> T:  # noqa: ANN401  # a row with a fact's columns
    """The value of a row, as it was before `row_of`; `more`: the fields that are not columns, or differ from them."""
    same = {name: getattr(row, name) for name in kind.__struct_fields__ if name != "at" and name not in more}
    return kind(**same, **more, at=FactOrder(row.time, row.source, row.event_id))


def _order(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _ORDER)
