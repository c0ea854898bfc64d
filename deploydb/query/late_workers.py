"""Workers that are late, as it is answered."""

from datetime import datetime, timedelta

from deploydb.domain.formatting import in_words

LATE = timedelta(minutes=1)
STUCK = timedelta(minutes=10)


def waiting_text(count: int, age: timedelta) -> str:
    """`3 wait, the oldest for 3m`, of the database's queues."""
    return f"{count} wait, the oldest for {in_words(_whole(age))}" if count else "nothing waits"


def reading_text(until: datetime, behind: timedelta) -> str:
    """`has read all from before 2026-11-22 12:00:00 UTC, 3m ago`, of ingest."""
    return f"has read all from before {until:%Y-%m-%d %H:%M:%S} UTC, {in_words(_whole(behind))} ago"


def _whole(age: timedelta) -> timedelta:
    return timedelta(seconds=max(int(age.total_seconds()), 0))
