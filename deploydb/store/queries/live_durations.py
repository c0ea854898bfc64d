"""How long versions stayed where a service runs."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.tables import artifact, current_version, deployment, live_interval


class LiveDurationView(Struct, frozen=True, kw_only=True):
    """A deployment that came to run in a lane. It lasted until the lane's next one. `status`: what has become of it."""

    environment: str
    module: str
    version: str
    deployment: int
    kind: str
    status: str
    since: datetime


def live_durations(connection: sa.Connection, service: str, start: datetime, *, limit: int) -> list[LiveDurationView]:
    """What a service ran since a time, by environment and module, oldest first; at most the last `limit` of each.

    Of each the one that ran at the start is among them, if there are not more. A statement a lane. Indexes: primary key
    of `current_version`, `ix_live_interval_lane`.
    """
    lanes = sa.select(current_version.c.environment, current_version.c.module_key).where(
        current_version.c.service == service
    )
    found: list[LiveDurationView] = []
    for lane in connection.execute(lanes.order_by(current_version.c.environment, current_version.c.module_key)).all():
        mine = (
            sa.select(
                live_interval.c.deployment_id,
                live_interval.c.live_at,
                deployment.c.status,
                deployment.c.kind,
                artifact.c.group,
                artifact.c.name,
                artifact.c.version,
            )
            .join(deployment, deployment.c.id == live_interval.c.deployment_id)
            .join(artifact, artifact.c.id == live_interval.c.artifact_id)
            .where(
                live_interval.c.service == service,
                live_interval.c.environment == lane.environment,
                live_interval.c.module_key == lane.module_key,
            )
            .order_by(
                live_interval.c.live_at.desc(),
                live_interval.c.published_at.desc(),
                live_interval.c.deployment_id.desc(),
            )
            .limit(limit)
        )
        stays: list[LiveDurationView] = []
        for row in connection.execute(mine):
            stays.append(
                LiveDurationView(
                    environment=lane.environment,
                    module=f"{row.group}:{row.name}",
                    version=row.version,
                    deployment=row.deployment_id,
                    kind=row.kind,
                    status=row.status,
                    since=row.live_at,
                )
            )
            if row.live_at <= start:
                break
        found += reversed(stays)
    return found
