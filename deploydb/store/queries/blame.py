"""What changed in a stretch of time, out of the log."""

from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import Fact, fact_types, type_of
from deploydb.domain.model.reasons import Reason
from deploydb.store import live_intervals
from deploydb.store.columns import viewed
from deploydb.store.journal import fact_text, is_own, own_id
from deploydb.store.list_parameters import among
from deploydb.store.queries.log_positions import numbers_between
from deploydb.store.tables import deployment, event, live_interval
from deploydb.wire.native import decode_logged

MOST = 200
_DECIDED = (
    "configuration.changed",
    "environment.changed",
    "deployment.ran",
    "failure.counted",
    "deployment.attempted",
    "rollback.answered",
)
_RAN = ("environment.changed", "deployment.ran")
FACTS = {type_of(kind): kind.projection for kind in fact_types() if kind.projection.change is not None}
"""The facts that are changes."""


class ChangeBody(Struct, frozen=True, kw_only=True):
    """The body of a row of the log about a change. Decisions alone have `since` and `failure_response`."""

    deployment: int | None = None
    since: datetime | None = None
    version: str | None = None
    kind: str | None = None
    by: str | None = None
    reason: dict[str, Any] | str | None = None
    comment: str | None = None
    promotion: str | None = None
    failure_response: str | None = None


class ChangeView(Struct, frozen=True, kw_only=True):
    """A row of the log about a change. `deployment_reason`: why it was deployed, or what became of it.

    `body` is None where it is malformed. `detail`: of a fact, as its `Projection` says.
    """

    number: int
    type: str
    time: datetime
    recorded_at: datetime
    service: str | None
    environment: str | None
    who: str | None
    body: ChangeBody | None
    detail: str | None
    deployment_reason: Reason | None


def changes_between(
    connection: sa.Connection, start: datetime, end: datetime, *, service: str | None, environment: str | None
) -> list[ChangeView]:
    """What changed and was recorded in that time, newest first, at most one more than `MOST`.

    Of one service also what concerns all services, and so for environments. Costs what was logged in that time.
    Index: primary key.
    """
    wanted = sa.or_(sa.and_(is_own(), event.c.type.in_(_DECIDED)), event.c.type.in_(FACTS))
    inside = sa.and_(event.c.recorded_at >= start, event.c.recorded_at <= end)
    first, last = numbers_between(connection, start, end)
    reason = sa.case((event.c.type.in_(_RAN), deployment.c.trigger_reason), else_=deployment.c.status_reason)
    statement = (
        sa.select(*viewed(ChangeView, event, body=fact_text(), detail=sa.null(), deployment_reason=reason))
        .outerjoin(deployment, deployment.c.id == own_id("deployment"))
        .where(event.c.number.between(first, last), inside, wanted)
        .order_by(event.c.number.desc())
        .limit(MOST + 1)
    )
    for column, name in ((event.c.service, service), (event.c.environment, environment)):
        if name is not None:
            statement = statement.where(sa.or_(column == name, column.is_(None)))
    return [_view(row) for row in connection.execute(statement)]


def _view(row: Any) -> ChangeView:  # noqa: ANN401  # a row of `changes_between`
    body = row.body.encode()
    change: ChangeBody | None
    detail = None
    try:
        if row.type in _DECIDED:
            change = msgspec.json.decode(body, type=ChangeBody)
        else:  # by its own fields: what stands beside them says nothing
            fact = decode_logged(body, arrived_at=row.recorded_at)
            change = msgspec.convert(fact, ChangeBody, from_attributes=True)
            detail = _detail(fact)
    except (MessageRejected, msgspec.DecodeError):
        change = None
    return ChangeView(**{**row._mapping, "body": change, "detail": detail})


def _detail(fact: Fact) -> str | None:
    found = getattr(fact, fact.projection.detail) if fact.projection.detail is not None else None
    return ", ".join(found) or None if isinstance(found, tuple) else found


def ran_before(connection: sa.Connection, deployments: list[int]) -> dict[tuple[int, datetime], str]:
    """By deployment and when it came to run, the other version that ran in its lane before. Index:
    `ix_live_interval_lane`."""
    earlier, releases = live_interval.alias("earlier"), deployment.alias("releases")
    before = (
        sa.select(releases.c.version)
        .join(earlier, earlier.c.deployment_id == releases.c.id)
        .where(
            live_intervals.ran_before(earlier, live_interval),
            earlier.c.artifact_id != live_interval.c.artifact_id,
        )
        .order_by(*live_intervals.last_first(earlier))
        .limit(1)
        .correlate(live_interval)
        .scalar_subquery()
    )
    columns = (live_interval.c.deployment_id, live_interval.c.live_at, before.label("version"))
    statement = sa.select(*columns).where(among(live_interval.c.deployment_id, sorted(deployments)))
    return {
        (row.deployment_id, row.live_at): row.version
        for row in connection.execute(statement)
        if row.version is not None
    }
