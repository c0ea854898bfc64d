"""Flows that follow their pipeline: a deployment for each stage that was added, and the places of all of them."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import FlowExtended
from deploydb.domain.model.deployment import Status
from deploydb.store import bulk
from deploydb.store.journal import Journal
from deploydb.store.list_parameters import among
from deploydb.store.tables import deployment, verdict

_PLACES = sa.select(deployment.c.id, deployment.c.flow_id, deployment.c.environment).where(
    among(deployment.c.flow_id, "flows")
)


def extend_flows(
    connection: sa.Connection, extensions: Sequence[tuple[str, FlowExtended]], journal: Journal, now: datetime
) -> None:
    """Store the deployments of the stages that were added, each extension with its service.

    Index: `uq_deployment_flow_id`.
    """
    if not extensions:
        return
    rows = [
        {
            "flow_id": one.flow,
            "service": service,
            "environment": environment,
            "artifact_id": one.release.id,
            "version": one.release.artifact.version,
            "kind": "deploy",
            "status": Status.NOT_STARTED,
            "created_at": now,
        }
        for service, one in extensions
        for environment, _ in one.added
    ]
    made = bulk.insert_rows(connection, deployment, rows, returning=("id", "flow_id", "environment"))
    ids = {(row.flow_id, row.environment): row.id for row in made}
    asked = [
        {"deployment_id": ids[one.flow, environment], "promotion": promotion, "phase": "exit", "created_at": now}
        for _, one in extensions
        for environment, promotions in one.added
        for promotion in promotions
    ]
    bulk.insert_rows(connection, verdict, asked)
    _place(connection, {one.flow: one.stages for _, one in extensions})
    for service, one in extensions:
        journal.note(
            "flow.extended",
            service=service,
            flow=one.flow,
            artifact=one.release.id,
            version=one.release.artifact.version,
            deployments={environment: ids[one.flow, environment] for environment, _ in one.added},
            added=one.added,
            stages=one.stages,
        )


def _place(connection: sa.Connection, stages: dict[int, tuple[str, ...]]) -> None:
    places = {(flow, name): place for flow, names in stages.items() for place, name in enumerate(names)}
    found = connection.execute(_PLACES, {"flows": sorted(stages)}).all()
    moved = [
        {"id": row.id, "stage_index": places[row.flow_id, row.environment]}
        for row in sorted(found, key=lambda row: row.id)
        if (row.flow_id, row.environment) in places
    ]
    bulk.update_rows(connection, deployment, moved, key=("id",))
