"""Starved lanes: releases come to them, and none has passed for long."""

from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.evaluation.flow_progress import NOT_COME
from deploydb.domain.formatting import instant
from deploydb.domain.model.admission_reasons import BranchElsewhere, ModuleRemoved, Vetoed
from deploydb.domain.model.catalog import Catalog, Service, Stage
from deploydb.domain.model.overrides import Hold
from deploydb.domain.model.reason_parts import codes
from deploydb.store.columns import Json, UtcDateTime
from deploydb.store.queries.holds import holds_at
from deploydb.store.tables import UNFINISHED, deployment, live_interval

_NOT_COUNTED = codes(*NOT_COME, Vetoed, ModuleRemoved, BranchElsewhere)
"""The reasons of a deployment that its release has not come to, or that people keep out."""


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
    long ago, as the environment has it; the time that its soaks take is not counted. A lane that people hold is none,
    and a release that is vetoed, of a removed module or of another branch is not counted.

    Costs what is open, and what has happened to those services since one passed. Indexes:
    `ix_deployment_needs_evaluation`, `ix_deployment_succeeded`, `ix_deployment_history`, `uq_deployment_flow_id`; of
    lanes in which none ever passed `ix_deployment_lane`.
    """
    wanted = {"service": service, "environment": environment}
    named = {name: value for name, value in wanted.items() if value is not None}
    found = [StarvedView(**row._mapping) for row in connection.execute(_arrivals(tuple(named)), named)]
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


@cache
def _arrivals(named: tuple[str, ...]) -> sa.Select[tuple[object, ...]]:
    """A row for each lane with something that is open: since when, and how many releases have come since one passed.

    `named`: the columns by which lanes are asked for.
    """
    opened, passed, kin = deployment.alias("opened"), deployment.alias("passed"), deployment.alias("kin")
    interval, upstream = live_interval.alias("passed_interval"), live_interval.alias("upstream")
    working = opened.c.status.in_(UNFINISHED)
    lanes = (
        sa.select(opened.c.service, opened.c.environment)
        .where(opened.c.needs_evaluation, working, _counts(opened))
        .where(*(opened.c[name] == sa.bindparam(name) for name in named))
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
    passed_at = sa.select(sa.func.max(interval.c.result_at, type_=UtcDateTime)).where(interval.c.deployment_id == last)
    since = sa.select(lanes.c.service, lanes.c.environment, passed_at.scalar_subquery().label("passed_at")).cte("since")
    come_out = (
        sa.select(sa.func.max(upstream.c.result_at))
        .join(kin, kin.c.id == upstream.c.deployment_id)
        .where(kin.c.flow_id == deployment.c.flow_id, kin.c.id != deployment.c.id, upstream.c.result == "SUCCESS")
        .scalar_subquery()
    )
    # apart: with an OR of them no index is used
    recent = sa.union(
        *(
            sa.select(found.c.id, since.c.passed_at)
            .join_from(since, found, found.c.service == since.c.service)
            .where(found.c.environment == since.c.environment, when(found))
            for found, when in (
                (deployment.alias("still_open"), lambda found: found.c.needs_evaluation),
                (deployment.alias("happened"), lambda found: found.c.happened_at > since.c.passed_at),
                (deployment.alias("ever"), lambda _: since.c.passed_at.is_(None)),
            )
        )
    ).subquery("recent")
    arrived = (
        sa.select(
            deployment.c.service,
            deployment.c.environment,
            recent.c.passed_at,
            deployment.c.flow_id,
            sa.func.coalesce(come_out, deployment.c.created_at, type_=UtcDateTime).label("arrived_at"),
        )
        .join_from(recent, deployment, deployment.c.id == recent.c.id)
        .where(deployment.c.result.is_distinct_from("SUCCESS"), _counts(deployment))
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


def _counts(table: sa.FromClause) -> sa.ColumnElement[bool]:
    """Whether the release of a deployment has come to its stage, and people do not keep it out."""
    code = sa.type_coerce(table.c.status_reason, Json)["code"].as_string()
    come = sa.or_(table.c.requested_at.is_not(None), code.not_in(_NOT_COUNTED))
    return sa.and_(table.c.kind == "deploy", table.c.flow_id.is_not(None), come)
