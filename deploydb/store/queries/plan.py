"""How long deployments and gates have taken, for telling how long they will take."""

from datetime import timedelta

import sqlalchemy as sa

from deploydb.domain.model.deployment import Gate
from deploydb.store.tables import deployment, verdict

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


def gates_took(connection: sa.Connection, service: str, environment: str) -> dict[str, list[timedelta]]:
    """From finish to PASS by promotion, of the last deployments of a lane that succeeded.

    Of one that is asked before the deployment, too, what it took after it.

    Indexes: `ix_deployment_succeeded`, `uq_verdict_deployment_id_promotion_phase`.
    """
    last = (
        sa.select(deployment.c.id, deployment.c.finished_at)
        .where(_succeeded(service, environment), deployment.c.kind == "deploy")
        .order_by(deployment.c.id.desc())
        .limit(LOOKED_BACK)
        .subquery()
    )
    statement = sa.select(verdict.c.phase, verdict.c.promotion, verdict.c.decided_at, last.c.finished_at).join(
        last, last.c.id == verdict.c.deployment_id
    )
    found: dict[Gate, list[timedelta]] = {}
    for row in connection.execute(statement.where(verdict.c.outcome == "PASS")):
        found.setdefault((row.phase, row.promotion), []).append(max(row.decided_at - row.finished_at, timedelta()))
    return {name: taken for (_, name), taken in sorted(found.items())}  # `exit` comes after `entry`


def _succeeded(service: str, environment: str) -> sa.ColumnElement[bool]:
    return sa.and_(
        deployment.c.service == service,
        deployment.c.environment == environment,
        deployment.c.result == sa.literal_column("'SUCCESS'"),
        deployment.c.finished_at.is_not(None),
    )
