"""What has been tried in a lane, and when."""

import sqlalchemy as sa

from deploydb.store.queries.deployments import VIEWED, DeploymentView, views
from deploydb.store.tables import deployment


def history(
    connection: sa.Connection, service: str, environment: str | None = None, *, offset: int, limit: int
) -> list[DeploymentView]:
    """What has been tried of a service (in one environment), newest first; not what has not begun.

    Costs the page and what is before it; in one environment of a service also what happened in the others meanwhile.
    Index: `ix_deployment_history`.
    """
    mine = VIEWED.where(deployment.c.service == service, deployment.c.happened_at.is_not(None))
    if environment is not None:
        mine = mine.where(deployment.c.environment == environment)
    newest_first = mine.order_by(deployment.c.happened_at.desc(), deployment.c.id.desc())
    return views(connection, newest_first.offset(offset).limit(limit))
