"""Which flows are there."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.store.queries.artifacts import ArtifactView, artifacts_by_id
from deploydb.store.queries.deployments import DeploymentView, deployments_of_flow
from deploydb.store.tables import flow


class FlowView(Struct, frozen=True, kw_only=True):
    """One release's way through a service's stages."""

    id: int
    service: str
    artifact: ArtifactView
    deployments: tuple[DeploymentView, ...]
    created_at: datetime


def flow_by_id(connection: sa.Connection, catalog: Catalog, ident: int) -> FlowView | None:
    """One flow, with its deployments in the order of its stages. Index: primary key."""
    row = connection.execute(sa.select(flow).where(flow.c.id == ident)).one_or_none()
    if row is None:
        return None
    return FlowView(
        id=row.id,
        service=row.service,
        artifact=artifacts_by_id(connection, [row.artifact_id])[row.artifact_id],
        deployments=tuple(deployments_of_flow(connection, catalog, row.id)),
        created_at=row.created_at,
    )
