"""Which services list which modules in anybody's catalog, and what is still to be opened for them.

Workers have different catalogs while a configuration is rolled out, and a service's file may come after its artifacts.
So a worker that answers an evaluation request notes, for each service beside its own that has been seen to list the
module, from which artifact on it is left unanswered: one row a service and module, however many artifacts there are. A
worker that knows the service opens what is missing: the newest release by the service's order, and what was published
since it was left unanswered, if that is not longer ago than `ROLLOUT`. The releases of an
incomplete service wait for as long as it takes.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key, order_key, split_module
from deploydb.domain.model.catalog import Catalog, Service
from deploydb.store import bulk
from deploydb.store.columns import BigId
from deploydb.store.engine import reading, transact
from deploydb.store.list_parameters import among
from deploydb.store.tables import artifact, catalog_listing, evaluation_request, unmatched_fact

ROLLOUT = timedelta(days=1)
"""How long workers with different catalogs may work side by side. What is left unanswered longer ago than this counts
as a service's past: its newest release alone is opened."""
LOOKED_BACK = 500
"""How many releases of a module, the last published, are looked at for the newest by version; how many are opened at
once."""
_AT_ONCE = 200

_LISTED = sa.select(catalog_listing).where(among(catalog_listing.c.module_key, "modules"))
_LAST_ONES = (
    sa.select(artifact.c.id, artifact.c.version, artifact.c.published_at)
    .where(
        artifact.c.module_key == sa.bindparam("module"), sa.not_(artifact.c.observed), sa.not_(artifact.c.historical)
    )
    .order_by(artifact.c.published_at.desc(), artifact.c.version.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)
_SINCE = (
    sa.select(artifact.c.id)
    .where(
        artifact.c.module_key == sa.bindparam("module"),
        sa.not_(artifact.c.observed),
        sa.not_(artifact.c.historical),
        artifact.c.id >= sa.bindparam("first", type_=BigId),
    )
    .order_by(artifact.c.id)
    .limit(LOOKED_BACK)
)
_UNANSWERED = (
    sa.select(catalog_listing)
    .where(catalog_listing.c.unanswered_at.is_not(None), among(catalog_listing.c.service, "services"))
    .order_by(catalog_listing.c.service, catalog_listing.c.module_key)
    .limit(_AT_ONCE)
    .with_for_update(skip_locked=True)
)


class OpenRequest(Struct, frozen=True, kw_only=True):
    """A release that services are asked about: its artifact's row, and its module."""

    id: int
    module: str


def enter(engine: sa.Engine, catalog: Catalog, now: datetime) -> None:
    """Write down which services list which modules; what is new is unanswered. Committed before it is answered, so that
    no request is settled in between by a worker that does not know of it."""
    batch = [
        {"module_key": _key(module), "service": service.ident, "unanswered_at": now}
        for service in sorted(catalog.every_service().values(), key=lambda one: one.ident)
        for module in sorted(set(service.artifacts))
    ]
    batch.sort(key=lambda row: (row["module_key"], row["service"]))
    transact(engine, lambda connection: bulk.insert_new(connection, catalog_listing, batch, returning=("service",)))


def leave(connection: sa.Connection, catalog: Catalog, releases: Iterable[OpenRequest], now: datetime) -> None:
    """Note for the services that this catalog does not know to list a module what they have not seen of it.

    Index: primary key of `catalog_listing`. Nothing is written where it is noted already.
    """
    first: dict[str, OpenRequest] = {}
    for release in releases:
        key = _key(release.module)
        if key not in first or release.id < first[key].id:
            first[key] = release
    if not first:
        return
    found = connection.execute(_LISTED, {"modules": list(first)})
    left = [
        noted
        for row in found
        if row.service not in catalog.services_of(first[row.module_key].module)
        and (noted := _left(row, first[row.module_key].id, row.service in catalog.incomplete, now)) is not None
    ]
    left.sort(key=lambda row: (row["module_key"], row["service"]))
    bulk.update_rows(connection, catalog_listing, left, key=("module_key", "service"))


def _left(row: Any, ident: int, waits: bool, now: datetime) -> dict[str, Any] | None:  # noqa: ANN401
    """The listing once a release is left; None where it is noted already. `row`: of `catalog_listing`."""
    since, at = row.unanswered_from, row.unanswered_at or now
    begins = waits and not row.waits
    if begins and at < now - ROLLOUT:
        since, at = None, now  # what was left before it waits is its past
    if since is not None and since <= ident and not begins:
        return None
    return {
        "module_key": row.module_key,
        "service": row.service,
        "unanswered_at": at,
        "unanswered_from": ident if since is None else min(since, ident),
        "waits": waits or row.waits,
    }


def answer(engine: sa.Engine, catalog: Catalog, now: datetime) -> int:
    """Ask the services for what was left unanswered, each alone: those that fail at it hold up no other. How many
    evaluation requests were made.

    Indexes: `ix_catalog_listing_unanswered`, `ix_artifact_module`, `ix_artifact_module_key_id`.
    """
    unanswered = catalog_listing.c.unanswered_at.is_not(None)
    with reading(engine) as connection:
        if connection.execute(sa.select(catalog_listing.c.service).where(unanswered).limit(1)).first() is None:
            return 0
    asked, more = 0, True
    while more:
        requests, more = transact(engine, lambda connection: _answer(connection, catalog, now))
        asked += requests
    return asked


def _answer(connection: sa.Connection, catalog: Catalog, now: datetime) -> tuple[int, bool]:
    found = connection.execute(_UNANSWERED, {"services": sorted(catalog.services)}).all()
    wait = sa.select(unmatched_fact.c.service).where(among(unmatched_fact.c.service, [row.service for row in found]))
    waiting = sorted(set(connection.execute(wait).scalars())) if found else []
    marks: list[dict[str, Any]] = [{"artifact_id": None, "service": name, "created_at": now} for name in waiting]
    done: list[dict[str, Any]] = []
    for row in found:
        service, rest = catalog.services[row.service], None
        if row.module_key in map(_key, service.artifacts):
            idents, rest = _missing(connection, service, row, now)
            marks += [{"artifact_id": ident, "service": row.service, "created_at": now} for ident in idents]
        done.append(
            {
                "module_key": row.module_key,
                "service": row.service,
                "unanswered_at": row.unanswered_at if rest is not None else None,
                "unanswered_from": rest,
                "waits": rest is not None,
            }
        )
    bulk.insert_rows(connection, evaluation_request, marks)
    bulk.update_rows(connection, catalog_listing, done, key=("module_key", "service"))
    return len(marks), len(found) == _AT_ONCE or any(row["waits"] for row in done)


def _missing(
    connection: sa.Connection,
    service: Service,
    row: Any,  # noqa: ANN401
    now: datetime,
) -> tuple[list[int], int | None]:
    """The newest release, and those since the request was left unanswered; and from which on there may be more that
    wait. `row`: of `catalog_listing`."""
    given = {"module": row.module_key}
    looked_back = LOOKED_BACK if service.order == "version" else 1
    last_ones = connection.execute(_LAST_ONES, given | {"most": looked_back}).all()
    if not last_ones:
        return [], None
    newest = max(last_ones, key=lambda one: order_key(service.order, one.version, one.published_at))
    if row.unanswered_from is None or (row.unanswered_at < now - ROLLOUT and not row.waits):
        return [newest.id], None
    since = list(connection.execute(_SINCE, given | {"first": row.unanswered_from}).scalars())
    rest = since[-1] + 1 if row.waits and len(since) == LOOKED_BACK else None
    return sorted({newest.id, *since}), rest


def _key(module: str) -> str:
    return module_key(*split_module(module))
