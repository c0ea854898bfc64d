"""How many of some lengths of time are how long."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct

BOUNDS = (
    timedelta(hours=1),
    timedelta(hours=4),
    timedelta(days=1),
    timedelta(days=3),
    timedelta(days=7),
    timedelta(days=30),
)


class Bucket(Struct, frozen=True, kw_only=True):
    """`count` of them took at most so many seconds (`to`; None: any number), and longer than the bucket before."""

    to: float | None
    count: int


def distribution(taken: Sequence[timedelta]) -> list[Bucket]:
    """A bucket for each of `BOUNDS`, and one for what took longer; none without a sample."""
    if not taken:
        return []
    counts = Counter(bisect_left(BOUNDS, one) for one in taken)
    ends = [*(bound.total_seconds() for bound in BOUNDS), None]
    return [Bucket(to=end, count=counts[place]) for place, end in enumerate(ends)]
