"""How long deployments and gates have taken, for telling how long they will take."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.deployment import Phase
from deploydb.store.tables import deployment, flow, verdict

LOOKED_BACK = 200
"""How many deployments of a lane are looked at, the last ones."""


def deployments_took(connection: sa.Connection, service: str, environment: str) -> list[timedelta]:
    """From command to finish, of the last deployments of a lane that succeeded. Index: `ix_deployment_succeeded`."""
    statement = (
        sa.select(deployment.c.requested_at, deployment.c.finished_at)
        .where(_succeeded(service, environment), deployment.c.requested_at.is_not(None))
        .order_by(deployment.c.id.desc())
        .limit(LOOKED_BACK)
    )
    found = connection.execute(statement)
    return [max(row.finished_at - row.requested_at, timedelta()) for row in found]


def exit_gates_took(connection: sa.Connection, service: str, environment: str) -> dict[str, list[timedelta]]:
    """From finish to PASS by promotion, of the last deployments of a lane that succeeded.

    Indexes: `ix_deployment_succeeded`, `uq_verdict_deployment_id_promotion_phase`.
    """
    last = _last_deploys(service, environment)
    found: dict[str, list[timedelta]] = defaultdict(list)
    for row in connection.execute(_passed(last, "exit")):
        found[row.promotion].append(max(row.decided_at - row.finished_at, timedelta()))
    return dict(sorted(found.items()))


def entry_gates_took(
    connection: sa.Connection, service: str, environment: str, after: Sequence[str]
) -> dict[str, list[timedelta]]:
    """From the end of the stages before a lane (`after`), or the beginning of the flow, to PASS by promotion, of the
    last deployments of the lane that succeeded. What passed before then took no time.

    Indexes: `ix_deployment_succeeded`, `ix_deployment_flow_id`, `uq_verdict_deployment_id_promotion_phase`.
    """
    last = _last_deploys(service, environment)
    upstream, gate = deployment.alias(), verdict.alias()
    arrivals = (
        sa.select(last.c.id, flow.c.created_at, upstream.c.finished_at, gate.c.decided_at)
        .join(flow, flow.c.id == last.c.flow_id)
        .outerjoin(upstream, sa.and_(upstream.c.flow_id == flow.c.id, upstream.c.environment.in_(after)))
        .outerjoin(
            gate,
            sa.and_(gate.c.deployment_id == upstream.c.id, gate.c.phase == "exit", gate.c.outcome == "PASS"),
        )
    )
    came: dict[int, datetime] = {}
    for row in connection.execute(arrivals):
        times = (came.get(row.id), row.created_at, row.finished_at, row.decided_at)
        came[row.id] = max(at for at in times if at is not None)
    found: dict[str, list[timedelta]] = defaultdict(list)
    for row in connection.execute(_passed(last, "entry")):
        if row.id in came:
            found[row.promotion].append(max(row.decided_at - came[row.id], timedelta()))
    return dict(sorted(found.items()))


def _last_deploys(service: str, environment: str) -> sa.Subquery:
    return (
        sa.select(deployment.c.id, deployment.c.flow_id, deployment.c.finished_at)
        .where(_succeeded(service, environment), deployment.c.kind == "deploy")
        .order_by(deployment.c.id.desc())
        .limit(LOOKED_BACK)
        .subquery()
    )


def _passed(last: sa.Subquery, phase: Phase) -> sa.Select[Any]:
    passed = (verdict.c.deployment_id == last.c.id, verdict.c.phase == phase, verdict.c.outcome == "PASS")
    return sa.select(last.c.id, last.c.finished_at, verdict.c.promotion, verdict.c.decided_at).join(
        verdict, sa.and_(*passed)
    )


def _succeeded(service: str, environment: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        deployment.c.service == service,
        deployment.c.environment == environment,
        deployment.c.result == sa.literal_column("'SUCCESS'"),
        deployment.c.finished_at.is_not(None),
    )
