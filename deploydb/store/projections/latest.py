"""The latest fact on each subject: one row a subject, whatever the order in which its facts come."""

from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.deployment import FactOrder
from deploydb.store import bulk

Row = dict[str, Any]
_ORDER = ("time", "source", "event_id")


class LatestRows:
    """Rows of a table with `fact_columns`, the latest of each primary key: a statement may not touch a row twice."""

    def __init__(self, table: sa.Table) -> None:
        self._table = table
        self._key = tuple(column.name for column in table.primary_key)
        self._rows: dict[tuple[Any, ...], Row] = {}

    def keep(self, row: Row) -> None:
        """Add a row, unless there is a later one."""
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


def fact_columns(at: FactOrder, number: int) -> Row:
    """The columns of a row's fact. `number`: of its row in the log."""
    return {"time": at.time, "source": at.source, "event_id": at.id, "event": number}


def order_of(row: Any) -> FactOrder:  # noqa: ANN401  # a row with `fact_columns`
    """The order of a row's fact."""
    return FactOrder(row.time, row.source, row.event_id)


def _order(row: Row) -> tuple[Any, ...]:
    return tuple(row[name] for name in _ORDER)
