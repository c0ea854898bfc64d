"""What lanes run, and what they ran: now, at a time, and as it was known at a time."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.deployment import Release
from deploydb.domain.model.reasons import Reason
from deploydb.store import bulk
from deploydb.store.columns import UtcDateTime, in_lanes, viewed
from deploydb.store.deployments import release_from_row, released
from deploydb.store.live_intervals import last_first, position
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.tables import artifact, current_version, deployment, live_interval, live_status


class LiveIntervalView(Struct, frozen=True, gc=False):
    """A deployment as what a lane runs, or ran, of one module. `previous`: of what runs now, the other version before.

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
    attempt: int
    conflict: str | None


class NewestView(Struct, frozen=True, gc=False):
    """The release of a module that was published last."""

    module: str
    version: str
    published_at: datetime


class LiveDurationView(Struct, frozen=True, kw_only=True):
    """A deployment that came to run in a lane. It lasted until the lane's next one. `status`: what has become of it."""

    environment: str
    module: str
    version: str
    deployment: int
    kind: str
    status: str
    since: datetime


_EARLIER = live_interval.alias("earlier")


def running_now(connection: sa.Connection, service: str | None, environment: str | None) -> list[LiveIntervalView]:
    """What runs, of one service or all, in one environment or all, in the order of services, environments, modules.

    Index: primary key of `current_version`.
    """
    columns = viewed(
        LiveIntervalView,
        current_version,
        **_of_deployment(status=deployment.c.status),
        since=current_version.c.live_at,
        previous=current_version.c.previous_version,
        conflict=artifact.c.conflict,
    )
    statement = (
        sa.select(*columns)
        .join(deployment, deployment.c.id == current_version.c.deployment_id)
        .join(artifact, artifact.c.id == current_version.c.artifact_id)
        .where(*in_lanes(current_version, service, environment))
        .order_by(current_version.c.service, current_version.c.environment, current_version.c.module)
    )
    return [LiveIntervalView(*row) for row in connection.execute(statement).all()]


def ran_at(
    connection: sa.Connection, at: datetime, known_at: datetime | None, service: str | None, environment: str | None
) -> list[LiveIntervalView]:
    """What ran at a time, by all that is known, or by what was known at another time; ordered as `running_now`.

    Its status is that of then. Costs the lanes, not what ran in them before or after. Indexes: primary keys of
    `current_version` and `live_interval`, `ix_live_interval_lane`, `ix_live_status_deployment`.
    """
    heard = (_EARLIER.c.known_at <= known_at,) if known_at is not None else ()
    earlier = sa.select(_EARLIER.c.deployment_id).where(
        _EARLIER.c.service == current_version.c.service,
        _EARLIER.c.environment == current_version.c.environment,
        _EARLIER.c.module_key == current_version.c.module_key,
        _EARLIER.c.live_at <= at,
        *heard,
    )
    then = earlier.order_by(*last_first(_EARLIER)).limit(1).correlate(current_version).scalar_subquery()
    lanes = (
        sa.select(*current_version.c, then.label("then_id"))
        .where(*in_lanes(current_version, service, environment))
        .cte("lanes")
    )
    since = sa.select(sa.func.max(_EARLIER.c.live_at, type_=UtcDateTime)).where(
        _EARLIER.c.deployment_id == lanes.c.then_id, _EARLIER.c.live_at <= at, *heard
    )
    columns = viewed(
        LiveIntervalView,
        lanes,
        **_of_deployment(status=_status_at(lanes.c.then_id, at, known_at)),
        version=artifact.c.version,
        published_at=artifact.c.published_at,
        since=since.scalar_subquery(),
        previous=sa.null(),
        previous_live_at=sa.null(),
        conflict=sa.null(),
    )
    statement: sa.Select[Any] = (
        sa.select(*columns)
        .select_from(lanes.join(deployment, deployment.c.id == lanes.c.then_id))
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .order_by(lanes.c.service, lanes.c.environment, lanes.c.module)
    )
    return [LiveIntervalView(*row) for row in connection.execute(statement).all()]


def _status_at(
    deployment_id: sa.ColumnElement[int], at: datetime, known_at: datetime | None
) -> sa.ColumnElement[str | None]:
    """The status of a deployment that ran at a time. One of which no row is there was judged by an older DeployDB."""
    mine = live_status.c.deployment_id == deployment_id
    heard = (live_status.c.known_at <= known_at,) if known_at is not None else ()
    last = (
        sa.select(live_status.c.status)
        .where(mine, live_status.c.since <= at, *heard)
        .order_by(live_status.c.id.desc())
        .limit(1)
    )
    seen = min(at, known_at) if known_at is not None else at
    judged = sa.select(sa.func.max(live_interval.c.result)).where(
        live_interval.c.deployment_id == deployment_id,
        live_interval.c.result_at <= seen,
        sa.not_(sa.select(live_status.c.id).where(mine).exists()),
    )
    return sa.func.coalesce(last.scalar_subquery(), judged.scalar_subquery(), "COMPLETED")


