"""What lanes run, and what they ran: now, at a time, and as it was known at a time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store import rows
from deploydb.store.publications import module_key
from deploydb.store.tables import artifact, deployment, running, tenure


class TenureView(Struct, frozen=True):
    """A deployment's time as what a lane ran of one module, and the other version that ran there before it.

    Made in large numbers: by position, in the order of the columns that are selected.
    """

    service: str
    environment: str
    module: str
    version: str
    published_at: datetime
    deployment: int
    kind: str
    status: str
    since: datetime
    reason: str | None
    before: str | None
    before_since: datetime | None


class NewestView(Struct, frozen=True):
    """The release of a module that was published last."""

    module: str
    version: str
    published_at: datetime


_EARLIER = tenure.alias("earlier")
_BEFORE = tenure.alias("before")
_RELEASE_BEFORE = artifact.alias("release_before")
_LAST_FIRST = (_EARLIER.c.since.desc(), _EARLIER.c.published_at.desc(), _EARLIER.c.deployment_id.desc())
_PLACE = sa.tuple_(_EARLIER.c.since, _EARLIER.c.published_at, _EARLIER.c.deployment_id)


def running_now(connection: sa.Connection, service: str | None, environment: str | None) -> list[TenureView]:
    """What runs, of one service or all, in one environment or all, in the order of services, environments, modules.

    Indexes: primary key of `running`, `ix_tenure_lane`.
    """
    statement = _with_the_one_before(
        running.join(tenure, tenure.c.deployment_id == running.c.deployment_id), deployment.c.status, known_at=None
    )
    return _views(connection, statement, service, environment)


def ran_at(
    connection: sa.Connection, at: datetime, known_at: datetime | None, service: str | None, environment: str | None
) -> list[TenureView]:
    """What ran at a time, by all that is known, or by what was known at another time; ordered as `running_now`.

    Costs the lanes, not what ran in them before or after. Indexes: primary key of `running`, `ix_tenure_lane`.
    """
    then = (
        sa.select(_EARLIER.c.deployment_id)
        .where(*_in_lane_of(running), _EARLIER.c.since <= at, *_heard_by(known_at))
        .order_by(*_LAST_FIRST)
        .limit(1)
        .scalar_subquery()
    )
    seen = known_at if known_at is not None else at
    judged = sa.and_(tenure.c.result.is_not(None), tenure.c.result_at <= seen)
    status = sa.case((judged, tenure.c.result), else_="COMPLETED")
    statement = _with_the_one_before(
        running.join(tenure, tenure.c.deployment_id == then.correlate(running)), status, known_at=known_at
    )
    return _views(connection, statement, service, environment)


def newest_of_modules(connection: sa.Connection, modules: Collection[tuple[str, str]]) -> list[NewestView]:
    """Of each module (group, name) the release that was published last. Index: `ix_artifact_module`."""
    given = rows.table_of(connection, [artifact.c.module_key])
    other = artifact.alias("other")
    last = (
        sa.select(other.c.id)
        .where(other.c.module_key == given.c.module_key, sa.not_(other.c.observed))
        .order_by(other.c.published_at.desc(), other.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    statement = sa.select(_module(artifact), artifact.c.version, artifact.c.published_at).select_from(
        given.join(artifact, artifact.c.id == last)
    )
    keys = [{"module_key": module_key(group, name)} for group, name in sorted(set(modules))]
    return [NewestView(*row) for row in connection.execute(statement, rows.parameter(connection, keys))]


def _with_the_one_before(
    source: sa.FromClause, status: sa.ColumnElement[str], *, known_at: datetime | None
) -> sa.Select[Any]:
    before = (
        sa.select(_EARLIER.c.deployment_id)
        .where(
            *_in_lane_of(tenure),
            sa.tuple_(tenure.c.since, tenure.c.published_at, tenure.c.deployment_id) > _PLACE,
            _EARLIER.c.artifact_id != tenure.c.artifact_id,
            *_heard_by(known_at),
        )
        .order_by(*_LAST_FIRST)
        .limit(1)
        .scalar_subquery()
    )
    return (
        sa.select(
            running.c.service,
            running.c.environment,
            _module(artifact),
            artifact.c.version,
            artifact.c.published_at,
            deployment.c.id,
            deployment.c.kind,
            status,
            tenure.c.since,
            deployment.c.reason,
            _RELEASE_BEFORE.c.version,
            _BEFORE.c.since,
        )
        .select_from(
            source.join(artifact, artifact.c.id == tenure.c.artifact_id)
            .join(deployment, deployment.c.id == tenure.c.deployment_id)
            .outerjoin(_BEFORE, _BEFORE.c.deployment_id == before.correlate(tenure))
            .outerjoin(_RELEASE_BEFORE, _RELEASE_BEFORE.c.id == _BEFORE.c.artifact_id)
        )
        .order_by(running.c.service, running.c.environment, artifact.c.group, artifact.c.name)
    )


def _views(
    connection: sa.Connection, statement: sa.Select[Any], service: str | None, environment: str | None
) -> list[TenureView]:
    wanted = ((running.c.service, service), (running.c.environment, environment))
    narrowed = [column == name for column, name in wanted if name is not None]
    return [TenureView(*row) for row in connection.execute(statement.where(*narrowed))]


def _in_lane_of(table: sa.Table) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _EARLIER.c.service == table.c.service,
        _EARLIER.c.environment == table.c.environment,
        _EARLIER.c.module_key == table.c.module_key,
    )


def _heard_by(known_at: datetime | None) -> tuple[sa.ColumnElement[bool], ...]:
    return (_EARLIER.c.known_at <= known_at,) if known_at is not None else ()


def _module(table: sa.FromClause) -> sa.ColumnElement[str]:
    return (table.c.group + ":" + table.c.name).label("module")
