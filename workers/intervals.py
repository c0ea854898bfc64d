"""How often a worker does something, and how long it waits for work."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

LONGEST_WAIT = timedelta(seconds=1)
SHORTEST_WAIT = timedelta(milliseconds=20)
"""For work that is due but locked by another worker."""
LOOK_AT_FILES_EVERY_SECONDS = 1.0
"""The configuration's."""


class Every:
    """An interval, from the first call of `due` on."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._began = float("-inf")

    def due(self) -> bool:
        """Whether the interval is over; then the next one begins."""
        now = self._clock()
        if now - self._began < self._seconds:
            return False
        self._began = now
        return True


def wait_until(due: datetime | None, now: datetime) -> timedelta:
    """The time to wait for work that is due then; None: no work is known."""
    return LONGEST_WAIT if due is None else min(max(due - now, SHORTEST_WAIT), LONGEST_WAIT)


def seconds_since(then: datetime | None, now: datetime) -> float:
    """How long ago it was, as metrics show it: 0 for None and for a time to come."""
    return max((now - then).total_seconds(), 0.0) if then is not None else 0.0
