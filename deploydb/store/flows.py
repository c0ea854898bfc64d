"""Flows on their way in: a release's row, a deployment for each stage, and earlier facts about them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.evaluation.decisions import FlowOpened
from deploydb.domain.model.deployment import Status
from deploydb.domain.model.errors import MessageRejected
from deploydb.domain.model.facts import AboutDeployment, DeploymentFinished
from deploydb.store import bulk
from deploydb.store.columns import begins_with
from deploydb.store.correlations import SOME_WAIT, forget, seeks, waiting_for
from deploydb.store.deployment_resolver import locate
from deploydb.store.journal import Journal, fact_text
from deploydb.store.list_parameters import among
from deploydb.store.messages import flow_notification
from deploydb.store.outbox import add_notifications
from deploydb.store.projections.project import Logged, Notified, project, project_historical
from deploydb.store.tables import artifact, catalog_listing, deployment, event, flow, unmatched_fact, verdict
from deploydb.wire.native import decode_logged

_OF_MODULE = sa.or_(
    unmatched_fact.c.module.is_(None), artifact.c.group + ":" + artifact.c.name == unmatched_fact.c.module
)
_DEPLOYED = sa.exists().where(
    deployment.c.service == unmatched_fact.c.service,
    deployment.c.environment == unmatched_fact.c.environment,
    deployment.c.version == unmatched_fact.c.version,
    (deployment.c.kind == "external") == (unmatched_fact.c.awaits == "imported"),
    artifact.c.id == deployment.c.artifact_id,
    _OF_MODULE,
)
_COMMITTED = (
    # a fact is of none where there are several
    sa.select(sa.func.count(artifact.c.id.distinct()) == 1)
    .where(
        begins_with(artifact.c.commit, unmatched_fact.c.version),
        deployment.c.artifact_id == artifact.c.id,
        deployment.c.service == unmatched_fact.c.service,
        deployment.c.environment == unmatched_fact.c.environment,
        deployment.c.kind != "external",
        _OF_MODULE,
    )
    .correlate(unmatched_fact)
    .scalar_subquery()
)
_PUBLISHED = sa.exists().where(
    catalog_listing.c.service == unmatched_fact.c.service,
    artifact.c.module_key == catalog_listing.c.module_key,
    artifact.c.version == unmatched_fact.c.version,
    _OF_MODULE,
)
_EARLY = sa.union_all(
    sa.select(unmatched_fact.c.event).where(
        among(unmatched_fact.c.service, "services"),
        sa.case(
            (unmatched_fact.c.awaits == "artifact", _PUBLISHED),
            (unmatched_fact.c.awaits == "commit", _COMMITTED),
            else_=_DEPLOYED,
        ),
    ),
    sa.select(sa.null()).where(SOME_WAIT),
)
"""The facts that came early; and no number where facts wait for events, which seldom do."""
_LOGGED = (
    sa.select(event.c.number, event.c.time, event.c.recorded_at, fact_text(), event.c.publisher, event.c.environment)
    .where(among(event.c.number, "numbers"))
    .order_by(event.c.number)
)


def open_flows(
    connection: sa.Connection,
    openings: Sequence[FlowOpened],
    journal: Journal,
    now: datetime,
    types: Collection[str] = (),
) -> int:
    """Store the flows that are not there yet. How many were opened. `types`: of the notifications to send."""
    wanted = {(opening.service, opening.release.id): opening for opening in openings}
    if not wanted:
        return 0
    batch = [{"service": service, "artifact_id": ident, "created_at": now} for service, ident in sorted(wanted)]
    made = bulk.insert_new(connection, flow, batch, returning=("id", "service", "artifact_id"))
    opened = {row.id: wanted[row.service, row.artifact_id] for row in made}
    stages = [
        {
            "flow_id": ident,
            "service": opening.service,
            "environment": environment,
            "artifact_id": opening.release.id,
            "version": opening.release.artifact.version,
            "kind": "deploy",
            "stage_index": stage_index,
            "status": Status.NOT_STARTED,
            "created_at": now,
        }
        for ident, opening in sorted(opened.items())
        for stage_index, (environment, _) in enumerate(opening.stages)
    ]
    deployments = _insert_deployments(connection, stages)
    asked = [
        {"deployment_id": deployments[ident, environment], "promotion": promotion, "phase": "exit", "created_at": now}
        for ident, opening in sorted(opened.items())
        for environment, promotions in opening.stages
        for promotion in promotions
    ]
    bulk.insert_rows(connection, verdict, asked)
    for ident, opening in sorted(opened.items()):
        journal.note(
            "flow.opened",
            service=opening.service,
            flow=ident,
            artifact=opening.release.id,
            group=opening.release.artifact.group,
            name=opening.release.artifact.name,
            version=opening.release.artifact.version,
            deployments={environment: deployments[ident, environment] for environment, _ in opening.stages},
            stages=opening.stages,
            conflict=opening.release.conflict,
        )
    if "flow.opened" in types:
        found = (flow_notification(ident, opening, now) for ident, opening in sorted(opened.items()))
        add_notifications(connection, found, now)
    return len(opened)


def _insert_deployments(connection: sa.Connection, stages: Sequence[dict[str, Any]]) -> dict[tuple[int, str], int]:
    made = bulk.insert_rows(connection, deployment, stages, returning=("id", "flow_id", "environment"))
    return {(row.flow_id, row.environment): row.id for row in made}


def match_early(
    connection: sa.Connection, services: Collection[str], journal: Journal, now: datetime, notified: Notified
) -> None:
    """Take in the facts about these services that named a lane and a version before there was a deployment of it, or,
    historical ends, before there was its artifact. The log says of which deployment each is.

    Ingest marks the service with such a fact, and with such an artifact, so that it is looked at again after both have
    been committed, whichever of the two comes first. Reads no fact again that has no deployment or artifact yet.
    Indexes: `ix_unmatched_fact_lane`, `ix_deployment_lane`, `ix_artifact_commit`, `pk_event`.
    """
    early, some_wait = _early(connection, services)
    if any(_is_end(entry) for entry in early):
        _match_historical(connection, [entry for entry in early if _is_end(entry)], now, notified)
        early, some_wait = _early(connection, services)  # with those that waited for these ends
    waiting = _logged(connection, waiting_for(connection, services)) if some_wait else []
    others = [entry for entry in early if not _is_end(entry)] + waiting
    _match_historical(connection, [entry for entry in others if _is_historical(entry)], now, notified)
    _match_commanded(connection, [entry for entry in others if not _is_historical(entry)], journal, now, notified)


def _early(connection: sa.Connection, services: Collection[str]) -> tuple[list[Logged], bool]:
    """The facts that came early, and whether facts wait for events."""
    numbers = connection.execute(_EARLY, {"services": list(services)}).scalars().all()
    return _logged(connection, [number for number in numbers if number is not None]), None in numbers


def _logged(connection: sa.Connection, numbers: Sequence[int]) -> list[Logged]:
    if not numbers:
        return []
    found: list[Logged] = []
    for row in connection.execute(_LOGGED, {"numbers": numbers}):
        try:
            fact = decode_logged(row.body.encode(), arrived_at=row.time)
        except MessageRejected:  # of an earlier release: it stays unmatched, and keeps nothing else from its deployment
            continue
        named = fact.in_environment(row.environment)  # by its name of now
        found.append(Logged(number=row.number, recorded_at=row.recorded_at, fact=named, publisher=row.publisher))
    return found


def _is_historical(entry: Logged) -> bool:
    return isinstance(entry.fact, AboutDeployment) and bool(entry.fact.historical)


def _is_end(entry: Logged) -> bool:
    return isinstance(entry.fact, DeploymentFinished) and _is_historical(entry)


def _match_historical(connection: sa.Connection, early: Sequence[Logged], now: datetime, notified: Notified) -> None:
    lost, _ = project_historical(connection, early, now, notified)
    waiting = {row["event"] for row in lost if row["service"] is not None}
    _remove_unmatched(connection, [entry.number for entry in early if entry.number not in waiting])
    bulk.insert_rows(connection, unmatched_fact, [row for row in lost if row["event"] not in waiting])


def _match_commanded(
    connection: sa.Connection, early: Sequence[Logged], journal: Journal, now: datetime, notified: Notified
) -> None:
    located = locate(connection, [entry.fact for entry in early if isinstance(entry.fact, AboutDeployment)])
    # those of a module that is not there yet wait on, and do not request an evaluation again
    settled = [
        (entry, located.of(entry.fact))
        for entry in early
        if isinstance(entry.fact, AboutDeployment) and (located.of(entry.fact) or located.modules(entry.fact))
    ]
    if not settled:
        return
    _remove_unmatched(connection, [entry.number for entry, _ in settled])
    forget(connection, [entry.number for entry, _ in settled if seeks(entry.fact)])
    for entry, known in settled:
        if known is not None:
            journal.note(
                "fact.matched",
                service=known.service,
                environment=known.environment,
                deployment=known.id,
                version=known.release.artifact.version,
                fact=entry.number,
            )
    project(connection, [entry for entry, _ in settled], located, now, notified)


def _remove_unmatched(connection: sa.Connection, numbers: Sequence[int]) -> None:
    if numbers:
        connection.execute(sa.delete(unmatched_fact).where(among(unmatched_fact.c.event, numbers)))
