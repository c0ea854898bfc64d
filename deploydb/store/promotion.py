"""Promotion's transaction: claim what has changed, load what is known, decide, write it down.

A mark says that something happened, a service's agenda row says when time alone may change something and is its lock:
of any number of workers, one at a time evaluates a service, and the others pass on to other services.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.catalog import Catalog
from deploydb.domain.decide import decide, open_flow
from deploydb.domain.decisions import Decisions, Situation
from deploydb.domain.state import Release
from deploydb.store import rows
from deploydb.store.deployments import release_from_row, released
from deploydb.store.engine import reading, transact
from deploydb.store.flows import match_early, open_flows
from deploydb.store.journal import Journal
from deploydb.store.revision import advance
from deploydb.store.saved import save
from deploydb.store.situation import situations
from deploydb.store.tables import agenda, artifact, deployment, mark

# Built once: for one service, building the statements would cost more than running them.
_MOST = sa.bindparam("most", type_=sa.Integer)
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_MARKS = (
    sa.select(mark.c.id, mark.c.artifact_id, mark.c.service)
    .order_by(mark.c.id)
    .limit(_MOST)
    .with_for_update(skip_locked=True)
)
_DUE = (
    sa.select(agenda.c.service)
    .where(agenda.c.due_at <= sa.bindparam("now", type_=agenda.c.due_at.type))
    .order_by(agenda.c.due_at)
    .limit(_MOST)
)
_MINE = (
    sa.select(agenda.c.service)
    .where(agenda.c.service.in_(sa.bindparam("services", expanding=True)))
    .order_by(agenda.c.service)
    .with_for_update(skip_locked=True)
)
_RELEASES = released().where(artifact.c.id.in_(_IDS))
_DONE = sa.delete(mark).where(mark.c.id.in_(_IDS))


BROKEN_AGAIN_AFTER = timedelta(minutes=1)
"""A service that could not be decided on is looked at again after this."""


class Evaluated(Struct, frozen=True, kw_only=True):
    """One round's work. `more`: there is, or another worker has, more to do now. `broken`: the services that could not
    be decided on, with the error."""

    services: int = 0
    flows: int = 0
    commands: int = 0
    more: bool = False
    broken: tuple[tuple[str, Exception], ...] = ()


class _Mark(Struct, frozen=True, kw_only=True):
    id: int
    services: frozenset[str]
    release: Release | None


def evaluate(engine: sa.Engine, catalog: Catalog, now: datetime, *, limit: int = 500) -> Evaluated:
    """Evaluate the services that have changed or are due, at most `limit` marks and `limit` due services at a time.

    One transaction: after a crash nothing or all of it has happened. Marks of a service that another worker has at
    the moment are left for the next round.

    Raises: Transient, Misconfigured as `engine.transact`.
    """
    return transact(engine, lambda connection: _evaluate(connection, catalog, now, limit))


def next_due(engine: sa.Engine) -> datetime | None:
    """When time alone may change something next, in the past too; None for never. Index: `ix_agenda_due`."""
    with reading(engine) as connection:
        return connection.execute(
            sa.select(agenda.c.due_at).where(agenda.c.due_at.is_not(None)).order_by(agenda.c.due_at).limit(1)
        ).scalar()


def mark_open(engine: sa.Engine, now: datetime) -> int:
    """Mark every service that has open deployments, for a catalog that has changed. How many there are."""

    def work(connection: sa.Connection) -> int:
        services = connection.execute(
            sa.select(deployment.c.service).where(deployment.c.open).distinct().order_by(deployment.c.service)
        ).scalars()
        batch = [{"service": service, "created_at": now} for service in services]
        rows.insert_rows(connection, mark, batch)
        return len(batch)

    return transact(engine, work)


def _evaluate(connection: sa.Connection, catalog: Catalog, now: datetime, limit: int) -> Evaluated:
    marks = _claim_marks(connection, catalog, limit)
    due = connection.execute(_DUE, {"now": now, "most": limit}).scalars()
    wanted = set(due).union(*(one.services for one in marks))
    mine = _lock(connection, wanted)
    done = [one for one in marks if one.services <= mine]
    if mine:
        journal = Journal(now, catalog.digest)
        openings = [
            open_flow(catalog, service, one.release)
            for one in done
            if one.release is not None
            for service in sorted(one.services)
        ]
        flows = open_flows(connection, openings, journal, now)
        match_early(connection, mine, now)
        made, broken = _decide(catalog, situations(connection, mine, catalog), now)
        commands = save(connection, made, journal, now, catalog)
        journal.write(connection)
    else:
        made, broken = [], {}
        flows = commands = 0
    if done:
        connection.execute(_DONE, {"ids": [one.id for one in done]})
    if flows or any(one.decisions for one in made):
        advance(connection)
    more = len(marks) == limit or len(mine) < len(wanted) or any(one.again for one in made)
    return Evaluated(
        services=len(mine), flows=flows, commands=commands, more=more, broken=tuple(sorted(broken.items()))
    )


def _decide(
    catalog: Catalog, found: Sequence[Situation], now: datetime
) -> tuple[list[Decisions], dict[str, Exception]]:
    """The decisions on each service. One that breaks is left as it is, looked at again, and stops no other."""
    made: list[Decisions] = []
    broken: dict[str, Exception] = {}
    for situation in found:
        try:
            made.append(decide(catalog, situation, now))
        except Exception as error:  # whatever it is, it is that service's alone
            broken[situation.service] = error
            made.append(Decisions(service=situation.service, recheck_at=now + BROKEN_AGAIN_AFTER))
    return made, broken


def _claim_marks(connection: sa.Connection, catalog: Catalog, limit: int) -> list[_Mark]:
    """The oldest marks that nobody else has, with the services that they concern in this catalog."""
    claimed = connection.execute(_MARKS, {"most": limit}).all()
    releases = _releases(connection, [row.artifact_id for row in claimed if row.artifact_id is not None])
    return [
        _Mark(id=row.id, services=frozenset([row.service]), release=None)
        if row.service is not None
        else _Mark(
            id=row.id,
            services=frozenset(catalog.services_of(releases[row.artifact_id].artifact.module)),
            release=releases[row.artifact_id],
        )
        for row in claimed
    ]


def _releases(connection: sa.Connection, idents: Sequence[int]) -> dict[int, Release]:
    if not idents:
        return {}
    found = connection.execute(_RELEASES, {"ids": list(idents)})
    return {row.artifact_id: release_from_row(row) for row in found}


def _lock(connection: sa.Connection, services: set[str]) -> set[str]:
    """Those of the services that no other worker has, now ours until the transaction ends."""
    if not services:
        return set()
    ordered = sorted(services)
    rows.insert_new(connection, agenda, [{"service": service} for service in ordered], returning=("service",))
    return set(connection.execute(_MINE, {"services": ordered}).scalars())
