"""What runs in each lane (a service in an environment), and what is on its way there."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import split_module
from deploydb.domain.model.deployment import UNDER_WAY, Release
from deploydb.domain.model.reasons import Reason
from deploydb.store import bulk
from deploydb.store.columns import in_lanes, shared_fields, viewed
from deploydb.store.deployments import release_from_row, released
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.queries.live_intervals import LiveIntervalView
from deploydb.store.tables import artifact, current_version, deployment, hotfix, promotion_request

Wanted = tuple[str, str, str, str]
"""Service, environment, module, version."""


class RunningView(Struct, frozen=True, kw_only=True):
    """What a lane runs of one module."""

    service: str
    environment: str
    module: str
    version: str
    deployment: int
    status: str
    since: datetime
    reason: Reason | None


class PendingView(Struct, frozen=True, kw_only=True):
    """A deployment that is open and not what runs. `goes_ahead`: a person lets it go ahead of the others. `refused`: as
    of `refused_at_entry`, where that was asked for."""

    service: str
    environment: str
    release: Release
    deployment: int
    kind: str
    attempt: int
    status: str
    reason: Reason | None
    goes_ahead: bool
    refused: tuple[Reason, ...] = ()


class FailureView(Struct, frozen=True, kw_only=True):
    """A deployment that failed and was not followed by a release of its module that succeeded there, or what was rolled
    back from. `response`: to its failure, with `detail`."""

    service: str
    environment: str
    module: str
    version: str
    artifact: int
    deployment: int
    kind: str
    attempt: int
    status: str
    since: datetime | None
    reason: Reason | None
    response: str | None
    detail: Reason | None
    cause: int | None


def running_in(
    connection: sa.Connection, service: str | None = None, environment: str | None = None
) -> list[RunningView]:
    """What runs, of one service or all, in one environment or all, by module. Index: primary key of
    `current_version`."""
    columns = viewed(
        RunningView,
        current_version,
        module=MODULE,
        version=artifact.c.version,
        deployment=current_version.c.deployment_id,
        status=deployment.c.status,
        since=current_version.c.live_at,
        reason=deployment.c.status_reason,
    )
    statement = (
        sa.select(*columns)
        .join(artifact, artifact.c.id == current_version.c.artifact_id)
        .join(deployment, deployment.c.id == current_version.c.deployment_id)
        .order_by(current_version.c.service, current_version.c.environment, artifact.c.group, artifact.c.name)
    )
    narrowed = statement.where(*in_lanes(current_version, service, environment))
    return [RunningView(**row._mapping) for row in connection.execute(narrowed)]


_GOES_AHEAD = sa.or_(
    deployment.c.ordered.is_not(None),
    sa.exists().where(hotfix.c.service == deployment.c.service, hotfix.c.version == deployment.c.version),
    sa.exists().where(
        *(promotion_request.c[name] == deployment.c[name] for name in ("service", "environment", "version"))
    ),
)


def pending_in(
    connection: sa.Connection, service: str | None = None, environment: str | None = None
) -> list[PendingView]:
    """What is open and does not run, of one service or all, in one environment or all, in the order of ids.

    Costs what is open of those services, in all environments. Indexes: `ix_deployment_needs_evaluation`, primary
    keys of `hotfix` and `promotion_request`.
    """
    here = sa.exists().where(
        current_version.c.service == deployment.c.service,
        current_version.c.environment == deployment.c.environment,
        current_version.c.deployment_id == deployment.c.id,
    )
    statement = (
        released()
        .add_columns(*deployment.c["id", "service", "environment", "kind", "attempt", "status", "status_reason"])
        .add_columns(_GOES_AHEAD.label("goes_ahead"))
        .join(deployment, deployment.c.artifact_id == artifact.c.id)
        .where(deployment.c.needs_evaluation, deployment.c.status != "SKIPPED", sa.not_(here))
        .order_by(deployment.c.id)
    )
    narrowed = statement.where(*in_lanes(deployment, service, environment))
    return [
        PendingView(
            release=release_from_row(row),
            deployment=row.id,
            reason=row.status_reason,
            goes_ahead=bool(row.goes_ahead),
            **shared_fields(deployment, PendingView)(row),
        )
        for row in connection.execute(narrowed)
    ]


def busy_in(connection: sa.Connection, service: str, environments: Collection[str]) -> list[int]:
    """The deployments that are under way or being verified in some lanes of a service, by id. Costs what is open of the
    service. Index: `ix_deployment_needs_evaluation`."""
    if not environments:
        return []
    statement = sa.select(deployment.c.id).where(
        deployment.c.needs_evaluation,
        deployment.c.service == service,
        deployment.c.environment.in_(environments),
        deployment.c.status.in_(UNDER_WAY),
    )
    return list(connection.execute(statement.order_by(deployment.c.id)).scalars())


def failures_in(
    connection: sa.Connection, service: str | None, running: Collection[LiveIntervalView]
) -> list[FailureView]:
    """The failures in each lane: open ones, what is `running` there, and what the rollback that is took the place of.
    By service, the last one first.

    Costs what is open, and the failures and rollbacks that run. Indexes: `ix_deployment_needs_evaluation`, primary key
    of `deployment`.
    """
    still = sa.select(deployment.c.id).where(
        deployment.c.needs_evaluation, deployment.c.status == "FAILED", *in_lanes(deployment, service, None)
    )
    found = _failures(connection, still)
    there = [one.deployment for one in running if one.status == "FAILED" or one.kind == "rollback"]
    if new := set(there) - {one.deployment for one in found}:
        found += _failures(connection, new)
    while causes := {one.cause for one in found if one.kind == "rollback"} - {one.deployment for one in found} - {None}:
        found += _failures(connection, causes)  # of a rollback that was tried again, or failed
    views = {one.deployment: one for one in found if one.status == "FAILED"}
    return sorted(views.values(), key=lambda one: (one.service, -one.deployment))


def _failures(connection: sa.Connection, ids: Any) -> list[FailureView]:  # noqa: ANN401  # a statement, or numbers
    columns = viewed(
        FailureView,
        deployment,
        module=MODULE,
        artifact=deployment.c.artifact_id,
        deployment=deployment.c.id,
        since=deployment.c.decided_at,
        reason=deployment.c.status_reason,
        response=deployment.c.failure_response,
        detail=deployment.c.failure_response_detail,
        cause=deployment.c.cause_id,
    )
    statement = sa.select(*columns).join(artifact, artifact.c.id == deployment.c.artifact_id)
    return [FailureView(**row._mapping) for row in connection.execute(statement.where(deployment.c.id.in_(ids)))]


def ended_in(connection: sa.Connection, wanted: Collection[Wanted]) -> set[Wanted]:
    """Of versions in lanes those that were on their way there, and are no more: there, put away, or passed by.

    Index: `ix_deployment_lane`.
    """
    if not wanted:
        return set()
    columns = [*deployment.c["service", "environment", "version"], *artifact.c["group", "name"]]
    given = bulk.table_of(connection, columns)
    statement = (
        sa.select(*columns)
        .select_from(deployment)
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .join(given, sa.and_(*(column == given.c[column.name] for column in columns)))
        .where(deployment.c.flow_id.is_not(None))
        .group_by(*columns)
        .having(sa.func.sum(sa.cast(deployment.c.needs_evaluation, sa.Integer)) == 0)
    )
    asked = [
        {"service": service, "environment": environment, "version": version, "group": group, "name": name}
        for service, environment, module, version in wanted
        for group, name in (split_module(module),)
    ]
    rows = connection.execute(statement, bulk.parameter(connection, asked))
    return {(row.service, row.environment, f"{row.group}:{row.name}", row.version) for row in rows}
