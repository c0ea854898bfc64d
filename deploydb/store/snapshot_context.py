"""What stands around some services' deployments: holds, orders, incidents, attestations, neighbours, what was good.

Nearly always there is little of each; a statement runs only where there may be something to find.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.artifact import module_key
from deploydb.domain.model.catalog import Catalog, Lane
from deploydb.domain.model.deployment import Deployment, Release, Status
from deploydb.domain.model.evidence import Attestation, Incident
from deploydb.domain.model.overrides import Hold, Hotfix, PromotionRequest, RetryRequest, RollbackRequest
from deploydb.domain.model.running import DependencyState, KnownGood
from deploydb.store.deployments import release_from_row, released
from deploydb.store.known_good import good_in
from deploydb.store.list_parameters import among, among_rows
from deploydb.store.projections.latest import value_of
from deploydb.store.projections.overrides import hold_from_row, standing_at
from deploydb.store.tables import (
    approval,
    artifact,
    attestation,
    current_version,
    deployment,
    event,
    hold,
    hotfix,
    incident,
    promotion_request,
    retry_request,
    rollback_request,
    verdict,
    verification,
)

NOW = sa.bindparam("now", type_=hold.c.until.type)
_ANY = sa.select(
    sa.exists().where(standing_at(NOW, among(hold.c.service, "everybodys"))).label("holds"),
    sa.exists().where(among(hotfix.c.service, "services")).label("hotfixes"),
    sa.exists().where(among(promotion_request.c.service, "services")).label("promotions"),
    sa.exists().where(among(incident.c.service, "services")).label("incidents"),
    sa.exists()
    .where(rollback_request.c.answered_at.is_(None), among(rollback_request.c.service, "services"))
    .label("wishes"),
    sa.exists()
    .where(retry_request.c.answered_at.is_(None), among(retry_request.c.service, "services"))
    .label("retries"),
    sa.exists().where(among(verification.c.deployment_id, "ids")).label("reports"),
    sa.exists().where(among(approval.c.deployment_id, "ids")).label("words"),
    sa.exists().where(among(verdict.c.deployment_id, "ids"), verdict.c.outcome.is_not(None)).label("verdicts"),
)
"""One look for what there mostly is nothing of: a flow that has just been opened has no report, no word, no verdict."""
_HOLDS = sa.select(hold).where(standing_at(NOW, among(hold.c.service, "everybodys")))
_HOTFIXES = sa.select(hotfix).where(among(hotfix.c.service, "services"), among(hotfix.c.version, "versions"))
_PROMOTIONS = (
    sa.select(promotion_request, event.c.recorded_at)
    .join(event, event.c.number == promotion_request.c.event)
    .where(among(promotion_request.c.service, "services"), among(promotion_request.c.version, "versions"))
)
_WISHES = (
    sa.select(rollback_request, event.c.recorded_at)
    .join(event, event.c.number == rollback_request.c.event)
    .where(rollback_request.c.answered_at.is_(None), among(rollback_request.c.service, "services"))
)
_RETRIES = sa.select(retry_request).where(
    retry_request.c.answered_at.is_(None), among(retry_request.c.service, "services")
)
_INCIDENTS = sa.select(incident).where(
    among(incident.c.service, "services"),
    sa.or_(
        incident.c.open,
        incident.c.time >= sa.bindparam("since", type_=incident.c.time.type),
        incident.c.recorded_at >= sa.bindparam("since", type_=incident.c.time.type),
    ),
)
_ATTESTATIONS = sa.select(attestation).where(among_rows((attestation.c.module_key, attestation.c.version), "keys"))
_NEIGHBOURS = (
    released()
    .add_columns(
        current_version.c.service, current_version.c.environment, current_version.c.deployment_id, deployment.c.status
    )
    .join(current_version, current_version.c.artifact_id == artifact.c.id)
    .join(deployment, deployment.c.id == current_version.c.deployment_id)
    .where(among_rows((current_version.c.service, current_version.c.environment), "keys"))
)


class SnapshotContext:
    """What was found, by service. `reported`, `spoken`, `judged`: whether there are reports, words and verdicts on any
    of the open deployments."""

    def __init__(self) -> None:
        self.holds: list[Hold] = []
        self.hotfixes: dict[str, tuple[Hotfix, ...]] = defaultdict(tuple)
        self.promotion_requests: dict[str, tuple[PromotionRequest, ...]] = defaultdict(tuple)
        self.wishes: dict[str, tuple[RollbackRequest, ...]] = defaultdict(tuple)
        self.retries: dict[str, tuple[RetryRequest, ...]] = defaultdict(tuple)
        self.incidents: dict[Lane, list[Incident]] = defaultdict(list)
        self.attestations: dict[tuple[str, str], list[Attestation]] = defaultdict(list)
        self.neighbours: list[DependencyState] = []
        self.reported = self.spoken = self.judged = False
        self.good: dict[str, dict[str, tuple[KnownGood, ...]]] = defaultdict(dict)

    def holds_of(self, service: str) -> tuple[Hold, ...]:
        """The holds on a service, and those on all."""
        return tuple(one for one in self.holds if one.service in (None, service))

    def neighbours_of(self, lanes: Collection[Lane]) -> tuple[DependencyState, ...]:
        """What runs in some lanes."""
        return tuple(one for one in self.neighbours if (one.service, one.environment) in lanes)

    def incidents_of(self, known: Deployment) -> tuple[Incident, ...]:
        """The incidents in a deployment's lane that may be its."""
        version = known.release.artifact.version
        lane = self.incidents.get((known.service, known.environment), ())
        return tuple(one for one in lane if one.version in (None, version))

    def attestations_of(self, known: Deployment) -> tuple[Attestation, ...]:
        """Who vouches for a deployment's artifact."""
        return tuple(self.attestations.get(_artifact_key(known), ()))


