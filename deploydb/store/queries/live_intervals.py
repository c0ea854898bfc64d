"""What lanes run, and what they ran: now, at a time, and as it was known at a time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.reasons import Reason
from deploydb.store import bulk
from deploydb.store.projections.publications import module_key
from deploydb.store.tables import artifact, current_version, deployment, live_interval


class LiveIntervalView(Struct, frozen=True, gc=False):
    """A deployment's time as what a lane ran of one module. `previous`: of what runs now, the other version before it.

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
    trigger_reason: Reason | None
    status_reason: Reason | None
    previous: str | None
    previous_live_at: datetime | None


class NewestView(Struct, frozen=True, gc=False):
    """The release of a module that was published last."""

    module: str
    version: str
    published_at: datetime


_EARLIER = live_interval.alias("earlier")
_LAST_FIRST = (_EARLIER.c.live_at.desc(), _EARLIER.c.published_at.desc(), _EARLIER.c.deployment_id.desc())


def running_now(connection: sa.Connection, service: str | None, environment: str | None) -> list[LiveIntervalView]:
    """What runs, of one service or all, in one environment or all, in the order of services, environments, modules.

    Index: primary key of `current_version`.
    """
    statement = sa.select(
        current_version.c.service,
        current_version.c.environment,
        current_version.c.module,
        current_version.c.version,
        current_version.c.published_at,
        deployment.c.id,
        deployment.c.kind,
        deployment.c.status,
        current_version.c.live_at,
        deployment.c.trigger_reason,
        deployment.c.status_reason,
        current_version.c.previous_version,
        current_version.c.previous_live_at,
    ).join(deployment, deployment.c.id == current_version.c.deployment_id)
    return _views(connection, statement, service, environment)


def ran_at(
    connection: sa.Connection, at: datetime, known_at: datetime | None, service: str | None, environment: str | None
) -> list[LiveIntervalView]:
    """What ran at a time, by all that is known, or by what was known at another time; ordered as `running_now`.

    Costs the lanes, not what ran in them before or after. Indexes: primary key of `current_version`,
    `ix_live_interval_lane`.
    """
    heard = (_EARLIER.c.known_at <= known_at,) if known_at is not None else ()
    earlier = sa.select(_EARLIER.c.deployment_id).where(
        _EARLIER.c.service == current_version.c.service,
        _EARLIER.c.environment == current_version.c.environment,
        _EARLIER.c.module_key == current_version.c.module_key,
        _EARLIER.c.live_at <= at,
        *heard,
    )
    then = earlier.order_by(*_LAST_FIRST).limit(1).correlate(current_version).scalar_subquery()
    lanes = _narrowed(sa.select(*current_version.c, then.label("then_id")), service, environment).cte("lanes")
    seen = known_at if known_at is not None else at
    judged = sa.and_(live_interval.c.result.is_not(None), live_interval.c.result_at <= seen)
    statement: sa.Select[Any] = (
        sa.select(
            lanes.c.service,
            lanes.c.environment,
            lanes.c.module,
            artifact.c.version,
            artifact.c.published_at,
            deployment.c.id,
            deployment.c.kind,
            sa.case((judged, live_interval.c.result), else_="COMPLETED"),
            live_interval.c.live_at,
            deployment.c.trigger_reason,
            deployment.c.status_reason,
            sa.null(),
            sa.null(),
        )
        .select_from(lanes.join(live_interval, live_interval.c.deployment_id == lanes.c.then_id))
        .join(artifact, artifact.c.id == live_interval.c.artifact_id)
        .join(deployment, deployment.c.id == live_interval.c.deployment_id)
        .order_by(lanes.c.service, lanes.c.environment, lanes.c.module)
    )
    return [LiveIntervalView(*row) for row in connection.execute(statement).all()]


def newest_of_modules(connection: sa.Connection, modules: Collection[tuple[str, str]]) -> list[NewestView]:
    """Of each module (group, name) the release that was published last. Index: `ix_artifact_module`."""
    given = bulk.table_of(connection, [artifact.c.module_key])
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
    return [NewestView(*row) for row in connection.execute(statement, bulk.parameter(connection, keys)).all()]


def _views(
    connection: sa.Connection, statement: sa.Select[Any], service: str | None, environment: str | None
) -> list[LiveIntervalView]:
    ordered = statement.order_by(current_version.c.service, current_version.c.environment, current_version.c.module)
    return [LiveIntervalView(*row) for row in connection.execute(_narrowed(ordered, service, environment)).all()]


def _narrowed(statement: sa.Select[Any], service: str | None, environment: str | None) -> sa.Select[Any]:
    wanted = ((current_version.c.service, service), (current_version.c.environment, environment))
    return statement.where(*(column == name for column, name in wanted if name is not None))


def _module(table: sa.FromClause) -> sa.ColumnElement[str]:
    return (table.c.group + ":" + table.c.name).label("module")
