"""Which flows are there."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.queries.artifacts import ArtifactView, artifacts_by_id
from deploydb.store.queries.deployments import DeploymentView, deployments_of_flow
from deploydb.store.tables import deployment, flow


class FlowView(Struct, frozen=True, kw_only=True):
    """One release's way through a service's stages."""

    id: int
    service: str
    artifact: ArtifactView
    deployments: tuple[DeploymentView, ...]
    created_at: datetime


def flow_by_id(connection: sa.Connection, ident: int) -> FlowView | None:
    """One flow. Index: primary key."""
    row = connection.execute(sa.select(flow).where(flow.c.id == ident)).one_or_none()
    if row is None:
        return None
    return FlowView(
        id=row.id,
        service=row.service,
        artifact=artifacts_by_id(connection, [row.artifact_id])[row.artifact_id],
        deployments=tuple(deployments_of_flow(connection, row.id)),
        created_at=row.created_at,
    )


def candidate(connection: sa.Connection, service: str, environment: str, version: str | None) -> int | None:
    """The deployment that a question about a lane means; None where there is none.

    Of a version, its newest one. Without: the newest that is not over, else that was deployed, else at all.
    Indexes: `ix_deployment_lane`, `ix_deployment_open`, `ix_deployment_history`.
    """
    lane = (deployment.c.service == service, deployment.c.environment == environment)
    newest = sa.select(deployment.c.id).where(*lane).order_by(deployment.c.id.desc()).limit(1)
    if version is not None:
        choices = [newest.where(deployment.c.version == version)]
    else:
        choices = [
            newest.where(deployment.c.open),
            newest.where(deployment.c.status.in_(("SUCCESS", "COMPLETED"))),
            newest,
        ]
    found = (connection.execute(choice).scalar_one_or_none() for choice in choices)
    return next((ident for ident in found if ident is not None), None)
