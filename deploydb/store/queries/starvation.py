"""Starved lanes: releases come to them, and none has passed for long."""

from datetime import datetime, timedelta

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.formatting import instant
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.overrides import Hold
from deploydb.store.columns import Json, UtcDateTime, in_lanes
from deploydb.store.queries.holds import holds_at
from deploydb.store.tables import deployment, live_interval

_NOT_ARRIVED = ("awaiting_stages", "skipped_upstream", "failed_upstream", "replaced_upstream", "skipped_by_hotfix")
"""The reasons of a deployment that its release has not come to."""


class StarvedView(Struct, frozen=True, kw_only=True):
    """A starved lane. `releases`: how many have come to it since one passed at `passed_at`; `waiting_since`: when the
    first of those that have not passed came."""

    service: str
    environment: str
    releases: int
    waiting_since: datetime
    passed_at: datetime | None

    @property
    def since(self) -> datetime:
        """Since when none passes although one has come."""
        return max(self.waiting_since, self.passed_at or self.waiting_since)

    @property
    def words(self) -> str:
        """`starved: 12 releases have come, and none has passed since 2026-11-22 12:00:00 UTC`."""
        come = "1 release has come" if self.releases == 1 else f"{self.releases} releases have come"
        return f"starved: {come}, and none has passed since {instant(self.since)}"


def starved_lanes(
    connection: sa.Connection,
    catalog: Catalog,
    now: datetime,
    service: str | None = None,
    environment: str | None = None,
) -> list[StarvedView]:
    """The starved lanes, of one service or all, in one environment or all.

    In a starved lane something waits or is worked on, and since one passed as many releases have come, or it is as
    long ago, as the environment has it; the time that its soaks take is not counted. A lane that people hold is none.

    Costs what is open, and what has happened in those lanes since one passed. Indexes:
    `ix_deployment_needs_evaluation`, `ix_deployment_succeeded`, `ix_deployment_history`, `uq_deployment_flow_id`.
    """
    found = [StarvedView(**row._mapping) for row in connection.execute(_arrivals(service, environment))]
    holds = holds_at(connection, now, service) if found else []
    starved = []
    for view in found:
        configured = catalog.services.get(view.service)
        stages = catalog.stages(configured) if configured is not None else ()
        for stage in (one for one in stages if one.environment == view.environment):
            held = any(_is_over(hold, view) for hold in holds)
            if configured is not None and not held and _is_starved(catalog, configured, stage, view, now):
                starved.append(view)
    return starved


def _is_starved(catalog: Catalog, service: Service, stage: Stage, view: StarvedView, now: datetime) -> bool:
    gates = (*catalog.entry_promotions(stage.environment), *catalog.exit_promotions(service, stage))
    soaks = sum((gate.lasts for gate in gates if gate.lasts is not None), timedelta(0))
    configured = catalog.environments[stage.environment]
    over = now - view.since - soaks
    return over >= configured.starved_after or (over > timedelta(0) and view.releases >= configured.starved_releases)


def _is_over(hold: Hold, view: StarvedView) -> bool:
    here = hold.service in (None, view.service) and hold.environment in (None, view.environment)
    return here and hold.kind != "veto"


def _arrivals(service: str | None, environment: str | None) -> sa.Select[tuple[object, ...]]:
    """A row for each lane with something that is open: since when, and how many releases have come since one passed."""
    opened, passed, kin = deployment.alias("opened"), deployment.alias("passed"), deployment.alias("kin")
    interval, upstream = live_interval.alias("passed_interval"), live_interval.alias("upstream")
    working = opened.c.status.in_(("NOT_STARTED", "CREATED", "STARTED", "COMPLETED"))
    lanes = (
        sa.select(opened.c.service, opened.c.environment)
        .where(opened.c.needs_evaluation, working, _has_arrived(opened), *in_lanes(opened, service, environment))
        .distinct()
        .cte("lanes")
    )
    last = (
        sa.select(sa.func.max(passed.c.id))
        .where(
            passed.c.service == lanes.c.service,
            passed.c.environment == lanes.c.environment,
            passed.c.result == sa.literal_column("'SUCCESS'"),
            passed.c.kind == "deploy",
        )
        .scalar_subquery()
    )
    since = (
        sa.select(lanes.c.service, lanes.c.environment, interval.c.result_at.label("passed_at"))
        .select_from(lanes.outerjoin(interval, interval.c.deployment_id == last))
        .cte("since")
    )
    come_out = (
        sa.select(sa.func.max(upstream.c.result_at))
        .join(kin, kin.c.id == upstream.c.deployment_id)
        .where(kin.c.flow_id == deployment.c.flow_id, kin.c.id != deployment.c.id, upstream.c.result == "SUCCESS")
        .scalar_subquery()
    )
    arrived = (
        sa.select(
            since.c.service,
            since.c.environment,
            since.c.passed_at,
            deployment.c.flow_id,
            sa.func.coalesce(come_out, deployment.c.created_at, type_=UtcDateTime).label("arrived_at"),
        )
        .join_from(since, deployment, deployment.c.service == since.c.service)
        .where(
            deployment.c.environment == since.c.environment,
            deployment.c.result.is_distinct_from("SUCCESS"),
            _has_arrived(deployment),
            sa.or_(
                deployment.c.needs_evaluation, since.c.passed_at.is_(None), deployment.c.happened_at > since.c.passed_at
            ),
        )
        .subquery("arrived")
    )
    later = sa.or_(arrived.c.passed_at.is_(None), arrived.c.arrived_at > arrived.c.passed_at)
    return sa.select(
        arrived.c.service,
        arrived.c.environment,
        sa.func.count(sa.distinct(sa.case((later, arrived.c.flow_id)))).label("releases"),
        sa.func.min(arrived.c.arrived_at, type_=UtcDateTime).label("waiting_since"),
        arrived.c.passed_at,
    ).group_by(arrived.c.service, arrived.c.environment, arrived.c.passed_at)


def _has_arrived(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the release of a deployment has come to its stage."""
    code = sa.type_coerce(table.c.status_reason, Json)["code"].as_string()
    come = sa.or_(table.c.requested_at.is_not(None), code.not_in(_NOT_ARRIVED))
    return sa.and_(table.c.kind == "deploy", table.c.flow_id.is_not(None), come)
