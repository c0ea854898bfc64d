"""The database's clock, which all that is decided, leased and due is counted by: workers' own clocks may differ.

It is asked about once a second, and carried on in between by a clock that no correction moves. While the database is
away the last answer is carried on.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock

import sqlalchemy as sa

from deploydb.domain.model.errors import Transient
from deploydb.store.engine import reading
from deploydb.store.privileges import time_there

ASKED_EVERY_SECONDS = 1.0


def machine_clock() -> datetime:
    """This machine's clock, now."""
    return datetime.now(UTC)


def ahead(engine: sa.Engine, clock: Callable[[], datetime] = machine_clock) -> timedelta:
    """How much a clock is ahead of the database's, at the least; negative where it is behind. Raises: as `reading`."""
    with reading(engine) as connection:
        before = clock()
        theirs = time_there(connection)
        after = clock()
    return max(before - theirs, timedelta(0)) - max(theirs - after, timedelta(0))


class DatabaseClock:
    """Says the database's time, in any thread. The first call asks it. Raises: as `store.engine.reading`, then only."""

    def __init__(self, engine: sa.Engine, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._monotonic = monotonic
        self._lock = Lock()
        self._answer: tuple[datetime, float] | None = None
        self._asked_at = 0.0

    def __call__(self) -> datetime:
        """The time there, now."""
        with self._lock:
            if self._answer is None or self._monotonic() - self._asked_at >= ASKED_EVERY_SECONDS:
                self._ask()
            assert self._answer is not None  # noqa: S101  # or `_ask` has raised
            then, at = self._answer
            return then + timedelta(seconds=self._monotonic() - at)

    def _ask(self) -> None:
        self._asked_at = began = self._monotonic()
        try:
            with reading(self._engine) as connection:
                began = self._monotonic()
                theirs = time_there(connection)
        except Transient:
            if self._answer is None:
                raise
            return
        self._answer = theirs, (began + self._monotonic()) / 2
