"""Which flows are there."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.store.queries.artifacts import ArtifactView, artifacts_by_id
from deploydb.store.queries.deployments import DeploymentView, deployments_of_flows
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
    found = _views(connection, catalog, sa.select(flow).where(flow.c.id == ident))
    return found[0] if found else None


def flows_page(connection: sa.Connection, catalog: Catalog, *, offset: int, limit: int) -> list[FlowView]:
    """All flows, in the order of their ids. Index: primary key; a far page costs its distance."""
    return _views(connection, catalog, sa.select(flow).order_by(flow.c.id).offset(offset).limit(limit))


def _views(connection: sa.Connection, catalog: Catalog, wanted: sa.Select[Any]) -> list[FlowView]:
    rows = connection.execute(wanted).all()
    if not rows:
        return []
    artifacts = artifacts_by_id(connection, {row.artifact_id for row in rows})
    deployments = deployments_of_flows(connection, catalog, [row.id for row in rows])
    return [
        FlowView(
            id=row.id,
            service=row.service,
            artifact=artifacts[row.artifact_id],
            deployments=tuple(deployments.get(row.id, ())),
            created_at=row.created_at,
        )
        for row in rows
    ]
