"""What changed in a stretch of time, out of the log."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from msgspec import Struct

from deploydb.store.lists import among
from deploydb.store.queries.moments import numbers_between
from deploydb.store.tables import deployment, event, tenure

MOST = 200
_DECIDED = ("environment.changed", "deployment.ran", "failure.counted", "deployment.attempted", "rollback.answered")
_RAN = ("environment.changed", "deployment.ran")
_SAID = (
    "approval.given",
    "approval.refused",
    "hold.placed",
    "hold.lifted",
    "hotfix.declared",
    "rollback.requested",
    "incident.detected",
    "incident.resolved",
)


class ChangeView(Struct, frozen=True, kw_only=True):
    """A row of the log that tells of a change. `deployment_reason`: why it was deployed, or what became of it."""

    number: int
    type: str
    time: datetime
    recorded_at: datetime
    service: str | None
    environment: str | None
    who: str | None
    body: dict[str, Any]
    deployment_reason: str | None


def changes_between(
    connection: sa.Connection, start: datetime, end: datetime, *, service: str | None, environment: str | None
) -> list[ChangeView]:
    """What changed and was recorded in that time, the last first, at most one more than `MOST`.

    Of one service also what concerns all services, and so for environments. Costs what was logged in that time.
    Index: primary key.
    """
    inside = sa.and_(event.c.recorded_at >= start, event.c.recorded_at <= end)
    first, last = numbers_between(connection, start, end)
    statement = (
        sa.select(
            event.c.number,
            event.c.type,
            event.c.time,
            event.c.recorded_at,
            event.c.service,
            event.c.environment,
            event.c.who,
            event.c.body,
            sa.case((event.c.type.in_(_RAN), deployment.c.because), else_=deployment.c.reason).label(
                "deployment_reason"
            ),
        )
        .outerjoin(
            deployment,
            sa.and_(event.c.type.in_(_DECIDED), deployment.c.id == event.c.body["deployment"].as_integer()),
        )
        .where(event.c.number.between(first, last), inside, event.c.type.in_((*_DECIDED, *_SAID)))
        .order_by(event.c.number.desc())
        .limit(MOST + 1)
    )
    for column, name in ((event.c.service, service), (event.c.environment, environment)):
        if name is not None:
            statement = statement.where(sa.or_(column == name, column.is_(None)))
    return [ChangeView(**row._mapping) for row in connection.execute(statement)]


def ran_before(connection: sa.Connection, deployments: list[int]) -> dict[int, str]:
    """By deployment, the other version that ran in its lane before it. Index: `ix_tenure_lane`."""
    earlier, releases = tenure.alias("earlier"), deployment.alias("releases")
    before = (
        sa.select(releases.c.version)
        .join(earlier, earlier.c.deployment_id == releases.c.id)
        .where(
            earlier.c.service == tenure.c.service,
            earlier.c.environment == tenure.c.environment,
            earlier.c.module_key == tenure.c.module_key,
            sa.tuple_(earlier.c.since, earlier.c.published_at, earlier.c.deployment_id)
            < sa.tuple_(tenure.c.since, tenure.c.published_at, tenure.c.deployment_id),
            earlier.c.artifact_id != tenure.c.artifact_id,
        )
        .order_by(earlier.c.since.desc(), earlier.c.published_at.desc(), earlier.c.deployment_id.desc())
        .limit(1)
        .correlate(tenure)
        .scalar_subquery()
    )
    statement = sa.select(tenure.c.deployment_id, before.label("version")).where(
        among(tenure.c.deployment_id, sorted(deployments))
    )
    return {row.deployment_id: row.version for row in connection.execute(statement) if row.version is not None}
