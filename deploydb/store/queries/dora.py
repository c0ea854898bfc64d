"""What happened in production in a stretch of time."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.dora import Run, Trouble
from deploydb.domain.model.artifact import module_key, split_module
from deploydb.domain.model.facts import IncidentDetected, IncidentResolved, type_of
from deploydb.store import bulk
from deploydb.store.columns import UtcDateTime, in_lanes, viewed
from deploydb.store.journal import is_own
from deploydb.store.list_parameters import among
from deploydb.store.live_intervals import last_first, ran_before
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.queries.log_positions import numbers_between
from deploydb.store.tables import artifact, deployment, event, live_interval

_FAILED, _ATTEMPTED = "failure.counted", "deployment.attempted"
_DETECTED, _RESOLVED = type_of(IncidentDetected), type_of(IncidentResolved)
_SPAN = (artifact.c.module_key, sa.Column("after", UtcDateTime), sa.Column("until", UtcDateTime))


class _Body(Struct, frozen=True, kw_only=True):
    """The fields of a body that are counted here; defaults for a malformed body."""

    deployment: int | None = None
    cause: int | None = None
    kind: str | None = None
    incident: str | None = None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> "_Body":
        try:
            return msgspec.convert(row.body, cls)
        except msgspec.ValidationError:
            return cls()


def runs_since(
    connection: sa.Connection, start: datetime, environments: Collection[str], service: str | None
) -> list[Run]:
    """What came to run in some environments since a time, in that order, of one service or all.

    Costs what came to run there since. Indexes: `ix_live_interval_environment`, `ix_live_interval_lane`.
    """
    earlier = live_interval.alias("earlier")
    before = (
        sa.select(earlier.c.published_at)
        .where(ran_before(earlier, live_interval))
        .order_by(*last_first(earlier))
        .limit(1)
        .correlate(live_interval)
        .scalar_subquery()
    )
    columns = viewed(
        Run,
        live_interval,
        module=MODULE,
        deployment=live_interval.c.deployment_id,
        kind=deployment.c.kind,
        since=live_interval.c.live_at,
        succeeded=sa.func.coalesce(live_interval.c.result, "") == "SUCCESS",
        before=before,
    )
    statement = (
        sa.select(*columns)
        .join(artifact, artifact.c.id == live_interval.c.artifact_id)
        .join(deployment, deployment.c.id == live_interval.c.deployment_id)
        .where(
            among(live_interval.c.environment, sorted(environments)),
            live_interval.c.live_at >= start,
            *in_lanes(live_interval, service, None),
        )
        .order_by(live_interval.c.live_at, live_interval.c.deployment_id)
    )
    return [Run(**row._mapping) for row in connection.execute(statement)]


def troubles_between(
    connection: sa.Connection, start: datetime, end: datetime, environments: Collection[str], service: str | None
) -> list[Trouble]:
    """Failures, rollbacks and incidents that were recorded in that time; when incidents ended, until now.

    Costs what there was of these since. Index: `ix_event_rare`.
    """
    since, _ = numbers_between(connection, start, None)

    def rare(name: str) -> Sequence[sa.Row[Any]]:
        return _rare(connection, name, since, start, environments, service)

    wanted = [rare(name) for name in (_FAILED, _ATTEMPTED, _DETECTED)]
    failed, attempted, detected = ([row for row in found if row.recorded_at <= end] for found in wanted)
    over: dict[tuple[str, str, str | None], list[datetime]] = defaultdict(list)
    for row in rare(_RESOLVED):
        over[row.service, row.environment, _Body.of(row).incident].append(row.time)
    troubles = [
        Trouble(service=row.service, environment=row.environment, at=row.time, deployment=_Body.of(row).deployment)
        for row in failed
    ]
    counted = {trouble.deployment for trouble in troubles}
    troubles += [
        Trouble(service=row.service, environment=row.environment, at=row.time, deployment=body.cause)
        for row in attempted
        for body in (_Body.of(row),)
        if body.kind == "rollback" and body.cause not in (None, *counted)
    ]
    for row in detected:
        ends = [end for end in over[row.service, row.environment, _Body.of(row).incident] if end >= row.time]
        troubles.append(
            Trouble(service=row.service, environment=row.environment, at=row.time, over=min(ends, default=None))
        )
    return troubles


def published_in(
    connection: sa.Connection, spans: Mapping[str, tuple[datetime, datetime]]
) -> dict[str, list[datetime]]:
    """By module, when its releases were published after the first time and until the second one.

    Costs what was published then. Index: `ix_artifact_module`.
    """
    if not spans:
        return {}
    given = bulk.table_of(connection, _SPAN)
    statement = (
        sa.select(MODULE.label("module"), artifact.c.published_at)
        .join(given, given.c.module_key == artifact.c.module_key)
        .where(artifact.c.published_at > given.c.after, artifact.c.published_at <= given.c.until)
        .order_by(artifact.c.published_at)
    )
    batch = []
    for module, (after, until) in sorted(spans.items()):
        batch.append({"module_key": module_key(*split_module(module)), "after": after, "until": until})
    found: dict[str, list[datetime]] = defaultdict(list)
    for row in connection.execute(statement, bulk.parameter(connection, batch)):
        found[row.module].append(row.published_at)
    return found


def _rare(
    connection: sa.Connection,
    name: str,
    since: int,
    start: datetime,
    environments: Collection[str],
    service: str | None,
) -> Sequence[sa.Row[Any]]:
    """The rows of the log of one rare type, of these environments, that were recorded since a time."""
    statement: sa.Select[Any] = (
        sa.select(event.c.service, event.c.environment, event.c.time, event.c.recorded_at, event.c.body)
        .where(
            event.c.type == sa.literal(name, literal_execute=True),  # so that the index's condition is seen to hold
            among(event.c.environment, sorted(environments)),
            event.c.number >= since,
            event.c.recorded_at >= start,
            *in_lanes(event, service, None),
        )
        .order_by(event.c.number)
    )
    if name in (_FAILED, _ATTEMPTED):
        statement = statement.where(is_own())
    return connection.execute(statement).all()
