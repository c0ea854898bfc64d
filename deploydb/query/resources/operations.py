"""Operations: `/api/operations`, what is still to be done, and what could not be."""

from datetime import datetime

from msgspec import UNSET, Struct, UnsetType

from deploydb.query.bodies import body_of
from deploydb.query.command_queues import UnconsumedQueue, unconsumed_bodies
from deploydb.query.dead_letters import DeadLetterQueue, dead_body
from deploydb.query.request_context import RequestContext
from deploydb.query.resource import Resource
from deploydb.query.set_aside import SetAside, set_aside_body
from deploydb.query.starvation import Starved, starved_body
from deploydb.query.unmatched import Unmatched, unmatched_in
from deploydb.redaction import shown_endpoint
from deploydb.store.clock_skew import recently_skewed
from deploydb.store.command_queues import unconsumed
from deploydb.store.dead_letters import dead_letters
from deploydb.store.duplicates import recently_differing
from deploydb.store.queries import operations as queries
from deploydb.store.queries.contradictions import contradictions
from deploydb.store.queries.operations import WaitingView
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.queries.unmatched import recently_unmatched
from deploydb.store.queries.webhooks import DeadView, dead_deliveries
from deploydb.store.set_aside import set_aside_services

_MOST = 50
"""Of each list, the first; the count is beside it."""


class Waiting(Struct, frozen=True, kw_only=True, rename="camel"):
    """How many wait, since when the first, and how long that is."""

    count: int
    oldest_at: str | None
    oldest_age_seconds: float | None


class Returned(Struct, frozen=True, kw_only=True, rename="camel"):
    """A message that the broker would not take, why, and when it is sent again."""

    id: int
    routing_key: str
    attempts: int
    problem: str
    created_at: str
    due_at: str


class Due(Struct, frozen=True, kw_only=True, rename="camel"):
    """A service that is looked at because of the time, and when."""

    service: str
    due_at: str


class Last(Struct, frozen=True, kw_only=True, rename="camel"):
    """The last row of the log: when it happened, and when it was known."""

    number: int
    type: str
    source: str
    time: str
    recorded_at: str


class Contradiction(Struct, frozen=True, kw_only=True):
    """A version with two files; `conflict`: who published which."""

    module: str
    version: str
    conflict: str


class SkewedClock(Struct, frozen=True, kw_only=True, rename="camel"):
    """A source whose clock was ahead of ours, by how much, and when that was noted last."""

    source: str
    ahead_seconds: float
    at: str


class DeadDelivery(Struct, frozen=True, kw_only=True, rename="camel"):
    """A call of a webhook that was given up, with the problem of its last attempt; `replay`: the command that has it
    made again."""

    id: int
    endpoint: str
    type: str
    service: str | None
    environment: str | None
    attempts: int
    problem: str | None
    dead_at: str
    replay: str


class DifferingDuplicate(Struct, frozen=True, kw_only=True, rename="camel"):
    """A fact that differs from the one with its source and id, which is the event `fact`. `other`: it is of another
    publisher, and stored beside that one; else it is dropped."""

    source: str
    id: str
    publisher: str | None
    fact: int
    other: bool
    at: str


class Operations(Struct, frozen=True, kw_only=True, rename="camel"):
    """How the machinery is. `evaluations`: what promotion has still to look at, its lag; `outbox`: what has still to be
    sent; `problems`: what is wrong with the configuration's files, while the last good ones stay in use; `set_aside`:
    the services whose evaluation failed; `skewed_clocks`: the sources whose clocks were ahead in the last day of the
    log; `differing_duplicates`: of that day, too; `starved`: the lanes in which no release passes;
    `unconsumed`: the command queues without a consumer; `dead_letters`: of the broker, where a relay has counted any in
    the last minutes; `unmatched`: how many facts of the last seven days of the log
    match nothing; `dead_deliveries`: how many calls of webhooks were given up, `dead`: the last of them."""

    now: str
    last_event: Last | None
    evaluations: Waiting
    outbox: Waiting
    returned: list[Returned]
    unmatched: int
    unmatched_facts: list[Unmatched]
    due: list[Due]
    catalog: str
    problems: list[str]
    set_aside: list[SetAside] | UnsetType = UNSET
    skewed_clocks: list[SkewedClock] | UnsetType = UNSET
    contradictions: list[Contradiction] | UnsetType = UNSET
    differing_duplicates: list[DifferingDuplicate] | UnsetType = UNSET
    starved: list[Starved] | UnsetType = UNSET
    unconsumed: list[UnconsumedQueue] | UnsetType = UNSET
    dead_letters: DeadLetterQueue | UnsetType = UNSET
    dead_deliveries: int | UnsetType = UNSET
    dead: list[DeadDelivery] | UnsetType = UNSET


def operations(asked: RequestContext) -> Operations:
    """The backlog, returned messages, unmatched facts, services that are due, and problems of the configuration.

    Dead letters stay in the broker: `deploydb dead list` lists them.
    """
    with asked.store() as connection:
        last = queries.last_event(connection)
        evaluations, outbox = queries.unevaluated(connection), queries.unsent(connection)
        returned = queries.returned(connection, limit=_MOST)
        unmatched = recently_unmatched(connection, asked.catalog)
        facts = unmatched_in(connection, asked.catalog, limit=_MOST)
        due = queries.due_next(connection, limit=_MOST)
        aside = set_aside_services(connection)
        skewed = recently_skewed(connection)
        contradicted = contradictions(connection, limit=_MOST)
        differing = recently_differing(connection)
        starved = starved_lanes(connection, asked.catalog, asked.now)
        queues = unconsumed_bodies(unconsumed(connection, asked.now))
        letters = dead_letters(connection, asked.now)
        dead_count, dead = dead_deliveries(connection, limit=_MOST)
    return Operations(
        now=asked.now.isoformat(),
        last_event=body_of(Last, last) if last is not None else None,
        evaluations=_waiting(evaluations, asked.now),
        outbox=_waiting(outbox, asked.now),
        returned=[body_of(Returned, one) for one in returned],
        unmatched=unmatched,
        unmatched_facts=facts,
        due=[body_of(Due, one) for one in due],
        catalog=asked.catalog.digest,
        problems=list(asked.problems),
        set_aside=[set_aside_body(one) for one in aside] or UNSET,
        skewed_clocks=[body_of(SkewedClock, one, ahead_seconds=one.ahead.total_seconds()) for one in skewed] or UNSET,
        contradictions=[body_of(Contradiction, one) for one in contradicted] or UNSET,
        differing_duplicates=[body_of(DifferingDuplicate, one) for one in differing] or UNSET,
        starved=[starved_body(one) for one in starved] or UNSET,
        unconsumed=queues or UNSET,
        dead_letters=dead_body(letters) if letters is not None else UNSET,
        dead_deliveries=dead_count or UNSET,
        dead=[_dead(one) for one in dead] or UNSET,
    )


def _dead(view: DeadView) -> DeadDelivery:
    replay = f"deploydb webhook replay {view.id}"
    return body_of(DeadDelivery, view, endpoint=shown_endpoint(view.endpoint), replay=replay)


def _waiting(view: WaitingView, now: datetime) -> Waiting:
    age = max((now - view.oldest_at).total_seconds(), 0.0) if view.oldest_at is not None else None
    return body_of(Waiting, view, oldest_age_seconds=age)


RESOURCES = (Resource(path="/api/operations", read=operations, momentary=True),)
