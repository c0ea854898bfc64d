"""Sources whose clocks are ahead of ours: their facts count from the arrival, in the order of their own times."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.facts import Fact
from deploydb.store.columns import BigId
from deploydb.store.journal import Journal
from deploydb.store.rare_notes import noted_last, noted_lately
from deploydb.store.tables import event

SKEWED = "clock.skewed"
"""The type of the events that note it."""

K = TypeVar("K")


class Skew(Struct, frozen=True, kw_only=True):
    """A source's clock, as far as one of its facts was ahead of its arrival. `fact`: its row in the log."""

    source: str
    ahead: timedelta
    at: datetime
    fact: int | None = None


def in_order(facts: Mapping[K, Fact], sent: Mapping[K, datetime]) -> dict[K, datetime]:
    """The times of the facts that were given that of their arrival: a microsecond apart in the order of their own
    times (`sent`), else the ids would decide which of two that arrive at once is the later one."""
    times = {key: time for key in sent if (time := facts[key].time) is not None}
    ordered = sorted(times, key=lambda key: sent[key], reverse=True)
    return {key: times[key] - timedelta(microseconds=place) for place, key in enumerate(ordered)}


def note(connection: sa.Connection, found: Iterable[Skew], now: datetime) -> list[Skew]:
    """Write an event for each source that has none of the last hour. Returns what was noted."""
    widest: dict[str, Skew] = {}
    for skew in found:
        if skew.source not in widest or widest[skew.source].ahead < skew.ahead:
            widest[skew.source] = skew
    if not widest:
        return []
    recent = noted_lately(connection, SKEWED, "clock", widest, now)
    noted = [skew for source, skew in sorted(widest.items()) if source not in recent]
    journal = Journal(now)
    for skew in noted:
        journal.note(SKEWED, clock=skew.source, ahead_seconds=skew.ahead.total_seconds(), fact=skew.fact)
    journal.write(connection)
    return noted


def recently_skewed(connection: sa.Connection) -> list[Skew]:
    """The sources whose clocks were ahead in the last day of the log, each with its last event, newest first."""
    last: dict[str, Skew] = {}
    for row in noted_last(
        connection,
        SKEWED,
        event.c.body["clock"].as_string().label("source"),
        event.c.body["ahead_seconds"].as_float().label("seconds"),
        sa.cast(event.c.body["fact"].as_string(), BigId).label("fact"),
    ):
        skew = Skew(source=row.source, ahead=timedelta(seconds=row.seconds), at=row.at, fact=row.fact)
        last.setdefault(row.source, skew)
    return list(last.values())
