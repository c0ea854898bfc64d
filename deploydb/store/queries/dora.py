"""What happened in production in a stretch of time."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import Struct
from msgspec.structs import replace

from deploydb.domain.dora import Figures, Run, Trouble, cause_of, figures
from deploydb.domain.model.artifact import module_key, split_module
from deploydb.domain.model.catalog import Lane
from deploydb.domain.model.evidence import incidents_of
from deploydb.store import bulk
from deploydb.store.columns import UtcDateTime, in_lanes, viewed
from deploydb.store.incident_reports import incident_reports
from deploydb.store.journal import is_own
from deploydb.store.list_parameters import among
from deploydb.store.live_intervals import last_first, ran_before
from deploydb.store.queries.artifacts import MODULE
from deploydb.store.queries.log_positions import numbers_between
from deploydb.store.reason_codec import reason_of
from deploydb.store.tables import artifact, deployment, event, live_interval

_FAILED = "failure.counted"
_SPAN = (artifact.c.module_key, sa.Column("after", UtcDateTime), sa.Column("until", UtcDateTime))


class ProductionHistory(Struct, frozen=True, kw_only=True):
    """What happened in production lanes from `since` to `until`."""

    since: datetime
    until: datetime
    runs: Sequence[Run]
    troubles: Sequence[Trouble]
    published: Mapping[str, Sequence[datetime]]

    def figures(self) -> Figures:
        """The figures of all these lanes together."""
        return figures(self.runs, self.troubles, self.published, self.since, self.until)

    def between(self, since: datetime, until: datetime) -> "ProductionHistory":
        """A part of it. What came to run after the part stays: it ends troubles. A trouble is of when it happened."""
        return replace(
            self,
            since=since,
            until=until,
            runs=self.runs[bisect_left(self.runs, since, key=attrgetter("since")) :],
            troubles=[trouble for trouble in self.troubles if since <= trouble.at <= until],
        )

    def figures_by_service(self) -> dict[str, Figures]:
        """The figures of each service in which something happened."""
        runs: dict[str, list[Run]] = defaultdict(list)
        troubles: dict[str, list[Trouble]] = defaultdict(list)
        for run in self.runs:
            runs[run.service].append(run)
        for trouble in self.troubles:
            troubles[trouble.service].append(trouble)
        return {
            service: replace(self, runs=runs[service], troubles=troubles[service]).figures()
            for service in sorted(runs.keys() | troubles.keys())
        }


class _Body(Struct, frozen=True, kw_only=True):
    """The fields of a body that are counted here; defaults for a malformed body."""

    deployment: int | None = None
    failure: Any = None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> "_Body":
        try:
            return msgspec.convert(row.body, cls)
        except msgspec.ValidationError:
            return cls()


def production_history(
    connection: sa.Connection,
    lanes: Set[Lane],
    since: datetime,
    until: datetime,
    services: Collection[str] | None = None,
) -> ProductionHistory:
    """What happened in these lanes. `services`: those whose they are; None: nearly all.

    Costs as `runs_since`, `troubles_between` and `published_in`.
    """
    environments = {environment for _, environment in lanes}
    runs = runs_since(connection, since, environments, services)
    troubles = troubles_between(connection, since, until, environments, services)
    there = [run for run in runs if (run.service, run.environment) in lanes]
    return ProductionHistory(
        since=since,
        until=until,
        runs=there,
        troubles=[trouble for trouble in troubles if (trouble.service, trouble.environment) in lanes],
        published=published_in(connection, _spans(there)),
    )


def runs_since(
    connection: sa.Connection, start: datetime, environments: Collection[str], services: Collection[str] | None
) -> list[Run]:
    """What came to run in some environments since a time, in that order, of some services or all.

    Not what was reported once more while it ran. Costs what came to run there since. Indexes:
    `ix_live_interval_environment`, `ix_live_interval_lane`.
    """
    earlier = live_interval.alias("earlier")
    last = (
        sa.select(earlier.c.published_at)
        .where(ran_before(earlier, live_interval))
        .order_by(*last_first(earlier))
        .limit(1)
        .correlate(live_interval)
    )
    before = last.scalar_subquery()
    stays = last.with_only_columns(earlier.c.deployment_id).scalar_subquery() == live_interval.c.deployment_id
    columns = viewed(
        Run,
        live_interval,
        module=MODULE,
        version=artifact.c.version,
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
            sa.not_(sa.func.coalesce(stays, sa.false())),
            *_of(live_interval, services),
        )
        .order_by(live_interval.c.live_at, live_interval.c.deployment_id)
    )
    return [Run(**row._mapping) for row in connection.execute(statement)]


def troubles_between(
    connection: sa.Connection,
    start: datetime,
    end: datetime,
    environments: Collection[str],
    services: Collection[str] | None,
) -> list[Trouble]:
    """Failures that were recorded, and incidents that began, in that time; when incidents ended, until now. A rollback
    that failed is none: what it was to end is.

    Costs what there was of failures since, and of incidents ever. Indexes: `ix_event_rare`, primary keys.
    """
    failed = [
        (row, _Body.of(row)) for row in _failures(connection, start, environments, services) if row.recorded_at <= end
    ]
    ids = sorted({body.deployment for _, body in failed if body.deployment is not None})
    rollback = sa.select(deployment.c.id).where(deployment.c.kind == "rollback", among(deployment.c.id, ids))
    rollbacks = set(connection.execute(rollback).scalars())
    troubles = [
        Trouble(
            service=row.service,
            environment=row.environment,
            at=row.time,
            deployment=body.deployment,
            cause=cause_of(reason_of(body.failure)),
        )
        for row, body in failed
        if body.deployment not in rollbacks
    ]
    conditions = (among(event.c.environment, sorted(environments)), *_of(event, services))
    for (lane_service, environment, _), reports in incident_reports(connection, *conditions).items():
        times = {report.event: report.at.time for report in reports}
        troubles += [
            Trouble(
                service=lane_service,
                environment=environment,
                at=incident.since,
                over=times[incident.event] if not incident.open else None,
                cause="incident",
                version=incident.version,
            )
            for incident in incidents_of(reports)
            if incident.began_at is not None and start <= incident.began_at <= end
        ]
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


def _of(table: sa.FromClause, services: Collection[str] | None) -> list[sa.ColumnElement[bool]]:
    """Conditions for the rows of some services, or of all (None)."""
    if services is None or len(services) == 1:
        return in_lanes(table, next(iter(services or ()), None), None)
    return [among(table.c.service, sorted(services))]


def _spans(runs: Sequence[Run]) -> dict[str, tuple[datetime, datetime]]:
    """Of each module from what ran before its first run to its last one."""
    spans: dict[str, tuple[datetime, datetime]] = {}
    for run in runs:
        if run.before is None:
            continue
        after, until = spans.get(run.module, (run.before, run.published_at))
        spans[run.module] = (min(after, run.before), max(until, run.published_at))
    return spans


def _failures(
    connection: sa.Connection, start: datetime, environments: Collection[str], services: Collection[str] | None
) -> Sequence[sa.Row[Any]]:
    """The failures of these environments that were recorded since a time."""
    since, _ = numbers_between(connection, start, None)
    statement: sa.Select[Any] = (
        sa.select(event.c.service, event.c.environment, event.c.time, event.c.recorded_at, event.c.body)
        .where(
            event.c.type == sa.literal(_FAILED, literal_execute=True),  # so that the index's condition is seen to hold
            is_own(),
            among(event.c.environment, sorted(environments)),
            event.c.number >= since,
            event.c.recorded_at >= start,
            *_of(event, services),
        )
        .order_by(event.c.number)
    )
    return connection.execute(statement).all()
