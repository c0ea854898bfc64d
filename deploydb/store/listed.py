"""Which services list which modules in anybody's catalog, and what is still to be opened for them.

Workers have different catalogs while a configuration is rolled out, and a service's file may come after its artifacts.
So a worker that answers an evaluation request notes, for each service beside its own that has been seen to list the
module, from which artifact on it is left unanswered: one row a service and module, however many artifacts there are. A
worker that knows the service opens what is missing: the newest release by the service's order, and what was published
since it was left unanswered, if that is not longer ago than `ROLLOUT`.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deploydb.domain.catalog import Catalog, Service
from deploydb.domain.decide import open_flow
from deploydb.domain.state import Release
from deploydb.store import rows
from deploydb.store.columns import BigId
from deploydb.store.deployments import release_from_row, released
from deploydb.store.engine import reading, transact
from deploydb.store.flows import open_flows
from deploydb.store.journal import Journal
from deploydb.store.lists import among
from deploydb.store.publications import module_key
from deploydb.store.revision import advance
from deploydb.store.tables import artifact, listed, mark

ROLLOUT = timedelta(days=1)
"""How long workers with different catalogs may work side by side. What is left unanswered longer ago than this counts
as a service's past: its newest release alone is opened."""
LOOKED_BACK = 500
"""How many releases of a module, the last published, are looked at for the newest by version; how many are opened."""
_AT_ONCE = 200

_newer = artifact.alias("newer")
_LAST = (
    sa.select(_newer.c.id)
    .where(_newer.c.module_key == artifact.c.module_key, sa.not_(_newer.c.observed))
    .order_by(_newer.c.published_at.desc())
    .limit(1)
    .scalar_subquery()
)
_NEWEST = released().where(among(artifact.c.module_key, "modules"), artifact.c.id == _LAST)
_PUBLISHED = released().where(artifact.c.module_key == sa.bindparam("module"), sa.not_(artifact.c.observed))
_LAST_ONES = _PUBLISHED.order_by(artifact.c.published_at.desc()).limit(LOOKED_BACK)
_SINCE = (
    _PUBLISHED.where(artifact.c.id >= sa.bindparam("first", type_=BigId)).order_by(artifact.c.id).limit(LOOKED_BACK)
)
_UNANSWERED = (
    sa.select(listed)
    .where(listed.c.unanswered_at.is_not(None), among(listed.c.service, "services"))
    .order_by(listed.c.service, listed.c.module_key)
    .limit(_AT_ONCE)
    .with_for_update(skip_locked=True)
)


def enter(engine: sa.Engine, catalog: Catalog, now: datetime) -> None:
    """Write down which services list which modules; what is new is unanswered. Committed before it is answered, so that
    no request is settled in between by a worker that does not know of it."""
    batch = [
        {"module_key": _key(module), "service": service.ident, "unanswered_at": now}
        for service in sorted(catalog.services.values(), key=lambda one: one.ident)
        for module in sorted(set(service.artifacts))
    ]
    batch.sort(key=lambda row: (row["module_key"], row["service"]))
    transact(engine, lambda connection: rows.insert_new(connection, listed, batch, returning=("service",)))


def leave(connection: sa.Connection, catalog: Catalog, releases: Iterable[Release], now: datetime) -> None:
    """Note for the services that this catalog does not know to list a module what they have not seen of it.

    Index: primary key of `listed`. Nothing is written where it is noted already.
    """
    first: dict[str, Release] = {}
    for release in releases:
        key = _key(release.artifact.module)
        if key not in first or release.id < first[key].id:
            first[key] = release
    if not first:
        return
    found = connection.execute(sa.select(listed).where(among(listed.c.module_key, first)))
    left = [
        {
            "module_key": row.module_key,
            "service": row.service,
            "unanswered_at": row.unanswered_at or now,
            "unanswered_from": first[row.module_key].id,
        }
        for row in found
        if row.service not in catalog.services_of(first[row.module_key].artifact.module)
        and (row.unanswered_from is None or row.unanswered_from > first[row.module_key].id)
    ]
    left.sort(key=lambda row: (row["module_key"], row["service"]))
    rows.update_rows(connection, listed, left, key=("module_key", "service"))


def answer(engine: sa.Engine, catalog: Catalog, now: datetime) -> int:
    """Open the flows that are missing for what was left unanswered. How many were opened.

    Indexes: `ix_listed_unanswered`, `ix_artifact_module`, `ix_artifact_module_key_id`.
    """
    unanswered = listed.c.unanswered_at.is_not(None)
    with reading(engine) as connection:
        if connection.execute(sa.select(listed.c.service).where(unanswered).limit(1)).first() is None:
            return 0
    opened, more = 0, True
    while more:
        flows, more = transact(engine, lambda connection: _answer(connection, catalog, now))
        opened += flows
    return opened


def _answer(connection: sa.Connection, catalog: Catalog, now: datetime) -> tuple[int, bool]:
    found = connection.execute(_UNANSWERED, {"services": sorted(catalog.services)}).all()
    modules = {_key(module): module for row in found for module in catalog.services[row.service].artifacts}
    asked = [row for row in found if modules.get(row.module_key) in catalog.services[row.service].artifacts]
    newest = _newest(connection, {row.module_key for row in asked})
    openings = []
    for row in asked:
        for release in _missing(connection, catalog.services[row.service], row, newest, now):
            openings.append(open_flow(catalog, row.service, release))
    journal = Journal(now, catalog.digest)
    flows = open_flows(connection, openings, journal, now)
    journal.write(connection)
    done = [
        {"module_key": row.module_key, "service": row.service, "unanswered_at": None, "unanswered_from": None}
        for row in found
    ]
    rows.update_rows(connection, listed, done, key=("module_key", "service"))
    services = sorted({opening.service for opening in openings})
    rows.insert_rows(connection, mark, [{"service": service, "created_at": now} for service in services])
    if flows:
        advance(connection)
    return flows, len(found) == _AT_ONCE


def _missing(
    connection: sa.Connection,
    service: Service,
    row: Any,  # noqa: ANN401  # of `listed`
    newest: dict[str, Release],
    now: datetime,
) -> Sequence[Release]:
    """The newest release, and those since the request was left unanswered."""
    last = newest.get(row.module_key)
    if last is None:
        return ()
    given = {"module": row.module_key}
    if service.order == "version":
        others = [release_from_row(one) for one in connection.execute(_LAST_ONES, given)]
        last = max(others, key=lambda one: one.order_key(service.order))
    if row.unanswered_from is None or row.unanswered_at < now - ROLLOUT:
        return (last,)
    since = [release_from_row(one) for one in connection.execute(_SINCE, given | {"first": row.unanswered_from})]
    return list({one.id: one for one in (*since, last)}.values())


def _newest(connection: sa.Connection, modules: Collection[str]) -> dict[str, Release]:
    if not modules:
        return {}
    found = connection.execute(_NEWEST, {"modules": sorted(modules)}).all()
    releases = (release_from_row(row) for row in found)
    return {_key(release.artifact.module): release for release in releases}


def _key(module: str) -> str:
    group, _, name = module.partition(":")
    return module_key(group, name)
