"""Facts on holds, hotfixes, rollbacks, incidents and attestations, folded into their tables."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.evidence import Attestation, Incident
from deploydb.domain.model.facts import (
    ArtifactAttested,
    HoldLifted,
    HoldPlaced,
    HotfixDeclared,
    IncidentDetected,
    IncidentResolved,
    RollbackRequested,
)
from deploydb.domain.model.overrides import Hold, Hotfix, RollbackRequest
from deploydb.store import bulk
from deploydb.store.projections.latest import LatestRows, row_of, value_of
from deploydb.store.projections.publications import module_key
from deploydb.store.tables import (
    artifact,
    attestation,
    current_version,
    deployment,
    hold,
    hotfix,
    incident,
    rollback_request,
)

Order = (
    HoldPlaced
    | HoldLifted
    | HotfixDeclared
    | RollbackRequested
    | ArtifactAttested
    | IncidentDetected
    | IncidentResolved
)


def order(connection: sa.Connection, facts: Sequence[tuple[int, Order]]) -> set[str]:
    """Write the facts, each with the number of its log row. Returns the services to evaluate.

    An incident has the current version of its lane evaluated again.
    """
    if not facts:
        return set()
    holds, hotfixes, incidents, attestations = map(LatestRows, (hold, hotfix, incident, attestation))
    requests = []
    for number, fact in facts:
        match fact:
            case HoldPlaced() | HoldLifted():
                placed = Hold.of(fact)
                scope = zip(("kind", "service", "environment", "vetoed"), placed.scope, strict=True)
                holds.keep(placed, number, **dict(scope))
            case HotfixDeclared():
                hotfixes.keep(Hotfix.of(fact), number)
            case IncidentDetected() | IncidentResolved():
                lane = {"service": fact.service, "environment": fact.environment}
                incidents.keep(Incident.of(fact), number, **lane, url=fact.url)
            case ArtifactAttested():
                key, version = module_key(fact.artifact.group, fact.artifact.name), fact.artifact.version
                attestations.keep(Attestation.of(fact), number, module_key=key, version=version, url=fact.url)
            case RollbackRequested():
                request = RollbackRequest.of(fact, number)
                requests.append(row_of(rollback_request, request, number, service=fact.service))
    for latest in (holds, hotfixes, incidents, attestations):
        latest.write(connection)
    bulk.insert_rows(connection, rollback_request, requests)
    _reopen(connection, {(row["service"], row["environment"]) for row in incidents.rows})
    return _services(connection, [fact for _, fact in facts])


def hold_from_row(row: Any) -> Hold:  # noqa: ANN401  # a row of `hold`
    return value_of(Hold, row, service=row.service or None, environment=row.environment or None)


def _reopen(connection: sa.Connection, lanes: Iterable[tuple[str, str]]) -> None:
    """Have the current version of each lane evaluated again. Index: primary key of `current_version`."""
    for service, environment in sorted(lanes):
        here = sa.select(current_version.c.deployment_id).where(
            current_version.c.service == service, current_version.c.environment == environment
        )
        connection.execute(sa.update(deployment).where(deployment.c.id.in_(here)).values(needs_evaluation=True))


def _services(connection: sa.Connection, facts: Sequence[Order]) -> set[str]:
    """The services that are named; for a hold on all services, or an attestation, those with open deployments that it
    may concern. Indexes: `ix_deployment_needs_evaluation`, `uq_artifact_module_key_version`."""
    named: set[str] = set()
    for fact in facts:
        if isinstance(fact, ArtifactAttested):
            named |= _open_services(connection, _of_artifact(fact))
        elif fact.service is not None:
            named.add(fact.service)
        else:
            named |= _open_services(connection, _in(fact.environment))
    return named


def _in(environment: str | None) -> Callable[[sa.Select[Any]], sa.Select[Any]]:
    """Of one environment, or of all."""

    def narrow(statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement if environment is None else statement.where(deployment.c.environment == environment)

    return narrow


def _of_artifact(fact: ArtifactAttested) -> Callable[[sa.Select[Any]], sa.Select[Any]]:
    key = module_key(fact.artifact.group, fact.artifact.name)

    def narrow(statement: sa.Select[Any]) -> sa.Select[Any]:
        return statement.join(artifact, artifact.c.id == deployment.c.artifact_id).where(
            artifact.c.module_key == key, artifact.c.version == fact.artifact.version
        )

    return narrow


def _open_services(connection: sa.Connection, narrow: Callable[[sa.Select[Any]], sa.Select[Any]]) -> set[str]:
    statement = narrow(sa.select(deployment.c.service).where(deployment.c.needs_evaluation).distinct())
    return set(connection.execute(statement).scalars())
