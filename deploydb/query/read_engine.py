"""How the service holds its connections: they cannot write, see one moment, and are not waited for long."""

import time
from typing import Any

import sqlalchemy as sa

ANSWER_WITHIN_SECONDS = 4.0
"""The longest time of a statement: no client waits longer for an answer, and a stop must not either."""

_STEPS_BETWEEN_LOOKS = 100_000
"""Of SQLite's machine: some milliseconds."""


def for_reading(engine: sa.Engine) -> sa.Engine:
    """The engine, its connections unable to write, and impatient; what an answer reads is one snapshot."""
    if engine.dialect.name == "postgresql":
        sa.event.listen(engine, "connect", _prepare_postgresql)
    else:
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "before_cursor_execute", _begin_to_wait)
    return engine


def _prepare_postgresql(connection: Any, _record: object) -> None:  # noqa: ANN401  # the driver's own type
    for setting in (
        f"statement_timeout = '{ANSWER_WITHIN_SECONDS * 1000:.0f}ms'",
        "default_transaction_read_only = on",
        "default_transaction_isolation = 'repeatable read'",  # an answer is made of several statements
        "random_page_cost = 1.1",  # the default is a spinning disk's: whole tables would be read for some thousand rows
        "jit = off",  # it takes longer than most answers
    ):
        connection.execute(f"SET {setting}")
    connection.commit()
    connection.limit_silence(ANSWER_WITHIN_SECONDS)


def _prepare_sqlite(connection: Any, record: Any) -> None:  # noqa: ANN401  # the driver's own types
    connection.execute("PRAGMA query_only = ON")
    retry_policy = record.info["retry_policy"] = _RetryPolicy()
    connection.set_progress_handler(retry_policy.is_over, _STEPS_BETWEEN_LOOKS)


def _begin_to_wait(connection: sa.Connection, *_: object) -> None:
    connection.info["retry_policy"].begin()


class _RetryPolicy:
    """With one connection of SQLite, which knows no time limit of its own."""

    def __init__(self) -> None:
        self._ends = float("inf")

    def begin(self) -> None:
        self._ends = time.monotonic() + ANSWER_WITHIN_SECONDS

    def is_over(self) -> bool:
        return time.monotonic() > self._ends
