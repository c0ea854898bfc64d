"""Facts that match nothing: about deployments that are not known, reports for gates that there are not, and releases
that no pipeline takes."""

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from itertools import combinations

import sqlalchemy as sa
from msgspec import Struct

from deploydb.domain.model.artifact import module_key, split_module
from deploydb.domain.model.catalog import Catalog
from deploydb.domain.wording import text
from deploydb.store.columns import in_lanes, viewed
from deploydb.store.list_parameters import among
from deploydb.store.tables import (
    approval,
    artifact,
    deployment,
    event,
    flow,
    unmatched_fact,
    verdict,
    verification,
)
from deploydb.store.unplaced_flows import ABSENT

_LOOKED_BACK = 10_000
"""Rows of the log in which reports on finished deployments are looked for, and flows in which those of no pipeline."""
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
    which at most the last 1,000 are counted, misnamed reports, and publications that no pipeline takes.

    Indexes: primary keys of `unmatched_fact` and `event`, those of `misnamed_reports` and `untaken_publications`.
    """
    last = connection.execute(sa.select(event.c.recorded_at).order_by(event.c.number.desc()).limit(1)).scalar()
    lost = connection.execute(
        sa.select(event.c.recorded_at)
        .join(unmatched_fact, unmatched_fact.c.event == event.c.number)
        .order_by(unmatched_fact.c.event.desc())
        .limit(_COUNTED)
    ).scalars()
    untaken = untaken_publications(connection, catalog, limit=_COUNTED)
    times = [*lost, *(view.recorded_at for view in (*misnamed_reports(connection, catalog), *untaken))]
    return sum(last is not None and at >= last - RECENT for at in times)


def untaken_publications(
    connection: sa.Connection, catalog: Catalog, service: str | None = None, *, limit: int
) -> list[UnmatchedView]:
    """The publications that no pipeline of a service takes, newest first, among the last flows. Costs so many; nothing
    where pipelines take all versions. Indexes: primary key of `flow`, `uq_deployment_flow_id`, `uq_event_source`."""
    branched = [name for name in sorted(catalog.services) if catalog.branches(name) is not None]
    services = [name for name in branched if service in (None, name)]
    if not services:
        return []
    modules = {module_key(*split_module(module)) for name in services for module in catalog.services[name].artifacts}
    latest = sa.select(sa.func.max(flow.c.id)).scalar_subquery()
    columns = viewed(
        UnmatchedView,
        event,
        service=flow.c.service,
        environment=sa.null(),
        version=artifact.c.version,
        promotion=sa.null(),
        deployment=sa.null(),
        why=sa.null(),
    )
    statement = (
        sa.select(*columns)
        .join_from(flow, artifact, artifact.c.id == flow.c.artifact_id)
        .join(event, sa.and_(event.c.source == artifact.c.source, event.c.id == artifact.c.event_id))
        .where(flow.c.id > latest - _LOOKED_BACK, ABSENT, among(flow.c.service, "services"))
        .where(among(artifact.c.module_key, sorted(modules)), *in_lanes(flow, service, None))
        .order_by(event.c.number.desc())
        .limit(limit)
    )
    found = []
    for row in connection.execute(statement, {"services": services}):
        branches = catalog.branches(row.service)
        reason = branches.nowhere(row.service, row.version) if branches is not None else None
        if reason is not None:  # else the change of the configuration has not been evaluated yet
            found.append(UnmatchedView(**{**row._mapping, "why": text(reason)}))
    return found


def misnamed_reports(
    connection: sa.Connection, catalog: Catalog, service: str | None = None, environment: str | None = None
) -> list[UnmatchedView]:
    """The reports of jobs and the votes of people for promotions that guard no gate of the deployment's lane, newest
    first: on deployments that need evaluation, and of the last rows of the log.

    Costs the number of such deployments. Indexes: `ix_deployment_needs_evaluation`, primary key of `event`.
    """
    latest = sa.select(sa.func.max(event.c.number)).scalar_subquery()
    lane = in_lanes(deployment, service, environment)
    open_, recent = deployment.c.needs_evaluation, _reported(event.c.number > latest - _LOOKED_BACK)
    found = {view.number: view for which in (open_, recent) for view in _misnamed(connection, catalog, which, *lane)}
    return sorted(found.values(), key=lambda view: -view.number)


def unmatched_among(connection: sa.Connection, catalog: Catalog, numbers: Collection[int]) -> set[int]:
    """Those of some rows of the log that are about deployments that are not known, or for unknown promotions. Indexes:
    primary keys of `unmatched_fact`, `event` and `deployment`."""
    lost = connection.execute(sa.select(unmatched_fact.c.event).where(among(unmatched_fact.c.event, numbers))).scalars()
    misnamed = _misnamed(connection, catalog, _reported(among(event.c.number, numbers)))
    return {*lost, *(view.number for view in misnamed)}


def _reported(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.and_(which, event.c.deployment_id == deployment.c.id, event.c.type.in_(_REPORTS))


def _misnamed(connection: sa.Connection, catalog: Catalog, *which: sa.ColumnElement[bool]) -> Iterator[UnmatchedView]:
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
            .where(sa.not_(judged), *which)
        )
        views = (UnmatchedView(**row._mapping) for row in connection.execute(statement))
        yield from (view for view in views if _guards_nothing(catalog, view))


def _guards_nothing(catalog: Catalog, view: UnmatchedView) -> bool:
    """Whether the promotion is none of the lane's, as far as the lane is configured."""
    if view.service is None or view.environment is None:
        return False
    asked = catalog.promotions_of(view.service, view.environment)
    return asked is not None and view.promotion not in asked
