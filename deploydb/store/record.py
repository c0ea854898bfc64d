"""Ingest's transaction: a batch of facts into the log, into what they add up to, and a mark for promotion."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.errors import Refused
from deploydb.domain.facts import (
    AboutDeployment,
    AboutHold,
    AboutIncident,
    AnyFact,
    DeploymentObserved,
    HotfixDeclared,
    RollbackRequested,
)
from deploydb.store import rows, wake
from deploydb.store.engine import Unstorable, transact
from deploydb.store.projection import Logged, project
from deploydb.store.references import Located, locate
from deploydb.store.revision import advance
from deploydb.store.tables import event


class Arrival(Struct, frozen=True, kw_only=True):
    """A fact as it arrived: what it says, the bytes that go to the log, and who the broker says sent it."""

    fact: AnyFact
    body: bytes
    publisher: str | None = None


class Recorded(Struct, frozen=True, kw_only=True):
    """What became of a batch. `refusals`: by index, what the database will never take; the rest is committed."""

    stored: int = 0
    duplicates: int = 0
    unmatched: int = 0
    refusals: tuple[tuple[int, Refused], ...] = ()


def record(engine: sa.Engine, arrivals: Sequence[Arrival], now: datetime | Callable[[], datetime]) -> Recorded:
    """Store the facts that are not stored yet; committed when it returns. Harmless to repeat.

    One transaction. Only where the database refuses a value is the batch split, until the offender stands alone.
    `now`: the record time, or the clock that each attempt takes it from. Numbers are given when rows are written; a
    time taken long before would be out of their order, and not be found by it (`queries.moments`).

    Raises: Transient, Misconfigured as `engine.transact`.
    """
    if not arrivals:
        return Recorded()
    try:
        return transact(engine, lambda connection: _record(connection, arrivals, now))
    except Unstorable as error:
        if len(arrivals) == 1:
            return Recorded(refusals=((0, Refused(str(error))),))
    half = len(arrivals) // 2
    first, second = record(engine, arrivals[:half], now), record(engine, arrivals[half:], now)
    return Recorded(
        stored=first.stored + second.stored,
        duplicates=first.duplicates + second.duplicates,
        unmatched=first.unmatched + second.unmatched,
        refusals=first.refusals + tuple((half + index, refused) for index, refused in second.refusals),
    )


def _record(
    connection: sa.Connection, arrivals: Sequence[Arrival], clock: datetime | Callable[[], datetime]
) -> Recorded:
    by_key: dict[tuple[str, str], Arrival] = {}
    for arrival in arrivals:
        by_key.setdefault((arrival.fact.source, arrival.fact.id), arrival)
    located = locate(connection, [one.fact for one in by_key.values() if isinstance(one.fact, AboutDeployment)])
    now = clock if isinstance(clock, datetime) else clock()  # after waiting for the deployments' locks
    # in the order of their keys: two workers with the same duplicates in another order would wait for each other
    batch = [_row(by_key[key], located, now) for key in sorted(by_key)]
    logged = [
        Logged(number=row.number, fact=arrival.fact, publisher=arrival.publisher)
        for row in rows.insert_new(connection, event, batch, returning=("number", "source", "id"))
        for arrival in (by_key[row.source, row.id],)
    ]
    unmatched = project(connection, logged, located, now)
    if logged:
        wake.notify(connection, wake.MARKS)
        advance(connection)
    return Recorded(stored=len(logged), duplicates=len(arrivals) - len(logged), unmatched=unmatched)


def _row(arrival: Arrival, located: Located, now: datetime) -> dict[str, Any]:
    fact = arrival.fact
    service = environment = None
    if isinstance(fact, AboutDeployment):
        known = located.of(fact)
        service, environment = (known.service, known.environment) if known else (fact.service, fact.environment)
    elif isinstance(fact, AboutHold | AboutIncident | DeploymentObserved | RollbackRequested):
        service, environment = fact.service, fact.environment
    elif isinstance(fact, HotfixDeclared):
        service = fact.service
    return {
        "source": fact.source,
        "id": fact.id,
        "type": fact.__struct_config__.tag,
        "time": fact.time,
        "recorded_at": now,
        "publisher": arrival.publisher,
        "who": getattr(fact, "by", None),
        "service": service,
        "environment": environment,
        "body": msgspec.Raw(arrival.body),
    }
