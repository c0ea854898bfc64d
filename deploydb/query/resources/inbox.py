"""The inbox: `/api/inbox`, what needs somebody now."""

from collections import Counter
from collections.abc import Iterable
from itertools import chain
from typing import get_args

from msgspec import Struct

from deploydb.identity import Person
from deploydb.query.current_lanes import current_lanes
from deploydb.query.existence import require_environment, require_service
from deploydb.query.inbox_contradictions import of_contradictions
from deploydb.query.inbox_entry import Entry, Kind
from deploydb.query.inbox_gates import of_gates
from deploydb.query.inbox_lanes import of_lanes, of_starved
from deploydb.query.inbox_operations import (
    of_commands,
    of_configuration,
    of_holds,
    of_messages,
    of_set_aside,
    of_workers,
)
from deploydb.query.request_context import RequestContext
from deploydb.store.queries.live_intervals import LiveIntervalView
from deploydb.store.queries.open_gates import with_open_gates
from deploydb.store.queries.starvation import starved_lanes
from deploydb.store.set_aside import set_aside_services

DEFAULT = 100
_RANK = {kind: index for index, kind in enumerate(get_args(Kind))}


class LastRelease(Struct, frozen=True, kw_only=True):
    """The deployment that came to run last, of all lanes that are asked for."""

    service: str
    environment: str
    version: str
    deployment: int
    since: str


class Inbox(Struct, frozen=True, kw_only=True, rename="camel"):
    """What needs somebody: of some kinds, services and environments; the first come first. `counts`: how many there
    are, by kind, of all kinds; `more`: there are more than these. `last_release`: null where nothing runs."""

    entries: list[Entry]
    counts: dict[str, int]
    more: bool
    last_release: LastRelease | None


def inbox(asked: RequestContext) -> Inbox:
    """What needs somebody now: late workers, commands that no tool takes, open incidents, failures, rollbacks, stuck
    and starved releases, approvals that wait, drift, holds, contradictions, messages and files with problems. By kind
    in this order, the latest first; of the approvals, those of who is signed in, or of `person`, come first."""
    service, environment, kind = asked.option("service"), asked.environment(), asked.option("kind")
    person = asked.option("person")
    if person is None and (known := signed_in(asked)) is not None:
        person = known.name
    catalog, now = asked.catalog, asked.now
    with asked.store() as connection:
        require_service(connection, catalog, service)
        require_environment(connection, catalog, environment)
        current = current_lanes(connection, catalog, now, service)
        found = list(
            chain(
                of_gates(catalog, with_open_gates(connection, service), person),
                of_lanes(current),
                of_starved(starved_lanes(connection, catalog, now, service, environment)),
                of_set_aside(set_aside_services(connection)),
                of_holds(current.holds, now),
                of_workers(connection, now),
                of_commands(connection, now),
                of_contradictions(connection, catalog),
                of_messages(connection, catalog, now),
                of_configuration(catalog, asked.problems),
            )
        )
    wanted = [one for one in found if _concerns(one, service, environment)]
    counts = Counter(one.kind for one in wanted)
    entries = _ordered(one for one in wanted if kind in (None, one.kind))
    limit = asked.number("limit") or DEFAULT
    return Inbox(
        entries=entries[:limit],
        counts={name: counts[name] for name in _RANK if counts[name]},
        more=len(entries) > limit,
        last_release=_last_release(one for one in current.running if environment in (None, one.environment)),
    )


def signed_in(asked: RequestContext) -> Person | None:
    """Who asks, where that is known."""
    person: Person | None = asked.request.scope.get("state", {}).get("person")
    return person


def _concerns(entry: Entry, service: str | None, environment: str | None) -> bool:
    """Whether it is of the lanes that are asked for. What is of no lane in particular is of all."""
    there = service in (None, entry.service or service)
    return there and environment in (None, entry.environment or environment)


def _ordered(entries: Iterable[Entry]) -> list[Entry]:
    latest_first = sorted(entries, key=lambda one: one.since or "", reverse=True)
    return sorted(latest_first, key=lambda one: (_RANK[one.kind], one.mine is not True))


def _last_release(running: Iterable[LiveIntervalView]) -> LastRelease | None:
    last = max(running, key=lambda one: (one.since, one.deployment), default=None)
    if last is None:
        return None
    return LastRelease(
        service=last.service,
        environment=last.environment,
        version=last.version,
        deployment=last.deployment,
        since=last.since.isoformat(),
    )
