"""How long steps take, from how long they have taken before: the middle, and the slow one in ten."""

from collections.abc import Sequence
from datetime import timedelta
from math import ceil

from msgspec import Struct

from deploydb.domain.gates.promotion import Promotion


class Expected(Struct, frozen=True, kw_only=True):
    """How long something takes: in the middle (`p50`), and nine times in ten at most (`p90`), of so many `samples`."""

    p50: timedelta
    p90: timedelta
    samples: int


def expected(taken: Sequence[timedelta]) -> Expected | None:
    """The percentiles of what was measured, by the nearest rank. None where nothing was."""
    if not taken:
        return None
    ordered = sorted(taken)

    def rank(share: float) -> timedelta:
        return ordered[ceil(len(ordered) * share) - 1]

    return Expected(p50=rank(0.5), p90=rank(0.9), samples=len(ordered))


def expected_of(promotion: Promotion, measured: Expected | None) -> Expected | None:
    """How long a gate takes. A soak takes what it takes, and verification before it comes on top."""
    if promotion.lasts is not None and (measured is None or measured.p50 < promotion.lasts):
        return Expected(p50=promotion.lasts, p90=promotion.lasts, samples=0)
    return measured
