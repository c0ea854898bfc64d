"""Which releases lie between two of a module."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.store import bulk
from deploydb.store.columns import UtcDateTime, viewed
from deploydb.store.list_parameters import among
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.tables import artifact, deployment

MOST = 50
"""Of each module."""


class Span(Struct, frozen=True, kw_only=True):
    """The time between the publications of two releases of a module: the first not included, the last included."""

    group: str
    name: str
    after: datetime
    until: datetime


class ReleaseView(Struct, frozen=True, kw_only=True):
    """A release that was published."""

    module: str
    version: str
    commit: str | None
    published_at: datetime


def releases_deployed(connection: sa.Connection, idents: Collection[int]) -> dict[int, ReleaseView]:
    """The releases that deployments deploy, by their ids. Index: primary keys."""
    wanted = sa.select(deployment.c.id.label("deployment"), *viewed(ReleaseView, artifact, module=MODULE)).join(
        artifact, artifact.c.id == deployment.c.artifact_id
    )
    found = connection.execute(wanted.where(among(deployment.c.id, sorted(idents)))) if idents else ()
    return {
        row.deployment: ReleaseView(
            module=row.module, version=row.version, commit=row.commit, published_at=row.published_at
        )
        for row in found
    }


_SPAN = (artifact.c.module_key, sa.Column("after", UtcDateTime), sa.Column("until", UtcDateTime))


def published_between(connection: sa.Connection, spans: Sequence[Span]) -> dict[str, list[ReleaseView]]:
    """By module, what was published in each span, newest first; of each module one more than `MOST` at most.

    Costs what was published in the spans. Index: `ix_artifact_module`.
    """
    if not spans:
        return {}
    given = bulk.table_of(connection, _SPAN)
    place = sa.func.row_number().over(
        partition_by=artifact.c.module_key, order_by=(artifact.c.published_at.desc(), artifact.c.id.desc())
    )
    found = (
        sa.select(*viewed(ReleaseView, artifact, module=MODULE), place.label("place"))
        .join(given, given.c.module_key == artifact.c.module_key)
        .where(artifact.c.published_at > given.c.after, artifact.c.published_at <= given.c.until)
        .subquery("found")
    )
    statement = sa.select(found).where(found.c.place <= MOST + 1).order_by(found.c.module, found.c.place)
    batch = [{"module_key": module_key(one.group, one.name), "after": one.after, "until": one.until} for one in spans]
    by_module: dict[str, list[ReleaseView]] = {}
    for row in connection.execute(statement, bulk.parameter(connection, batch)):
        by_module.setdefault(row.module, []).append(
            ReleaseView(module=row.module, version=row.version, commit=row.commit, published_at=row.published_at)
        )
    return by_module
