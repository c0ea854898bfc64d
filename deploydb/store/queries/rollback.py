"""What a rollback in a lane would undo."""

import sqlalchemy as sa

from deploydb.domain.model.deployment import Release
from deploydb.store.deployments import release_from_row, released
from deploydb.store.projections.publications import module_key
from deploydb.store.tables import artifact, live_interval


def came_after(
    connection: sa.Connection, service: str, environment: str, target: Release, deployed: int, *, limit: int
) -> list[Release]:
    """The releases of the target's module that came to run in a lane after its deployment there, newest first.

    At most `limit`. Indexes: primary key of `live_interval`, and `ix_live_interval_lane` from the target's deployment
    on.
    """
    then = live_interval.alias("then")
    statement = (
        released()
        .join(live_interval, live_interval.c.artifact_id == artifact.c.id)
        .join(then, then.c.deployment_id == deployed)
        .where(
            live_interval.c.service == service,
            live_interval.c.environment == environment,
            live_interval.c.module_key == module_key(target.artifact.group, target.artifact.name),
            sa.tuple_(live_interval.c.live_at, live_interval.c.published_at, live_interval.c.deployment_id)
            > sa.tuple_(then.c.live_at, then.c.published_at, then.c.deployment_id),
            artifact.c.id != target.id,
        )
        .group_by(artifact.c.id)
        .order_by(sa.func.max(live_interval.c.live_at).desc(), sa.func.max(live_interval.c.deployment_id).desc())
        .limit(limit)
    )
    return [release_from_row(row) for row in connection.execute(statement)]
