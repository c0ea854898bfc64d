"""Ingest's transaction: a batch of facts into the log, into what they add up to, and a mark for promotion."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.model.deployment import Deployment
from deploydb.domain.model.environment_names import EnvironmentNames
from deploydb.domain.model.errors import Forbidden, MessageRejected
from deploydb.domain.model.facts import AboutDeployment, EventUnused, Fact, type_of
from deploydb.domain.model.trace import TraceContext
from deploydb.store import bulk, clock_skew, duplicates, linked_events, notifications
from deploydb.store.arrival import Arrival, Judge
from deploydb.store.clock_skew import Skew
from deploydb.store.correlations import lock, names_sought
from deploydb.store.deployment_resolver import Located, locate
from deploydb.store.duplicates import Differing, Repeated
from deploydb.store.engine import TimedOut, Unstorable, transact
from deploydb.store.environment_names import NUMBER, names_of, require_names
from deploydb.store.linked_events import Linked
from deploydb.store.projections.project import Logged, project
from deploydb.store.revision import advance
from deploydb.store.tables import current_version, event
from deploydb.store.trace_contexts import Traced, columns, places_of_arrivals
from deploydb.store.wanted_notifications import wanted_notifications


class Recorded(Struct, frozen=True, kw_only=True):
    """What became of a batch. `refusals`: by index, what the database will never take, or its publisher may not say;
    the rest is committed.

    `clamped`: facts whose time was ahead of their arrival; `skews`: the clocks ahead that were noted in the log.
    `differing`: facts that are not those with their source and id; the ones of other publishers are stored beside them.
    """

    stored: int = 0
    duplicates: int = 0
    unmatched: int = 0
    refusals: tuple[tuple[int, MessageRejected], ...] = ()
    clamped: int = 0
    skews: tuple[Skew, ...] = ()
    differing: tuple[Differing, ...] = ()


def record(
    engine: sa.Engine,
    arrivals: Sequence[Arrival],
    now: datetime | Callable[[], datetime],
    judge: Judge | None = None,
    traced: Traced | None = None,
) -> Recorded:
    """Store the facts that are not stored yet; committed when it returns. Harmless to repeat.

    One transaction. Only where the database refuses a value, or a statement meets its timeout, is the batch split,
    until the offender stands alone. One that is too slow alone is refused if others of its batch were not: else the
    database is to blame.
    `now`: the record time, or the clock that each attempt takes it from. Numbers are given when rows are written; a
    time taken long before would be out of their order, and not be found by it (`queries.moments`). `judge`: refuses
    what a publisher may not say; None: all may say everything. `traced`: begins spans; None: there are none.

    Raises: Transient, Misconfigured as `engine.transact`.
    """
    if not arrivals:
        return Recorded()
    slow: dict[int, TimedOut] = {}
    recorded = _parts(partial(_record, clock=now, judge=judge, traced=traced), engine, arrivals, 0, slow)
    if not slow:
        return recorded
    if len(slow) == len(arrivals):
        raise next(iter(slow.values()))
    late = tuple((index, MessageRejected(str(error))) for index, error in slow.items())
    return replace(recorded, refusals=tuple(sorted((*recorded.refusals, *late), key=itemgetter(0))))


def _parts(
    work: Callable[[sa.Connection, Sequence[Arrival]], Recorded],
    engine: sa.Engine,
    arrivals: Sequence[Arrival],
    start: int,
    slow: dict[int, TimedOut],
) -> Recorded:
    """Those that begin at the index `start` of their batch, whole or in halves; `slow` takes those too slow alone."""
    try:
        recorded = transact(engine, lambda connection: work(connection, arrivals))
        return replace(recorded, refusals=tuple((start + index, refused) for index, refused in recorded.refusals))
    except Unstorable as error:
        if len(arrivals) == 1:
            return Recorded(refusals=((start, MessageRejected(str(error))),))
    except TimedOut as error:
        if len(arrivals) == 1:
            slow[start] = error
            return Recorded()
    half = len(arrivals) // 2
    first = _parts(work, engine, arrivals[:half], start, slow)
    second = _parts(work, engine, arrivals[half:], start + half, slow)
    return _sum(first, second)


def _sum(first: Recorded, second: Recorded) -> Recorded:
    return Recorded(
        stored=first.stored + second.stored,
        duplicates=first.duplicates + second.duplicates,
        unmatched=first.unmatched + second.unmatched,
        refusals=first.refusals + second.refusals,
        clamped=first.clamped + second.clamped,
        skews=first.skews + second.skews,
        differing=first.differing + second.differing,
    )


def _record(
    connection: sa.Connection,
    arrivals: Sequence[Arrival],
    *,
    clock: datetime | Callable[[], datetime],
    judge: Judge | None,
    traced: Traced | None = None,
) -> Recorded:
    recorded, differing, linked = _record_once(connection, arrivals, clock=clock, judge=judge, traced=traced)
    others = [arrivals[index].under_own_id() for index, one in sorted(differing.items()) if one.other]
    if others:  # permitted already
        beside, again, more = _record_once(connection, others, clock=clock, judge=None, traced=traced)
        new = beside.stored
        linked += more
        recorded = _sum(replace(recorded, duplicates=recorded.duplicates - len(others)), beside)
        differing = {index: one for index, one in differing.items() if not one.other or new}
        differing |= {len(arrivals) + index: one for index, one in again.items()}
    if differing:
        now = clock if isinstance(clock, datetime) else clock()
        duplicates.note(connection, differing.values(), now)
    if linked:
        recorded = replace(recorded, unmatched=recorded.unmatched + _combine(connection, linked, clock, judge, traced))
    return replace(recorded, differing=tuple(differing.values()))


def _combine(
    connection: sa.Connection,
    linked: Sequence[Linked],
    clock: datetime | Callable[[], datetime],
    judge: Judge | None,
    traced: Traced | None,
) -> int:
    """Record the facts that these events are with others, where the publisher of each of them may say it. How many of
    them are unmatched."""
    combined, waiting = linked_events.combine(connection, linked)
    if not combined:
        return waiting

    def of_all(arrival: Arrival, deployment: Deployment | None, names: EnvironmentNames) -> Forbidden | None:
        senders = (replace(arrival, publisher=one, user=one) for one in arrival.publishers)
        refusals = (judge(one, deployment, names) for one in senders) if judge is not None else iter(())
        return next(filter(None, refusals), None)

    arrivals = [one.arrival for one in combined]
    recorded = _record(connection, arrivals, clock=clock, judge=of_all if judge is not None else None, traced=traced)
    linked_events.refuse(connection, [(combined[index], str(error)) for index, error in recorded.refusals])
    return waiting + recorded.unmatched


def _record_once(
    connection: sa.Connection,
    arrivals: Sequence[Arrival],
    *,
    clock: datetime | Callable[[], datetime],
    judge: Judge | None,
    traced: Traced | None = None,
) -> tuple[Recorded, dict[int, Differing], list[Linked]]:
    """With the facts that differ from those with their source and id, by their index, and the events that are facts
    only with others."""
    names = names_of(connection)
    # a name that an environment had means it still; the bytes stay as they came
    known = [replace(one, fact=one.fact.renamed(names.now)) for one in arrivals] if names.current else list(arrivals)
    firsts = {_key(one): index for index, one in reversed([*enumerate(known)])}
    considered = range(len(known)) if judge is not None else sorted(firsts.values())
    called = [name for index in considered for name in _names(known[index])]
    if called:
        lock(connection, called)
    about = [one.fact for index in considered if isinstance((one := known[index]).fact, AboutDeployment)]
    located = locate(connection, about)
    by_key: dict[tuple[str, str], Arrival] = {}
    taken: dict[tuple[str, str], int] = {}
    refusals: list[tuple[int, MessageRejected]] = []
    for index in considered:
        arrival = known[index]
        other = arrival.otherwise
        if other is not None and not _is_followed(connection, located, arrival.fact):
            arrival = replace(other, fact=other.fact.renamed(names.now)) if names.current else other
        refused = _refusal(judge, arrival, located, names) if judge is not None else None
        if refused is not None:
            refusals.append((index, refused))
        elif (key := _key(arrival)) not in by_key:
            by_key[key], taken[key] = arrival, index
    now = clock if isinstance(clock, datetime) else clock()  # after waiting for the deployments' locks
    sent = {key: arrival.sent for key, arrival in by_key.items() if arrival.sent and arrival.sent > now}
    clamped = clock_skew.in_order({key: by_key[key].fact for key in sent}, sent)
    for key, time in clamped.items():
        by_key[key] = replace(by_key[key], fact=replace(by_key[key].fact, time=time))
    # in the order of their keys: two workers with the same duplicates in another order would wait for each other
    places = places_of_arrivals(connection, by_key.values(), located, traced)
    batch = [_row(by_key[key], located, now, places.get(key)) for key in sorted(by_key)]
    logged = [
        Logged(number=row.number, recorded_at=now, fact=arrival.fact, publisher=arrival.publisher, names=arrival.names)
        for row in bulk.insert_new(connection, event, batch, returning=("number", "source", "id"))
        for arrival in (by_key[row.source, row.id],)
    ]
    unmatched = project(connection, logged, located, now, wanted_notifications)
    keyed = {(entry.fact.source, entry.fact.id): entry.number for entry in logged}
    skewed = [
        Skew(source=key[0], ahead=sent[key] - now, at=now, fact=keyed[key]) for key in clamped.keys() & keyed.keys()
    ]
    noted = clock_skew.note(connection, skewed, now)
    if logged:
        advance(connection, wakes=notifications.MARKS)
    elif refusals:  # nothing has been written, so that nothing has shown whether the names are those of now
        require_names(connection, connection.execute(sa.select(NUMBER)).scalar_one())
    stored = {taken[key] for key in keyed}
    left = set(range(len(known))) - stored - {index for index, _ in refusals}
    differing = duplicates.compare(connection, [_repeated(index, known[index]) for index in sorted(left)], now)
    linked = [
        Linked(number=entry.number, names=entry.names, combines=bool(by_key[entry.fact.source, entry.fact.id].awaits))
        for entry in logged
        if isinstance(entry.fact, EventUnused)
    ]
    recorded = Recorded(
        stored=len(logged),
        duplicates=len(arrivals) - len(logged) - len(refusals),
        unmatched=unmatched,
        refusals=tuple(refusals),
        clamped=len(skewed),
        skews=tuple(noted),
    )
    return recorded, differing, [one for one in linked if one.names or one.combines]


def _repeated(index: int, arrival: Arrival) -> Repeated:
    bodies = (arrival.body,) if arrival.otherwise is None else (arrival.body, arrival.otherwise.body)
    fact = arrival.fact
    return Repeated(index=index, source=fact.source, id=fact.id, publisher=arrival.publisher, bodies=bodies)


def _key(arrival: Arrival) -> tuple[str, str]:
    return arrival.fact.source, arrival.fact.id


def _refusal(judge: Judge, arrival: Arrival, located: Located, names: EnvironmentNames) -> Forbidden | None:
    fact = arrival.fact
    deployment = located.of(fact) if isinstance(fact, AboutDeployment) else None
    return judge(arrival, deployment, names)


def _names(arrival: Arrival) -> tuple[str, ...]:
    return (*arrival.names, *arrival.awaits, *names_sought(arrival.fact))


def _is_followed(connection: sa.Connection, located: Located, fact: Fact) -> bool:
    """Whether the fact is about a deployment that DeployDB has commanded, and follows, or that runs there. Index:
    primary key of `current_version`."""
    found = located.of(fact) if isinstance(fact, AboutDeployment) else None
    if found is None or found.requested_at is None or found.skipped_at is not None:
        return False
    lane = (current_version.c.service == found.service, current_version.c.environment == found.environment)
    runs = sa.select(current_version.c.deployment_id).where(*lane, current_version.c.deployment_id == found.id)
    return found.needs_evaluation or connection.execute(runs).first() is not None


def _row(arrival: Arrival, located: Located, now: datetime, trace: TraceContext | None) -> dict[str, Any]:
    fact = arrival.fact
    found = located.of(fact) if isinstance(fact, AboutDeployment) else None
    about = found or fact
    return {
        "source": fact.source,
        "id": fact.id,
        "type": type_of(fact),
        "time": fact.time,
        "recorded_at": now,
        "publisher": arrival.publisher,
        "who": getattr(fact, "by", None),
        "service": getattr(about, "service", None),
        "environment": getattr(about, "environment", None),
        "body": msgspec.Raw(arrival.body),
        "deployment_id": found.id if found is not None else None,
        **columns(trace),
    }
