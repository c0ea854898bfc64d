"""Where in the log a time is."""

from datetime import datetime

import sqlalchemy as sa

from deploydb.store.tables import event

OUT_OF_ORDER = 2_000
"""Rows are numbered when they are written and recorded at the time of their batch: so many numbers at most are out of
the order of their times."""

_AT = (
    sa.select(event.c.number, event.c.recorded_at)
    .where(event.c.number >= sa.bindparam("number", type_=event.c.number.type))
    .order_by(event.c.number)
    .limit(1)
)


def numbers_between(connection: sa.Connection, start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """The lowest and the highest number that a row recorded in that time may have; of those in between, some were
    recorded a little before or after.

    Some twenty look-ups, however long the log is. Index: primary key.
    """
    first, last = connection.execute(sa.select(sa.func.min(event.c.number), sa.func.max(event.c.number))).one()
    if first is None:
        return 0, 0
    low = _number_at(connection, start, first, last) - OUT_OF_ORDER if start is not None else first
    high = _number_at(connection, end, first, last) + OUT_OF_ORDER if end is not None else last
    return low, high


def _number_at(connection: sa.Connection, at: datetime, low: int, high: int) -> int:
    """The number of the first row, by bisection, that was recorded later."""
    while low < high:
        middle = (low + high) // 2
        row = connection.execute(_AT, {"number": middle}).one()
        if row.recorded_at <= at:
            low = row.number + 1
        else:
            high = middle
    return low
