"""A batch of rows as one JSON parameter, which the database expands into a table.

One statement text whatever the batch's size, one round trip, and the fastest of what was measured (FIELD-NOTES): an
executemany of 500 rows costs three times as much.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from deploydb.store.notifications import Channel, waking

Row = Mapping[str, Any]
_encoder = msgspec.json.Encoder(enc_hook=str)

PARAMETER = "rows"


def stamp(moment: datetime) -> str:
    """An instant as SQLAlchemy keeps it on SQLite: UTC to the microsecond, always of one width."""
    return moment.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")[:26]


def parameter(connection: sa.Connection, rows: Iterable[Row]) -> dict[str, str]:
    """The rows as a statement's argument. `msgspec.Raw` values are JSON already."""
    batch = list(rows)
    if connection.dialect.name == "sqlite":  # compares instants as text, so that they must be of one format
        batch = [
            {key: stamp(value) if isinstance(value, datetime) else value for key, value in row.items()} for row in batch
        ]
    return {PARAMETER: _encoder.encode(batch).decode()}


def table_of(connection: sa.Connection, columns: Sequence[sa.Column[Any]]) -> sa.FromClause:
    """The parameter's rows as a table with these columns, to select from or join with."""
    return _given(connection.dialect.name, tuple(columns))


def insert_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, returning: tuple[str, ...] = ()
) -> Sequence[Any]:
    """Insert the rows, all with the first one's columns, and give those columns back of what was inserted.

    Nothing for no rows. A row that is there already is an error: see `insert_new`.
    """
    if not rows:
        return []
    statement = _insert(connection.dialect.name, table, tuple(rows[0]), returning, False)
    result = connection.execute(statement, parameter(connection, rows))
    return result.all() if returning else []


def insert_new(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Row],
    *,
    returning: tuple[str, ...],
    wakes: Channel | None = None,
) -> Sequence[Any]:
    """Insert those of the rows that are not there yet, by any unique constraint, and give columns of them back. With
    `wakes`, for any such row, also as `notifications.notify`."""
    if not rows:
        return []
    statement = _insert(connection.dialect.name, table, tuple(rows[0]), returning, True, wakes)
    return connection.execute(statement, parameter(connection, rows)).all()


def upsert(
    connection: sa.Connection,
    table: sa.Table,
    rows: Sequence[Row],
    *,
    key: tuple[str, ...],
    keep: tuple[str, ...] = (),
    later: tuple[str, ...] = (),
) -> None:
    """Insert the rows; where one with the same `key` exists, overwrite all of it but `keep`.

    With `later`, only where the new row's columns of that name are greater than those of the old one.
    """
    if rows:
        statement = _upsert(connection.dialect.name, table, tuple(rows[0]), key, keep, later)
        connection.execute(statement, parameter(connection, rows))


def update_rows(connection: sa.Connection, table: sa.Table, rows: Sequence[Row], *, key: tuple[str, ...]) -> None:
    """Update the rows found by `key` with the other columns. All rows have the first one's columns."""
    if rows:
        statement = _update(connection.dialect.name, table, tuple(rows[0]), key)
        connection.execute(statement, parameter(connection, rows))


# Built once for each shape: building a statement costs more than running it for a small batch.


@cache
def _given(dialect: str, columns: tuple[sa.Column[Any], ...]) -> sa.FromClause:
    text = sa.bindparam(PARAMETER, type_=sa.Text)
    if dialect == "postgresql":
        shape = [sa.column(column.name, column.type) for column in columns]
        expanded = sa.func.jsonb_to_recordset(sa.cast(text, postgresql.JSONB)).table_valued(*shape, name="given")
        return expanded.render_derived(with_types=True)
    each = sa.func.json_each(text).table_valued("value", name="each_row")
    values = (
        sa.type_coerce(sa.func.json_extract(each.c.value, f'$."{column.name}"'), column.type).label(column.name)
        for column in columns
    )
    return sa.select(*values).subquery("given")


@cache
def _insert(
    dialect: str,
    table: sa.Table,
    columns: tuple[str, ...],
    returning: tuple[str, ...],
    new: bool,
    wakes: Channel | None = None,
) -> Any:  # noqa: ANN401
    statement = _inserting(dialect, table, columns)
    if new:
        statement = statement.on_conflict_do_nothing()
    returned: list[sa.ColumnElement[Any]] = [table.c[name] for name in returning]
    returned += [waking(wakes)] if wakes is not None and dialect == "postgresql" else []
    return statement.returning(*returned) if returned else statement


@cache
def _upsert(
    dialect: str,
    table: sa.Table,
    columns: tuple[str, ...],
    key: tuple[str, ...],
    keep: tuple[str, ...],
    later: tuple[str, ...],
) -> Any:  # noqa: ANN401
    statement = _inserting(dialect, table, columns)
    new = statement.excluded
    values = {name: new[name] for name in columns if name not in (*key, *keep)}
    overtaken = None
    if later:
        overtaken = sa.tuple_(*(new[name] for name in later)) > sa.tuple_(*(table.c[name] for name in later))
    return statement.on_conflict_do_update(index_elements=list(key), set_=values, where=overtaken)


@cache
def _update(dialect: str, table: sa.Table, columns: tuple[str, ...], key: tuple[str, ...]) -> sa.Update:
    given = _given(dialect, tuple(table.c[name] for name in columns))
    changed = {name: given.c[name] for name in columns if name not in key}
    return sa.update(table).values(changed).where(*(table.c[name] == given.c[name] for name in key))


def _inserting(dialect: str, table: sa.Table, columns: tuple[str, ...]) -> Any:  # noqa: ANN401  # the dialect's insert
    picked = tuple(table.c[name] for name in columns)
    given = _given(dialect, picked)
    # SQLite would read an ON CONFLICT after a bare SELECT as a join's ON: hence a WHERE that is always true
    source = sa.select(*(given.c[column.name] for column in picked)).where(sa.text("1 = 1"))
    own = postgresql if dialect == "postgresql" else sqlite
    return own.insert(table).from_select(list(columns), source)
