"""Sources whose clocks are ahead of ours: their facts count from the arrival, in the order of their own times."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.facts import Fact
from deploydb.store.columns import BigId
from deploydb.store.journal import Journal, is_own
from deploydb.store.list_parameters import among
from deploydb.store.tables import event
from deploydb.store.tables.deployments import is_rare

SKEWED = "clock.skewed"
"""The type of the events that note it."""
NOTED_EVERY = timedelta(hours=1)
"""Of one source, no more often."""
_MOST = 200

K = TypeVar("K")

_SKEWS = (is_rare, event.c.type == sa.literal(SKEWED, literal_execute=True), is_own())
_since = sa.bindparam("since", type_=event.c.recorded_at.type)
_LAST_BEFORE = (
    sa.select(event.c.number)
    .where(*_SKEWS, event.c.recorded_at <= _since)
    .order_by(event.c.number.desc())
    .limit(1)
    .scalar_subquery()
)
_NOTED = sa.select(event.c.body["clock"].as_string()).where(
    *_SKEWS,
    event.c.number > sa.func.coalesce(_LAST_BEFORE, 0),
    among(event.c.body["clock"].as_string(), "sources"),
)
"""The sources, of those given, that were noted since a time."""


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
    """Write an event for each source that has none of the last hour. Returns what was noted.

    Costs the events of the last hour, of all sources. Index: `ix_event_rare`.
    """
    widest: dict[str, Skew] = {}
    for skew in found:
        if skew.source not in widest or widest[skew.source].ahead < skew.ahead:
            widest[skew.source] = skew
    if not widest:
        return []
    recent = set(connection.execute(_NOTED, {"sources": sorted(widest), "since": now - NOTED_EVERY}).scalars())
    noted = [skew for source, skew in sorted(widest.items()) if source not in recent]
    journal = Journal(now)
    for skew in noted:
        journal.note(SKEWED, clock=skew.source, ahead_seconds=skew.ahead.total_seconds(), fact=skew.fact)
    journal.write(connection)
    return noted


def skewed_clocks(connection: sa.Connection) -> list[Skew]:
    """The sources whose clocks were ahead last, each with its last event, newest first. Index: `ix_event_rare`."""
    statement = (
        sa.select(
            event.c.body["clock"].as_string().label("source"),
            event.c.body["ahead_seconds"].as_float().label("seconds"),
            sa.cast(event.c.body["fact"].as_string(), BigId).label("fact"),
            event.c.recorded_at,
        )
        .where(*_SKEWS)
        .order_by(event.c.number.desc())
        .limit(_MOST)
    )
    last: dict[str, Skew] = {}
    for row in connection.execute(statement):
        skew = Skew(source=row.source, ahead=timedelta(seconds=row.seconds), at=row.recorded_at, fact=row.fact)
        last.setdefault(row.source, skew)
    return list(last.values())


def recently_skewed(connection: sa.Connection) -> list[Skew]:
    """The same, of the last day of the log."""
    last = connection.execute(sa.select(event.c.recorded_at).order_by(event.c.number.desc()).limit(1)).scalar()
    return [skew for skew in skewed_clocks(connection) if last is None or skew.at >= last - timedelta(days=1)]