def newest_of_modules(connection: sa.Connection, modules: Collection[tuple[str, str]]) -> list[NewestView]:
    """Of each module (group, name) the release that was published last. Index: `ix_artifact_module`."""
    given = bulk.table_of(connection, [artifact.c.module_key])
    other = artifact.alias("other")
    last = (
        sa.select(other.c.id)
        .where(other.c.module_key == given.c.module_key, sa.not_(other.c.observed), sa.not_(other.c.historical))
        .order_by(other.c.published_at.desc(), other.c.version.desc())
        .limit(1)
        .scalar_subquery()
    )
    # materialized: in the condition of a join it would be looked for twice
    found = sa.select(last.label("id")).select_from(given).cte("found").prefix_with("MATERIALIZED")
    statement = sa.select(*viewed(NewestView, artifact, module=MODULE)).select_from(
        found.join(artifact, artifact.c.id == found.c.id)
    )
    keys = [{"module_key": module_key(group, name)} for group, name in sorted(set(modules))]
    return [NewestView(*row) for row in connection.execute(statement, bulk.parameter(connection, keys)).all()]


def live_durations(connection: sa.Connection, service: str, start: datetime, *, limit: int) -> list[LiveDurationView]:
    """What a service ran since a time, by environment and module, oldest first; at most the last `limit` of each.

    Of each the one that ran at the start is among them, if there are not more. A statement a lane. Indexes: primary key
    of `current_version`, `ix_live_interval_lane`.
    """
    lanes = sa.select(current_version.c.environment, current_version.c.module_key).where(
        current_version.c.service == service
    )
    columns = viewed(
        LiveDurationView,
        live_interval,
        module=MODULE,
        version=artifact.c.version,
        deployment=deployment.c.id,
        kind=deployment.c.kind,
        status=deployment.c.status,
        since=live_interval.c.live_at,
    )
    found: list[LiveDurationView] = []
    for lane in connection.execute(lanes.order_by(current_version.c.environment, current_version.c.module_key)).all():
        mine = (
            sa.select(*columns)
            .join(deployment, deployment.c.id == live_interval.c.deployment_id)
            .join(artifact, artifact.c.id == live_interval.c.artifact_id)
            .where(
                live_interval.c.service == service,
                live_interval.c.environment == lane.environment,
                live_interval.c.module_key == lane.module_key,
            )
            .order_by(*last_first(live_interval))
            .limit(limit)
        )
        stays: list[LiveDurationView] = []
        for row in connection.execute(mine):
            stays.append(LiveDurationView(**row._mapping))
            if row.since <= start:
                break
        found += reversed(stays)
    return found


def came_after(
    connection: sa.Connection, service: str, environment: str, target: Release, deployed: int, *, limit: int
) -> list[Release]:
    """The releases of the target's module that came to run in a lane after its deployment there, newest first: what a
    rollback to it would undo.

    At most `limit`. Indexes: primary key of `live_interval`, and `ix_live_interval_lane` from the target's deployment
    on.
    """
    then, again = live_interval.alias("then"), live_interval.alias("again")
    last = sa.select(sa.func.max(again.c.live_at)).where(again.c.deployment_id == deployed).scalar_subquery()
    statement = (
        released()
        .join(live_interval, live_interval.c.artifact_id == artifact.c.id)
        .join(then, sa.and_(then.c.deployment_id == deployed, then.c.live_at == last))
        .where(
            live_interval.c.service == service,
            live_interval.c.environment == environment,
            live_interval.c.module_key == module_key(target.artifact.group, target.artifact.name),
            sa.tuple_(*position(live_interval)) > sa.tuple_(*position(then)),
            artifact.c.id != target.id,
        )
        .group_by(artifact.c.id)
        .order_by(sa.func.max(live_interval.c.live_at).desc(), sa.func.max(live_interval.c.deployment_id).desc())
        .limit(limit)
    )
    return [release_from_row(row) for row in connection.execute(statement)]


def _of_deployment(*, status: sa.ColumnElement[Any]) -> dict[str, sa.ColumnElement[Any]]:
    same = {name: deployment.c[name] for name in ("kind", "attempt", "trigger_reason", "status_reason")}
    return {"deployment": deployment.c.id, "status": status, **same}
