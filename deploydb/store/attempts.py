"""Further attempts: a deployment of its own for each retry and rollback, with the gates that it will meet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import AttemptScheduled
from deploydb.domain.model.deployment import Status
from deploydb.store import bulk
from deploydb.store.journal import Journal
from deploydb.store.list_parameters import among
from deploydb.store.tables import deployment, verdict


def open_attempts(
    connection: sa.Connection, attempts: Sequence[tuple[str, AttemptScheduled]], journal: Journal, now: datetime
) -> None:
    """Store the attempts, each with its service, not commanded yet."""
    if not attempts:
        return
    causes = sorted({one.cause for _, one in attempts if one.cause is not None})
    found = connection.execute(
        sa.select(deployment.c.id, deployment.c.stage_index).where(among(deployment.c.id, causes))
    )
    stage_indexes = {row.id: row.stage_index for row in found}
    for service, one in attempts:
        row = _row(service, one, stage_indexes.get(one.cause or 0, 0), now)
        (made,) = bulk.insert_rows(connection, deployment, [row], returning=("id",))
        asked = [
            {"deployment_id": made.id, "promotion": name, "phase": "exit", "created_at": now} for name in one.promotions
        ]
        bulk.insert_rows(connection, verdict, asked)
        journal.note(
            "deployment.attempted",
            service=service,
            environment=one.environment,
            deployment=made.id,
            flow=one.flow,
            kind=one.kind,
            artifact=one.release.id,
            version=one.release.artifact.version,
            attempt=one.attempt,
            cause=one.cause,
            wish=one.request,
            not_before=one.not_before,
            promotions=one.promotions,
            ordered=one.ordered,
            reason=one.reason,
        )


def _row(service: str, one: AttemptScheduled, stage_index: int, now: datetime) -> dict[str, Any]:
    return {
        "flow_id": one.flow,
        "service": service,
        "environment": one.environment,
        "artifact_id": one.release.id,
        "version": one.release.artifact.version,
        "kind": one.kind,
        "attempt": one.attempt,
        "cause_id": one.cause,
        "not_before": one.not_before,
        "ordered": one.ordered,
        "stage_index": stage_index,
        "status": Status.NOT_STARTED,
        "trigger_reason": one.trigger_reason,
        "status_reason": one.reason,
        "created_at": now,
    }
