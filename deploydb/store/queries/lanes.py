"""What runs in each lane (a service in an environment), and what is on its way there."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.tables import artifact, deployment, running


class RunningView(Struct, frozen=True, kw_only=True):
    """What a lane runs of one module."""

    service: str
    environment: str
    module: str
    version: str
    deployment: int
    status: str
    since: datetime
    reason: str | None


class PendingView(Struct, frozen=True, kw_only=True):
    """A deployment that is not over and not what runs."""

    service: str
    environment: str
    module: str
    version: str
    deployment: int
    status: str
    reason: str | None


_MODULE = (artifact.c.group + ":" + artifact.c.name).label("module")


def running_in(connection: sa.Connection, service: str | None, environment: str | None) -> list[RunningView]:
    """What runs, of one service or all, in one environment or all. Index: primary key of `running`."""
    statement = (
        sa.select(
            running.c.service,
            running.c.environment,
            _MODULE,
            artifact.c.version,
            running.c.deployment_id.label("deployment"),
            deployment.c.status,
            running.c.since,
            deployment.c.reason,
        )
        .join(artifact, artifact.c.id == running.c.artifact_id)
        .join(deployment, deployment.c.id == running.c.deployment_id)
        .order_by(running.c.service, running.c.environment, artifact.c.group, artifact.c.name)
    )
    narrowed = _narrowed(statement, running.c.service, running.c.environment, service, environment)
    return [RunningView(**row._mapping) for row in connection.execute(narrowed)]


def pending_in(connection: sa.Connection, service: str | None, environment: str | None) -> list[PendingView]:
    """What is open and does not run, newest first; of those not started, each module's newest in a lane only.

    Index: `ix_deployment_open`.
    """
    here = sa.exists().where(running.c.deployment_id == deployment.c.id)
    statement = (
        sa.select(
            deployment.c.service,
            deployment.c.environment,
            _MODULE,
            deployment.c.version,
            deployment.c.id.label("deployment"),
            deployment.c.status,
            deployment.c.reason,
        )
        .join(artifact, artifact.c.id == deployment.c.artifact_id)
        .where(deployment.c.open, sa.not_(here))
        .order_by(deployment.c.id.desc())
    )
    narrowed = _narrowed(statement, deployment.c.service, deployment.c.environment, service, environment)
    found = []
    waiting: set[tuple[str, str, str]] = set()
    for row in connection.execute(narrowed):
        if row.status == "NOT_STARTED":
            lane = (row.service, row.environment, row.module)
            if lane in waiting:
                continue
            waiting.add(lane)
        found.append(PendingView(**row._mapping))
    return found


def _narrowed(
    statement: sa.Select[tuple[object, ...]],
    services: sa.Column[str],
    environments: sa.Column[str],
    service: str | None,
    environment: str | None,
) -> sa.Select[tuple[object, ...]]:
    if service is not None:
        statement = statement.where(services == service)
    return statement.where(environments == environment) if environment is not None else statement
