"""What runs in each lane (a service in an environment), and what is on its way there."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.deployment import Release
from deploydb.domain.model.reasons import Reason
from deploydb.store.columns import in_lanes, shared_fields, viewed
from deploydb.store.deployments import release_from_row, released
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.tables import artifact, current_version, deployment


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
    """A deployment that is open and not what runs."""

    service: str
    environment: str
    release: Release
    deployment: int
    kind: str
    attempt: int
    status: str
    reason: Reason | None


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


def pending_in(
    connection: sa.Connection, service: str | None = None, environment: str | None = None
) -> list[PendingView]:
    """What is open and does not run, of one service or all, in one environment or all, in the order of ids.

    Costs what is open of those services, in all environments. Index: `ix_deployment_needs_evaluation`.
    """
    here = sa.exists().where(
        current_version.c.service == deployment.c.service,
        current_version.c.environment == deployment.c.environment,
        current_version.c.deployment_id == deployment.c.id,
    )
    statement = (
        released()
        .add_columns(*deployment.c["id", "service", "environment", "kind", "attempt", "status", "status_reason"])
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
            **shared_fields(deployment, PendingView)(row),
        )
        for row in connection.execute(narrowed)
    ]
