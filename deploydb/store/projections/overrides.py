"""What people order and others vouch for, from facts to rows: holds, hotfixes, rollbacks, incidents, attestations.

`services_held` says whom promotion must look at.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from deploydb.domain.model.deployment import FactOrder
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
_KEYS: dict[sa.Table, tuple[str, ...]] = {
    hold: ("kind", "service", "environment", "vetoed"),
    hotfix: ("service", "version"),
    incident: ("service", "environment", "name"),
    attestation: ("module_key", "version", "digest", "signer", "kind"),
}
_LATER = ("time", "source", "event_id")


def order(connection: sa.Connection, facts: Sequence[tuple[int, Order]]) -> set[str]:
    """Write what the facts (with the numbers of their log rows) add up to. The services that they concern.

    An incident makes what runs in its lane promotion's business again.
    """
    if not facts:
        return set()
    kept: dict[sa.Table, dict[tuple[Any, ...], dict[str, Any]]] = {table: {} for table in _KEYS}
    wishes = []
    for number, fact in facts:
        match fact:
            case HoldPlaced() | HoldLifted():
                _keep(kept, hold, _hold(Hold.of(fact), number))
            case HotfixDeclared():
                _keep(kept, hotfix, _hotfix(Hotfix.of(fact), number))
            case IncidentDetected() | IncidentResolved():
                _keep(kept, incident, _incident(fact, number))
            case ArtifactAttested():
                _keep(kept, attestation, _attestation(fact, number))
            case RollbackRequested():
                wishes.append(_wish(fact, number))
    for table, key in _KEYS.items():
        batch = [kept[table][each] for each in sorted(kept[table])]
        bulk.upsert(connection, table, batch, key=key, later=_LATER)
    bulk.insert_rows(connection, rollback_request, wishes)
    _reopen(connection, {each[:2] for each in kept[incident]})
    return _services(connection, [fact for _, fact in facts])


def hold_from_row(row: Any) -> Hold:  # noqa: ANN401  # a row of `hold`
    """The hold of a row."""
    return Hold(
        kind=row.kind,
        service=row.service or None,
        environment=row.environment or None,
        version=row.version,
        by=row.by,
        at=FactOrder(row.time, row.source, row.event_id),
        placed=row.placed,
        reason=row.reason,
        until=row.until,
        event=row.event,
    )


def _keep(kept: dict[sa.Table, dict[tuple[Any, ...], dict[str, Any]]], table: sa.Table, row: dict[str, Any]) -> None:
    """Of two words on one thing in one batch the later one: a statement may not touch a row twice."""
    key = tuple(row[name] for name in _KEYS[table])
    before = kept[table].get(key)
    if before is None or _place(before) < _place(row):
        kept[table][key] = row


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _LATER)


def _fact_columns(at: FactOrder, number: int) -> dict[str, Any]:
    return {"time": at.time, "source": at.source, "event_id": at.id, "event": number}


def _hold(order: Hold, number: int) -> dict[str, Any]:
    kind, service, environment, vetoed = order.scope
    return {
        "kind": kind,
        "service": service,
        "environment": environment,
        "vetoed": vetoed,
        "version": order.version,
        "placed": order.placed,
        "by": order.by,
        "reason": order.reason,
        "until": order.until,
        **_fact_columns(order.at, number),
    }


def _hotfix(hotfix: Hotfix, number: int) -> dict[str, Any]:
    return {
        "service": hotfix.service,
        "version": hotfix.version,
        "skip": hotfix.skip,
        "by": hotfix.by,
        "reason": hotfix.reason,
        **_fact_columns(hotfix.at, number),
    }


def _incident(fact: IncidentDetected | IncidentResolved, number: int) -> dict[str, Any]:
    incident = Incident.of(fact)
    return {
        "service": fact.service,
        "environment": fact.environment,
        "name": incident.name,
        "open": incident.open,
        "version": incident.version,
        "reason": incident.reason,
        "url": fact.url,
        **_fact_columns(incident.at, number),
    }


def _attestation(fact: ArtifactAttested, number: int) -> dict[str, Any]:
    attestation = Attestation.of(fact)
    return {
        "module_key": module_key(fact.artifact.group, fact.artifact.name),
        "version": fact.artifact.version,
        "digest": attestation.digest,
        "signer": attestation.signer,
        "kind": attestation.kind,
        "url": fact.url,
        **_fact_columns(attestation.at, number),
    }


def _wish(fact: RollbackRequested, number: int) -> dict[str, Any]:
    request = RollbackRequest.of(fact, number)
    return {
        "event": number,
        "service": fact.service,
        "environment": request.environment,
        "version": request.version,
        "module": request.module,
        "by": request.by,
        "reason": request.reason,
        "time": request.at.time,
        "source": request.at.source,
        "event_id": request.at.id,
    }


def _reopen(connection: sa.Connection, lanes: Iterable[tuple[Any, ...]]) -> None:
    """What runs in a lane in trouble is judged again, though it had succeeded. Index: primary key of
    `current_version`."""
    for service, environment in sorted(lanes):
        here = sa.select(current_version.c.deployment_id).where(
            current_version.c.service == service, current_version.c.environment == environment
        )
        connection.execute(sa.update(deployment).where(deployment.c.id.in_(here)).values(needs_evaluation=True))


def _services(connection: sa.Connection, facts: Sequence[Order]) -> set[str]:
    """Those that are named, and where a hold is over all of them, or an artifact is vouched for, those with open
    deployments that it may concern. Indexes: `ix_deployment_needs_evaluation`, `uq_artifact_module_key_version`."""
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
