"""All lanes in a few rows: since when each runs what it runs, and the gates that open deployments wait for."""

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.list_parameters import among
from deploydb.store.tables import UNFINISHED, current_version, deployment, verdict


class LiveLane(Struct, frozen=True, kw_only=True):
    """A lane, and when what it runs came to run there: of several modules the latest."""

    service: str
    environment: str
    live_at: datetime


class WaitingGate(Struct, frozen=True, kw_only=True):
    """A promotion that has no final answer for `count` gates of open deployments; `since`: for the oldest of them."""

    promotion: str
    count: int
    since: datetime


def live_lanes(connection: sa.Connection, services: Collection[str] | None = None) -> list[LiveLane]:
    """The lanes of some services, or of all, that run something. Reads `current_version`, which has a row for each lane
    and module: of some services by its primary key, else whole."""
    table = current_version.c
    lanes = sa.select(table.service, table.environment, sa.func.max(table.live_at).label("live_at"))
    if services is not None:
        lanes = lanes.where(among(table.service, sorted(services)))
    rows = connection.execute(lanes.group_by(table.service, table.environment))
    return [LiveLane(**row._mapping) for row in rows]


def waiting_gates(connection: sa.Connection) -> list[WaitingGate]:
    """The gates that were asked and have not passed or failed, by promotion. Costs what is open. Indexes:
    `ix_deployment_needs_evaluation`, `uq_verdict_deployment_id_promotion_phase`."""
    since = sa.func.min(sa.func.coalesce(verdict.c.since, verdict.c.decided_at, verdict.c.created_at))
    statement = (
        sa.select(verdict.c.promotion, sa.func.count().label("count"), since.label("since"))
        .join(deployment, deployment.c.id == verdict.c.deployment_id)
        .where(
            deployment.c.needs_evaluation,
            deployment.c.status.in_(UNFINISHED),
            verdict.c.outcome.in_(("PENDING", "ERROR")),
        )
        .group_by(verdict.c.promotion)
    )
    return [WaitingGate(**row._mapping) for row in connection.execute(statement)]
