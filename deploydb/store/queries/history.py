"""What has been tried in a lane, and when."""

import sqlalchemy as sa

from deploydb.store.queries.deployments import DeploymentView, views
from deploydb.store.tables import deployment

_HAPPENED_AT = sa.func.coalesce(
    deployment.c.requested_at, deployment.c.finished_at, deployment.c.skipped_at, deployment.c.created_at
)
"""When it was commanded; or else seen running, or skipped. Ids do not tell: a flow's are given out when it opens."""


def history(
    connection: sa.Connection, service: str, environment: str | None = None, *, offset: int, limit: int
) -> list[DeploymentView]:
    """What has been tried of a service (in one environment), the last first; not what has not begun.

    Costs the number of the service's deployments (there), of each a few columns. Indexes: `ix_deployment_history`,
    `ix_deployment_lane`.
    """
    mine = sa.select(deployment.c.id, _HAPPENED_AT.label("at")).where(
        deployment.c.service == service, deployment.c.status != "NOT_STARTED"
    )
    if environment is not None:
        mine = mine.where(deployment.c.environment == environment)
    newest_first = mine.order_by(_HAPPENED_AT.desc(), deployment.c.id.desc()).offset(offset).limit(limit)
    wanted = newest_first.subquery("wanted")
    statement = sa.select(deployment).join(wanted, wanted.c.id == deployment.c.id)
    return views(connection, statement.order_by(wanted.c.at.desc(), deployment.c.id.desc()))