def snapshot_context(
    connection: sa.Connection,
    services: Collection[str],
    deployments: Sequence[Deployment],
    catalog: Catalog,
    *,
    heard: Sequence[Deployment],
    now: datetime,
    releases: Sequence[Release] = (),
) -> SnapshotContext:
    """The context of the services and their deployments, and whether there is evidence on those `heard`. Holds
    that have ended by `now` are left out. `releases`: others, of which orders of people are read.

    Indexes: `ix_hold_standing`, `ix_promotion_request_version`, `ix_rollback_request_unanswered`,
    `ix_retry_request_unanswered`, `ix_incident_open`, `ix_incident_time`, `ix_incident_recorded`,
    `ix_deployment_succeeded`, primary keys.
    """
    found = SnapshotContext()
    opened = [known for known in deployments if known.needs_evaluation]
    named = {"services": sorted(services)}
    everybodys = {"everybodys": ["", *named["services"]]}
    idents = {"ids": [known.id for known in heard]}
    there_are = connection.execute(_ANY, {**named, **everybodys, **idents, "now": now}).one()
    found.reported, found.spoken, found.judged = there_are.reports, there_are.words, there_are.verdicts
    if there_are.holds:
        found.holds = [hold_from_row(row) for row in connection.execute(_HOLDS, {**everybodys, "now": now})]
    versions = sorted({one.artifact.version for one in (*(known.release for known in deployments), *releases)})
    if there_are.hotfixes and versions:
        for row in connection.execute(_HOTFIXES, {**named, "versions": versions}):
            found.hotfixes[row.service] += (value_of(Hotfix, row, skip=tuple(row.skip)),)
    if there_are.promotions and versions:
        for row in connection.execute(_PROMOTIONS, {**named, "versions": versions}):
            found.promotion_requests[row.service] += (value_of(PromotionRequest, row, skip=tuple(row.skip)),)
    if there_are.wishes:
        for row in connection.execute(_WISHES, named):
            found.wishes[row.service] += (value_of(RollbackRequest, row),)
    if there_are.retries:
        for row in connection.execute(_RETRIES, named):
            found.retries[row.service] += (value_of(RetryRequest, row, skip=tuple(row.skip)),)
    # at a stage's door, too: else it would depend on what else is open what is known there
    if there_are.incidents and opened:
        began = min(known.gates_count_from or known.release.published_at for known in opened)
        for row in connection.execute(_INCIDENTS, {**named, "since": began}):
            found.incidents[row.service, row.environment].append(value_of(Incident, row))
    keys = sorted({_artifact_key(known) for known in opened if catalog.asks_provenance(known.service)})
    if keys:
        for row in connection.execute(_ATTESTATIONS, {"keys": keys}):
            found.attestations[row.module_key, row.version].append(value_of(Attestation, row))
    lanes = sorted({lane for service in services for lane in catalog.dependencies(service)})
    if lanes:
        found.neighbours = [_neighbour(row) for row in connection.execute(_NEIGHBOURS, {"keys": lanes})]
    for service, environment in sorted(_failed(opened) | _wished(found)):
        found.good[service][environment] = good_in(connection, catalog, service, environment)
    return found


def _failed(opened: Sequence[Deployment]) -> set[Lane]:
    return {
        (known.service, known.environment)
        for known in opened
        if known.status is Status.FAILED and known.failure_response is None
    }


def _wished(found: SnapshotContext) -> set[Lane]:
    return {(service, one.environment) for service, wishes in found.wishes.items() for one in wishes}


def _artifact_key(known: Deployment) -> tuple[str, str]:
    artifact_ = known.release.artifact
    return (module_key(artifact_.group, artifact_.name), artifact_.version)


def _neighbour(row: Any) -> DependencyState:  # noqa: ANN401
    return DependencyState(
        service=row.service,
        environment=row.environment,
        release=release_from_row(row),
        deployment=row.deployment_id,
        status=Status(row.status),
    )
