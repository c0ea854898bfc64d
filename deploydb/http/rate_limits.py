"""Limits on the rate of requests."""

import math
import time
from collections.abc import Callable

from cachetools import LRUCache

_MOST_KNOWN = 10_000
"""The least recently used bucket is dropped first: it is full again anyway."""


class Limit:
    """A token bucket for each name: `burst` at once, then one each `seconds`. For one thread or one event loop."""

    def __init__(self, *, burst: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._seconds = seconds
        self._clock = clock
        self._full_at: LRUCache[str, float] = LRUCache(_MOST_KNOWN)

    def take(self, name: str) -> int:
        """0 where it is within the limit, and is counted; else after how many seconds it will be."""
        now = self._clock()
        full_at = max(self._full_at.get(name, now), now) + self._seconds
        over = full_at - now - self._burst * self._seconds
        if over > 1e-9:
            return math.ceil(over)
        self._full_at[name] = full_at
        return 0
