"""How long versions stayed where a service runs."""

from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.tables import artifact, deployment, running, tenure


class StayView(Struct, frozen=True, kw_only=True):
    """A deployment that came to run in a lane. It lasted until the lane's next one. `status`: what has become of it."""

    environment: str
    module: str
    version: str
    deployment: int
    kind: str
    status: str
    since: datetime


def stays_of(connection: sa.Connection, service: str, start: datetime, *, limit: int) -> list[StayView]:
    """What a service ran since a time, by environment and module, the first first; at most the last `limit` of each.

    Of each the one that ran at the start is among them, if there are not more. A statement a lane. Indexes: primary key
    of `running`, `ix_tenure_lane`.
    """
    lanes = sa.select(running.c.environment, running.c.module_key).where(running.c.service == service)
    found: list[StayView] = []
    for lane in connection.execute(lanes.order_by(running.c.environment, running.c.module_key)).all():
        mine = (
            sa.select(
                tenure.c.deployment_id,
                tenure.c.since,
                deployment.c.status,
                deployment.c.kind,
                artifact.c.group,
                artifact.c.name,
                artifact.c.version,
            )
            .join(deployment, deployment.c.id == tenure.c.deployment_id)
            .join(artifact, artifact.c.id == tenure.c.artifact_id)
            .where(
                tenure.c.service == service,
                tenure.c.environment == lane.environment,
                tenure.c.module_key == lane.module_key,
            )
            .order_by(tenure.c.since.desc(), tenure.c.published_at.desc(), tenure.c.deployment_id.desc())
            .limit(limit)
        )
        stays: list[StayView] = []
        for row in connection.execute(mine):
            stays.append(
                StayView(
                    environment=lane.environment,
                    module=f"{row.group}:{row.name}",
                    version=row.version,
                    deployment=row.deployment_id,
                    kind=row.kind,
                    status=row.status,
                    since=row.since,
                )
            )
            if row.since <= start:
                break
        found += reversed(stays)
    return found
