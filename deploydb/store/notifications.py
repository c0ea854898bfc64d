"""Waiting for the database to have work, without polling at a high rate.

On PostgreSQL by LISTEN and NOTIFY, one notify a transaction; on SQLite by looking at `PRAGMA data_version`, which
changes when another connection has committed and reads no row. Both are hints: callers still look once a second.
"""

import time
from datetime import timedelta
from typing import Any, Literal, Self

import sqlalchemy as sa

from deploydb.store.engine import translate_errors

Channel = Literal["deploydb_marks", "deploydb_outbox", "deploydb_probes"]
MARKS: Channel = "deploydb_marks"
OUTBOX: Channel = "deploydb_outbox"
PROBES: Channel = "deploydb_probes"

SQLITE_POLL_SECONDS = 0.01


def waking(channel: Channel) -> sa.ColumnElement[Any]:
    """For a PostgreSQL statement that returns rows: the same as `notify`, without a statement of its own."""
    return sa.func.pg_notify(sa.literal(channel, literal_execute=True), sa.literal("", literal_execute=True))


def notify(connection: sa.Connection, channel: Channel) -> None:
    """Wake the waiters of a channel when this transaction commits. SQLite needs no word."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(waking(channel)))


class Listener:
    """Waits for a channel on a connection of its own, taken out of the engine's pool."""

    def __init__(self, engine: sa.Engine, channel: Channel) -> None:
        self._listens = engine.dialect.name == "postgresql"
        with translate_errors():
            pooled = engine.raw_connection()
            driver: Any = pooled.driver_connection
            pooled.detach()
            self._connection = driver
            try:
                if self._listens:
                    driver.autocommit = True
                    driver.execute(f"LISTEN {channel}")
                else:
                    self._version = self._data_version()
            except BaseException:
                driver.close()
                raise

    def wait(self, timeout: timedelta) -> bool:
        """True as soon as there may be work, False after `timeout`. What came between two waits ends the next at once.

        Raises: Transient where the connection is lost: make a new Waker.
        """
        with translate_errors():
            if not self._listens:
                return self._poll(timeout)
            heard = self._connection.notifies(timeout=max(timeout.total_seconds(), 0), stop_after=1)
            return any(True for _ in heard)

    def _poll(self, timeout: timedelta) -> bool:
        until = time.monotonic() + timeout.total_seconds()
        while True:
            version = self._data_version()
            if version != self._version:
                self._version = version
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(left, SQLITE_POLL_SECONDS))

    def _data_version(self) -> int:
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
