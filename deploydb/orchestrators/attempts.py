"""When a tool is asked again, and when it is given up."""

from datetime import datetime, timedelta

from deploydb.domain.webhook_attempts import retry_after

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(minutes=1)
MOST_REFUSALS = 5
"""Of a start, one after the other: with their pauses some 15 seconds."""
MOST_REFUSED_LOOKS = 20
"""Of the looks at a run, one after the other: some 15 minutes."""
FOLLOWED_BEYOND = timedelta(hours=1)
"""How long a run is followed after its deadline: a late success counts."""


def pause_after(failures: int, wished: str | None, now: datetime, *, jitter: float) -> timedelta:
    """The pause after so many failures one after the other, at least `wished`, the header Retry-After. `jitter`: from 0
    to 1."""
    usual = min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE) * (0.75 + jitter / 2)
    return max(usual, retry_after(wished, now))
