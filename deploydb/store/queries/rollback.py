"""What a rollback in a lane would undo."""

import sqlalchemy as sa

from deploydb.domain.model.deployment import Release
from deploydb.store.deployments import release_from_row, released
from deploydb.store.projections.publications import module_key
from deploydb.store.tables import artifact, tenure


def came_after(
    connection: sa.Connection, service: str, environment: str, target: Release, deployed: int, *, limit: int
) -> list[Release]:
    """The releases of the target's module that came to run in a lane after its deployment there, the last first.

    At most `limit`. Indexes: primary key of `tenure`, and `ix_tenure_lane` from the target's deployment on.
    """
    then = tenure.alias("then")
    statement = (
        released()
        .join(tenure, tenure.c.artifact_id == artifact.c.id)
        .join(then, then.c.deployment_id == deployed)
        .where(
            tenure.c.service == service,
            tenure.c.environment == environment,
            tenure.c.module_key == module_key(target.artifact.group, target.artifact.name),
            sa.tuple_(tenure.c.since, tenure.c.published_at, tenure.c.deployment_id)
            > sa.tuple_(then.c.since, then.c.published_at, then.c.deployment_id),
            artifact.c.id != target.id,
        )
        .group_by(artifact.c.id)
        .order_by(sa.func.max(tenure.c.since).desc(), sa.func.max(tenure.c.deployment_id).desc())
        .limit(limit)
    )
    return [release_from_row(row) for row in connection.execute(statement)]
