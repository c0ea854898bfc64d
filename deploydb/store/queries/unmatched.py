"""Facts that match nothing: about deployments that are not known, and reports for gates that there are not."""

from collections.abc import Collection
from datetime import datetime, timedelta
from itertools import combinations

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.catalog import Catalog
from deploydb.store.columns import in_lanes, viewed
from deploydb.store.tables import approval, deployment, event, unmatched_fact, verdict, verification

_LOOKED_BACK = 10_000
"""Rows of the log in which reports on finished deployments are looked for."""
RECENT = timedelta(days=7)
"""Before the last row of the log. What matched nothing before it is listed, and counts no more."""
_COUNTED = 1_000
_REPORTS = ("verification.finished", "approval.given", "approval.refused")


class UnmatchedView(Struct, frozen=True, kw_only=True):
    """A fact that matches nothing. `deployment`: the one that it is about, where that is known; `why`: else."""

    number: int
    type: str
    source: str
    time: datetime
    recorded_at: datetime
    service: str | None
    environment: str | None
    version: str | None
    promotion: str | None
    deployment: int | None = None
    why: str | None = None


_NAMED = {
    name: sa.func.coalesce(unmatched_fact.c[name], event.c.body[name].as_string())
    for name in ("service", "environment", "version")
}
_FACTS = (
    sa.select(
        *viewed(
            UnmatchedView,
            event,
            **_NAMED,
            promotion=event.c.body["promotion"].as_string(),
            deployment=sa.null(),
            why=unmatched_fact.c.why,
        )
    )
    .join(event, event.c.number == unmatched_fact.c.event)
    .order_by(unmatched_fact.c.event.desc())
)


def unmatched_facts(
    connection: sa.Connection, service: str | None = None, environment: str | None = None, *, limit: int
) -> list[UnmatchedView]:
    """The last facts about deployments that are not known, newest first. Indexes: primary keys of `unmatched_fact` and
    `event`."""
    given = [(name, value) for name, value in (("service", service), ("environment", environment)) if value is not None]
    statement = _FACTS.where(*(_NAMED[name] == value for name, value in given)).limit(limit)
    return [UnmatchedView(**row._mapping) for row in connection.execute(statement)]


def facts_near(
    connection: sa.Connection, lanes: Collection[tuple[str, str, str]], *, limit: int
) -> list[UnmatchedView]:
    """The facts about deployments that are not known among which near misses of these are looked for, newest first:
    the last of all, and the last that name two of service, environment and version of one; `limit` of each.

    Costs so many, whatever is stored. Indexes: primary keys of `unmatched_fact` and `event`, and of the former
    `ix_unmatched_fact_service_environment`, `ix_unmatched_fact_service_version`,
    `ix_unmatched_fact_environment_version`.
    """
    last = sa.select(unmatched_fact.c.event).order_by(unmatched_fact.c.event.desc()).limit(limit)
    pairs = {pair for lane in lanes for pair in combinations(zip(_NAMED, lane, strict=True), 2)}
    by_pair = [last.where(*(unmatched_fact.c[name] == value for name, value in pair)) for pair in sorted(pairs)]
    numbers = sa.union(*(sa.select(one.subquery().c.event) for one in (last, *by_pair)))
    statement = _FACTS.where(unmatched_fact.c.event.in_(numbers))
    return [UnmatchedView(**row._mapping) for row in connection.execute(statement)]


def recently_unmatched(connection: sa.Connection, catalog: Catalog) -> int:
    """How many facts of the last seven days of the log match nothing: those about deployments that are not known, of
    which at most the last 1,000 are counted, and misnamed reports.

    Indexes: primary keys of `unmatched_fact` and `event`, and those of `misnamed_reports`.
    """
    last = connection.execute(sa.select(event.c.recorded_at).order_by(event.c.number.desc()).limit(1)).scalar()
    lost = connection.execute(
        sa.select(event.c.recorded_at)
        .join(unmatched_fact, unmatched_fact.c.event == event.c.number)
        .order_by(unmatched_fact.c.event.desc())
        .limit(_COUNTED)
    ).scalars()
    times = [*lost, *(view.recorded_at for view in misnamed_reports(connection, catalog))]
    return sum(last is not None and at >= last - RECENT for at in times)


def misnamed_reports(
    connection: sa.Connection, catalog: Catalog, service: str | None = None, environment: str | None = None
) -> list[UnmatchedView]:
    """The reports of jobs and the votes of people for promotions that guard no gate of the deployment's lane, newest
    first: on deployments that need evaluation, and of the last rows of the log.

    Costs the number of such deployments. Indexes: `ix_deployment_needs_evaluation`, primary key of `event`.
    """
    latest = sa.select(sa.func.max(event.c.number)).scalar_subquery()
    found: dict[int, UnmatchedView] = {}
    for table in (verification, approval):
        judged = sa.exists().where(
            verdict.c.deployment_id == table.c.deployment_id, verdict.c.promotion == table.c.promotion
        )
        statement = (
            sa.select(
                *viewed(
                    UnmatchedView,
                    event,
                    service=deployment.c.service,
                    environment=deployment.c.environment,
                    version=deployment.c.version,
                    promotion=table.c.promotion,
                    deployment=deployment.c.id,
                    why=sa.null(),
                )
            )
            .join(deployment, deployment.c.id == table.c.deployment_id)
            .join(event, event.c.number == table.c.event)
            .where(sa.not_(judged), *in_lanes(deployment, service, environment))
        )
        recent = sa.and_(
            event.c.number > latest - _LOOKED_BACK, event.c.deployment_id == deployment.c.id, event.c.type.in_(_REPORTS)
        )
        for which in (deployment.c.needs_evaluation, recent):
            for row in connection.execute(statement.where(which)):
                found[row.number] = UnmatchedView(**row._mapping)
    views = [view for view in found.values() if _guards_nothing(catalog, view)]
    return sorted(views, key=lambda view: -view.number)


def _guards_nothing(catalog: Catalog, view: UnmatchedView) -> bool:
    """Whether the promotion is none of the lane's, as far as the lane is configured."""
    if view.service is None or view.environment is None:
        return False
    asked = catalog.promotions_of(view.service, view.environment)
    return asked is not None and view.promotion not in asked
