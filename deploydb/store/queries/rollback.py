"""What a rollback in a lane would undo."""

import sqlalchemy as sa

from deploydb.domain.state import Release
from deploydb.store.deployments import release_from_row, released
from deploydb.store.publications import module_key
from deploydb.store.tables import artifact, deployment


def came_after(
    connection: sa.Connection, service: str, environment: str, target: Release, deployed: int, *, limit: int
) -> list[Release]:
    """The releases of the target's module that came to run in a lane after its deployment there, the last first.

    At most `limit`. Index: `ix_deployment_history`, from the target's deployment on.
    """
    key = module_key(target.artifact.group, target.artifact.name)
    last = sa.func.max(deployment.c.id)
    statement = (
        released()
        .join(deployment, deployment.c.artifact_id == artifact.c.id)
        .where(
            deployment.c.service == service,
            deployment.c.id > deployed,
            deployment.c.environment == environment,
            deployment.c.outcome == "succeeded",
            artifact.c.module_key == key,
            artifact.c.id != target.id,
        )
        .group_by(artifact.c.id)
        .order_by(last.desc())
        .limit(limit)
    )
    return [release_from_row(row) for row in connection.execute(statement)]
