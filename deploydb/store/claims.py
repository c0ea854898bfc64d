"""What a round of promotion has to itself: evaluation requests (marks), due services, and the services' locks.

A mark says that something happened; a service's agenda row says when time alone may change something, and is its lock.
Of any number of workers one at a time evaluates a service, and the others pass on to other services.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.store import bulk
from deploydb.store.catalog_listings import OpenRequest, leave
from deploydb.store.environment_names import NUMBER, require_names
from deploydb.store.list_parameters import among
from deploydb.store.set_aside import Aside, set_aside_of, to_try
from deploydb.store.tables import artifact, evaluation_request, promotion_request, service_schedule

MOST_ROWS = 5_000
"""How many deployments a round opens, and how many it loads, at most; but never less than those of one service."""

# Built once: for one service, building the statements would cost more than running them.
_MOST = sa.bindparam("most", type_=sa.Integer)
KEPT = sa.and_(
    evaluation_request.c.artifact_id.is_not(None),
    evaluation_request.c.service.is_not(None),
    sa.exists().where(
        service_schedule.c.service == evaluation_request.c.service, service_schedule.c.error.is_not(None)
    ),
)
"""Marks that are kept for a service that is set aside."""


def _marks(*conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    """The oldest marks that no other worker has, each with the module of its artifact."""
    marks = (
        sa.select(evaluation_request.c.id, evaluation_request.c.artifact_id, evaluation_request.c.service)
        .where(*conditions)
        .order_by(evaluation_request.c.id)
        .limit(_MOST)
        .with_for_update(of=evaluation_request, skip_locked=True)
        .cte("marks")  # so it is run once, and locks no artifact
    )
    return sa.select(marks, artifact.c.group, artifact.c.name).outerjoin(artifact, artifact.c.id == marks.c.artifact_id)


_DUE = (
    sa.select(service_schedule.c.service)
    .where(service_schedule.c.due_at <= sa.bindparam("now", type_=service_schedule.c.due_at.type))
    .order_by(service_schedule.c.due_at)
    .limit(_MOST)
    .subquery("due")
)
_CLAIMED = sa.union_all(
    _marks(sa.not_(KEPT)), sa.select(sa.null(), sa.null(), _DUE.c.service, sa.null(), sa.null()).select_from(_DUE)
)
"""Marks; and due services, as rows without an id."""
_KEPT_FOR = _marks(KEPT, among(evaluation_request.c.service, "services"))
_WAITING = sa.select(evaluation_request.c.id).where(sa.not_(KEPT)).order_by(evaluation_request.c.id).limit(1)
_MINE = (
    sa.select(
        service_schedule.c.service,
        service_schedule.c.stages,
        service_schedule.c.error.is_not(None).label("aside"),
        sa.exists()
        .where(promotion_request.c.settled_at.is_(None), promotion_request.c.service == service_schedule.c.service)
        .label("promoted"),
        NUMBER.label("names"),
    )
    .where(among(service_schedule.c.service, "services"))
    .order_by(service_schedule.c.service)
    .with_for_update(of=service_schedule, skip_locked=True)
)
_DONE = sa.delete(evaluation_request).where(among(evaluation_request.c.id, "ids"))


class Request(Struct, frozen=True, kw_only=True):
    """A mark, with the services that it concerns in this catalog. `alone`: it is for one service of several.

    Of a release no more is read here than which it is: a row that cannot be read must hold up its services alone.
    """

    id: int
    services: frozenset[str]
    release: OpenRequest | None
    alone: bool


class Claim(Struct, frozen=True, kw_only=True):
    """What is ours until the transaction ends.

    `services`: those to be evaluated; `trying`: those of them that were set aside, `aside`, all that are. `mine`: with
    those that stay set aside. `restaged`: those that were evaluated by other stages, or never. `promoted`: those that
    may have promotion requests to settle. `releases`: what may open flows, by service. `untaken`: what another session
    has.
    """

    requests: tuple[Request, ...]
    mine: frozenset[str]
    services: frozenset[str]
    trying: frozenset[str]
    restaged: frozenset[str]
    promoted: frozenset[str]
    aside: dict[str, Aside]
    releases: dict[str, list[OpenRequest]]
    untaken: frozenset[str]
    more: bool


def claim(connection: sa.Connection, catalog: Catalog, now: datetime, limit: int) -> Claim:
    """The oldest marks and due services that no other worker has, at most `limit` of each, as far as their services can
    be locked; and of the flows that they open at most about `MOST_ROWS` deployments."""
    found = connection.execute(_CLAIMED, {"now": now, "most": limit}).all()
    claimed = [row for row in found if row.id is not None]
    requests = _requests(catalog, claimed)
    due = (row.service for row in found if row.id is None)
    releases, whole = _bounded(catalog, requests)
    wanted = set(due).union(releases, *(request.services for request in requests if request.release is None))
    mine, new = _lock(connection, wanted)
    failed = {service for service, row in mine.items() if row.aside}
    aside = set_aside_of(connection, failed) if failed else {}
    trying = to_try(connection, aside, now, catalog.digest)
    if trying:
        kept = connection.execute(_KEPT_FOR, {"services": sorted(trying), "most": limit}).all()
        more = _requests(catalog, kept)
        requests += more
        for request in more:
            for service in request.services:
                if request.release is not None:
                    releases.setdefault(service, []).append(request.release)
    return Claim(
        requests=tuple(requests),
        mine=frozenset(mine.keys() | new),
        services=frozenset(mine.keys() - failed | trying | new),
        trying=frozenset(trying),
        promoted=frozenset(new.union(name for name, row in mine.items() if row.promoted)),
        restaged=frozenset(new.union(name for name, row in mine.items() if row.stages != catalog.stages_digest(name))),
        aside=aside,
        releases=releases,
        untaken=frozenset(wanted - mine.keys() - new),
        more=len(claimed) == limit or not whole,
    )


def settle(
    connection: sa.Connection, catalog: Catalog, claimed: Claim, evaluated: Collection[str], now: datetime
) -> None:
    """Take away the marks that are done with. What some of an artifact's services have not seen is kept for them; of
    services that only other catalogs know it is noted."""
    seen = {(service, one.id) for service in evaluated for one in claimed.releases.get(service, ())}
    done: list[int] = []
    kept: list[dict[str, object]] = []
    answered: list[OpenRequest] = []
    for request in claimed.requests:
        release = request.release
        if release is None:
            if request.services <= claimed.mine:
                done.append(request.id)
            continue
        left = [service for service in sorted(request.services) if (service, release.id) not in seen]
        if not left or (not request.alone and request.services & claimed.mine):
            done.append(request.id)
            answered.append(release)
            kept += [{"artifact_id": release.id, "service": service, "created_at": now} for service in left]
    leave(connection, catalog, answered, now)
    if done:
        connection.execute(_DONE, {"ids": done})
    bulk.insert_rows(connection, evaluation_request, kept)


def oldest_request(connection: sa.Connection) -> int | None:
    """The id of the oldest mark that is not kept for a service that is set aside. Index: primary key of
    `evaluation_request`."""
    return connection.execute(_WAITING).scalar()


def _requests(catalog: Catalog, claimed: Iterable[Any]) -> list[Request]:
    requests = []
    for row in sorted(claimed, key=lambda row: int(row.id)):
        services, release = frozenset([row.service]), None
        if row.group is not None:
            release = OpenRequest(id=row.artifact_id, module=f"{row.group}:{row.name}")
            listing = frozenset(catalog.services_of(release.module))
            services = listing if row.service is None else services & listing
        requests.append(
            Request(id=row.id, services=services, release=release, alone=None not in (row.service, release))
        )
    return requests


def _bounded(catalog: Catalog, requests: Iterable[Request]) -> tuple[dict[str, list[OpenRequest]], bool]:
    """The releases that may open flows, by service, until there are enough; and whether that is all of them."""
    releases: dict[str, list[OpenRequest]] = {}
    opened = 0
    for request in requests:
        if request.release is None:
            continue
        for service in sorted(request.services):
            if opened >= MOST_ROWS:
                return releases, False
            opened += max(len(catalog.stages(catalog.services[service])), 1)
            releases.setdefault(service, []).append(request.release)
    return releases, True


def _lock(connection: sa.Connection, services: Collection[str]) -> tuple[dict[str, Any], set[str]]:
    """The rows of those of the services that no other worker has, ours until the transaction ends; and those that are
    evaluated for the first time, and have none before.

    Raises: Contention as `require_names`.
    """
    if not services:
        return {}, set()
    mine = {row.service: row for row in connection.execute(_MINE, {"services": sorted(services)})}
    for names in {row.names for row in mine.values()}:
        require_names(connection, names)
    others = [{"service": service} for service in sorted({*services} - mine.keys())]
    made = bulk.insert_new(connection, service_schedule, others, returning=("service",))
    return mine, {row.service for row in made}
